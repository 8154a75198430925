//! Why an array, a dtype or an index is not what NumPy would accept.

/// What is wrong with a dtype, a layout, an index or a request.
///
/// These are about values, not about a place in a file: parsers of files add the byte offset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A type string that NumPy would not understand either.
    #[error("not a NumPy type string: {text:?}")]
    TypeString {
        /// The whole string.
        text: String,
    },
    /// An itemsize that this kind of dtype does not come in.
    #[error("there is no {kind} of {itemsize} bytes")]
    Itemsize {
        /// The kind in words.
        kind: &'static str,
        /// The size asked for, in bytes.
        itemsize: usize,
    },
    /// A structured dtype that contradicts itself.
    #[error("field {field:?}: {problem}")]
    Field {
        /// The field's name.
        field: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// Dtypes nested deeper than [`crate::Dtype::MAX_DEPTH`].
    #[error("dtype nested deeper than {limit}")]
    DtypeDepth {
        /// The deepest that is accepted.
        limit: usize,
    },
    /// A structured dtype that the NPY descr cannot express (`numpy.dtype.descr` raises too).
    #[error("a descr cannot say that field {field:?} overlaps or precedes the field before it")]
    NoDescr {
        /// The first field out of order.
        field: String,
    },
    /// More axes than NumPy allows.
    #[error("{ndim} axes, NumPy allows 64")]
    TooManyAxes {
        /// Axes asked for.
        ndim: usize,
    },
    /// The number of bytes does not fit this machine.
    #[error("an array of shape {shape:?} and itemsize {itemsize} is too big to address")]
    TooBig {
        /// The shape.
        shape: Vec<usize>,
        /// Bytes per element.
        itemsize: usize,
    },
    /// Some element would lie outside the bytes.
    #[error(
        "shape {shape:?}, strides {strides:?}, itemsize {itemsize} do not fit in {nbytes} bytes from offset {offset}"
    )]
    OutOfBytes {
        /// The shape.
        shape: Vec<usize>,
        /// The strides, in bytes.
        strides: Vec<isize>,
        /// Bytes per element.
        itemsize: usize,
        /// Where element (0, 0, …) starts, in bytes.
        offset: usize,
        /// How many bytes there are.
        nbytes: usize,
    },
    /// An index text that is not NumPy's basic indexing.
    #[error("index {text:?}, character {at}: {problem}")]
    IndexText {
        /// The whole text.
        text: String,
        /// Which character, from 0.
        at: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// More indexes than axes.
    #[error("too many indices: the array has {ndim} axes, {given} are indexed")]
    TooManyIndices {
        /// Axes of the array.
        ndim: usize,
        /// Axes that the index speaks of.
        given: usize,
    },
    /// An integer index outside its axis.
    #[error("index {index} is out of bounds for axis {axis} with size {size}")]
    OutOfBounds {
        /// The index as given.
        index: isize,
        /// The axis.
        axis: usize,
        /// The axis's size.
        size: usize,
    },
    /// `...` twice.
    #[error("an index can have only one ellipsis")]
    TwoEllipses,
    /// A slice with step 0.
    #[error("slice step cannot be zero")]
    ZeroStep,
    /// A field name that the dtype does not have.
    #[error("no field named {name:?} in {dtype}")]
    NoField {
        /// The name asked for.
        name: String,
        /// The dtype's descr.
        dtype: String,
    },
    /// A shape with another number of elements.
    #[error("cannot reshape {from:?} into {to:?}")]
    Reshape {
        /// The shape it has.
        from: Vec<usize>,
        /// The shape asked for (-1: to be inferred).
        to: Vec<isize>,
    },
    /// A reshape that needs a copy, asked of a view.
    #[error("reshaping {from:?} with these strides into {to:?} needs a copy")]
    ReshapeNeedsCopy {
        /// The shape it has.
        from: Vec<usize>,
        /// The shape asked for.
        to: Vec<usize>,
    },
    /// Axes that are not a permutation.
    #[error("axes {axes:?} are not a permutation of {ndim} axes")]
    Axes {
        /// The axes given.
        axes: Vec<usize>,
        /// Axes of the array.
        ndim: usize,
    },
    /// Shapes that should be equal.
    #[error("shapes differ: {left:?} and {right:?}")]
    ShapeMismatch {
        /// One shape.
        left: Vec<usize>,
        /// The other.
        right: Vec<usize>,
    },
    /// Dtypes that should be equal.
    #[error("dtypes differ: {left} and {right}")]
    DtypeMismatch {
        /// One dtype.
        left: String,
        /// The other.
        right: String,
    },
    /// Elements of this dtype are not plain bytes (objects, StringDType).
    #[error("elements of dtype {dtype} are Python objects, not bytes")]
    NotBytes {
        /// The dtype.
        dtype: String,
    },
    /// An array with so many long axes that even its corners are too many, or too many elements without bytes.
    #[error("{count} elements are left to print even so, and at most {limit} are printed")]
    TooManyToPrint {
        /// Elements that would be printed.
        count: usize,
        /// The most that are printed.
        limit: usize,
    },
    /// A structured dtype whose overlapping fields disagree about what to byteswap.
    #[error("fields of {dtype} overlap at byte {offset} and cannot both be byteswapped")]
    OverlapSwap {
        /// Where in the item the overlap begins.
        offset: usize,
        /// The dtype.
        dtype: String,
    },
    /// A cast that is not allowed, or not known.
    #[error("cannot cast {from} to {to}{}", Rule(.casting))]
    CannotCast {
        /// The dtype it has.
        from: String,
        /// The dtype asked for.
        to: String,
        /// The rule that forbids it, if one does.
        casting: Option<crate::Casting>,
    },
    /// Text that says no such number or time.
    #[error("{text:?} is no {to}")]
    CastText {
        /// The text, or its beginning.
        text: String,
        /// The dtype asked for.
        to: String,
    },
    /// A date that the new text is too short for.
    #[error("{text} has no room in {to}")]
    CastRoom {
        /// The date.
        text: String,
        /// The dtype asked for.
        to: String,
    },
    /// A character that the other kind of text cannot hold.
    #[error("{text:?} cannot become {to}: character {code} is not ASCII")]
    CastCharacter {
        /// The text.
        text: String,
        /// The code point, or the byte.
        code: u32,
        /// The dtype asked for.
        to: String,
    },
    /// Long doubles of another machine than x86, which no dtype tells apart; they are not cast.
    #[error(
        "these {dtype} look like 128-bit floats of ARM or another machine, not like those of x86"
    )]
    CastQuad {
        /// Their dtype.
        dtype: String,
    },
    /// A time that the new unit cannot count.
    #[error("{ticks} of {from} is beyond {to}")]
    TimeOverflow {
        /// The time.
        ticks: i64,
        /// Its dtype.
        from: String,
        /// The dtype asked for.
        to: String,
    },
    /// A time unit that NumPy does not have.
    #[error("not a datetime unit: {text:?}")]
    TimeUnit {
        /// The text between the brackets.
        text: String,
    },
}

/// The rule that forbids a cast.
struct Rule<'a>(&'a Option<crate::Casting>);

impl std::fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Some(crate::Casting::Safe) => " safely",
            Some(crate::Casting::SameKind) => " within its kind",
            _ => "",
        })
    }
}

/// What is wrong with one field of a structured dtype.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// It reaches past the end of the item.
    #[error("bytes {offset}..{end} lie outside an item of {itemsize} bytes")]
    OutsideItem {
        /// First byte.
        offset: usize,
        /// First byte after it.
        end: usize,
        /// Bytes per item.
        itemsize: usize,
    },
    /// Two fields (or titles) with one name.
    #[error("the name occurs twice")]
    Duplicate,
    /// It overlaps a field that holds Python objects.
    #[error("it overlaps a field of Python objects")]
    OverlapsObject,
}
