//! Packed pickles, as joblib and pandas write them: told by their magic, unpacked into memory.

use std::io::Read;
use std::path::Path;

use crate::input::Input;
use crate::source::Contents;
use crate::wrapping::{HEAD_NBYTES, Wrapping};
use crate::{ErrorKind, Format, OpenOptions, Result, Storage, sniff};

/// Bytes that a compressed pickle may become.
const MAX_NBYTES: u64 = 1 << 30;

/// What is in a compressed pickle; `None` if it is none.
///
/// # Errors
/// Damage, more than fits, and what is wrong with the pickle.
pub(crate) fn open(
    input: &Input,
    folder: Option<&Path>,
    options: &OpenOptions,
) -> Result<Option<Contents>> {
    match unpack(input, options)? {
        Some(bytes) => {
            let mut contents = unpacked(bytes, folder, options)?;
            if Wrapping::of(&input.head(HEAD_NBYTES)?) == Some(Wrapping::Zfile) {
                contents.format = Format::Joblib;
            }
            Ok(Some(contents))
        }
        None => Ok(None),
    }
}

/// A compressed pickle, unpacked; `None` if it is none.
///
/// # Errors
/// Damage, and more than fits.
pub(crate) fn unpacked_input(input: &Input, options: &OpenOptions) -> Result<Option<Input>> {
    let head = input.head(Format::SNIFF_NBYTES)?;
    if sniff(&head).is_some() {
        return Ok(None);
    }
    Ok(unpack(input, options)?.map(|bytes| Input::of_bytes(bytes.into())))
}

/// The bytes of a compressed pickle; `None` if it is none.
///
/// # Errors
/// Damage, and more than fits.
pub(crate) fn unpack(input: &Input, options: &OpenOptions) -> Result<Option<Vec<u8>>> {
    unpack_if(input, options, Format::SNIFF_NBYTES, &|head, is_damaged| {
        Ok(!is_damaged && sniff(head) == Some(Format::Pickle))
    })
}

/// The bytes of what is packed, if its first ones are wanted; `None` if not, or if it is not packed. `is_wanted` also gets
/// whether the stream is damaged behind those.
///
/// # Errors
/// As [`unpack`].
pub(crate) fn unpack_if(
    input: &Input,
    options: &OpenOptions,
    head_nbytes: usize,
    is_wanted: &dyn Fn(&[u8], bool) -> Result<bool>,
) -> Result<Option<Vec<u8>>> {
    let Some(wrapping) = Wrapping::of(&input.head(HEAD_NBYTES)?) else {
        return Ok(None);
    };
    let mut stream = wrapping.reader(input)?;
    let mut bytes = Vec::new();
    let most = head_nbytes as u64;
    let head = stream.by_ref().take(most).read_to_end(&mut bytes);
    if bytes.is_empty() || !is_wanted(&bytes, head.is_err())? {
        return Ok(None);
    }
    head.map_err(|error| damaged(&error))?;
    let limit = options.limits.expanded_nbytes.min(MAX_NBYTES);
    while bytes.len() as u64 <= limit {
        options.interrupt.check()?;
        match stream.by_ref().take(1 << 20).read_to_end(&mut bytes) {
            Ok(0) => return Ok(Some(bytes)),
            Ok(_) => {}
            Err(error) => return Err(damaged(&error)),
        }
    }
    let (what, found) = ("bytes of a pickle, unpacked", bytes.len() as u64);
    Err(ErrorKind::Limit { what, found, limit }.at(0))
}

fn damaged(error: &std::io::Error) -> crate::Error {
    let (what, problem) = ("compressed pickle", error.to_string());
    let kind = ndferry_pickle::ErrorKind::State { what, problem };
    ErrorKind::Pickle(kind).at(0)
}

/// Whether the first bytes say that it is packed in a way that is read.
pub(crate) fn is_known(head: &[u8]) -> bool {
    Wrapping::of(head).is_some()
}

fn unpacked(bytes: Vec<u8>, folder: Option<&Path>, options: &OpenOptions) -> Result<Contents> {
    let input = Input::of_bytes(bytes.into());
    let mut contents = crate::pickle_file::open(&input, folder, options)?;
    // Its bytes are not those of the file.
    contents.end = None;
    for info in &mut contents.members {
        if matches!(info.storage, Storage::Plain { .. }) {
            info.storage = Storage::Pickled;
        }
    }
    Ok(contents)
}
