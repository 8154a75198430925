//! Elements of another dtype, by NumPy's rules (`numpy.ndarray.astype`).

mod long;
mod number;
mod parse;
mod rules;
mod text;
mod time;

use number::{Bits, Target};
pub use rules::{Casting, can_cast};
use time::Scale;

use crate::{Array, ArrayView, ByteOrder, Dtype, Error, Kind, Layout, Order};

/// Items that are cast at once.
const BATCH: usize = 1024;

/// Turns whole elements of one dtype into another, with the values that NumPy 2 gives on x86-64: integers lose their
/// upper bits, floats that no integer can hold become the least one (of 8 and 16 bits: the lower bits of that of 32),
/// complex numbers lose their imaginary part, times are rounded down to the new unit, text is cut to its length, dates excepted. A number becomes every field of a record. Long
/// doubles are those of x86, with 80 bits; the bytes that pad them become zero.
///
/// Where NumPy leaves a value to chance we do not: times beyond the new unit are an error, and floats beyond `u4` are
/// taken modulo 2^32. Where it cuts spans of time to 21 characters, we write them out.
#[derive(Clone, Debug)]
pub struct Cast {
    from: Dtype,
    to: Dtype,
    steps: Vec<Step>,
    /// Whether bytes of the new item belong to no step.
    has_gaps: bool,
}

/// What happens to one run of values in an item.
#[derive(Clone, Debug)]
struct Step {
    from: usize,
    to: usize,
    count: usize,
    what: What,
    source: Dtype,
    target: Dtype,
}

#[derive(Clone, Debug)]
enum What {
    /// The same bytes, perhaps in the other order: of numbers of so many bytes.
    Same(Option<usize>),
    Number(Bits, Target),
    /// The same, where one of them is a long double.
    Long,
    Time(Scale),
    /// A number, as text.
    Print,
    /// Text, as a number or a time.
    Parse,
    /// Text of another length or encoding, or bytes without meaning.
    Text,
    /// The bytes of numbers in the machine's order, of so many bytes each, or of text: cut, or filled up with zeros.
    Bytes(usize),
    /// Items in items.
    Items(Box<Cast>),
    /// One item, so many times.
    Repeat(Box<Cast>, usize),
}

impl Cast {
    /// From one dtype to another. Text without a length (`U`) gets one that is enough for all numbers.
    ///
    /// # Errors
    /// [`Error::CannotCast`] if `casting` forbids it, or there is no way; [`Error::NotBytes`] for objects.
    pub fn new(from: &Dtype, to: &Dtype, casting: Casting) -> Result<Self, Error> {
        for dtype in [from, to] {
            if dtype.has_object() {
                return Err(Error::NotBytes { dtype: dtype.str() });
            }
        }
        let to = &rules::with_length(from, to);
        if !can_cast(from, to, casting) {
            return Err(cannot(from, to, Some(casting)));
        }
        // An element without bytes may stand any number of times in a file of a hundred bytes.
        if from.itemsize() == 0 && to.itemsize() > 0 {
            return Err(cannot(from, to, None));
        }
        items(from, to)
    }

    /// What it makes.
    pub fn target(&self) -> &Dtype {
        &self.to
    }

    /// Whether nothing changes, not even a byte.
    pub fn is_nothing(&self) -> bool {
        self.from == self.to
    }

    /// All elements of an array of the old dtype, in its order if it has one, else C.
    ///
    /// # Errors
    /// As [`Self::apply`]; [`Error::DtypeMismatch`] for another dtype.
    pub fn array(&self, array: &ArrayView<'_>) -> Result<Array, Error> {
        if *array.dtype() != self.from {
            let (left, right) = (array.dtype().str(), self.from.str());
            return Err(Error::DtypeMismatch { left, right });
        }
        let order = array.order().unwrap_or(Order::C);
        let layout = Layout::contiguous(array.shape(), self.to.itemsize(), order)?;
        let mut out = Vec::new();
        // If there is not so much memory, a vector that grows will say so.
        let _ = out.try_reserve_exact(layout.size().saturating_mul(self.to.itemsize()));
        array.for_each_run(order, 1 << 20, |run| self.apply(run, &mut out))?;
        Array::new(self.to.clone(), layout, out)
    }

    /// Appends the new elements of whole old ones.
    ///
    /// # Errors
    /// [`Error::CastText`] for text that is no such number; [`Error::TimeOverflow`]; [`Error::CastRoom`];
    /// [`Error::CastQuad`].
    pub fn apply(&self, items: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let (old, new) = (self.from.itemsize(), self.to.itemsize());
        if old == 0 || new == 0 {
            return Ok(());
        }
        if let [step] = &self.steps[..]
            && step.count == 1
            && step.source.itemsize() == old
            && !self.has_gaps
        {
            return items
                .chunks(BATCH * old)
                .try_for_each(|items| step.apply(items, out));
        }
        let mut values = Vec::new();
        for item in items.chunks_exact(old) {
            let start = out.len();
            out.resize(start + new, 0);
            for step in &self.steps {
                values.clear();
                step.apply(
                    &item[step.from..][..step.count * step.source.itemsize()],
                    &mut values,
                )?;
                out[start + step.to..][..values.len()].copy_from_slice(&values);
            }
        }
        Ok(())
    }
}

impl Step {
    fn apply(&self, values: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let swapped = !self.target.is_native();
        match &self.what {
            What::Same(None) => out.extend_from_slice(values),
            What::Same(Some(width)) => {
                for number in values.chunks_exact(*width) {
                    out.extend(number.iter().rev());
                }
            }
            What::Number(bits, target) => {
                number::cast(
                    *bits,
                    *target,
                    !self.source.is_native(),
                    swapped,
                    values,
                    out,
                );
            }
            What::Long => long::cast(&self.source, &self.target, values, out)?,
            What::Time(scale) => {
                for ticks in values.as_chunks::<8>().0 {
                    let ticks = i64::from_ne_bytes(*ticks);
                    let ticks = if self.source.is_native() {
                        ticks
                    } else {
                        ticks.swap_bytes()
                    };
                    let new = scale.apply(ticks).ok_or(Error::TimeOverflow {
                        ticks,
                        from: self.source.str(),
                        to: self.target.str(),
                    })?;
                    let new = if swapped { new.swap_bytes() } else { new };
                    out.extend_from_slice(&new.to_ne_bytes());
                }
            }
            What::Print => text::print(&self.source, &self.target, values, out)?,
            What::Parse => parse::parse(&self.source, &self.target, values, out)?,
            What::Text => text::recode(&self.source, &self.target, values, out)?,
            What::Bytes(width) => {
                let length = self.target.itemsize();
                for value in values.chunks_exact(self.source.itemsize()) {
                    let end = out.len() + length;
                    for number in value.chunks_exact(*width) {
                        if *self.source.kind() == Kind::Bool {
                            out.push(u8::from(number[0] != 0));
                        } else if self.source.is_native() {
                            out.extend_from_slice(number);
                        } else {
                            out.extend(number.iter().rev());
                        }
                    }
                    out.resize(end, 0);
                }
            }
            What::Items(cast) => cast.apply(values, out)?,
            What::Repeat(cast, count) => {
                for value in values.chunks_exact(self.source.itemsize()) {
                    let start = out.len();
                    cast.apply(value, out)?;
                    let end = out.len();
                    for _ in 1..*count {
                        out.extend_from_within(start..end);
                    }
                    out.truncate(start + self.target.itemsize());
                }
            }
        }
        Ok(())
    }
}

fn collect(
    from: &Dtype,
    to: &Dtype,
    from_at: usize,
    to_at: usize,
    steps: &mut Vec<Step>,
) -> Result<(), Error> {
    match (from.kind(), to.kind()) {
        // By position, as NumPy assigns them.
        (Kind::Struct(a), Kind::Struct(b)) if a.fields().len() == b.fields().len() => {
            for (a, b) in a.fields().iter().zip(b.fields()) {
                let (from_at, to_at) = (from_at + a.offset, to_at + b.offset);
                collect(&a.dtype, &b.dtype, from_at, to_at, steps)?;
            }
            return Ok(());
        }
        (Kind::Struct(a), kind) if !matches!(kind, Kind::Struct(_) | Kind::Subarray(_)) => {
            let [only] = a.fields() else {
                return Err(cannot(from, to, None));
            };
            return collect(&only.dtype, to, from_at + only.offset, to_at, steps);
        }
        (kind, Kind::Struct(b)) if is_plain(kind) => {
            for field in b.fields() {
                collect(from, &field.dtype, from_at, to_at + field.offset, steps)?;
            }
            return Ok(());
        }
        _ => {}
    }
    let what = match (from.kind(), to.kind()) {
        (Kind::Subarray(a), Kind::Subarray(b)) if a.shape() == b.shape() => {
            Some(What::Items(Box::new(items(a.base(), b.base())?)))
        }
        (kind, Kind::Subarray(b)) if is_plain(kind) => {
            let count = b.shape().iter().product();
            Some(What::Repeat(Box::new(items(from, b.base())?), count))
        }
        _ => what(from, to),
    };
    steps.push(Step {
        from: from_at,
        to: to_at,
        count: 1,
        what: what.ok_or_else(|| cannot(from, to, None))?,
        source: from.clone(),
        target: to.clone(),
    });
    Ok(())
}

/// Numbers, times and text.
fn is_plain(kind: &Kind) -> bool {
    !matches!(kind, Kind::Struct(_) | Kind::Subarray(_) | Kind::Void)
}

/// The cast of what a field holds several of.
fn items(from: &Dtype, to: &Dtype) -> Result<Cast, Error> {
    let mut steps = Vec::new();
    collect(from, to, 0, 0, &mut steps)?;
    let covered: usize = steps.iter().map(|s| s.count * s.target.itemsize()).sum();
    Ok(Cast {
        from: from.clone(),
        to: to.clone(),
        has_gaps: covered != to.itemsize(),
        steps,
    })
}

/// How one value turns into another; `None` if we know no way.
fn what(from: &Dtype, to: &Dtype) -> Option<What> {
    let is_text = |dtype: &Dtype| matches!(dtype.kind(), Kind::Bytes | Kind::Unicode);
    let native = |dtype: &Dtype| dtype.with_byteorder(ByteOrder::NATIVE);
    let width = match from.kind() {
        Kind::Complex => from.itemsize() / 2,
        Kind::Unicode => 4,
        Kind::Bytes => 1,
        _ => from.itemsize(),
    };
    if native(from) == native(to) {
        return Some(What::Same(
            (from.byteorder() != to.byteorder()).then_some(width),
        ));
    }
    match (from.kind(), to.kind()) {
        (Kind::Datetime(a), Kind::Datetime(b)) => Some(What::Time(Scale::dates(*a, *b))),
        (Kind::Timedelta(a), Kind::Timedelta(b)) => Some(What::Time(Scale::spans(*a, *b))),
        (Kind::Void, Kind::Void) => Some(What::Text),
        (kind, Kind::Void) if is_plain(kind) => Some(What::Bytes(width)),
        _ if is_text(from) && is_text(to) => Some(What::Text),
        _ if is_text(from) => long::is_number(to).then_some(What::Parse),
        _ if is_text(to) => long::is_number(from).then_some(What::Print),
        _ if long::is_long(from) || long::is_long(to) => {
            (long::is_number(from) && long::is_number(to)).then_some(What::Long)
        }
        _ => Some(What::Number(Bits::of(from)?, Target::of(to)?)),
    }
}

fn cannot(from: &Dtype, to: &Dtype, casting: Option<Casting>) -> Error {
    let text = |dtype: &Dtype| match dtype.descr() {
        Ok(descr) => descr.to_string(),
        Err(_) => dtype.str(),
    };
    Error::CannotCast {
        from: text(from),
        to: text(to),
        casting,
    }
}

impl ArrayView<'_> {
    /// A copy with elements of another dtype (`numpy.ndarray.astype`), in the view's order if it has one, else C. See
    /// [`Cast`] about the values.
    ///
    /// ```
    /// use ndferry_array::{Array, Casting, Dtype};
    ///
    /// let a = Array::from_elements(&[3], &[1.9, -2.5, 300.0])?;
    /// let bytes = a.view().to_dtype(&Dtype::U8, Casting::Unsafe)?;
    /// assert_eq!(bytes.to_elements::<u8>()?, [1, 254, 44]);
    /// assert!(a.view().to_dtype(&Dtype::U8, Casting::SameKind).is_err());
    /// # Ok::<(), ndferry_array::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Cast::new`] and [`Cast::apply`].
    pub fn to_dtype(&self, dtype: &Dtype, casting: Casting) -> Result<Array, Error> {
        Cast::new(self.dtype(), dtype, casting)?.array(self)
    }
}

#[cfg(test)]
mod tests;
