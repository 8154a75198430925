//! `str` of an array without axes: its element as NumPy writes it on its own.

use super::float::alone;
use super::leaf::{Floats, Leaf, real_format};
use super::real::Real;
use super::{PrintOptions, Sign, text, time};
use crate::{ArrayView, ByteOrder, Element, Error, Kind};

/// `str(a[()])`; with NumPy's own `np.bytes_(…)` around bytes.
pub(crate) fn text(view: &ArrayView<'_>, options: &PrintOptions) -> Result<String, Error> {
    let dtype = view.dtype();
    let item = match dtype.itemsize() {
        0 => &[][..],
        itemsize => &view.bytes()[view.layout().offset()..][..itemsize],
    };
    let big = dtype.byteorder() == ByteOrder::Big;
    let ticks = || i64::from_bytes(item, !dtype.is_native());
    Ok(match dtype.kind() {
        Kind::Float => {
            let format = real_format(view, options.long_double);
            alone(&format.decode(item, big), format, false, false)
        }
        Kind::Complex => {
            let format = real_format(view, options.long_double);
            let (re, im) = item.split_at(item.len() / 2);
            let (re, im) = (format.decode(re, big), format.decode(im, big));
            match re {
                Real::Finite(x) if x.is_zero() && !x.negative => {
                    format!("{}j", alone(&im, format, true, false))
                }
                _ => format!(
                    "({}{}j)",
                    alone(&re, format, true, false),
                    alone(&im, format, true, true)
                ),
            }
        }
        Kind::Datetime(unit) => time::date(ticks(), *unit),
        Kind::Timedelta(unit) => time::span(ticks(), *unit),
        Kind::Bytes => {
            let mut out = "np.bytes_(".to_owned();
            text::write_bytes(text::unpadded(item), &mut out);
            out + ")"
        }
        // What is no character cannot stand in a Rust text.
        Kind::Unicode => text::code_points(item, big)
            .map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        _ => {
            // A number alone has no column to fill.
            let sign = match dtype.kind() {
                Kind::Struct(_) => options.sign,
                _ => Sign::Minus,
            };
            let options = PrintOptions {
                sign,
                ..options.clone()
            };
            let mut out = String::new();
            let leaf = Leaf::of(view, &options, Floats::Alone)?;
            leaf.write(dtype, item, &options, &mut out);
            out
        }
    })
}
