//! Elements as the Python objects that they become, which is how NumPy prints masked arrays.

use super::{PrintOptions, scalar, text, time};
use crate::{
    ArrayView, ByteOrder, Cast, Casting, DateUnit, Dtype, Element, Error, Kind, Layout, NAT, Order,
    TimeUnit,
};

/// What stands for an element that is masked (`numpy.ma.masked_print_option`).
const MASKED: &str = "--";

/// The text of each element of a masked array, in C order: as `numpy.ma` prints it, `repr` of the Python object that
/// `item()` gives, or `--` where the mask, an array of the same shape with a `bool` for each field, is true.
///
/// ```
/// use ndferry_array::{Array, masked_words};
///
/// let data = Array::from_elements(&[3], &[1.0f32, 2.0, 0.1])?;
/// let mask = Array::from_elements(&[3], &[false, true, false])?;
/// assert_eq!(masked_words(&data.view(), &mask.view())?, ["1.0", "--", "0.10000000149011612"]);
/// # Ok::<(), ndferry_array::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotBytes`] for objects, [`Error::DtypeMismatch`] for a mask with other fields.
pub fn masked_words(data: &ArrayView<'_>, mask: &ArrayView<'_>) -> Result<Vec<String>, Error> {
    if data.shape() != mask.shape() {
        let (left, right) = (data.shape().to_vec(), mask.shape().to_vec());
        return Err(Error::ShapeMismatch { left, right });
    }
    let (items, masks) = (data.to_bytes(Order::C)?, mask.to_bytes(Order::C)?);
    let (size, width) = (data.dtype().itemsize(), mask.dtype().itemsize());
    let mut words = Vec::with_capacity(data.size());
    for i in 0..data.size() {
        let item = Item {
            dtype: data.dtype(),
            bytes: &items[i * size..][..size],
            mask: mask.dtype(),
            masked: &masks[i * width..][..width],
        };
        let mut out = String::new();
        item.write(&mut out)?;
        words.push(out);
    }
    Ok(words)
}

/// An element, or a field of one.
struct Item<'a> {
    dtype: &'a Dtype,
    bytes: &'a [u8],
    mask: &'a Dtype,
    masked: &'a [u8],
}

impl Item<'_> {
    fn write(&self, out: &mut String) -> Result<(), Error> {
        let mismatch = || {
            let (left, right) = (self.dtype.str(), self.mask.str());
            Err(Error::DtypeMismatch { left, right })
        };
        match (self.dtype.kind(), self.mask.kind()) {
            (Kind::Struct(fields), Kind::Struct(masks)) => {
                out.push('(');
                for (i, field) in fields.fields().iter().enumerate() {
                    let Some(mask) = masks.field(&field.name) else {
                        return mismatch();
                    };
                    if i > 0 {
                        out.push_str(", ");
                    }
                    let item = Item {
                        dtype: &field.dtype,
                        bytes: &self.bytes[field.offset..][..field.dtype.itemsize()],
                        mask: &mask.dtype,
                        masked: &self.masked[mask.offset..][..mask.dtype.itemsize()],
                    };
                    item.write(out)?;
                }
                out.push(')');
                Ok(())
            }
            (Kind::Subarray(items), Kind::Subarray(masks)) if items.shape() == masks.shape() => {
                self.write_axes(items.base(), masks.base(), items.shape(), out)
            }
            (Kind::Struct(_) | Kind::Subarray(_), _) => mismatch(),
            (_, Kind::Bool) => {
                if self.masked != [0] {
                    out.push_str(MASKED);
                    return Ok(());
                }
                write(self.dtype, self.bytes, out)
            }
            _ => mismatch(),
        }
    }

    /// A subarray, as NumPy prints those in fields.
    fn write_axes(
        &self,
        base: &Dtype,
        mask: &Dtype,
        shape: &[usize],
        out: &mut String,
    ) -> Result<(), Error> {
        let Some((count, inner)) = shape.split_first() else {
            let (dtype, bytes, masked) = (base, self.bytes, self.masked);
            let item = Item {
                dtype,
                bytes,
                mask,
                masked,
            };
            return item.write(out);
        };
        let (size, width) = (
            self.bytes.len() / (*count).max(1),
            self.masked.len() / (*count).max(1),
        );
        out.push('[');
        for i in 0..*count {
            if i > 0 {
                out.push_str(", ");
            }
            let part = Item {
                bytes: &self.bytes[i * size..][..size],
                masked: &self.masked[i * width..][..width],
                ..*self
            };
            part.write_axes(base, mask, inner, out)?;
        }
        out.push(']');
        Ok(())
    }
}

/// `repr` of the Python object that an element becomes.
fn write(dtype: &Dtype, bytes: &[u8], out: &mut String) -> Result<(), Error> {
    let big = dtype.byteorder() == ByteOrder::Big;
    let ticks = || i64::from_bytes(bytes, !dtype.is_native());
    let layout = Layout::contiguous(&[], dtype.itemsize(), Order::C)?;
    let view = ArrayView::new(dtype.clone(), layout, bytes)?;
    let alone = |view: &ArrayView<'_>| scalar::text(view, &PrintOptions::default());
    let (double, long) = match dtype.kind() {
        Kind::Float => ("<f8", "longdouble"),
        Kind::Complex => ("<c16", "clongdouble"),
        kind => {
            match kind {
                Kind::Bytes => text::write_bytes(text::unpadded(bytes), out),
                Kind::Unicode => text::write_str(text::code_points(bytes, big), out),
                Kind::Void => text::write_bytes(bytes, out),
                Kind::Datetime(unit) => write_date(ticks(), *unit, out),
                Kind::Timedelta(unit) => write_span(ticks(), *unit, out),
                Kind::Bool | Kind::Int | Kind::Uint => out.push_str(&alone(&view)?),
                _ => return Err(Error::NotBytes { dtype: dtype.str() }),
            }
            return Ok(());
        }
    };
    let double = Dtype::parse(double)?;
    if dtype.itemsize() > double.itemsize() {
        // Python has no such number: NumPy's own is printed.
        let text = alone(&view)?;
        let text = text.trim_matches(['(', ')']);
        out.push_str(&format!("np.{long}('{text}')"));
        return Ok(());
    }
    let cast = Cast::new(dtype, &double, Casting::Safe)?.array(&view)?;
    out.push_str(&alone(&cast.view())?);
    Ok(())
}

/// `datetime.date`, `datetime.datetime`, or the number of ticks where those do not reach.
fn write_date(ticks: i64, unit: TimeUnit, out: &mut String) {
    if ticks == NAT || unit.unit == DateUnit::Generic {
        return out.push_str("None");
    }
    let count = i128::from(ticks) * i128::from(unit.multiple);
    let months = |months: i128| {
        let (year, month) = (1970 + months.div_euclid(12), months.rem_euclid(12) + 1);
        (year, month, 1)
    };
    let ((year, month, day), rest) = match unit.unit {
        DateUnit::Year => (months(count * 12), None),
        DateUnit::Month => (months(count), None),
        DateUnit::Week => (time::civil(count * 7), None),
        DateUnit::Day => (time::civil(count), None),
        unit => match microseconds(unit) {
            Some(each) => {
                let (count, day) = (count * each, 86_400_000_000);
                let rest = count.rem_euclid(day);
                (time::civil(count.div_euclid(day)), Some(rest))
            }
            None => return out.push_str(&ticks.to_string()),
        },
    };
    if !(1..=9999).contains(&year) {
        return out.push_str(&ticks.to_string());
    }
    let Some(rest) = rest else {
        return out.push_str(&format!("datetime.date({year}, {month}, {day})"));
    };
    let (second, micros) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    out.push_str(&format!(
        "datetime.datetime({year}, {month}, {day}, {hour}, {minute}"
    ));
    if second != 0 || micros != 0 {
        out.push_str(&format!(", {second}"));
    }
    if micros != 0 {
        out.push_str(&format!(", {micros}"));
    }
    out.push(')');
}

/// `datetime.timedelta`, or the number of ticks where that does not reach.
fn write_span(ticks: i64, unit: TimeUnit, out: &mut String) {
    if ticks == NAT {
        return out.push_str("None");
    }
    let count = i128::from(ticks) * i128::from(unit.multiple);
    let day = 86_400_000_000;
    let micros = match unit.unit {
        DateUnit::Week => Some(count * 7 * day),
        DateUnit::Day => Some(count * day),
        unit => microseconds(unit).map(|each| count * each),
    };
    let micros = micros.filter(|micros| micros.div_euclid(day).abs() <= 999_999_999);
    let Some(micros) = micros else {
        return out.push_str(&ticks.to_string());
    };
    let rest = micros.rem_euclid(day);
    let parts = [
        ("days", micros.div_euclid(day)),
        ("seconds", rest / 1_000_000),
        ("microseconds", rest % 1_000_000),
    ];
    let parts = parts.iter().filter(|(_, value)| *value != 0);
    let parts: Vec<String> = parts
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let parts = match parts.is_empty() {
        true => "0".to_owned(),
        false => parts.join(", "),
    };
    out.push_str(&format!("datetime.timedelta({parts})"));
}

/// Of units of fixed length that Python's times can say.
fn microseconds(unit: DateUnit) -> Option<i128> {
    match unit {
        DateUnit::Hour => Some(3_600_000_000),
        DateUnit::Minute => Some(60_000_000),
        DateUnit::Second => Some(1_000_000),
        DateUnit::Millisecond => Some(1000),
        DateUnit::Microsecond => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Array, Corners};

    fn words(descr: &str, bytes: &[u8], mask: &[u8]) -> Vec<String> {
        let dtype = Dtype::parse(descr).unwrap();
        let data = Array::contiguous(dtype, &[mask.len()], Order::C, bytes.to_vec()).unwrap();
        let bools = Dtype::parse("|b1").unwrap();
        let mask = Array::contiguous(bools, &[mask.len()], Order::C, mask.to_vec()).unwrap();
        masked_words(&data.view(), &mask.view()).unwrap()
    }

    #[test]
    fn elements_are_printed_as_the_objects_that_they_become() {
        let number = 500_i64.to_le_bytes();
        for (descr, word) in [
            ("<m8[s]", "datetime.timedelta(seconds=500)"),
            ("<m8[ns]", "500"),
            ("<M8[D]", "datetime.date(1971, 5, 16)"),
            ("<M8[m]", "datetime.datetime(1970, 1, 1, 8, 20)"),
            ("<M8[ns]", "500"),
            ("<i8", "500"),
            ("|S8", "b'\\xf4\\x01'"),
        ] {
            assert_eq!(words(descr, &number, &[0]), [word], "{descr}");
            assert_eq!(words(descr, &number, &[1]), ["--"], "{descr}");
        }
        assert_eq!(words("<M8[s]", &NAT.to_le_bytes(), &[0]), ["None"]);
        let far = (i64::MAX - 1).to_le_bytes();
        assert_eq!(words("<M8[D]", &far, &[0]), ["9223372036854775806"]);
    }

    #[test]
    fn words_of_several_lines_keep_their_columns() {
        let options = PrintOptions::default();
        let corners = Corners::of(&[3], &options).unwrap();
        let mut out = String::new();
        let words = ["1", "a(b,\n\n  c)", "2"].map(str::to_owned);
        let printed = corners.print_words(&words, [" ", "", ""], &options, |text| {
            out.push_str(text);
            Ok::<_, Error>(())
        });
        printed.unwrap();
        assert_eq!(out, "[1 a(b,\n\n     c) 2]");
        let few = corners.print_words(&words[..2], [" ", "", ""], &options, |_| Ok(()));
        assert!(matches!(few, Err(Error::ShapeMismatch { .. })));
    }
}
