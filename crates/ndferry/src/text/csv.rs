//! Elements as comma-separated values.

use std::borrow::Cow;
use std::io::Write;

use ndferry_array::{Dtype, Field, Kind};

use super::scalar_text;
use crate::{ErrorKind, Result};

/// One line for each row of a matrix, each element of a vector, each record.
pub(super) struct Rows {
    dtype: Dtype,
    /// Elements of a line.
    width: u64,
    at: u64,
}

impl Rows {
    pub(super) fn new(dtype: &Dtype, shape: &[usize]) -> Result<Self> {
        let unsupported = |what: &str| {
            Err(ErrorKind::Unsupported {
                what: what.to_owned(),
            }
            .into())
        };
        let fields = dtype
            .fields()
            .map(|fields| fields.fields())
            .unwrap_or_default();
        let is_composed =
            |field: &Field| matches!(field.dtype.kind(), Kind::Struct(_) | Kind::Subarray(_));
        if fields.iter().any(is_composed) {
            return unsupported("CSV of records in records (JSON Lines can hold them)");
        }
        let width = match shape {
            [] | [_] => 1,
            [_, width] if dtype.fields().is_none() => *width as u64,
            [_, _] => return unsupported("CSV of a matrix of records"),
            _ => return unsupported("CSV of more than two axes (a slice of it would be)"),
        };
        Ok(Self {
            dtype: dtype.clone(),
            width,
            at: 0,
        })
    }

    /// The names of the fields.
    pub(super) fn begin(&self, to: &mut dyn Write) -> Result<()> {
        if let Some(fields) = self.dtype.fields() {
            let names = fields.fields().iter().map(|field| quoted(&field.name));
            let names: Vec<Cow<'_, str>> = names.collect();
            write!(to, "{}\r\n", names.join(","))?;
        }
        Ok(())
    }

    /// The next element.
    pub(super) fn element(&mut self, bytes: &[u8], to: &mut dyn Write) -> Result<()> {
        if self.at > 0 {
            to.write_all(b",")?;
        }
        match self.dtype.fields() {
            None => cell(&self.dtype, bytes, to)?,
            Some(fields) => {
                for (i, field) in fields.fields().iter().enumerate() {
                    if i > 0 {
                        to.write_all(b",")?;
                    }
                    cell(
                        &field.dtype,
                        &bytes[field.offset..][..field.dtype.itemsize()],
                        to,
                    )?;
                }
            }
        }
        self.at += 1;
        if self.at == self.width {
            to.write_all(b"\r\n")?;
            self.at = 0;
        }
        Ok(())
    }
}

fn cell(dtype: &Dtype, bytes: &[u8], to: &mut dyn Write) -> Result<()> {
    let text = match dtype.kind_code() {
        'S' => super::json::value(dtype, bytes)?
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        _ => scalar_text(dtype, bytes)?,
    };
    to.write_all(quoted(&text).as_bytes())?;
    Ok(())
}

/// In quotes where a comma, a quote or a line break would be misread.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Order};

    use crate::{Interrupt, LazyArray, Result};

    use super::*;

    fn csv(dtype: &Dtype, shape: &[usize], bytes: &[u8]) -> Result<String> {
        let array = Array::contiguous(dtype.clone(), shape, Order::C, bytes.to_vec())?;
        let mut out = Vec::new();
        LazyArray::from(array).write_csv(&mut out, &Interrupt::new(), &())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_matrix_has_a_line_for_each_row() -> Result<()> {
        let dtype = Dtype::parse("|i1")?;
        assert_eq!(
            csv(&dtype, &[2, 3], &[1, 2, 3, 255, 0, 7])?,
            "1,2,3\r\n-1,0,7\r\n"
        );
        assert_eq!(csv(&dtype, &[2], &[1, 2])?, "1\r\n2\r\n");
        assert!(csv(&dtype, &[1, 1, 2], &[1, 2]).is_err());
        Ok(())
    }

    #[test]
    fn texts_are_quoted_where_they_must() -> Result<()> {
        let dtype = Dtype::parse("|S3")?;
        assert_eq!(
            csv(&dtype, &[3], b"a,b\"x\0yes")?,
            "\"a,b\"\r\n\"\"\"x\"\r\nyes\r\n"
        );
        Ok(())
    }

    #[test]
    fn records_name_their_fields() -> Result<()> {
        let fields = [
            ("x".to_owned(), Dtype::parse("|u1")?),
            ("y".to_owned(), Dtype::parse("<f8")?),
        ];
        let dtype = Dtype::structured(ndferry_array::Struct::packed(fields)?);
        let bytes = [&[7][..], &0.25f64.to_le_bytes()].concat();
        assert_eq!(csv(&dtype, &[1], &bytes)?, "x,y\r\n7,0.25\r\n");
        Ok(())
    }
}
