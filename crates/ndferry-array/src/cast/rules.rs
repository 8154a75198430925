//! Which casts are allowed (`numpy.can_cast`).

use crate::{ByteOrder, DateUnit, Dtype, Kind, TimeUnit};

/// How much a cast may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Casting {
    /// Nothing: every value comes out as it was.
    Safe,
    /// Digits or range, but not the kind: float64 to float32, int64 to int8.
    SameKind,
    /// Anything.
    Unsafe,
}

/// Whether NumPy 2 allows this cast (`numpy.can_cast`). Byte order never matters.
///
/// ```
/// use ndferry_array::{Casting, Dtype, can_cast};
///
/// let (i8, f4) = (Dtype::parse("<i8")?, Dtype::parse("<f4")?);
/// assert!(!can_cast(&i8, &f4, Casting::Safe));
/// assert!(can_cast(&i8, &f4, Casting::SameKind));
/// # Ok::<(), ndferry_array::Error>(())
/// ```
pub fn can_cast(from: &Dtype, to: &Dtype, casting: Casting) -> bool {
    needed(from, &with_length(from, to)) <= casting
}

/// The least that allows it.
fn needed(from: &Dtype, to: &Dtype) -> Casting {
    use Casting::{Safe, SameKind, Unsafe};
    let when = |safe: bool, otherwise: Casting| if safe { Safe } else { otherwise };
    let (a, b) = (from.itemsize(), to.itemsize());
    match (from.kind(), to.kind()) {
        _ if from.with_byteorder(ByteOrder::NATIVE) == to.with_byteorder(ByteOrder::NATIVE) => Safe,
        (Kind::Struct(a), Kind::Struct(b)) if a.fields().len() == b.fields().len() => {
            let pairs = a.fields().iter().zip(b.fields());
            pairs
                .map(|(a, b)| needed(&a.dtype, &b.dtype))
                .max()
                .unwrap_or(Safe)
        }
        (Kind::Subarray(a), Kind::Subarray(b)) if a.shape() == b.shape() => {
            needed(a.base(), b.base())
        }
        (Kind::Struct(_) | Kind::Subarray(_), _) | (_, Kind::Struct(_) | Kind::Subarray(_)) => {
            Unsafe
        }
        (Kind::Void, Kind::Void) => when(a <= b, SameKind),
        (Kind::Void, _) => Unsafe,
        (_, Kind::Void) => when(a <= b, Unsafe),

        (Kind::Bytes, Kind::Bytes) | (Kind::Unicode, Kind::Unicode) => when(a <= b, SameKind),
        (Kind::Bytes, Kind::Unicode) => when(a <= b / 4, SameKind),
        (Kind::Bytes | Kind::Unicode, _) => Unsafe,
        (_, Kind::Bytes) => text(from, b),
        (_, Kind::Unicode) => text(from, b / 4),

        (Kind::Datetime(a), Kind::Datetime(b)) => times(*a, *b, true),
        (Kind::Timedelta(a), Kind::Timedelta(b)) => times(*a, *b, false),
        (Kind::Uint, Kind::Timedelta(_)) => when(a < 8, SameKind),
        (Kind::Bool | Kind::Int, Kind::Timedelta(_)) => Safe,
        (Kind::Datetime(_) | Kind::Timedelta(_), _)
        | (_, Kind::Datetime(_) | Kind::Timedelta(_)) => Unsafe,

        (Kind::Bool, _) => Safe,
        (_, Kind::Bool) => Unsafe,
        (Kind::Int, Kind::Int) | (Kind::Uint, Kind::Uint) => when(a <= b, SameKind),
        (Kind::Uint, Kind::Int) => when(a < b, SameKind),
        (Kind::Int | Kind::Uint, Kind::Float) => when(exact(a) <= b, SameKind),
        (Kind::Int | Kind::Uint, Kind::Complex) => when(exact(a) <= b / 2, SameKind),
        (Kind::Float, Kind::Float) | (Kind::Complex, Kind::Complex) => when(a <= b, SameKind),
        (Kind::Float, Kind::Complex) => when(a <= b / 2, SameKind),
        _ => Unsafe,
    }
}

/// Bytes of the smallest float that holds all integers of so many bytes; for 8 NumPy takes double for enough.
fn exact(itemsize: usize) -> usize {
    (2 * itemsize).min(8)
}

/// Numbers as text of so many characters.
fn text(from: &Dtype, length: usize) -> Casting {
    match (from.kind(), characters(from)) {
        (Kind::Datetime(_) | Kind::Timedelta(_), _) | (_, None) => Casting::Unsafe,
        (_, Some(enough)) if enough <= length => Casting::Safe,
        _ => Casting::SameKind,
    }
}

/// How many characters hold every element as text, if it is a number, a time or text.
fn characters(from: &Dtype) -> Option<usize> {
    Some(match (from.kind(), from.itemsize()) {
        (Kind::Bool, _) => 5,
        (Kind::Int, 1) => 4,
        (Kind::Int, 2) => 6,
        (Kind::Int, 4) => 11,
        (Kind::Int, _) => 21,
        (Kind::Uint, 1) => 3,
        (Kind::Uint, 2) => 5,
        (Kind::Uint, 4) => 10,
        (Kind::Uint, _) => 20,
        (Kind::Float, 12 | 16) => 48,
        (Kind::Float, _) => 32,
        (Kind::Complex, 24 | 32) => 96,
        (Kind::Complex, _) => 64,
        (Kind::Datetime(unit), _) => date_characters(unit.unit),
        // NumPy takes 21, which is not enough for their words.
        (Kind::Timedelta(_), _) => 32,
        (Kind::Bytes, length) => length,
        (Kind::Unicode, nbytes) => nbytes / 4,
        _ => return None,
    })
}

/// As numpy/_core/src/multiarray/datetime_strings.c counts them, with a time zone and a NUL.
fn date_characters(unit: DateUnit) -> usize {
    match unit {
        DateUnit::Year => 22,
        DateUnit::Month => 25,
        DateUnit::Week | DateUnit::Day => 28,
        DateUnit::Hour => 32,
        DateUnit::Minute => 35,
        DateUnit::Second => 38,
        DateUnit::Millisecond => 42,
        DateUnit::Microsecond => 45,
        DateUnit::Nanosecond => 48,
        DateUnit::Picosecond => 51,
        DateUnit::Femtosecond => 54,
        DateUnit::Attosecond => 57,
        DateUnit::Generic => 21,
    }
}

/// `to`, but text and bytes without a length get one that is enough for `from`.
pub(super) fn with_length(from: &Dtype, to: &Dtype) -> Dtype {
    if to.kind == Kind::Void && to.itemsize == 0 {
        let is_void = matches!(from.kind, Kind::Void | Kind::Struct(_) | Kind::Subarray(_));
        let itemsize = from.itemsize;
        return if is_void {
            from.clone()
        } else {
            Dtype {
                itemsize,
                ..to.clone()
            }
        };
    }
    let is_text = matches!(to.kind, Kind::Bytes | Kind::Unicode);
    if to.itemsize == 0 && is_text && to.kind == from.kind {
        return from.clone();
    }
    let mut to = to.clone();
    if to.itemsize == 0
        && let Some(length) = characters(from)
    {
        match to.kind {
            Kind::Bytes => to.itemsize = length,
            Kind::Unicode => to.itemsize = 4 * length,
            _ => {}
        }
    }
    to
}

fn times(from: TimeUnit, to: TimeUnit, dates: bool) -> Casting {
    let is_generic = |unit: TimeUnit| unit.unit == DateUnit::Generic;
    if is_generic(from) {
        return Casting::Safe;
    }
    let is_calendar = |unit: TimeUnit| unit.unit <= DateUnit::Month;
    if is_generic(to) || !dates && is_calendar(from) != is_calendar(to) {
        return Casting::Unsafe;
    }
    let is_exact = from.unit <= to.unit && super::time::divides(from, to);
    if is_exact {
        Casting::Safe
    } else {
        Casting::SameKind
    }
}
