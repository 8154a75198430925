//! NumPy's basic indexing: as text, as values, and resolved against a shape.

use std::fmt;
use std::str::FromStr;

use smallvec::SmallVec;

use crate::Error;

/// One item between the commas of `a[…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// An integer: picks one and drops the axis. Negative counts from the end.
    At(isize),
    /// `start:stop:step` with Python's defaults and clipping.
    Slice {
        /// First index.
        start: Option<isize>,
        /// Where to stop, exclusive.
        stop: Option<isize>,
        /// Step; not 0.
        step: Option<isize>,
    },
    /// `None` or `newaxis`: an axis of extent 1.
    NewAxis,
    /// `...`: all axes that are not named.
    Ellipsis,
}

/// What stands between the brackets of `a[…]`. Parses from NumPy's own spelling, also as a tuple: `(0, 1)`. A list inside
/// the brackets, `a[[0, 1]]`, is another thing (it picks elements) and is refused.
///
/// ```
/// let indexing: ndferry_array::Indexing = "10:20, ..., ::-2, None".parse()?;
/// assert_eq!(indexing.resolve(&[100, 5, 4])?.shape(), [10, 5, 2, 1]);
/// # Ok::<(), ndferry_array::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexing(Vec<Index>);

/// Which indexes of one source axis are picked: `start`, `start + step`, … (`count` of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisRange {
    /// The first index picked; 0 if none is.
    pub start: usize,
    /// From one picked index to the next; may be negative.
    pub step: isize,
    /// How many are picked.
    pub count: usize,
}

/// Where an axis of the result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutAxis {
    /// The range of this source axis.
    Source(usize),
    /// Nowhere: an axis of extent 1.
    New,
}

impl OutAxis {
    /// The source axis, if there is one.
    pub fn source(self) -> Option<usize> {
        match self {
            Self::Source(axis) => Some(axis),
            Self::New => None,
        }
    }
}

/// An [`Indexing`] applied to a shape: what to fetch along each axis and which axes the result has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    ranges: SmallVec<[AxisRange; 4]>,
    out: SmallVec<[OutAxis; 4]>,
}

impl Selection {
    /// Everything of this shape.
    pub fn all(shape: &[usize]) -> Self {
        Self {
            ranges: shape
                .iter()
                .map(|extent| AxisRange {
                    start: 0,
                    step: 1,
                    count: *extent,
                })
                .collect(),
            out: (0..shape.len()).map(OutAxis::Source).collect(),
        }
    }

    /// These ranges, one per axis; they must lie within the shape that it is used for.
    pub(crate) fn of_ranges(ranges: impl IntoIterator<Item = AxisRange>) -> Self {
        let ranges: SmallVec<[AxisRange; 4]> = ranges.into_iter().collect();
        let out = (0..ranges.len()).map(OutAxis::Source).collect();
        Self { ranges, out }
    }

    /// One range per source axis; an integer index is a range of one.
    pub fn ranges(&self) -> &[AxisRange] {
        &self.ranges
    }

    /// The axes of the result.
    pub fn out_axes(&self) -> &[OutAxis] {
        &self.out
    }

    /// The shape of the result.
    pub fn shape(&self) -> Vec<usize> {
        self.out
            .iter()
            .map(|axis| axis.source().map_or(1, |axis| self.ranges[axis].count))
            .collect()
    }

    /// The shape before integer-indexed axes are dropped and new ones added: one extent per source axis.
    pub fn source_shape(&self) -> Vec<usize> {
        self.ranges.iter().map(|range| range.count).collect()
    }

    /// What another selection, of this one's result, picks from the source; `None` where a new axis is made empty, which
    /// no single selection can say.
    pub fn then(&self, next: &Self) -> Option<Self> {
        let mut ranges = self.ranges.clone();
        for (axis, inner) in self.out.iter().zip(&next.ranges) {
            match axis {
                OutAxis::New if inner.count == 0 => return None,
                OutAxis::New => {}
                OutAxis::Source(source) => {
                    let outer = &mut ranges[*source];
                    // Both lie within an axis, so that neither start nor last index overflows.
                    outer.start = outer
                        .start
                        .wrapping_add_signed(outer.step.wrapping_mul(inner.start as isize));
                    outer.step = if inner.count > 1 {
                        outer.step.wrapping_mul(inner.step)
                    } else {
                        1
                    };
                    outer.count = inner.count;
                }
            }
        }
        let place = |axis: &OutAxis| match axis {
            OutAxis::Source(axis) => self.out[*axis],
            OutAxis::New => OutAxis::New,
        };
        Some(Self {
            ranges,
            out: next.out.iter().map(place).collect(),
        })
    }

    /// Whether it picks everything in place.
    pub fn is_all(&self, shape: &[usize]) -> bool {
        *self == Self::all(shape)
    }
}

impl Indexing {
    /// From its items.
    pub fn new(items: impl Into<Vec<Index>>) -> Self {
        Self(items.into())
    }

    /// The items between the commas.
    pub fn items(&self) -> &[Index] {
        &self.0
    }

    /// What it picks from an array of this shape.
    ///
    /// # Errors
    /// As NumPy raises `IndexError`: too many indices, an integer out of bounds, two ellipses; a step of 0.
    pub fn resolve(&self, shape: &[usize]) -> Result<Selection, Error> {
        let named = self
            .0
            .iter()
            .filter(|item| matches!(item, Index::At(_) | Index::Slice { .. }))
            .count();
        let ellipses = self
            .0
            .iter()
            .filter(|item| matches!(item, Index::Ellipsis))
            .count();
        if ellipses > 1 {
            return Err(Error::TwoEllipses);
        }
        if named > shape.len() {
            return Err(Error::TooManyIndices {
                ndim: shape.len(),
                given: named,
            });
        }
        let mut selection = Selection {
            ranges: SmallVec::new(),
            out: SmallVec::new(),
        };
        let unnamed = shape.len() - named;
        let trailing = if ellipses == 0 {
            Some(Index::Ellipsis)
        } else {
            None
        };
        for item in self.0.iter().copied().chain(trailing) {
            match item {
                Index::NewAxis => selection.out.push(OutAxis::New),
                Index::Ellipsis => {
                    for _ in 0..unnamed {
                        let axis = selection.ranges.len();
                        selection.ranges.push(AxisRange {
                            start: 0,
                            step: 1,
                            count: shape[axis],
                        });
                        selection.out.push(OutAxis::Source(axis));
                    }
                }
                Index::At(index) => {
                    let axis = selection.ranges.len();
                    let start = at(index, axis, shape[axis])?;
                    selection.ranges.push(AxisRange {
                        start,
                        step: 1,
                        count: 1,
                    });
                }
                Index::Slice { start, stop, step } => {
                    let axis = selection.ranges.len();
                    selection
                        .ranges
                        .push(range(start, stop, step, shape[axis])?);
                    selection.out.push(OutAxis::Source(axis));
                }
            }
        }
        Ok(selection)
    }
}

fn at(index: isize, axis: usize, size: usize) -> Result<usize, Error> {
    let from_start = if index < 0 {
        index.checked_add_unsigned(size)
    } else {
        Some(index)
    };
    from_start
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index < size)
        .ok_or(Error::OutOfBounds { index, axis, size })
}

/// Python's `slice.indices`.
fn range(
    start: Option<isize>,
    stop: Option<isize>,
    step: Option<isize>,
    size: usize,
) -> Result<AxisRange, Error> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Error::ZeroStep);
    }
    // Sizes fit isize, and i128 has room for every sum below.
    let (size, wide) = (size as i128, step as i128);
    let (lowest, highest) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let clip = |index: isize| {
        let index = index as i128;
        (if index < 0 { index + size } else { index }).clamp(lowest, highest)
    };
    let start = start.map_or(if step > 0 { lowest } else { highest }, clip);
    let stop = stop.map_or(if step > 0 { highest } else { lowest }, clip);
    let span = if step > 0 { stop - start } else { start - stop };
    let count = if span > 0 {
        (span - 1) / wide.abs() + 1
    } else {
        0
    };
    let start = if count > 0 { start } else { 0 };
    Ok(AxisRange {
        start: start as usize,
        step,
        count: count as usize,
    })
}

impl FromStr for Indexing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut items = Vec::new();
        let whole = text.trim();
        let tuple = whole
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|inside| inside.trim().is_empty() || inside.contains(','));
        let inside = tuple.unwrap_or(whole);
        if inside.trim().is_empty() {
            return Ok(Self(items));
        }
        let mut parts = inside.split(',').peekable();
        while let Some(part) = parts.next() {
            // `a[1,]` is `a[1]`.
            if part.trim().is_empty() && parts.peek().is_none() && !items.is_empty() {
                break;
            }
            let at = part.as_ptr() as usize - text.as_ptr() as usize;
            let problem = |problem| Error::IndexText {
                text: text.to_owned(),
                at: text[..at].chars().count(),
                problem,
            };
            items.push(parse_item(part.trim()).map_err(problem)?);
        }
        Ok(Self(items))
    }
}

fn parse_item(item: &str) -> Result<Index, &'static str> {
    match item {
        "" => Err("nothing between the commas"),
        _ if item.starts_with('[') => Err(
            "a list picks elements, which is not supported: leave the brackets out to index axes",
        ),
        "..." | "Ellipsis" => Ok(Index::Ellipsis),
        "None" | "newaxis" | "np.newaxis" => Ok(Index::NewAxis),
        _ if !item.contains(':') => parse_int(item).map(Index::At),
        _ => {
            let mut numbers = [None; 3];
            for (i, text) in item.split(':').enumerate() {
                let slot = numbers.get_mut(i).ok_or("a slice has at most two colons")?;
                if !matches!(text.trim(), "" | "None") {
                    *slot = Some(parse_int(text.trim())?);
                }
            }
            let [start, stop, step] = numbers;
            if step == Some(0) {
                return Err("slice step cannot be zero");
            }
            Ok(Index::Slice { start, stop, step })
        }
    }
}

/// A Python int; one past `isize` is as far out of any array as the largest, so it saturates.
fn parse_int(text: &str) -> Result<isize, &'static str> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_int = !digits.is_empty()
        && digits
            .split('_')
            .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    if !is_int {
        return Err("expected an integer, a slice, ... or None");
    }
    let saturated = if text.starts_with('-') {
        isize::MIN
    } else {
        isize::MAX
    };
    Ok(text.replace('_', "").parse().unwrap_or(saturated))
}

impl fmt::Display for Indexing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match item {
                Index::At(index) => write!(f, "{index}")?,
                Index::NewAxis => f.write_str("None")?,
                Index::Ellipsis => f.write_str("...")?,
                Index::Slice { start, stop, step } => {
                    let text =
                        |number: &Option<isize>| number.map_or(String::new(), |n| n.to_string());
                    write!(f, "{}:{}", text(start), text(stop))?;
                    if let Some(step) = step {
                        write!(f, ":{step}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str, shape: &[usize]) -> Result<Selection, Error> {
        text.parse::<Indexing>()?.resolve(shape)
    }

    #[test]
    fn slices_clip_as_python_clips() {
        for (text, start, step, count) in [
            (":", 0, 1, 10),
            ("2:5", 2, 1, 3),
            ("-3:", 7, 1, 3),
            ("::-1", 9, -1, 10),
            ("8:2:-3", 8, -3, 2),
            ("5:100", 5, 1, 5),
            ("100:", 0, 1, 0),
            ("-100:2", 0, 1, 2),
            (":-100:-1", 9, -1, 10),
            ("3:3", 0, 1, 0),
            ("::99999999999999999999", 0, isize::MAX, 1),
        ] {
            assert_eq!(
                resolve(text, &[10]).unwrap().ranges(),
                [AxisRange { start, step, count }],
                "{text}"
            );
        }
    }

    #[test]
    fn ellipsis_and_newaxis_place_the_axes() {
        assert_eq!(
            resolve("0, ..., None, 1:3", &[4, 5, 6, 7]).unwrap().shape(),
            [5, 6, 1, 2]
        );
        assert_eq!(resolve("...", &[]).unwrap().shape(), [0usize; 0]);
        assert_eq!(resolve("(-1,)", &[3, 2]).unwrap().shape(), [2]);
        assert_eq!(resolve("1,", &[3]).unwrap().shape(), [0usize; 0]);
        assert_eq!(resolve("", &[3]).unwrap().shape(), [3]);
    }

    #[test]
    fn a_tuple_is_its_items_and_a_list_is_refused() {
        assert_eq!(resolve("(0, 1:)", &[4, 5]), resolve("0, 1:", &[4, 5]));
        assert_eq!(resolve(" () ", &[4, 5]), resolve("", &[4, 5]));
        // `a[[1, 2]]` has two rows, `a[1, 2]` is one element.
        for (text, place) in [
            ("[1, 2]", 0),
            ("[1]", 0),
            ("0, [1]", 2),
            ("([0, 1], 2)", 1),
            ("[]", 0),
        ] {
            let error = resolve(text, &[4, 5]).unwrap_err();
            assert!(
                matches!(&error, Error::IndexText { at, problem, .. } if *at == place && problem.contains("list")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn mistakes_are_numpys() {
        assert_eq!(
            resolve("10", &[10]),
            Err(Error::OutOfBounds {
                index: 10,
                axis: 0,
                size: 10
            })
        );
        assert_eq!(
            resolve("-11", &[10]),
            Err(Error::OutOfBounds {
                index: -11,
                axis: 0,
                size: 10
            })
        );
        assert_eq!(
            resolve("0, 0", &[10]),
            Err(Error::TooManyIndices { ndim: 1, given: 2 })
        );
        assert_eq!(resolve("..., ...", &[10]), Err(Error::TwoEllipses));
        assert!(matches!(
            resolve("1, x:2", &[10, 2]),
            Err(Error::IndexText { at: 2, .. })
        ));
        assert!(matches!(
            resolve("::0", &[10]),
            Err(Error::IndexText { .. })
        ));
        assert!(
            resolve("1::2:3", &[10]).is_err()
                && resolve(",1", &[10]).is_err()
                && resolve("1.5", &[9]).is_err()
        );
    }

    #[test]
    fn an_indexing_prints_as_it_parses() {
        let text = "3, 1:, :-2, ::-1, ..., None";
        assert_eq!(text.parse::<Indexing>().unwrap().to_string(), text);
    }
}
