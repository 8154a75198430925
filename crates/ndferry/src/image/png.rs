//! PNG: one plane, 8 or 16 bits, grey or in colours, exactly as stored.

use std::io::{self, Write};

use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::{Each, Planes};
use crate::{Error, LazyArray, Result};

pub(super) fn write(
    to: impl Write,
    array: &LazyArray,
    planes: Planes,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut encoder = Encoder::new(to, planes.columns, planes.rows);
    encoder.set_color(match planes.samples {
        1 => ColorType::Grayscale,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    });
    encoder.set_depth(match array.dtype().itemsize() {
        1 => BitDepth::Eight,
        _ => BitDepth::Sixteen,
    });
    let mut writer = encoder.write_header().map_err(outside)?;
    let mut stream = writer.stream_writer().map_err(outside)?;
    each(&mut |bytes| Ok(stream.write_all(bytes)?))?;
    stream.finish().map_err(outside)?;
    writer.finish().map_err(outside)
}

fn outside(error: EncodingError) -> Error {
    match error {
        EncodingError::IoError(error) => error.into(),
        other => io::Error::other(other).into(),
    }
}
