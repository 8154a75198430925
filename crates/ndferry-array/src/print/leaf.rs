//! [`Leaf`]: how the elements of one dtype are written, once all that are printed have been looked at.

use std::fmt::{self, Write};

use super::float::{FloatStyle, alone};
use super::real::{Real, RealFormat};
use super::{Corners, LongDouble, PrintOptions, Sign, text, time};
use crate::{ArrayView, ByteOrder, Dtype, Error, Kind, NAT, Order, TimeUnit};

/// How much is looked at in one go.
const RUN_NBYTES: usize = 1 << 16;

/// How floats are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Floats {
    /// All alike, to the precision of the options.
    Aligned,
    /// Each on its own, as short as it goes: in `str` of one structured element.
    Alone,
}

/// Writes elements of one dtype; what is in it was chosen by the values.
pub(crate) struct Leaf {
    style: Style,
    big: bool,
}

enum Style {
    Bool {
        width: usize,
    },
    Int {
        is_signed: bool,
        sign: Sign,
        width: usize,
    },
    Float(RealFormat, FloatStyle),
    FloatAlone(RealFormat),
    Complex(RealFormat, FloatStyle, FloatStyle),
    Datetime(TimeUnit, usize),
    Timedelta(usize),
    Bytes,
    Unicode,
    Void,
    /// Offset, itemsize and leaf of each field.
    Struct(Vec<(usize, usize, Leaf)>),
}

/// The elements of a subarray, in brackets.
struct Nested<'a> {
    leaf: &'a Leaf,
    itemsize: usize,
    /// Edge items, if it is shortened.
    edge: Option<usize>,
}

impl Leaf {
    /// For all elements of `view`, which are those that will be printed.
    ///
    /// # Errors
    /// [`Error::NotBytes`] for objects, [`Error::TooManyAxes`] for a subarray in too many axes,
    /// [`Error::TooManyToPrint`] for as many elements as a few bytes of a dtype can claim.
    pub(crate) fn of(
        view: &ArrayView<'_>,
        options: &PrintOptions,
        floats: Floats,
    ) -> Result<Self, Error> {
        let dtype = view.dtype();
        let big = dtype.byteorder() == ByteOrder::Big;
        // Elements without bytes, and brackets without elements, are not bounded by any data.
        let extents = view.shape().iter().map(|extent| (*extent).max(1));
        let count = extents.fold(1usize, usize::saturating_mul);
        let has_bytes = dtype.itemsize() > 0 && !view.shape().contains(&0);
        if !has_bytes && count > Corners::LIMIT {
            return Err(Error::TooManyToPrint {
                count,
                limit: Corners::LIMIT,
            });
        }
        let style = match dtype.kind() {
            Kind::Bool => Style::Bool {
                width: if view.ndim() == 0 { 0 } else { 5 },
            },
            Kind::Int | Kind::Uint => int_style(view, big, options.sign),
            Kind::Float => {
                let format = real_format(view, options.long_double);
                match floats {
                    Floats::Alone => Style::FloatAlone(format),
                    Floats::Aligned => {
                        Style::Float(format, float_style(view, format, Part::Whole, options))
                    }
                }
            }
            Kind::Complex => {
                let format = real_format(view, options.long_double);
                let real = float_style(view, format, Part::Real, options);
                Style::Complex(
                    format,
                    real,
                    float_style(view, format, Part::Imaginary, options),
                )
            }
            Kind::Datetime(unit) => {
                let quoted = |ticks| time::date(ticks, *unit).len() + 2;
                Style::Datetime(*unit, ticks_width(view, big, quoted))
            }
            Kind::Timedelta(_) => {
                Style::Timedelta(ticks_width(view, big, |ticks| ticks.to_string().len()))
            }
            Kind::Bytes => Style::Bytes,
            Kind::Unicode => Style::Unicode,
            Kind::Void => Style::Void,
            Kind::Struct(fields) => {
                let leaf = |field: &crate::Field| {
                    let leaf = Self::of(&view.field(&field.name)?, options, floats)?;
                    Ok((field.offset, field.dtype.itemsize(), leaf))
                };
                let leaves: Result<Vec<_>, Error> = fields.fields().iter().map(leaf).collect();
                Style::Struct(leaves?)
            }
            Kind::Object | Kind::VariableString | Kind::Subarray(_) => {
                return Err(Error::NotBytes { dtype: dtype.str() });
            }
        };
        Ok(Self { style, big })
    }

    /// Appends one element.
    pub(crate) fn write(
        &self,
        dtype: &Dtype,
        item: &[u8],
        options: &PrintOptions,
        out: &mut String,
    ) {
        match &self.style {
            Style::Bool { width } => {
                let word = if item.iter().any(|byte| *byte != 0) {
                    "True"
                } else {
                    "False"
                };
                write(out, format_args!("{word:>width$}"));
            }
            Style::Int {
                is_signed,
                sign,
                width,
            } => {
                let value = int(item, self.big, *is_signed);
                match (sign, i64::try_from(value)) {
                    (Sign::Plus, _) => write(out, format_args!("{value:>+width$}")),
                    (Sign::Space, _) if value >= 0 => {
                        write(out, format_args!("{:>width$}", format!(" {value}")));
                    }
                    // Those of 128 bits are written far more slowly.
                    (_, Ok(value)) => write(out, format_args!("{value:>width$}")),
                    (_, Err(_)) => write(out, format_args!("{value:>width$}")),
                }
            }
            Style::Float(format, style) => style.write(&format.decode(item, self.big), out),
            Style::FloatAlone(format) => {
                out.push_str(&alone(
                    &format.decode(item, self.big),
                    *format,
                    false,
                    false,
                ));
            }
            Style::Complex(format, real, imaginary) => {
                let (re, im) = item.split_at(item.len() / 2);
                real.write(&format.decode(re, self.big), out);
                imaginary.write(&format.decode(im, self.big), out);
                // The j stands before the spaces that fill the column.
                let end = out.trim_end_matches(' ').len();
                out.insert(end, 'j');
            }
            Style::Datetime(unit, width) => {
                let word = format!("'{}'", time::date(ticks(item, self.big), *unit));
                write(out, format_args!("{word:>width$}"));
            }
            Style::Timedelta(width) => {
                let word = match ticks(item, self.big) {
                    NAT => "'NaT'".to_owned(),
                    ticks => ticks.to_string(),
                };
                write(out, format_args!("{word:>width$}"));
            }
            Style::Bytes => text::write_bytes(text::unpadded(item), out),
            Style::Unicode => text::write_str(text::code_points(item, self.big), out),
            Style::Void => text::write_void(item, out),
            Style::Struct(leaves) => {
                let fields = dtype.fields().map_or(&[][..], |fields| fields.fields());
                out.push('(');
                for (i, (field, (offset, itemsize, leaf))) in fields.iter().zip(leaves).enumerate()
                {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    leaf.write_field(&field.dtype, &item[*offset..][..*itemsize], options, out);
                }
                out.push_str(if leaves.len() == 1 { ",)" } else { ")" });
            }
        }
    }

    /// Appends one element of a field, which may be a subarray of what this leaf writes.
    fn write_field(&self, dtype: &Dtype, item: &[u8], options: &PrintOptions, out: &mut String) {
        let Kind::Subarray(sub) = dtype.kind() else {
            return self.write(dtype, item, options, out);
        };
        let itemsize = sub.base().itemsize();
        let size = sub
            .shape()
            .iter()
            .fold(1usize, |n, extent| n.saturating_mul(*extent));
        let nested = Nested {
            leaf: self,
            itemsize,
            edge: (size > options.threshold).then_some(options.edge),
        };
        nested.write(sub.base(), sub.shape(), item, options, out);
    }
}

impl Nested<'_> {
    fn write(
        &self,
        base: &Dtype,
        shape: &[usize],
        bytes: &[u8],
        options: &PrintOptions,
        out: &mut String,
    ) {
        let Some((extent, rest)) = shape.split_first() else {
            return self.leaf.write(base, bytes, options, out);
        };
        let step = rest.iter().product::<usize>() * self.itemsize;
        out.push('[');
        for i in 0..*extent {
            let is_left_out = self
                .edge
                .is_some_and(|edge| (edge..extent.saturating_sub(edge)).contains(&i));
            if i > 0 && (!is_left_out || self.edge == Some(i)) {
                out.push_str(", ");
            }
            if !is_left_out {
                self.write(base, rest, &bytes[i * step..][..step], options, out);
            } else if self.edge == Some(i) {
                out.push_str("...");
            }
        }
        out.push(']');
    }
}

fn write(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}

/// Hands all elements to `f`.
fn for_each_item(view: &ArrayView<'_>, mut f: impl FnMut(&[u8])) {
    let itemsize = view.dtype().itemsize().max(1);
    // The closure never fails.
    let _ = view.for_each_run(Order::C, RUN_NBYTES, |run| {
        run.chunks_exact(itemsize).for_each(&mut f);
        Ok::<(), std::convert::Infallible>(())
    });
}

/// An integer of at most eight bytes.
fn int(item: &[u8], big: bool, is_signed: bool) -> i128 {
    let byte = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let bits = if big {
        item.iter().fold(0, byte)
    } else {
        item.iter().rev().fold(0, byte)
    };
    if is_signed {
        let unused = 64 - 8 * item.len().clamp(1, 8) as u32;
        i128::from((bits << unused) as i64 >> unused)
    } else {
        i128::from(bits)
    }
}

fn ticks(item: &[u8], big: bool) -> i64 {
    int(item, big, true) as i64
}

fn int_style(view: &ArrayView<'_>, big: bool, sign: Sign) -> Style {
    let is_signed = *view.dtype().kind() == Kind::Int;
    let mut ends: Option<(i128, i128)> = None;
    for_each_item(view, |item| {
        let value = int(item, big, is_signed);
        let (low, high) = ends.unwrap_or((value, value));
        ends = Some((low.min(value), high.max(value)));
    });
    let Some((low, high)) = ends else {
        return Style::Int {
            is_signed,
            sign,
            width: 0,
        };
    };
    let sign = if sign == Sign::Space && low < 0 {
        Sign::Minus
    } else {
        sign
    };
    let signed = usize::from(high >= 0 && sign != Sign::Minus);
    let width = (high.to_string().len() + signed).max(low.to_string().len());
    Style::Int {
        is_signed,
        sign,
        width,
    }
}

/// The width for the earliest and the latest, which is all that NumPy looks at, and for NaT.
fn ticks_width(view: &ArrayView<'_>, big: bool, width: impl Fn(i64) -> usize) -> usize {
    let mut ends: Option<(i64, i64)> = None;
    let mut any_nat = false;
    for_each_item(view, |item| match ticks(item, big) {
        NAT => any_nat = true,
        ticks => {
            let (low, high) = ends.unwrap_or((ticks, ticks));
            ends = Some((low.min(ticks), high.max(ticks)));
        }
    });
    let width = ends.map_or(0, |(low, high)| width(low).max(width(high)));
    width.max(if any_nat { "'NaT'".len() } else { 0 })
}

/// Which part of a number.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Whole,
    Real,
    Imaginary,
}

fn for_each_part(view: &ArrayView<'_>, part: Part, mut f: impl FnMut(&[u8])) {
    let half = view.dtype().itemsize() / 2;
    for_each_item(view, |item| {
        f(match part {
            Part::Whole => item,
            Part::Real => &item[..half],
            Part::Imaginary => &item[half..],
        });
    });
}

fn float_style(
    view: &ArrayView<'_>,
    format: RealFormat,
    part: Part,
    options: &PrintOptions,
) -> FloatStyle {
    let big = view.dtype().byteorder() == ByteOrder::Big;
    let each = |f: &mut dyn FnMut(Real)| {
        for_each_part(view, part, |bytes| f(format.decode(bytes, big)));
    };
    let sign = if part == Part::Imaginary {
        Sign::Plus
    } else {
        options.sign
    };
    FloatStyle::of(each, format, options, sign)
}

/// How the floats in it are laid out.
pub(crate) fn real_format(view: &ArrayView<'_>, long_double: LongDouble) -> RealFormat {
    let dtype = view.dtype();
    let is_complex = *dtype.kind() == Kind::Complex;
    match (dtype.itemsize() >> u32::from(is_complex), long_double) {
        (2, _) => RealFormat::Half,
        (4, _) => RealFormat::Single,
        (8, _) => RealFormat::Double,
        (16, LongDouble::Quad) => RealFormat::Quad,
        (16, LongDouble::Guess) if holds_quads(view, is_complex) => RealFormat::Quad,
        _ => RealFormat::X87,
    }
}

/// Whether 16-byte floats are IEEE quads. NumPy leaves in the six bytes that pad an x87 number whatever was in memory,
/// halves of doubles as well, so that their being used tells little. What tells is the leading bit, which only x87
/// numbers store, and whether a double could hold every number too.
fn holds_quads(view: &ArrayView<'_>, is_complex: bool) -> bool {
    let big = view.dtype().byteorder() == ByteOrder::Big;
    let (mut count, mut any_padding, mut any_x87) = (0, false, false);
    let (mut all_x87, mut plausible_x87, mut plausible_quads) = (true, true, true);
    let is_plausible = |number: Real| match number {
        Real::Finite(x) => x.is_zero() || (-1074..1024).contains(&x.magnitude()),
        Real::Nan { .. } | Real::Infinite { .. } => true,
    };
    let mut look = |bytes: &[u8]| {
        let (number, padding) = if big {
            (&bytes[6..], &bytes[..6])
        } else {
            bytes.split_at(10)
        };
        count += 1;
        any_padding |= padding.iter().any(|byte| *byte != 0);
        any_x87 |= number.iter().any(|byte| *byte != 0);
        let (sign_and_exponent, leading) = if big {
            ([number[0], number[1]], number[2])
        } else {
            ([number[9], number[8]], number[7])
        };
        let has_exponent = u16::from_be_bytes(sign_and_exponent) & 0x7fff != 0;
        all_x87 &= has_exponent == (leading & 0x80 != 0);
        plausible_x87 &= is_plausible(RealFormat::X87.decode(bytes, big));
        plausible_quads &= is_plausible(RealFormat::Quad.decode(bytes, big));
    };
    if is_complex {
        for_each_part(view, Part::Real, &mut look);
        for_each_part(view, Part::Imaginary, &mut look);
    } else {
        for_each_part(view, Part::Whole, &mut look);
    }
    // Half of all quads have that bit.
    let is_x87 = all_x87 && any_x87 && (plausible_x87 || count >= 16);
    any_padding && plausible_quads && !is_x87
}
