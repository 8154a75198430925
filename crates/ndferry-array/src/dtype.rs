//! [`Dtype`]: what one element is.

use std::fmt;
use std::sync::Arc;

use crate::structured::{Struct, Subarray};
use crate::{Error, TimeUnit};

/// What the bytes of one element mean (`numpy.dtype`).
///
/// Cheap to clone. Equal when NumPy would find them equal, except that NumPy ignores titles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dtype {
    pub(crate) kind: Kind,
    pub(crate) byteorder: ByteOrder,
    pub(crate) itemsize: usize,
}

/// NumPy's kinds of dtype, with what each needs beyond itemsize and byte order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `?`: one byte, 0 or 1.
    Bool,
    /// `i`: two's complement of 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: IEEE of 2, 4 or 8 bytes; 12 or 16 bytes are the writer's `long double` as stored
    /// (80-bit x87 with padding, or IEEE quad).
    Float,
    /// `c`: two floats, real part first.
    Complex,
    /// `S`: bytes, padded with NUL.
    Bytes,
    /// `U`: UTF-32 code points, padded with NUL; itemsize is four times the length.
    Unicode,
    /// `V`: bytes without meaning.
    Void,
    /// `M`: ticks since 1970, or [`crate::NAT`].
    Datetime(TimeUnit),
    /// `m`: ticks, or [`crate::NAT`].
    Timedelta(TimeUnit),
    /// `O`: Python objects; never bytes that mean anything here.
    Object,
    /// `T`: `StringDType`, text of any length; never bytes that mean anything here.
    VariableString,
    /// `V` with fields.
    Struct(Arc<Struct>),
    /// A fixed-shape array inside a field.
    Subarray(Arc<Subarray>),
}

/// The order of the bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `<`: least significant first.
    Little,
    /// `>`: most significant first.
    Big,
    /// `|`: one byte, or no number at all.
    NotApplicable,
}

impl ByteOrder {
    /// The order of the machine that this runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// `<`, `>` or `|`.
    pub fn code(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
            Self::NotApplicable => '|',
        }
    }
}

impl Dtype {
    /// How deep structs and subarrays may be nested.
    pub const MAX_DEPTH: usize = 64;

    /// The `bool` dtype, `|b1`.
    pub const BOOL: Self = Self::plain(Kind::Bool, ByteOrder::NotApplicable, 1);
    /// Python objects, `|O`.
    pub const OBJECT: Self = Self::plain(Kind::Object, ByteOrder::NotApplicable, 8);
    /// Bytes, `|u1`.
    pub const U8: Self = Self::plain(Kind::Uint, ByteOrder::NotApplicable, 1);
    /// NumPy's `StringDType()`.
    pub const VARIABLE_STRING: Self =
        Self::plain(Kind::VariableString, ByteOrder::NotApplicable, 16);

    const fn plain(kind: Kind, byteorder: ByteOrder, itemsize: usize) -> Self {
        Self {
            kind,
            byteorder,
            itemsize,
        }
    }

    /// A dtype without fields.
    ///
    /// `byteorder` is ignored where it means nothing (one byte, `S`, `V`, objects). `itemsize` is in bytes, also
    /// for [`Kind::Unicode`].
    ///
    /// # Errors
    /// [`Error::Itemsize`] for a size that the kind does not come in. Structs and subarrays are made by
    /// [`Self::structured`] and [`Self::subarray`], which say what they check.
    pub fn new(kind: Kind, byteorder: ByteOrder, itemsize: usize) -> Result<Self, Error> {
        let fits = match kind {
            Kind::Bool => itemsize == 1,
            Kind::Int | Kind::Uint => matches!(itemsize, 1 | 2 | 4 | 8),
            Kind::Float => matches!(itemsize, 2 | 4 | 8 | 12 | 16),
            Kind::Complex => matches!(itemsize, 8 | 16 | 24 | 32),
            Kind::Unicode => itemsize.is_multiple_of(4) && i32::try_from(itemsize).is_ok(),
            Kind::Bytes | Kind::Void => i32::try_from(itemsize).is_ok(),
            Kind::Datetime(_) | Kind::Timedelta(_) => itemsize == 8,
            Kind::Object => matches!(itemsize, 4 | 8),
            Kind::VariableString => itemsize == 16,
            Kind::Struct(ref fields) => fields.itemsize == itemsize,
            Kind::Subarray(ref sub) => sub.nbytes() == Some(itemsize),
        };
        if !fits {
            return Err(Error::Itemsize {
                kind: kind.word(),
                itemsize,
            });
        }
        let byteorder = if kind.has_byteorder(itemsize) {
            byteorder
        } else {
            ByteOrder::NotApplicable
        };
        let byteorder = match byteorder {
            ByteOrder::NotApplicable if kind.has_byteorder(itemsize) => ByteOrder::NATIVE,
            other => other,
        };
        Ok(Self {
            kind,
            byteorder,
            itemsize,
        })
    }

    /// A structured dtype.
    pub fn structured(fields: Struct) -> Self {
        let itemsize = fields.itemsize;
        Self {
            kind: Kind::Struct(Arc::new(fields)),
            byteorder: ByteOrder::NotApplicable,
            itemsize,
        }
    }

    /// `shape` elements of `base` in C order, as a field may hold. A subarray of a subarray becomes one, as in NumPy;
    /// an empty shape gives `base` itself.
    ///
    /// # Errors
    /// [`Error::TooBig`] if an item would be larger than NumPy's 2^31 - 1 bytes, [`Error::DtypeDepth`].
    pub fn subarray(base: Self, shape: &[usize]) -> Result<Self, Error> {
        if shape.is_empty() {
            return Ok(base);
        }
        let sub = Subarray::new(base, shape)?;
        let itemsize = sub.nbytes().ok_or_else(|| sub.too_big())?;
        Ok(Self {
            kind: Kind::Subarray(Arc::new(sub)),
            byteorder: ByteOrder::NotApplicable,
            itemsize,
        })
    }

    /// What the bytes are.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The order of the bytes in each number; `|` for structs, whose fields have their own.
    pub fn byteorder(&self) -> ByteOrder {
        self.byteorder
    }

    /// Bytes per element (`numpy.dtype.itemsize`).
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// The fields, if it is structured.
    pub fn fields(&self) -> Option<&Struct> {
        match &self.kind {
            Kind::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// Whether elements hold Python objects or `StringDType` text anywhere (`numpy.dtype.hasobject`), so that their
    /// bytes mean nothing outside the process that made them.
    pub fn has_object(&self) -> bool {
        match &self.kind {
            Kind::Object | Kind::VariableString => true,
            Kind::Struct(fields) => fields.has_object(),
            Kind::Subarray(sub) => sub.base().has_object(),
            _ => false,
        }
    }

    /// How deep structs and subarrays are nested: 0 for a plain dtype.
    pub fn depth(&self) -> usize {
        match &self.kind {
            Kind::Struct(fields) => fields.depth(),
            Kind::Subarray(sub) => sub.depth(),
            _ => 0,
        }
    }

    /// Whether all numbers in it are in this machine's byte order.
    pub fn is_native(&self) -> bool {
        match &self.kind {
            Kind::Struct(fields) => fields.fields().iter().all(|field| field.dtype.is_native()),
            Kind::Subarray(sub) => sub.base().is_native(),
            _ => self.byteorder == ByteOrder::NotApplicable || self.byteorder == ByteOrder::NATIVE,
        }
    }

    /// The same dtype with every number in `byteorder` (`numpy.dtype.newbyteorder`).
    pub fn with_byteorder(&self, byteorder: ByteOrder) -> Self {
        let mut out = self.clone();
        match &self.kind {
            Kind::Struct(fields) => {
                out.kind = Kind::Struct(Arc::new(fields.with_byteorder(byteorder)))
            }
            Kind::Subarray(sub) => {
                out.kind = Kind::Subarray(Arc::new(sub.with_byteorder(byteorder)))
            }
            _ if self.byteorder != ByteOrder::NotApplicable
                && byteorder != ByteOrder::NotApplicable =>
            {
                out.byteorder = byteorder;
            }
            _ => {}
        }
        out
    }

    /// NumPy's one-letter code of the kind (`numpy.dtype.kind`), e.g. `f`; `V` for structs and subarrays.
    pub fn kind_code(&self) -> char {
        self.kind.code()
    }

    /// NumPy's name (`numpy.dtype.name`) of bools, numbers and objects, e.g. `int16`; of long doubles with the bits that an
    /// element takes, `float128`. `None` of what is not named by its kind and size alone.
    pub fn name(&self) -> Option<String> {
        let bits = self.itemsize() * 8;
        match self.kind_code() {
            'b' => Some("bool".to_owned()),
            'i' => Some(format!("int{bits}")),
            'u' => Some(format!("uint{bits}")),
            'f' => Some(format!("float{bits}")),
            'c' => Some(format!("complex{bits}")),
            'O' => Some("object".to_owned()),
            _ => None,
        }
    }

    /// The type string (`numpy.dtype.str`), e.g. `<f4`, `|S3`, `<M8[us]`, `|V12` for a struct.
    pub fn str(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Dtype {
    /// `numpy.dtype.str`. [`Dtype::descr`] also says what fields there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, code) = (self.byteorder.code(), self.kind.code());
        match &self.kind {
            Kind::Object => write!(f, "|O"),
            Kind::Unicode => write!(f, "{order}U{}", self.itemsize / 4),
            Kind::Datetime(unit) | Kind::Timedelta(unit) => write!(f, "{order}{code}8{unit}"),
            _ => write!(f, "{order}{code}{}", self.itemsize),
        }
    }
}

impl Kind {
    /// NumPy's letter for it, as `dtype.str` spells it (`b` for bool).
    fn code(&self) -> char {
        match self {
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::Uint => 'u',
            Self::Float => 'f',
            Self::Complex => 'c',
            Self::Bytes => 'S',
            Self::Unicode => 'U',
            Self::Void | Self::Struct(_) | Self::Subarray(_) => 'V',
            Self::Datetime(_) => 'M',
            Self::Timedelta(_) => 'm',
            Self::Object => 'O',
            Self::VariableString => 'T',
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "unsigned int",
            Self::Float => "float",
            Self::Complex => "complex",
            Self::Bytes => "byte string",
            Self::Unicode => "unicode string",
            Self::Void => "void",
            Self::Datetime(_) => "datetime64",
            Self::Timedelta(_) => "timedelta64",
            Self::Object => "object",
            Self::VariableString => "StringDType",
            Self::Struct(_) => "struct",
            Self::Subarray(_) => "subarray",
        }
    }

    fn has_byteorder(&self, itemsize: usize) -> bool {
        match self {
            Self::Int | Self::Uint => itemsize > 1,
            Self::Float
            | Self::Complex
            | Self::Unicode
            | Self::Datetime(_)
            | Self::Timedelta(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_numpy_lacks_are_refused() {
        for (kind, itemsize) in [
            (Kind::Int, 3),
            (Kind::Float, 10),
            (Kind::Complex, 4),
            (Kind::Unicode, 6),
            (Kind::Bool, 2),
        ] {
            assert!(Dtype::new(kind, ByteOrder::Little, itemsize).is_err());
        }
    }

    #[test]
    fn one_byte_has_no_byte_order() {
        let dtype = Dtype::new(Kind::Int, ByteOrder::Big, 1).unwrap();
        assert_eq!(dtype.str(), "|i1");
        assert!(dtype.is_native());
    }

    #[test]
    fn swapping_reaches_into_fields() {
        let dtype = Dtype::parse("<i4,>f8,S3").unwrap();
        let big = dtype.with_byteorder(ByteOrder::Big);
        let names: Vec<String> = big
            .fields()
            .unwrap()
            .fields()
            .iter()
            .map(|f| f.dtype.str())
            .collect();
        assert_eq!(names, [">i4", ">f8", "|S3"]);
    }

    #[test]
    fn a_dtype_stays_small() {
        assert!(size_of::<Dtype>() <= 32, "{}", size_of::<Dtype>());
    }
}
