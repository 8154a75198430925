//! [`diff`]: where two arrays differ.

use ndferry_array::{ByteOrder, Dtype, Kind, Order};

use crate::number::{digits, float, int, long_float, uint};
use crate::text::scalar_text;
use crate::{ErrorKind, Interrupt, LazyArray, Progress, Result};

/// What counts as equal.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DiffOptions {
    /// Relative tolerance, as in `numpy.isclose`: `|a - b| <= atol + rtol * |b|`.
    pub rtol: f64,
    /// Absolute tolerance.
    pub atol: f64,
    /// NaN equals NaN, NaT equals NaT.
    pub equal_nan: bool,
    /// How many differing elements to list.
    pub max_listed: usize,
    /// Compares dtype and shape only.
    pub headers_only: bool,
    /// Stops the comparison.
    pub interrupt: Interrupt,
}

/// How two arrays differ.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// Not at all.
    Equal,
    /// In dtype; elements were not compared.
    Dtype {
        /// The first one's.
        left: String,
        /// The second one's.
        right: String,
    },
    /// In shape; elements were not compared.
    Shape {
        /// The first one's.
        left: Vec<usize>,
        /// The second one's.
        right: Vec<usize>,
    },
    /// Not known: they are Python objects, which are not compared.
    Objects,
    /// In some elements.
    Elements {
        /// How many differ.
        count: u64,
        /// How many there are.
        size: u64,
        /// Largest `|a - b|` of numbers that differ and are finite, and the index of its first; `None` if there is none.
        max: Option<(f64, Vec<usize>)>,
        /// How many of them differ only since both are NaN, or NaT.
        nan: u64,
        /// The first ones that differ.
        first: Vec<Pair>,
    },
}

/// Two elements that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where they are.
    pub index: Vec<usize>,
    /// The first array's, as NumPy prints its scalar.
    pub left: String,
    /// The second array's.
    pub right: String,
}

impl Difference {
    /// Whether there is none.
    pub fn is_equal(&self) -> bool {
        *self == Self::Equal
    }
}

/// Bytes read at once.
const RUN_NBYTES: usize = 1 << 20;

/// Bytes compared at once.
const PIECE_NBYTES: usize = 1 << 12;

/// Compares two arrays element by element, streaming with bounded memory. Byte order, memory order and the padding of
/// structs do not count.
///
/// # Errors
/// Whatever reading brings.
pub fn diff(
    left: &LazyArray,
    right: &LazyArray,
    options: &DiffOptions,
    progress: &dyn Progress,
) -> Result<Difference> {
    if !is_same(left.dtype(), right.dtype()) {
        let text = |array: &LazyArray| match array.dtype().descr() {
            Ok(descr) => descr.to_string(),
            Err(_) => array.dtype().str(),
        };
        return Ok(Difference::Dtype {
            left: text(left),
            right: text(right),
        });
    }
    if left.shape() != right.shape() {
        return Ok(Difference::Shape {
            left: left.shape().to_vec(),
            right: right.shape().to_vec(),
        });
    }
    if options.headers_only {
        return Ok(Difference::Equal);
    }
    if left.dtype().has_object() {
        return Ok(Difference::Objects);
    }
    let order = left.order();
    let mut tally = Tally {
        options,
        order,
        shape: left.shape(),
        count: 0,
        max: None,
        nan: 0,
        first: Vec::new(),
    };
    let same_bytes = left.dtype() == right.dtype();
    let leaves = leaves(left.dtype(), right.dtype(), options)?;
    progress.start(left.path(), Some(left.nbytes()));
    let itemsize = left.dtype().itemsize().max(1);
    let (mut lefts, mut rights) = (
        left.runs_in(order, RUN_NBYTES)?,
        right.runs_in(order, RUN_NBYTES)?,
    );
    // Bytes of the current runs that are compared already; the two sides may cut their runs differently.
    let (mut left_at, mut right_at) = (0, 0);
    loop {
        options.interrupt.check()?;
        if left_at == lefts.run().bytes.len() {
            left_at = 0;
            if !lefts.advance()? {
                break;
            }
        }
        if right_at == rights.run().bytes.len() {
            right_at = 0;
            if !rights.advance()? {
                break;
            }
        }
        let (run, other) = (lefts.run(), rights.run());
        let (a, b) = (&run.bytes[left_at..], &other.bytes[right_at..]);
        let nbytes = a.len().min(b.len());
        let start = run.start + (left_at / itemsize) as u64;
        let (a, b) = (&a[..nbytes], &b[..nbytes]);
        // Mostly equal arrays are compared at memory speed: only pieces that differ are looked into.
        let step = (PIECE_NBYTES / itemsize).max(1) * itemsize;
        for (i, (a, b)) in a.chunks(step).zip(b.chunks(step)).enumerate() {
            if !(same_bytes && a == b && !may_hold_nan(a, &leaves)) {
                let start = start + (i * step / itemsize) as u64;
                compare(a, b, itemsize, &leaves, start, &mut tally);
            }
        }
        left_at += nbytes;
        right_at += nbytes;
        progress.advance(nbytes as u64);
    }
    progress.finish();
    if tally.count == 0 {
        return Ok(Difference::Equal);
    }
    let index = |number| tally.index(number);
    Ok(Difference::Elements {
        count: tally.count,
        size: left.size(),
        max: tally.max.map(|(delta, number)| (delta, index(number))),
        nan: tally.nan,
        first: tally
            .first
            .iter()
            .map(|(number, a, b)| {
                Ok(Pair {
                    index: index(*number),
                    left: scalar_text(left.dtype(), a)?,
                    right: scalar_text(right.dtype(), b)?,
                })
            })
            .collect::<Result<_>>()?,
    })
}

/// Whether elements of the two hold the same: byte order does not count, nor whether NumPy was told to align fields that
/// lie at the same bytes anyway.
fn is_same(left: &Dtype, right: &Dtype) -> bool {
    match (left.kind(), right.kind()) {
        (Kind::Struct(a), Kind::Struct(b)) => {
            let (a, b) = (a.fields(), b.fields());
            left.itemsize() == right.itemsize()
                && a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    (&a.name, &a.title, a.offset) == (&b.name, &b.title, b.offset)
                        && is_same(&a.dtype, &b.dtype)
                })
        }
        (Kind::Subarray(a), Kind::Subarray(b)) => {
            a.shape() == b.shape() && is_same(a.base(), b.base())
        }
        _ => left.with_byteorder(ByteOrder::NATIVE) == right.with_byteorder(ByteOrder::NATIVE),
    }
}

/// What was found so far.
struct Tally<'a> {
    options: &'a DiffOptions,
    order: Order,
    shape: &'a [usize],
    count: u64,
    max: Option<(f64, u64)>,
    nan: u64,
    /// Numbers, and the elements of both sides.
    first: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

impl Tally<'_> {
    /// The index of element number `number` in the runs' order.
    fn index(&self, mut number: u64) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        let mut fill = |axis: usize| {
            let extent = self.shape[axis] as u64;
            index[axis] = (number % extent) as usize;
            number /= extent;
        };
        match self.order {
            Order::C => (0..self.shape.len()).rev().for_each(&mut fill),
            Order::F => (0..self.shape.len()).for_each(&mut fill),
        }
        index
    }

    fn differ(&mut self, number: u64, (a, b): (&[u8], &[u8]), delta: Option<f64>) {
        self.count += 1;
        if self.first.len() < self.options.max_listed {
            self.first.push((number, a.to_vec(), b.to_vec()));
        }
        if let Some(delta) = delta
            && self.max.is_none_or(|(max, _)| delta > max)
        {
            self.max = Some((delta, number));
        }
    }
}

/// One part of an element that is compared as a whole: a number, a text, a run of bytes.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    offset: usize,
    nbytes: usize,
    what: What,
    /// Byte orders of the two sides.
    swap: (bool, bool),
    /// Whether equal bytes are equal values (not so for NaN).
    bytes_decide: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Bytes,
    Code32,
    Int,
    Uint,
    Time,
    Float,
    Complex,
    /// Long double of some platform.
    LongFloat,
}

/// The parts of an element, fields and subarrays taken apart. Padding is not among them.
fn leaves(left: &Dtype, right: &Dtype, options: &DiffOptions) -> Result<Vec<Leaf>> {
    let mut out = Vec::new();
    collect(left, right, 0, options, &mut out)?;
    Ok(out)
}

fn collect(
    left: &Dtype,
    right: &Dtype,
    offset: usize,
    options: &DiffOptions,
    out: &mut Vec<Leaf>,
) -> Result<()> {
    let what = match (left.kind(), right.kind()) {
        (Kind::Struct(a), Kind::Struct(b)) => {
            for (a, b) in a.fields().iter().zip(b.fields()) {
                collect(&a.dtype, &b.dtype, offset + a.offset, options, out)?;
            }
            return Ok(());
        }
        (Kind::Subarray(a), Kind::Subarray(b)) => {
            let step = a.base().itemsize().max(1);
            for offset in (offset..offset + left.itemsize()).step_by(step) {
                collect(a.base(), b.base(), offset, options, out)?;
            }
            return Ok(());
        }
        (Kind::Object | Kind::VariableString, _) => return Err(ErrorKind::Objects.into()),
        (Kind::Int, _) => What::Int,
        (Kind::Uint, _) => What::Uint,
        (Kind::Datetime(_) | Kind::Timedelta(_), _) => What::Time,
        (Kind::Float, _) if left.itemsize() > 8 => What::LongFloat,
        (Kind::Complex, _) if left.itemsize() > 16 => What::Bytes,
        (Kind::Float, _) => What::Float,
        (Kind::Complex, _) => What::Complex,
        (Kind::Unicode, _) => What::Code32,
        _ => What::Bytes,
    };
    let has_nan = matches!(
        what,
        What::Float | What::Complex | What::LongFloat | What::Time
    );
    out.push(Leaf {
        offset,
        nbytes: left.itemsize(),
        what,
        swap: (!left.is_native(), !right.is_native()),
        bytes_decide: options.equal_nan || !has_nan,
    });
    Ok(())
}

/// Whether some element of these bytes could differ from itself.
fn may_hold_nan(bytes: &[u8], leaves: &[Leaf]) -> bool {
    let [leaf] = leaves else {
        return !leaves.iter().all(|leaf| leaf.bytes_decide);
    };
    let swap = leaf.swap.0;
    let width = if leaf.what == What::Complex {
        leaf.nbytes / 2
    } else {
        leaf.nbytes
    };
    match (leaf.what, width) {
        _ if leaf.bytes_decide => false,
        (What::Float | What::Complex, 4) => bytes.as_chunks().0.iter().any(|number| {
            let bits = u32::from_ne_bytes(*number);
            f32::from_bits(if swap { bits.swap_bytes() } else { bits }).is_nan()
        }),
        (What::Float | What::Complex, 8) => bytes.as_chunks().0.iter().any(|number| {
            let bits = u64::from_ne_bytes(*number);
            f64::from_bits(if swap { bits.swap_bytes() } else { bits }).is_nan()
        }),
        _ => true,
    }
}

/// Compares whole elements.
fn compare(a: &[u8], b: &[u8], itemsize: usize, leaves: &[Leaf], start: u64, tally: &mut Tally) {
    let lenient = DiffOptions {
        equal_nan: true,
        ..tally.options.clone()
    };
    for (i, (a, b)) in a
        .chunks_exact(itemsize)
        .zip(b.chunks_exact(itemsize))
        .enumerate()
    {
        let (mut equal, mut only_nan, mut delta) = (true, true, None::<f64>);
        for leaf in leaves {
            let range = leaf.offset..leaf.offset + leaf.nbytes;
            let (x, y) = (&a[range.clone()], &b[range]);
            let (same, by) = leaf.compare(x, y, tally.options);
            equal &= same;
            only_nan &= same || leaf.compare(x, y, &lenient).0;
            if !same && let Some(by) = by {
                delta = Some(delta.map_or(by, |delta| delta.max(by)));
            }
        }
        if !equal {
            tally.nan += u64::from(only_nan);
            tally.differ(start + i as u64, (a, b), delta);
        }
    }
}

impl Leaf {
    /// Whether the two are equal, and by how much they differ if both are finite numbers.
    fn compare(&self, a: &[u8], b: &[u8], options: &DiffOptions) -> (bool, Option<f64>) {
        let close = |delta: f64, b: f64| delta <= options.atol + options.rtol * b.abs();
        match self.what {
            What::Bytes => (
                a == b && self.swap.0 == self.swap.1 || swapped_eq(self, a, b),
                None,
            ),
            What::Code32 => (
                a.chunks_exact(4)
                    .zip(b.chunks_exact(4))
                    .all(|(a, b)| uint(a, self.swap.0) == uint(b, self.swap.1)),
                None,
            ),
            What::Int => {
                let (a, b) = (int(a, self.swap.0), int(b, self.swap.1));
                let delta = (i128::from(a) - i128::from(b)).unsigned_abs() as f64;
                (a == b || close(delta, b as f64), Some(delta))
            }
            What::Uint => {
                let (a, b) = (uint(a, self.swap.0), uint(b, self.swap.1));
                let delta = a.abs_diff(b) as f64;
                (a == b || close(delta, b as f64), Some(delta))
            }
            What::Time => {
                let (a, b) = (int(a, self.swap.0), int(b, self.swap.1));
                let nat = ndferry_array::NAT;
                (a == b && (a != nat || options.equal_nan), None)
            }
            What::Float => {
                let (a, b) = (float(a, self.swap.0), float(b, self.swap.1));
                real(a, b, options)
            }
            What::LongFloat => {
                let (x, y) = (long_float(a, self.swap.0), long_float(b, self.swap.1));
                let (same, delta) = real(x, y, options);
                // Two numbers that differ beyond double precision.
                let exact = options.rtol == 0.0 && options.atol == 0.0;
                let nan = x.is_nan() && y.is_nan();
                (
                    same && (!exact || nan || x == 0.0 || significant_eq(self, a, b)),
                    delta,
                )
            }
            What::Complex => {
                let half = self.nbytes / 2;
                let (ar, ai) = (
                    float(&a[..half], self.swap.0),
                    float(&a[half..], self.swap.0),
                );
                let (br, bi) = (
                    float(&b[..half], self.swap.1),
                    float(&b[half..], self.swap.1),
                );
                let nan = (ar.is_nan() || ai.is_nan(), br.is_nan() || bi.is_nan());
                if nan.0 || nan.1 {
                    return (nan.0 && nan.1 && options.equal_nan, None);
                }
                if ar == br && ai == bi {
                    return (true, Some(0.0));
                }
                let delta = (ar - br).hypot(ai - bi);
                let finite = delta.is_finite() && br.is_finite() && bi.is_finite();
                (
                    finite && close(delta, br.hypot(bi)),
                    finite.then_some(delta),
                )
            }
        }
    }
}

fn real(a: f64, b: f64, options: &DiffOptions) -> (bool, Option<f64>) {
    if a.is_nan() || b.is_nan() {
        return (a.is_nan() && b.is_nan() && options.equal_nan, None);
    }
    if a == b {
        return (true, Some(0.0));
    }
    let delta = (a - b).abs();
    let finite = a.is_finite() && b.is_finite();
    let close = finite && delta <= options.atol + options.rtol * b.abs();
    (close, finite.then_some(delta))
}

/// Whether all bytes of two long doubles that mean something are equal.
fn significant_eq(leaf: &Leaf, a: &[u8], b: &[u8]) -> bool {
    let quad = leaf.nbytes == 16 && leaf.swap.0 != cfg!(target_endian = "big");
    let significant = if quad { 16 } else { 10 };
    digits(a, leaf.swap.0)
        .zip(digits(b, leaf.swap.1))
        .take(significant)
        .all(|(a, b)| a == b)
}

/// Plain bytes have no order; long complex numbers do.
fn swapped_eq(leaf: &Leaf, a: &[u8], b: &[u8]) -> bool {
    let half = leaf.nbytes / 2;
    leaf.swap.0 != leaf.swap.1
        && a.chunks(half.max(1))
            .zip(b.chunks(half.max(1)))
            .all(|(a, b)| digits(a, leaf.swap.0).eq(digits(b, leaf.swap.1)))
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Indexing};

    use super::*;

    fn lazy(array: Array) -> LazyArray {
        array.into()
    }

    fn compare_with(a: Array, b: Array, options: &DiffOptions) -> Difference {
        diff(&lazy(a), &lazy(b), options, &()).unwrap()
    }

    #[test]
    fn equal_arrays_in_other_orders_do_not_differ() {
        let a = Array::from_elements(&[3, 4], &(0..12).collect::<Vec<i32>>()).unwrap();
        let f = a.view().to_array(Order::F).unwrap();
        let big = a.view().to_byteorder(ByteOrder::Big).unwrap();
        let strided = a.index(&"::-1, ::-1".parse::<Indexing>().unwrap()).unwrap();
        let back = strided
            .index(&"::-1, ::-1".parse::<Indexing>().unwrap())
            .unwrap();
        for other in [f, big, back] {
            assert_eq!(
                compare_with(a.clone(), other, &DiffOptions::default()),
                Difference::Equal
            );
        }
        assert!(!compare_with(a.clone(), strided, &DiffOptions::default()).is_equal());
    }

    #[test]
    fn differing_elements_are_counted_and_placed() {
        let a = Array::from_elements(&[2, 3], &[1.0f64, 2.0, 3.0, 4.0, 5.0, f64::NAN]).unwrap();
        let b = Array::from_elements(&[2, 3], &[1.0f64, 2.5, 3.0, 4.0, 9.0, f64::NAN]).unwrap();
        let options = DiffOptions {
            max_listed: 2,
            ..DiffOptions::default()
        };
        let expected = Difference::Elements {
            count: 3,
            size: 6,
            max: Some((4.0, vec![1, 1])),
            nan: 1,
            first: vec![
                Pair {
                    index: vec![0, 1],
                    left: "2.0".to_owned(),
                    right: "2.5".to_owned(),
                },
                Pair {
                    index: vec![1, 1],
                    left: "5.0".to_owned(),
                    right: "9.0".to_owned(),
                },
            ],
        };
        assert_eq!(compare_with(a.clone(), b.clone(), &options), expected);
        // The index is NumPy's in whatever order the elements lie.
        let (fa, fb) = (
            a.view().to_array(Order::F).unwrap(),
            b.view().to_array(Order::F).unwrap(),
        );
        let Difference::Elements { max, count, .. } = compare_with(fa, fb, &options) else {
            panic!("they differ")
        };
        assert_eq!((max, count), (Some((4.0, vec![1, 1])), 3));
        let loose = DiffOptions {
            rtol: 0.5,
            atol: 0.1,
            equal_nan: true,
            ..DiffOptions::default()
        };
        assert_eq!(compare_with(a, b, &loose), Difference::Equal);
    }

    #[test]
    fn identical_bytes_with_nan_differ_unless_told_otherwise() {
        let a = Array::from_elements(&[2], &[f32::NAN, 1.0]).unwrap();
        let strict = compare_with(a.clone(), a.clone(), &DiffOptions::default());
        assert!(
            matches!(
                strict,
                Difference::Elements {
                    count: 1,
                    max: None,
                    ..
                }
            ),
            "{strict:?}"
        );
        let options = DiffOptions {
            equal_nan: true,
            ..DiffOptions::default()
        };
        assert!(compare_with(a.clone(), a, &options).is_equal());
    }

    #[test]
    fn padding_of_structs_does_not_count() {
        let dtype =
            Dtype::from_descr(&Dtype::parse("<i2,V2,>f4").unwrap().descr().unwrap()).unwrap();
        // Two bytes of unnamed padding between the fields.
        let padded = ndferry_array::Struct::new(
            vec![
                ndferry_array::Field::new("a", Dtype::parse("<i2").unwrap(), 0),
                ndferry_array::Field::new("b", Dtype::parse(">f4").unwrap(), 4),
            ],
            8,
            false,
        );
        let padded = Dtype::structured(padded.unwrap());
        let make = |dtype: &Dtype, bytes: [u8; 8]| {
            Array::contiguous(dtype.clone(), &[1], Order::C, bytes.to_vec()).unwrap()
        };
        let (a, b) = (
            [1, 0, 0, 0, 0x3f, 0x80, 0, 0],
            [1, 0, 9, 9, 0x3f, 0x80, 0, 0],
        );
        let options = DiffOptions::default();
        assert!(compare_with(make(&padded, a), make(&padded, b), &options).is_equal());
        assert!(!compare_with(make(&dtype, a), make(&dtype, b), &options).is_equal());
    }

    #[test]
    fn a_dtype_made_to_align_is_the_same_as_one_with_gaps() {
        let make = |aligned| {
            let fields = vec![
                ndferry_array::Field::new("a", Dtype::parse("u1").unwrap(), 0),
                ndferry_array::Field::new("b", Dtype::parse("<f4").unwrap(), 4),
            ];
            let dtype = Dtype::structured(ndferry_array::Struct::new(fields, 8, aligned).unwrap());
            let bytes = vec![1, 0, 0, 0, 0, 0, 0x80, 0x3f];
            Array::contiguous(dtype, &[1], Order::C, bytes).unwrap()
        };
        let found = compare_with(make(true), make(false), &DiffOptions::default());
        assert_eq!(found, Difference::Equal);
    }

    #[test]
    fn shapes_and_dtypes_come_first() {
        let a = Array::from_elements(&[2], &[1u8, 2]).unwrap();
        let b = Array::from_elements(&[2, 1], &[1u8, 2]).unwrap();
        let c = Array::from_elements(&[2], &[1u16, 2]).unwrap();
        let options = DiffOptions::default();
        assert!(matches!(
            compare_with(a.clone(), b, &options),
            Difference::Shape { .. }
        ));
        assert!(matches!(
            compare_with(a, c, &options),
            Difference::Dtype { .. }
        ));
    }

    #[test]
    fn integers_beyond_doubles_are_compared_exactly() {
        let a = Array::from_elements(&[1], &[i64::MAX]).unwrap();
        let b = Array::from_elements(&[1], &[i64::MAX - 1]).unwrap();
        let found = compare_with(a, b, &DiffOptions::default());
        assert!(
            matches!(
                found,
                Difference::Elements {
                    count: 1,
                    max: Some((1.0, _)),
                    ..
                }
            ),
            "{found:?}"
        );
    }
}
