//! TIFF: the pixels of all planes one after another, then a directory for each plane.
//!
//! Adobe's TIFF 6.0; BigTIFF where 32-bit offsets would not do. Each plane is one strip and the planes are contiguous,
//! since ImageJ, told by its own description how many there are, reads the first plane's directory alone and goes on
//! from there (`ij.io.TiffDecoder`); every other reader follows the directories.

use std::io::{self, BufWriter, Seek, Write};

use tiff::TiffError;
use tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard};
use tiff::tags::Tag;

use super::{Each, Planes, RUN_NBYTES};
use crate::{Error, LazyArray, Result};

/// More than a directory, its description and its longest values take.
const DIRECTORY_NBYTES: u64 = 1024;

pub(super) fn write<W: Write + Seek>(
    to: W,
    array: &LazyArray,
    planes: Planes,
    each: &mut Each<'_>,
) -> Result<()> {
    let most = planes
        .count
        .saturating_mul(DIRECTORY_NBYTES)
        .saturating_add(array.nbytes());
    let is_big = most >= u64::from(u32::MAX);
    write_as(is_big, to, array, planes, each)
}

fn write_as<W: Write + Seek>(
    is_big: bool,
    to: W,
    array: &LazyArray,
    planes: Planes,
    each: &mut Each<'_>,
) -> Result<()> {
    let mut to = BufWriter::with_capacity(RUN_NBYTES, to);
    if is_big {
        let encoder = TiffEncoder::<_, TiffKindBig>::new_big(&mut to).map_err(outside)?;
        write_with(encoder, array, planes, each, &|n| n)?;
    } else {
        let encoder = TiffEncoder::<_, TiffKindStandard>::new(&mut to).map_err(outside)?;
        write_with(encoder, array, planes, each, &u32_of)?;
    }
    Ok(to.flush()?)
}

/// Where the file is small enough for them, all offsets fit.
fn u32_of(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn write_with<W: Write + Seek, K: TiffKind, Offset: tiff::encoder::TiffValue>(
    mut encoder: TiffEncoder<W, K>,
    array: &LazyArray,
    planes: Planes,
    each: &mut Each<'_>,
    offset: &dyn Fn(u64) -> Offset,
) -> Result<()> {
    let plane_nbytes = array.nbytes() / planes.count;
    let mut directory = encoder.image_directory().map_err(outside)?;
    let mut first = None;
    each(&mut |bytes| {
        let at = directory.write_data(bytes).map_err(outside)?;
        first.get_or_insert(at);
        Ok(())
    })?;
    let first = first.unwrap_or(0);
    let finish = |mut directory: DirectoryEncoder<'_, W, K>, plane| {
        let strip = (offset(first + plane * plane_nbytes), offset(plane_nbytes));
        tags(&mut directory, array, planes, strip)?;
        directory.finish()
    };
    if let Some(text) = description(array, planes) {
        let written = directory.write_tag(Tag::ImageDescription, &*text);
        written.map_err(outside)?;
    }
    finish(directory, 0).map_err(outside)?;
    for plane in 1..planes.count {
        let directory = encoder.image_directory().map_err(outside)?;
        finish(directory, plane).map_err(outside)?;
    }
    Ok(())
}

fn tags<W: Write + Seek, K: TiffKind, Offset: tiff::encoder::TiffValue>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    array: &LazyArray,
    planes: Planes,
    (at, nbytes): (Offset, Offset),
) -> std::result::Result<(), TiffError> {
    let samples = usize::from(planes.samples);
    let bits = array.dtype().itemsize() as u16 * 8;
    let sample_format: u16 = match array.dtype().kind_code() {
        'i' => 2,
        'f' => 3,
        _ => 1,
    };
    // Black is 0; or RGB.
    let photometric: u16 = if samples == 1 { 1 } else { 2 };
    directory.write_tag(Tag::ImageWidth, planes.columns)?;
    directory.write_tag(Tag::ImageLength, planes.rows)?;
    directory.write_tag(Tag::BitsPerSample, &*vec![bits; samples])?;
    directory.write_tag(Tag::Compression, 1_u16)?;
    directory.write_tag(Tag::PhotometricInterpretation, photometric)?;
    directory.write_tag(Tag::StripOffsets, at)?;
    directory.write_tag(Tag::SamplesPerPixel, planes.samples)?;
    directory.write_tag(Tag::RowsPerStrip, planes.rows)?;
    directory.write_tag(Tag::StripByteCounts, nbytes)?;
    directory.write_tag(Tag::PlanarConfiguration, 1_u16)?;
    if samples == 4 {
        // Opacity that the colours are not multiplied with.
        directory.write_tag(Tag::ExtraSamples, 2_u16)?;
    }
    directory.write_tag(Tag::SampleFormat, &*vec![sample_format; samples])
}

/// What makes ImageJ open a stack.
fn description(array: &LazyArray, planes: Planes) -> Option<String> {
    // Of 16-bit colours ImageJ makes channels, which it would count as planes.
    if planes.count == 1 || (planes.samples > 1 && array.dtype().itemsize() == 2) {
        return None;
    }
    let count = planes.count;
    Some(format!(
        "ImageJ=1.53t\nimages={count}\nslices={count}\nloop=false\n"
    ))
}

fn outside(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) => error.into(),
        other => io::Error::other(other).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tiff::decoder::{Decoder, DecodingResult};

    use super::*;
    use crate::{Array, Dtype, Format, Order};

    /// Two planes of three rows and two columns, counted up, as a file of the one kind or the other.
    fn written(is_big: bool) -> Vec<u8> {
        let pixels: Vec<u8> = (0..12_u16).flat_map(|n| (n * 1000).to_ne_bytes()).collect();
        let dtype = Dtype::parse("=u2").unwrap();
        let array = Array::contiguous(dtype, &[2, 3, 2], Order::C, pixels.clone()).unwrap();
        let array = LazyArray::from(array);
        let planes = Planes::of(&array, Format::Tiff).unwrap();
        let mut file = Cursor::new(Vec::new());
        write_as(is_big, &mut file, &array, planes, &mut |take| take(&pixels)).unwrap();
        file.into_inner()
    }

    #[test]
    fn every_plane_has_its_directory_in_small_and_big_files() {
        for (is_big, version) in [(false, 42), (true, 43)] {
            let file = written(is_big);
            assert_eq!(u16::from_ne_bytes([file[2], file[3]]), version);
            let mut decoder = Decoder::new(Cursor::new(file)).unwrap();
            for plane in 0..2_u16 {
                let DecodingResult::U16(pixels) = decoder.read_image().unwrap() else {
                    panic!("not the pixels that were written");
                };
                let expected: Vec<u16> = (0..6).map(|n| (plane * 6 + n) * 1000).collect();
                assert_eq!(pixels, expected);
                assert_eq!(decoder.dimensions().unwrap(), (2, 3));
                assert_eq!(decoder.more_images(), plane == 0);
                if decoder.more_images() {
                    decoder.next_image().unwrap();
                }
            }
        }
    }

    #[test]
    fn the_first_directory_tells_imagej_how_many_planes_follow() {
        let text = String::from_utf8_lossy(&written(false)).into_owned();
        assert_eq!(text.matches("ImageJ=").count(), 1);
        assert!(text.contains("\nimages=2\nslices=2\n"), "{text:?}");
    }
}
