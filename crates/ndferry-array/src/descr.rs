//! [`Descr`]: how NPY headers and `numpy.dtype.descr` spell a dtype.

use std::fmt;

use crate::print::text::{tuple, write_str};
use crate::structured::{Field, Struct};
use crate::{Dtype, Error, Kind};

/// A dtype as plain data: a type string, or a list of fields (`numpy.lib.format.dtype_to_descr`).
///
/// Prints as the Python literal that NumPy writes into NPY headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Descr {
    /// A type string, e.g. `<f4`.
    Str(String),
    /// The fields of a structured dtype.
    Fields(Vec<DescrField>),
    /// A dtype and the shape of a subarray of it. NumPy reads this at the top of a header, but does not write it.
    Subarray(Box<Descr>, Vec<usize>),
}

/// One field in a [`Descr`]. A field of `V` type whose name is empty is padding; of any other type it is a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescrField {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// What it holds.
    pub descr: Descr,
    /// The subarray's shape, if it is one.
    pub shape: Option<Vec<usize>>,
}

impl Dtype {
    /// The descr that `numpy.save` writes for it.
    ///
    /// # Errors
    /// [`Error::NoDescr`] if fields overlap or come out of order: NPY cannot say that, and NumPy refuses too; or if bytes
    /// without a name would be taken for padding.
    pub fn descr(&self) -> Result<Descr, Error> {
        match &self.kind {
            Kind::Struct(fields) => fields_descr(fields),
            Kind::Subarray(sub) => Ok(Descr::Subarray(
                Box::new(sub.base().descr()?),
                sub.shape().to_vec(),
            )),
            // NumPy saves StringDType as pickled objects.
            Kind::VariableString => Ok(Descr::Str("|O".to_owned())),
            _ => Ok(Descr::Str(self.str())),
        }
    }

    /// The dtype that a descr means (`numpy.lib.format.descr_to_dtype`).
    ///
    /// # Errors
    /// Whatever is wrong with a type string or a field in it.
    pub fn from_descr(descr: &Descr) -> Result<Self, Error> {
        match descr {
            Descr::Str(text) => Self::parse(text),
            Descr::Subarray(base, shape) => Self::subarray(Self::from_descr(base)?, shape),
            Descr::Fields(list) => {
                let mut fields = Vec::with_capacity(list.len());
                let mut offset = 0usize;
                for item in list {
                    let base = Self::from_descr(&item.descr)?;
                    let dtype = Self::subarray(base, item.shape.as_deref().unwrap_or(&[]))?;
                    let size = dtype.itemsize();
                    let is_padding =
                        item.name.is_empty() && item.title.is_none() && dtype.kind == Kind::Void;
                    if !is_padding {
                        fields.push(Field {
                            name: item.name.clone(),
                            title: item.title.clone(),
                            dtype,
                            offset,
                        });
                    }
                    offset = offset.checked_add(size).ok_or(Error::TooBig {
                        shape: vec![1],
                        itemsize: size,
                    })?;
                }
                Ok(Self::structured(Struct::new(fields, offset, false)?))
            }
        }
    }
}

fn fields_descr(fields: &Struct) -> Result<Descr, Error> {
    let mut list = Vec::with_capacity(fields.fields().len());
    let mut end = 0;
    for field in fields.fields() {
        let is_like_padding =
            field.name.is_empty() && field.title.is_none() && field.dtype.kind == Kind::Void;
        if field.offset < end || is_like_padding {
            return Err(Error::NoDescr {
                field: field.name.clone(),
            });
        }
        pad(&mut list, field.offset - end);
        let (descr, shape) = match field.dtype.descr()? {
            Descr::Subarray(base, shape) => (*base, Some(shape)),
            other => (other, None),
        };
        list.push(DescrField {
            name: field.name.clone(),
            title: field.title.clone(),
            descr,
            shape,
        });
        end = field.offset + field.dtype.itemsize();
    }
    pad(&mut list, fields.itemsize() - end);
    Ok(Descr::Fields(list))
}

fn pad(list: &mut Vec<DescrField>, nbytes: usize) {
    if nbytes > 0 {
        let descr = Descr::Str(format!("|V{nbytes}"));
        list.push(DescrField {
            name: String::new(),
            title: None,
            descr,
            shape: None,
        });
    }
}

impl fmt::Display for Descr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => write!(f, "{}", PythonStr(text)),
            Self::Subarray(base, shape) => write!(f, "({base}, {})", tuple(shape)),
            Self::Fields(fields) => {
                f.write_str("[")?;
                for (i, field) in fields.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{field}")?;
                }
                f.write_str("]")
            }
        }
    }
}

impl fmt::Display for DescrField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.title {
            Some(title) => write!(f, "(({}, {}), ", PythonStr(title), PythonStr(&self.name))?,
            None => write!(f, "({}, ", PythonStr(&self.name))?,
        }
        match &self.shape {
            Some(shape) => write!(f, "{}, {})", self.descr, tuple(shape)),
            None => write!(f, "{})", self.descr),
        }
    }
}

/// `repr` of a Python 3 str.
struct PythonStr<'a>(&'a str);

impl fmt::Display for PythonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write_str(self.0.chars().map(u32::from), &mut out);
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_become_padding() {
        let fields = vec![
            Field::new("a", Dtype::U8, 0),
            Field::new("b", Dtype::parse("<f8").unwrap(), 8),
        ];
        let dtype = Dtype::structured(Struct::new(fields, 24, true).unwrap());
        let descr = dtype.descr().unwrap();
        assert_eq!(
            descr.to_string(),
            "[('a', '|u1'), ('', '|V7'), ('b', '<f8'), ('', '|V8')]"
        );
        let back = Dtype::from_descr(&descr).unwrap();
        assert_eq!(
            (back.itemsize(), back.fields().unwrap().fields().len()),
            (24, 2)
        );
    }

    #[test]
    fn only_bytes_without_a_name_are_padding() {
        let fields = |text: &str| {
            let fields = vec![Field::new("", Dtype::parse(text).unwrap(), 0)];
            Dtype::structured(Struct::new(fields, 4, false).unwrap())
        };
        let number = fields("<i4");
        let descr = number.descr().unwrap();
        assert_eq!(descr.to_string(), "[('', '<i4')]");
        assert_eq!(Dtype::from_descr(&descr).unwrap(), number);
        assert!(fields("|V4").descr().is_err());
    }

    #[test]
    fn overlaps_have_no_descr() {
        let fields = vec![
            Field::new("a", Dtype::parse("<i4").unwrap(), 0),
            Field::new("b", Dtype::U8, 2),
        ];
        let dtype = Dtype::structured(Struct::new(fields, 4, false).unwrap());
        assert_eq!(
            dtype.descr(),
            Err(Error::NoDescr {
                field: "b".to_owned()
            })
        );
    }

    #[test]
    fn subarrays_titles_and_nesting_are_spelled_out() {
        let nested = Dtype::parse("<i2,>i2").unwrap();
        let field = Field {
            title: Some("T".into()),
            ..Field::new("p", Dtype::subarray(nested, &[2]).unwrap(), 0)
        };
        let dtype = Dtype::structured(Struct::new(vec![field], 8, false).unwrap());
        assert_eq!(
            dtype.descr().unwrap().to_string(),
            "[(('T', 'p'), [('f0', '<i2'), ('f1', '>i2')], (2,))]"
        );
        assert_eq!(Dtype::from_descr(&dtype.descr().unwrap()).unwrap(), dtype);
    }
}
