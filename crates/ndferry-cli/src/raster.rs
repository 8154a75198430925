//! [`Raster`]: an array's plane as colours.

use std::io::Write;
use std::ops::Range;

use anyhow::bail;
use ndferry::{Array, ByteOrder, Casting, Dtype, LazyArray, Order};

use crate::picture::span;
use crate::shades::{Lut, RangeArg};

/// A picture, ready to be shown.
pub(crate) struct Raster {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pixels: Pixels,
    lut: Lut,
    low: f64,
    high: f64,
    /// The elements themselves, where a PNG can hold them as they are.
    exact: Option<Array>,
}

enum Pixels {
    Values(Vec<f64>),
    /// With so many channels.
    Colours(Vec<u8>, usize),
}

/// Whether the last axis is colours: 3 or 4 bytes or 16-bit numbers, behind rows and columns.
pub(crate) fn is_colour(array: &LazyArray) -> bool {
    let shape = array.shape();
    is_depth(array.dtype()) && shape.len() >= 3 && matches!(shape[shape.len() - 1], 3 | 4)
}

/// What a PNG holds: 8 or 16 bits without a sign.
fn is_depth(dtype: &Dtype) -> bool {
    matches!(dtype.str().get(1..), Some("u1" | "u2"))
}

/// Every element; the absolute value of complex ones.
pub(crate) fn doubles(array: &LazyArray) -> anyhow::Result<Vec<f64>> {
    if array.dtype().kind_code() == 'c' {
        let complex = array.cast(&Dtype::parse("c16")?, Casting::Unsafe)?.load()?;
        let values = complex.to_elements::<[f64; 2]>()?;
        return Ok(values.into_iter().map(|[re, im]| re.hypot(im)).collect());
    }
    if !"biufmM".contains(array.dtype().kind_code()) {
        bail!("dtype {} is no picture", array.dtype());
    }
    let array = array.cast(&Dtype::parse("f8")?, Casting::Unsafe)?.load()?;
    Ok(array.to_elements()?)
}

impl Raster {
    /// `plane` has rows and columns, and colours if `is_colour`. Colours are made lighter or darker if they have 16 bits,
    /// which a terminal has not, or if a range was asked for.
    pub(crate) fn new(
        plane: &LazyArray,
        is_colour: bool,
        lut: Lut,
        range: RangeArg,
    ) -> anyhow::Result<Self> {
        let values = doubles(plane)?;
        let (low, high) = range.of(&values);
        let mut raster = Self {
            rows: plane.shape()[0],
            columns: plane.shape()[1],
            pixels: Pixels::Values(Vec::new()),
            lut,
            low,
            high,
            exact: None,
        };
        let is_untouched = range == RangeArg::Auto && (is_colour || lut == Lut::Gray);
        if is_depth(plane.dtype()) && is_untouched {
            raster.exact = Some(plane.load()?.into_order(Order::C)?);
        }
        raster.pixels = if !is_colour {
            Pixels::Values(values)
        } else {
            let is_byte = plane.dtype().itemsize() == 1 && range == RangeArg::Auto;
            let byte = |value: f64| {
                let scaled = if is_byte {
                    value / 255.0
                } else {
                    raster.scaled(value)
                };
                (scaled.clamp(0.0, 1.0) * 255.0).round() as u8
            };
            Pixels::Colours(values.into_iter().map(byte).collect(), plane.shape()[2])
        };
        Ok(raster)
    }

    /// A value from 0 to 1.
    fn scaled(&self, value: f64) -> f64 {
        let width = self.high - self.low;
        if width == 0.0 {
            0.5
        } else {
            (value - self.low) / width
        }
    }

    /// The mean colour of pixels `rows` and `columns`.
    pub(crate) fn mean(&self, rows: Range<usize>, columns: Range<usize>) -> [u8; 3] {
        let count = (rows.len() * columns.len()) as f64;
        match &self.pixels {
            Pixels::Values(values) => {
                let row = |row: usize| &values[row * self.columns..][columns.clone()];
                let sum: f64 = rows.map(|i| row(i).iter().sum::<f64>()).sum();
                self.lut.colour(self.scaled(sum / count))
            }
            Pixels::Colours(bytes, channels) => [0, 1, 2].map(|channel| {
                let mut sum = 0.0;
                for row in rows.clone() {
                    for column in columns.clone() {
                        sum += f64::from(bytes[(row * self.columns + column) * channels + channel]);
                    }
                }
                (sum / count).round() as u8
            }),
        }
    }

    /// Red, green and blue of all pixels of the picture at another size.
    pub(crate) fn rgb(&self, rows: usize, columns: usize) -> Vec<u8> {
        let row = |i| span(i, rows, self.rows);
        let column = |i| span(i, columns, self.columns);
        (0..rows)
            .flat_map(|y| (0..columns).flat_map(move |x| self.mean(row(y), column(x))))
            .collect()
    }

    /// Every pixel, as it is stored if a PNG can hold that and no colours or range were asked for.
    pub(crate) fn write_png(&self, to: &mut dyn Write) -> Result<(), png::EncodingError> {
        let is_grey = matches!(self.lut, Lut::Gray | Lut::Invert);
        let (depth, bytes) = match (&self.exact, &self.pixels) {
            (Some(exact), _) => {
                let big = exact.view().to_byteorder(ByteOrder::Big);
                let bytes = big.and_then(|big| big.view().to_bytes(Order::C));
                let depth = match exact.dtype().itemsize() {
                    1 => png::BitDepth::Eight,
                    _ => png::BitDepth::Sixteen,
                };
                (depth, bytes.map_err(std::io::Error::other)?)
            }
            (None, Pixels::Colours(bytes, _)) => (png::BitDepth::Eight, bytes.clone()),
            (None, Pixels::Values(values)) => {
                let colour = |value: &f64| self.lut.colour(self.scaled(*value));
                let kept = if is_grey { 1 } else { 3 };
                let bytes = values.iter().flat_map(|v| colour(v).into_iter().take(kept));
                (png::BitDepth::Eight, bytes.collect())
            }
        };
        let colour = match &self.pixels {
            Pixels::Colours(_, 4) => png::ColorType::Rgba,
            Pixels::Colours(..) => png::ColorType::Rgb,
            Pixels::Values(_) if is_grey => png::ColorType::Grayscale,
            Pixels::Values(_) => png::ColorType::Rgb,
        };
        write_png(to, (self.rows, self.columns), colour, depth, &bytes)
    }
}

/// Encodes bytes that are pixels.
pub(crate) fn write_png(
    to: &mut dyn Write,
    (rows, columns): (usize, usize),
    colour: png::ColorType,
    depth: png::BitDepth,
    bytes: &[u8],
) -> Result<(), png::EncodingError> {
    let extent = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(to, extent(columns), extent(rows));
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()
}
