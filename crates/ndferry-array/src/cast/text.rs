//! Numbers as text, and text in other lengths.

use crate::print::scalar_text;
use crate::{ArrayView, Dtype, Error, Kind, Layout, LongDouble, PrintOptions};

/// Appends each number as `str` writes it, cut to the length of the new text; but no date is cut.
pub(super) fn print(
    source: &Dtype,
    target: &Dtype,
    values: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    super::long::refuse_quads(source, values)?;
    let options = PrintOptions {
        long_double: LongDouble::X87,
        ..PrintOptions::default()
    };
    for bytes in values.chunks_exact(source.itemsize()) {
        let layout = Layout::strided(&[], &[], 0)?;
        let view = ArrayView::new(source.clone(), layout, bytes)?;
        let text = scalar_text(&view, &options)?;
        if matches!(source.kind(), Kind::Datetime(_)) && text.len() > length(target) {
            let to = target.str();
            return Err(Error::CastRoom { text, to });
        }
        write(text.chars().map(u32::from), target, out);
    }
    Ok(())
}

/// Appends each text in the length and encoding of the new ones. Only ASCII goes from one encoding to the other.
pub(super) fn recode(
    source: &Dtype,
    target: &Dtype,
    values: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let is_wide = |dtype: &Dtype| *dtype.kind() == Kind::Unicode;
    let changes = is_wide(source) != is_wide(target);
    if source.itemsize() == 0 {
        return Ok(());
    }
    for bytes in values.chunks_exact(source.itemsize()) {
        let characters = characters(source, bytes);
        if changes && let Some(code) = characters.iter().find(|code| **code > 127) {
            let text = characters.iter().map(|code| shown(*code)).collect();
            let (code, to) = (*code, target.str());
            return Err(Error::CastCharacter { text, code, to });
        }
        write(characters.into_iter(), target, out);
    }
    Ok(())
}

/// The code points, or bytes, of one text, with its padding.
pub(super) fn characters(dtype: &Dtype, bytes: &[u8]) -> Vec<u32> {
    if *dtype.kind() != Kind::Unicode {
        return bytes.iter().map(|byte| u32::from(*byte)).collect();
    }
    let point = |bytes: &[u8; 4]| {
        let code = u32::from_ne_bytes(*bytes);
        if dtype.is_native() {
            code
        } else {
            code.swap_bytes()
        }
    };
    bytes.as_chunks().0.iter().map(point).collect()
}

/// Characters of a text.
fn length(dtype: &Dtype) -> usize {
    match dtype.kind() {
        Kind::Unicode => dtype.itemsize() / 4,
        _ => dtype.itemsize(),
    }
}

pub(super) fn shown(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn write(mut characters: impl Iterator<Item = u32>, target: &Dtype, out: &mut Vec<u8>) {
    if *target.kind() != Kind::Unicode {
        out.extend((0..target.itemsize()).map(|_| characters.next().unwrap_or(0) as u8));
        return;
    }
    for _ in 0..target.itemsize() / 4 {
        let code = characters.next().unwrap_or(0);
        let code = if target.is_native() {
            code
        } else {
            code.swap_bytes()
        };
        out.extend_from_slice(&code.to_ne_bytes());
    }
}
