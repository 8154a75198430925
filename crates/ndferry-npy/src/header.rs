//! [`Header`]: what an NPY file says before its data.

use std::io::Read;

use ndferry_array::{Descr, DescrField, Dtype, Layout, Order};

use crate::literal::{Encoding, Literal, parse};
use crate::{Error, ErrorKind, Limits};

/// What every NPY file starts with.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Heads are padded so that data starts at a multiple of this many bytes.
const ALIGN: usize = 64;

/// NumPy leaves room for the growing extent to have this many digits (`GROWTH_AXIS_MAX_DIGITS`).
const GROWTH_DIGITS: usize = 21;

/// A version of the format: how long the header's length is, and how its text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.0: two bytes of length, Latin-1.
    V1,
    /// 2.0: four bytes of length, Latin-1.
    V2,
    /// 3.0: four bytes of length, UTF-8.
    V3,
}

impl Version {
    /// The two numbers after the magic.
    pub fn numbers(self) -> (u8, u8) {
        match self {
            Self::V1 => (1, 0),
            Self::V2 => (2, 0),
            Self::V3 => (3, 0),
        }
    }

    /// Bytes before the header's text: magic, version, length.
    pub(crate) fn prefix_nbytes(self) -> usize {
        if self == Self::V1 { 10 } else { 12 }
    }

    /// A header's text as this version stores it; `None` if it has no such characters.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self.encoding() {
            Encoding::Latin1 => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect(),
            Encoding::Utf8 => Some(text.as_bytes().to_vec()),
        }
    }

    fn encoding(self) -> Encoding {
        if self == Self::V3 {
            Encoding::Utf8
        } else {
            Encoding::Latin1
        }
    }
}

/// What describes one array in an NPY file (`numpy.lib.format`).
///
/// ```
/// use ndferry_array::{Dtype, Order};
/// use ndferry_npy::Header;
///
/// let header = Header::new(Dtype::parse("<f4")?, &[3, 4], Order::C);
/// let bytes = header.to_bytes()?;
/// let (parsed, data_offset) = Header::parse(&bytes)?;
/// assert_eq!((parsed, data_offset), (header, 128));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version it was read from; [`Self::to_bytes`] writes the lowest that can hold it, as NumPy does.
    pub version: Version,
    /// What the elements are.
    pub dtype: Dtype,
    /// The order in which the elements are stored.
    pub order: Order,
    /// The extent of each axis.
    pub shape: Vec<usize>,
}

impl Header {
    /// The header of an array that is stored in this order. As NumPy does, what is contiguous in both orders (one
    /// axis, no elements …) is called C.
    pub fn new(dtype: Dtype, shape: &[usize], order: Order) -> Self {
        let both = shape.contains(&0) || shape.iter().filter(|extent| **extent != 1).count() < 2;
        Self {
            version: Version::V1,
            dtype,
            order: if both { Order::C } else { order },
            shape: shape.to_vec(),
        }
    }

    /// Parses the head of a file that is in memory; gives the header and where the data starts, in bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] says how many bytes are needed; the others what is wrong and where.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Error> {
        Self::parse_limited(bytes, &Limits::default())
    }

    /// [`Self::parse`] with limits of the caller's.
    ///
    /// # Errors
    /// As [`Self::parse`], and [`ErrorKind::HeaderTooLong`].
    pub fn parse_limited(bytes: &[u8], limits: &Limits) -> Result<(Self, usize), Error> {
        let (version, end) = head_nbytes(bytes, limits)?;
        let start = version.prefix_nbytes();
        let text = bytes.get(start..end).ok_or_else(|| {
            ErrorKind::Truncated {
                needed: end as u64,
                found: bytes.len() as u64,
            }
            .at(bytes.len() as u64)
        })?;
        let literal = parse(text, version.encoding(), start as u64)?;
        let header = from_literal(version, literal).map_err(|kind| kind.at(start as u64))?;
        Ok((header, end))
    }

    /// Reads exactly the head from a stream; gives the header and how many bytes that were.
    ///
    /// # Errors
    /// As [`Self::parse_limited`], and what the stream reports.
    pub fn read(from: &mut impl Read, limits: &Limits) -> Result<(Self, usize), Error> {
        let mut head = Vec::with_capacity(128);
        loop {
            let needed = match head_nbytes(&head, limits) {
                Ok((_, needed)) if head.len() == needed => {
                    return Self::parse_limited(&head, limits);
                }
                Ok((_, needed)) => needed,
                Err(Error {
                    kind: ErrorKind::Truncated { needed, .. },
                    ..
                }) => needed as usize,
                Err(error) => return Err(error),
            };
            // At most the limit, which head_nbytes has checked.
            let have = head.len();
            from.take((needed - have) as u64)
                .read_to_end(&mut head)
                .map_err(|error| Error::from_io(error, have as u64))?;
            if head.len() < needed {
                let found = head.len() as u64;
                return Err(match head_nbytes(&head, limits) {
                    Err(error) => error,
                    Ok(_) => ErrorKind::Truncated {
                        needed: needed as u64,
                        found,
                    }
                    .at(found),
                });
            }
        }
    }

    /// The head as `numpy.save` writes it, byte for byte: the lowest version that can hold it, spare room for the
    /// growing axis, padding to a multiple of 64 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Array`] for a dtype that a descr cannot express; [`ErrorKind::HeaderTooLong`] over 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let text = self.text().map_err(|kind| kind.at(0))?;
        let wrapped = match Version::V1.encode(&text) {
            Some(latin1) => wrap(Version::V1, &latin1).or_else(|| wrap(Version::V2, &latin1)),
            None => wrap(Version::V3, text.as_bytes()),
        };
        wrapped.ok_or_else(|| {
            ErrorKind::HeaderTooLong {
                nbytes: text.len() as u64,
                limit: u32::MAX.into(),
            }
            .at(0)
        })
    }

    /// The dictionary and the spare room after it.
    pub(crate) fn text(&self) -> Result<String, ErrorKind> {
        use std::fmt::Write;
        let fortran = self.order == Order::F;
        let mut text = format!(
            "{{'descr': {}, 'fortran_order': {}, 'shape': (",
            self.dtype.descr()?,
            if fortran { "True" } else { "False" },
        );
        for (i, extent) in self.shape.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{extent}", if i > 0 { ", " } else { "" });
        }
        text.push_str(if self.shape.len() == 1 {
            ",), }"
        } else {
            "), }"
        });
        let growing = if fortran {
            self.shape.last()
        } else {
            self.shape.first()
        };
        if let Some(extent) = growing {
            let digits = extent.checked_ilog10().unwrap_or(0) as usize + 1;
            text.extend(std::iter::repeat_n(
                ' ',
                GROWTH_DIGITS.saturating_sub(digits),
            ));
        }
        Ok(text)
    }

    /// Bytes of all elements, or `None` if that overflows.
    pub fn data_nbytes(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape
            .iter()
            .try_fold(self.dtype.itemsize() as u64, |n, extent| {
                n.checked_mul(*extent as u64)
            })
    }

    /// Where each element lies in the data.
    ///
    /// # Errors
    /// [`ndferry_array::Error::TooBig`], [`ndferry_array::Error::TooManyAxes`].
    pub fn layout(&self) -> Result<Layout, ndferry_array::Error> {
        Layout::contiguous(&self.shape, self.dtype.itemsize(), self.order)
    }
}

/// The version and how many bytes the whole head has, as soon as that is known.
fn head_nbytes(bytes: &[u8], limits: &Limits) -> Result<(Version, usize), Error> {
    let len = bytes.len().min(MAGIC.len());
    if bytes[..len] != MAGIC[..len] {
        let found = bytes[..bytes.len().min(8)].to_vec();
        return Err(ErrorKind::Magic { found }.at(0));
    }
    let cut = |needed: usize| {
        ErrorKind::Truncated {
            needed: needed as u64,
            found: bytes.len() as u64,
        }
        .at(bytes.len() as u64)
    };
    let version = match bytes.get(6..8) {
        None => return Err(cut(10)),
        Some([1, 0]) => Version::V1,
        Some([2, 0]) => Version::V2,
        Some([3, 0]) => Version::V3,
        Some(other) => {
            let (major, minor) = (other[0], other[1]);
            return Err(ErrorKind::Version { major, minor }.at(6));
        }
    };
    let prefix = version.prefix_nbytes();
    let length = bytes.get(8..prefix).ok_or_else(|| cut(prefix))?;
    let length = length
        .iter()
        .rev()
        .fold(0u64, |length, byte| length << 8 | u64::from(*byte));
    if length > limits.header_nbytes {
        let limit = limits.header_nbytes;
        return Err(ErrorKind::HeaderTooLong {
            nbytes: length,
            limit,
        }
        .at(8));
    }
    Ok((version, prefix + length as usize))
}

fn wrap(version: Version, text: &[u8]) -> Option<Vec<u8>> {
    let prefix = version.prefix_nbytes();
    let padding = ALIGN - (prefix + text.len() + 1) % ALIGN;
    let length = text.len() + padding + 1;
    let mut out = Vec::with_capacity(prefix + length);
    out.extend_from_slice(&MAGIC);
    let (major, minor) = version.numbers();
    out.extend_from_slice(&[major, minor]);
    match version {
        Version::V1 => out.extend_from_slice(&u16::try_from(length).ok()?.to_le_bytes()),
        _ => out.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes()),
    }
    out.extend_from_slice(text);
    out.resize(out.len() + padding, b' ');
    out.push(b'\n');
    Some(out)
}

fn from_literal(version: Version, literal: Literal) -> Result<Header, ErrorKind> {
    let wrong = |key, problem| ErrorKind::Key { key, problem };
    let Literal::Dict(pairs) = literal else {
        return Err(wrong("dict", "it is not a dictionary"));
    };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    for (key, value) in pairs {
        // Of a key that is there twice Python keeps the last.
        match &key {
            Literal::Str(key) if key == "descr" => descr = Some(value),
            Literal::Str(key) if key == "fortran_order" => fortran = Some(value),
            Literal::Str(key) if key == "shape" => shape = Some(value),
            _ => {
                return Err(wrong(
                    "dict",
                    "it has other keys than descr, fortran_order and shape",
                ));
            }
        }
    }
    let order = match fortran {
        Some(Literal::Bool(true)) => Order::F,
        Some(Literal::Bool(false)) => Order::C,
        Some(_) => return Err(wrong("fortran_order", "it is neither True nor False")),
        None => return Err(wrong("fortran_order", "it is missing")),
    };
    let shape = match shape {
        Some(Literal::Tuple(dims)) => {
            extents(&dims).ok_or_else(|| wrong("shape", "it is not a tuple of sizes"))?
        }
        Some(_) => return Err(wrong("shape", "it is not a tuple of sizes")),
        None => return Err(wrong("shape", "it is missing")),
    };
    let dtype = match descr {
        Some(Literal::Str(text)) => Dtype::parse(&text)?,
        Some(other) => {
            let descr = to_descr(other).ok_or_else(|| wrong("descr", "it is not a dtype"))?;
            Dtype::from_descr(&descr)?
        }
        None => return Err(wrong("descr", "it is missing")),
    };
    // `numpy.dtype(("<i4", (3,)))` at the top: the subarray's axes become the array's, which no writer means.
    if matches!(dtype.kind(), ndferry_array::Kind::Subarray(_)) {
        return Err(wrong(
            "descr",
            "it is a subarray, which NumPy never writes here",
        ));
    }
    let header = Header {
        version,
        dtype,
        order,
        shape,
    };
    header.layout()?;
    Ok(header)
}

fn extents(dims: &[Literal]) -> Option<Vec<usize>> {
    dims.iter()
        .map(|dim| match dim {
            Literal::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        })
        .collect()
}

fn to_descr(literal: Literal) -> Option<Descr> {
    match literal {
        Literal::Str(text) => Some(Descr::Str(text)),
        Literal::List(items) => {
            let fields: Option<Vec<DescrField>> = items.into_iter().map(to_field).collect();
            fields.map(Descr::Fields)
        }
        Literal::Tuple(items) => {
            let [base, shape] = <[Literal; 2]>::try_from(items).ok()?;
            Some(Descr::Subarray(
                Box::new(to_descr(base)?),
                to_shape(&shape)?,
            ))
        }
        _ => None,
    }
}

fn to_field(literal: Literal) -> Option<DescrField> {
    // A list as well as a tuple, since NumPy only unpacks it.
    let (Literal::Tuple(items) | Literal::List(items)) = literal else {
        return None;
    };
    let mut items = items.into_iter();
    let (title, name) = match items.next()? {
        Literal::Str(name) => (None, name),
        Literal::Tuple(pair) => match <[Literal; 2]>::try_from(pair).ok()? {
            [Literal::Str(title), Literal::Str(name)] => (Some(title), name),
            [Literal::None, Literal::Str(name)] => (None, name),
            _ => return None,
        },
        _ => return None,
    };
    let descr = to_descr(items.next()?)?;
    let shape = match items.next() {
        Some(shape) => Some(to_shape(&shape)?),
        None => None,
    };
    items.next().is_none().then_some(DescrField {
        name,
        title,
        descr,
        shape,
    })
}

/// A subarray's shape: a tuple, a list, or one extent.
fn to_shape(literal: &Literal) -> Option<Vec<usize>> {
    match literal {
        Literal::Tuple(dims) | Literal::List(dims) => extents(dims),
        one => extents(std::slice::from_ref(one)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Vec<u8> {
        wrap(Version::V1, text.as_bytes()).unwrap()
    }

    #[test]
    fn the_head_is_what_numpy_writes() {
        let header = Header::new(Dtype::parse("<i4").unwrap(), &[2, 3], Order::F);
        let bytes = header.to_bytes().unwrap();
        let text = "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }";
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00v\x00");
        assert_eq!(&bytes[10..10 + text.len()], text.as_bytes());
        assert_eq!((bytes.len(), bytes[127]), (128, b'\n'));
    }

    #[test]
    fn long_headers_and_unicode_names_choose_their_version() {
        let fields = (0..5000).map(|i| (format!("field{i}"), Dtype::U8));
        let long = Dtype::structured(ndferry_array::Struct::packed(fields).unwrap());
        let bytes = Header::new(long.clone(), &[1], Order::C)
            .to_bytes()
            .unwrap();
        assert_eq!(bytes[6], 2);
        assert_eq!(Header::parse(&bytes).unwrap().0.dtype, long);
        let name = Dtype::structured(
            ndferry_array::Struct::packed([("日".to_owned(), Dtype::U8)]).unwrap(),
        );
        let bytes = Header::new(name.clone(), &[1], Order::C)
            .to_bytes()
            .unwrap();
        assert_eq!(bytes[6], 3);
        assert_eq!(Header::parse(&bytes).unwrap().0.dtype, name);
    }

    #[test]
    fn lists_may_stand_where_numpy_writes_tuples() {
        let parse = |descr: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}");
            Header::parse(&head(&text)).map(|(header, _)| header.dtype)
        };
        let tuples = parse("[('a', [('b', '<i4', (2,))])]").unwrap();
        assert_eq!(parse("[['a', [['b', '<i4', [2]]]]]").unwrap(), tuples);
        for wrong in [
            "['a', '<i4']",
            "[['a'], '<i4']",
            "[('a', ['b', '<i4'])]",
            "[(['t', 'a'], '<i4')]",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let nameless = parse("[('', '<i4'), ('f0', '<i4'), ('', '|V4')]").unwrap();
        let names: Vec<&str> = nameless
            .fields()
            .unwrap()
            .fields()
            .iter()
            .map(|f| &*f.name)
            .collect();
        assert_eq!((names, nameless.itemsize()), (vec!["", "f0"], 12));
        assert!(parse("[('', '<i4'), ('', '<f4')]").is_err());
    }

    #[test]
    fn hostile_shapes_are_refused() {
        for shape in [
            "(-1,)",
            "(9223372036854775807, 9)",
            "[2]",
            "3",
            "(True, 2)",
            "(1.0,)",
            "('1',)",
        ] {
            let text = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}}}");
            assert!(Header::parse(&head(&text)).is_err(), "{shape}");
        }
    }

    #[test]
    fn every_truncation_says_what_is_missing() {
        let whole = Header::new(Dtype::U8, &[3], Order::C).to_bytes().unwrap();
        for n in 0..whole.len() {
            let error = Header::parse(&whole[..n]).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::Truncated { needed, .. } if needed > n as u64),
                "{n}: {error}"
            );
            assert!(matches!(
                Header::read(&mut &whole[..n], &Limits::default()),
                Err(Error {
                    kind: ErrorKind::Truncated { .. },
                    ..
                })
            ));
        }
        assert_eq!(
            Header::read(&mut &whole[..], &Limits::default()).unwrap().1,
            whole.len()
        );
    }

    #[test]
    fn a_header_over_the_limit_is_not_read() {
        let bytes = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'";
        assert!(matches!(
            Header::parse(bytes).unwrap_err().kind,
            ErrorKind::HeaderTooLong { .. }
        ));
    }
}
