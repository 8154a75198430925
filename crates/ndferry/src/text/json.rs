//! Elements as JSON.

use std::io::Write;

use ndferry_array::Dtype;
use serde_json::{Map, Number, Value};

use super::scalar_text;
use crate::Result;

/// Largest integer that every JSON reader keeps exact.
const MAX_EXACT: u64 = 1 << 53;

/// One line for each entry of the first axis.
pub(super) struct Lines {
    dtype: Dtype,
    /// The other axes.
    inner: Vec<usize>,
    /// How many lines an array without elements has.
    empty: usize,
    /// Elements of the line so far.
    at: u64,
}

impl Lines {
    pub(super) fn new(dtype: &Dtype, shape: &[usize]) -> Self {
        let is_empty = shape.contains(&0);
        Self {
            dtype: dtype.clone(),
            inner: shape.get(1..).unwrap_or_default().to_vec(),
            empty: if is_empty { shape[0] } else { 0 },
            at: 0,
        }
    }

    /// The lines of an array that has entries but no elements.
    pub(super) fn begin(&mut self, to: &mut dyn Write) -> Result<()> {
        if self.empty > 0 {
            let line = nothing(&self.inner);
            for _ in 0..self.empty {
                writeln!(to, "{line}")?;
            }
        }
        Ok(())
    }

    /// The next element, with the brackets before and after it.
    pub(super) fn element(&mut self, bytes: &[u8], to: &mut dyn Write) -> Result<()> {
        if self.at > 0 {
            to.write_all(b",")?;
        }
        for _ in 0..self.whole_axes(self.at) {
            to.write_all(b"[")?;
        }
        write!(to, "{}", value(&self.dtype, bytes)?)?;
        self.at += 1;
        let closed = self.whole_axes(self.at);
        for _ in 0..closed {
            to.write_all(b"]")?;
        }
        if closed == self.inner.len() {
            to.write_all(b"\n")?;
            self.at = 0;
        }
        Ok(())
    }

    /// How many of the innermost axes begin, or end, after this many elements.
    fn whole_axes(&self, elements: u64) -> usize {
        let mut size = 1;
        let sizes = self.inner.iter().rev().map(|extent| {
            size *= *extent as u64;
            size
        });
        sizes
            .take_while(|size| elements.is_multiple_of(*size))
            .count()
    }
}

/// Lists without elements; only an extent of 0 ends them.
fn nothing(inner: &[usize]) -> Value {
    match inner {
        [] | [0, ..] => Value::Array(Vec::new()),
        [extent, rest @ ..] => vec![nothing(rest); *extent].into(),
    }
}

/// One element.
pub(super) fn value(dtype: &Dtype, bytes: &[u8]) -> Result<Value> {
    if let Some(fields) = dtype.fields() {
        let mut object = Map::new();
        for field in fields.fields() {
            let part = &bytes[field.offset..][..field.dtype.itemsize()];
            object.insert(field.name.clone(), value(&field.dtype, part)?);
        }
        return Ok(object.into());
    }
    if let ndferry_array::Kind::Subarray(sub) = dtype.kind() {
        return subarray(sub.base(), sub.shape(), bytes);
    }
    Ok(match dtype.kind_code() {
        'b' => (bytes != [0]).into(),
        'S' => latin1(bytes).into(),
        'V' => bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into(),
        'c' => {
            let half = bytes.len() / 2;
            let part = Dtype::new(ndferry_array::Kind::Float, dtype.byteorder(), half)?;
            vec![value(&part, &bytes[..half])?, value(&part, &bytes[half..])?].into()
        }
        'i' | 'u' => integer(scalar_text(dtype, bytes)?),
        'f' => float(scalar_text(dtype, bytes)?),
        _ => scalar_text(dtype, bytes)?.into(),
    })
}

fn subarray(base: &Dtype, shape: &[usize], bytes: &[u8]) -> Result<Value> {
    let [extent, rest @ ..] = shape else {
        return value(base, bytes);
    };
    let part = bytes.len().checked_div(*extent).unwrap_or(0);
    let parts = (0..*extent).map(|i| subarray(base, rest, &bytes[i * part..][..part]));
    Ok(Value::Array(parts.collect::<Result<_>>()?))
}

fn integer(text: String) -> Value {
    let number = text.parse::<i64>().ok();
    match number {
        Some(number) if number.unsigned_abs() <= MAX_EXACT => number.into(),
        _ => text.into(),
    }
}

/// NumPy's digits are kept where they are a JSON number that reads back as the same double.
fn float(text: String) -> Value {
    match &*text {
        "nan" => "NaN".into(),
        "inf" => "Infinity".into(),
        "-inf" => "-Infinity".into(),
        // More digits than a double has are from a long double.
        digits if digits.len() > 26 => text.into(),
        digits => match digits.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => number.into(),
            None => text.into(),
        },
    }
}

/// Bytes as the characters of the same numbers, without the zeros that pad them.
fn latin1(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    bytes[..end].iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Order};

    use crate::{Interrupt, LazyArray, Result};

    use super::*;

    fn lines(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<String> {
        let dtype = Dtype::parse(dtype)?;
        let array = LazyArray::from(Array::contiguous(dtype, shape, Order::C, bytes.to_vec())?);
        let mut out = Vec::new();
        array.write_jsonl(&mut out, &Interrupt::new(), &())?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    #[test]
    fn each_entry_of_the_first_axis_is_a_line() -> Result<()> {
        let bytes: Vec<u8> = (0..12).collect();
        let text = "[[0,1],[2,3],[4,5]]\n[[6,7],[8,9],[10,11]]\n";
        assert_eq!(lines("|u1", &[2, 3, 2], &bytes)?, text);
        assert_eq!(lines("|u1", &[2], &[3, 4])?, "3\n4\n");
        assert_eq!(lines("|u1", &[], &[3])?, "3\n");
        assert_eq!(lines("|u1", &[1, 1, 1], &[3])?, "[[3]]\n");
        Ok(())
    }

    #[test]
    fn entries_without_elements_are_empty_lists() -> Result<()> {
        assert_eq!(lines("|u1", &[0, 3], &[])?, "");
        assert_eq!(lines("|u1", &[2, 0, 3], &[])?, "[]\n[]\n");
        assert_eq!(lines("|u1", &[1, 2, 0], &[])?, "[[],[]]\n");
        Ok(())
    }

    #[test]
    fn what_json_has_no_number_for_is_a_string() -> Result<()> {
        let bytes = doubles(&[f64::NAN, f64::INFINITY, -f64::INFINITY, 0.1, 1e300, -0.0]);
        let text = "\"NaN\"\n\"Infinity\"\n\"-Infinity\"\n0.1\n1e+300\n-0.0\n";
        assert_eq!(lines("<f8", &[6], &bytes)?, text);
        let big = [1i64 << 53, (1 << 53) + 1, -(1 << 53) - 1]
            .map(i64::to_le_bytes)
            .concat();
        let text = "9007199254740992\n\"9007199254740993\"\n\"-9007199254740993\"\n";
        assert_eq!(lines("<i8", &[3], &big)?, text);
        Ok(())
    }

    #[test]
    fn every_kind_has_its_form() -> Result<()> {
        assert_eq!(lines("|b1", &[2], &[0, 1])?, "false\ntrue\n");
        assert_eq!(lines("<c16", &[1], &doubles(&[1.5, -2.0]))?, "[1.5,-2.0]\n");
        assert_eq!(lines("|S4", &[1], b"a\xe9\0\0")?, "\"a\u{e9}\"\n");
        assert_eq!(lines("|V2", &[1], b"\x01\xff")?, "\"01ff\"\n");
        let dtype = Dtype::parse("<M8[s]")?;
        assert_eq!(
            value(&dtype, &86400i64.to_le_bytes())?,
            "1970-01-02T00:00:00"
        );
        Ok(())
    }
}
