//! Planes and stacks as TIFF and PNG images: for people and for programs that know nothing of arrays.

mod png;
mod tiff;

use std::io::{Seek, Write};

use ndferry_array::{ByteOrder, Casting};

use crate::save::{Item, SaveOptions};
use crate::{ErrorKind, Format, LazyArray, Order, Progress, Result};

/// Bytes that are read and written at a time.
const RUN_NBYTES: usize = 1 << 20;

/// How an array's axes are laid out as images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Planes {
    /// Images, one after another.
    count: u64,
    rows: u32,
    columns: u32,
    /// 1, or 3 and 4 for colours.
    samples: u16,
}

impl Planes {
    /// The last axis is colours if it has 3 or 4 indexes, there are three axes or more, and the elements are bytes or
    /// 16-bit numbers; then come columns and rows, and an axis of planes where the format has them.
    fn of(array: &LazyArray, format: Format) -> Result<Self> {
        let shape = array.shape();
        let wrong = || {
            let shape = shape.to_vec();
            array.place(ErrorKind::NoPicture { shape, format })
        };
        let is_colour = matches!(pixels(array), Some(('u', 1 | 2)))
            && shape.len() >= 3
            && matches!(shape[shape.len() - 1], 3 | 4);
        let (outer, samples) = match shape {
            [outer @ .., samples] if is_colour => (outer, *samples as u16),
            all => (all, 1),
        };
        let (count, rows, columns) = match *outer {
            [rows, columns] => (1, rows, columns),
            [count, rows, columns] if format == Format::Tiff => (count as u64, rows, columns),
            _ => return Err(wrong()),
        };
        // PNG's largest extent, and what signed readers of TIFF can count.
        let extent = |n: usize| i32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(wrong);
        if count == 0 {
            return Err(wrong());
        }
        Ok(Self {
            count,
            rows: extent(rows)?.unsigned_abs(),
            columns: extent(columns)?.unsigned_abs(),
            samples,
        })
    }
}

/// Kind and bytes of a number, if it is one.
fn pixels(array: &LazyArray) -> Option<(char, usize)> {
    let dtype = array.dtype();
    "uif"
        .contains(dtype.kind_code())
        .then(|| (dtype.kind_code(), dtype.itemsize()))
}

/// Whether every reader that we know takes such elements as they are. Eight signed bits are left out: ImageJ and Pillow
/// show them as if they had no sign.
fn check_dtype(array: &LazyArray, format: Format) -> Result<()> {
    match (format, pixels(array)) {
        (Format::Png, Some(('u', 1 | 2)))
        | (Format::Tiff, Some(('u', 1 | 2 | 4) | ('i', 2 | 4) | ('f', 4 | 8))) => Ok(()),
        _ => {
            let dtype = array.dtype().to_string();
            Err(array.place(ErrorKind::NoPixels { dtype, format }))
        }
    }
}

/// Whether it can be written as an image at all.
pub(crate) fn check(item: &Item<'_>, format: Format) -> Result<()> {
    check_dtype(item.array, format)?;
    Planes::of(item.array, format).map(drop)
}

/// One plane.
pub(crate) fn write_png(
    to: &mut dyn Write,
    item: Item<'_>,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let planes = Planes::of(item.array, Format::Png)?;
    // PNG's own byte order.
    let array = in_byteorder(item.array, ByteOrder::Big)?;
    each_run(&array, item.name, options, progress, &mut |each| {
        png::write(&mut *to, &array, planes, each)
    })
}

/// One plane or more; `to` stands at its beginning.
pub(crate) fn write_tiff<W: Write + Seek>(
    mut to: W,
    item: Item<'_>,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let planes = Planes::of(item.array, Format::Tiff)?;
    let array = in_byteorder(item.array, ByteOrder::NATIVE)?;
    each_run(&array, item.name, options, progress, &mut |each| {
        tiff::write(&mut to, &array, planes, each)
    })
}

/// As [`write_tiff`], where one cannot go back: by way of a temporary file.
pub(crate) fn stream_tiff(
    to: &mut dyn Write,
    item: Item<'_>,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    #[cfg(target_family = "wasm")]
    {
        let _ = (to, item, options, progress);
        let what = "a stream".to_owned();
        let format = Format::Tiff;
        Err(ErrorKind::CannotWrite { what, format }.into())
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let mut file = tempfile::tempfile()?;
        write_tiff(&mut file, item, options, progress)?;
        file.rewind()?;
        std::io::copy(&mut file, to)?;
        Ok(())
    }
}

fn in_byteorder(array: &LazyArray, byteorder: ByteOrder) -> Result<LazyArray> {
    let dtype = array.dtype().with_byteorder(byteorder);
    array.cast(&dtype, Casting::Safe)
}

/// Gives all elements' bytes, in C order, to the function it is given.
type Each<'a> = dyn FnMut(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> + 'a;

fn each_run(
    array: &LazyArray,
    name: &str,
    options: &SaveOptions,
    progress: &dyn Progress,
    write: &mut dyn FnMut(&mut Each<'_>) -> Result<()>,
) -> Result<()> {
    progress.start(name, Some(array.nbytes()));
    let mut runs = array.runs_in(Order::C, RUN_NBYTES)?;
    write(&mut |take| {
        while runs.advance()? {
            options.interrupt.check()?;
            let bytes = runs.run().bytes;
            take(bytes)?;
            progress.advance(bytes.len() as u64);
        }
        Ok(())
    })?;
    progress.finish();
    Ok(())
}
