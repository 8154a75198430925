//! [`MathError`]: why there is no result.

use ndferry_array::Error as ArrayError;

/// Why NumPy would have raised an exception here; [`Self::kind`] says which.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MathError {
    /// Shapes that do not go together.
    #[error("operands could not be broadcast together with shapes {}", Shapes(.shapes))]
    Broadcast {
        /// Of each operand.
        shapes: Vec<Vec<usize>>,
    },
    /// Inner extents of a product that differ.
    #[error("{function}: shapes {} and {} not aligned", Shape(.left), Shape(.right))]
    NotAligned {
        /// Its name.
        function: &'static str,
        /// Shape of the first operand.
        left: Vec<usize>,
        /// Shape of the second one.
        right: Vec<usize>,
    },
    /// A function that does not exist for these dtypes.
    #[error("{function} is not supported for the input types {}", .dtypes.join(", "))]
    NoLoop {
        /// Its name.
        function: &'static str,
        /// Of each operand, as `numpy.dtype.name` or `numpy.dtype.str`.
        dtypes: Vec<String>,
    },
    /// An axis that the array does not have.
    #[error("axis {axis} is out of bounds for array of dimension {ndim}")]
    Axis {
        /// As given.
        axis: i64,
        /// How many there are.
        ndim: usize,
    },
    /// An index that the axis does not have.
    #[error("index {index} is out of bounds for axis {axis} with size {size}")]
    Index {
        /// As given.
        index: i64,
        /// Of the array that is indexed.
        axis: usize,
        /// The extent of that axis.
        size: usize,
    },
    /// A mask with an extent that is not that of what it masks.
    #[error(
        "boolean index did not match indexed array along axis {axis}; size of axis is {size} but size of corresponding boolean axis is {given}"
    )]
    Mask {
        /// Of the array that is indexed.
        axis: usize,
        /// Its extent.
        size: usize,
        /// The extent of the mask.
        given: usize,
    },
    /// Indices that do not fit the array.
    #[error("{problem}")]
    Indexing {
        /// What is wrong.
        problem: &'static str,
    },
    /// A reduction over nothing that has no value of its own.
    #[error("zero-size array to reduction operation {function} which has no identity")]
    Empty {
        /// Its name.
        function: &'static str,
    },
    /// A Python int that the other operands' dtype cannot hold.
    #[error("Python integer {value} out of bounds for {dtype}")]
    IntBounds {
        /// As given.
        value: i128,
        /// As `numpy.dtype.name`.
        dtype: String,
    },
    /// A result that a dtype cannot hold by the casting rule `same_kind`.
    #[error("cannot cast from {from} to {to} with casting rule 'same_kind'")]
    CannotCast {
        /// What there is.
        from: String,
        /// What is asked for.
        to: String,
    },
    /// A matrix without an inverse.
    #[error("Singular matrix")]
    Singular,
    /// An iteration that did not come to an end.
    #[error("{function} did not converge")]
    NotConverged {
        /// Its name.
        function: &'static str,
    },
    /// Not the matrix that this function is for.
    #[error("{function}: {problem}")]
    Matrix {
        /// Its name.
        function: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// A function that is not among [`crate::functions`].
    #[error("no function {name:?}")]
    Unknown {
        /// As given.
        name: String,
    },
    /// Too few operands, or too many.
    #[error("{function} takes from {min} to {max} operands but {given} were given")]
    Operands {
        /// Its name.
        function: &'static str,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
        /// As given.
        given: usize,
    },
    /// An option that the function does not have.
    #[error("{function} got an unexpected keyword argument '{option}'")]
    Option {
        /// Its name.
        function: &'static str,
        /// As given.
        option: String,
    },
    /// An option of the wrong type.
    #[error("{option} must be {wanted}")]
    OptionType {
        /// Its name.
        option: &'static str,
        /// What it can be.
        wanted: &'static str,
    },
    /// Operands or options that make no sense for this function.
    #[error("{function}: {problem}")]
    Value {
        /// Its name.
        function: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// Operands of the wrong type for this function.
    #[error("{function}: {problem}")]
    Type {
        /// Its name.
        function: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// More memory than there is.
    #[error("unable to allocate {nbytes} bytes")]
    Memory {
        /// What the result needs.
        nbytes: u128,
    },
    /// What the array library says.
    #[error(transparent)]
    Array(#[from] ArrayError),
}

/// Which of NumPy's exceptions an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `ValueError`.
    Value,
    /// `TypeError`.
    Type,
    /// `IndexError`.
    Index,
    /// `numpy.exceptions.AxisError`.
    Axis,
    /// `numpy.linalg.LinAlgError`.
    LinAlg,
    /// `OverflowError`.
    Overflow,
    /// `MemoryError`.
    Memory,
    /// `AttributeError`: there is no such function.
    Attribute,
}

impl ErrorKind {
    /// The name of the exception, without its module.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Value => "ValueError",
            Self::Type => "TypeError",
            Self::Index => "IndexError",
            Self::Axis => "AxisError",
            Self::LinAlg => "LinAlgError",
            Self::Overflow => "OverflowError",
            Self::Memory => "MemoryError",
            Self::Attribute => "AttributeError",
        }
    }
}

impl MathError {
    /// Which exception NumPy raises of this.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Broadcast { .. }
            | Self::NotAligned { .. }
            | Self::Empty { .. }
            | Self::Value { .. } => ErrorKind::Value,
            Self::NoLoop { .. }
            | Self::CannotCast { .. }
            | Self::Operands { .. }
            | Self::Option { .. }
            | Self::OptionType { .. }
            | Self::Type { .. } => ErrorKind::Type,
            Self::Axis { .. } => ErrorKind::Axis,
            Self::Index { .. } | Self::Mask { .. } | Self::Indexing { .. } => ErrorKind::Index,
            Self::IntBounds { .. } => ErrorKind::Overflow,
            Self::Singular | Self::NotConverged { .. } | Self::Matrix { .. } => ErrorKind::LinAlg,
            Self::Unknown { .. } => ErrorKind::Attribute,
            Self::Memory { .. } => ErrorKind::Memory,
            Self::Array(error) => match error {
                ArrayError::OutOfBounds { .. }
                | ArrayError::TooManyIndices { .. }
                | ArrayError::TwoEllipses => ErrorKind::Index,
                ArrayError::CannotCast { .. }
                | ArrayError::NotBytes { .. }
                | ArrayError::DtypeMismatch { .. }
                | ArrayError::TypeString { .. } => ErrorKind::Type,
                _ => ErrorKind::Value,
            },
        }
    }
}

/// As Python spells a shape.
struct Shape<'a>(&'a [usize]);

impl std::fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [only] => write!(f, "({only},)"),
            shape => {
                let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
                write!(f, "({})", extents.join(","))
            }
        }
    }
}

struct Shapes<'a>(&'a [Vec<usize>]);

impl std::fmt::Display for Shapes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (nth, shape) in self.0.iter().enumerate() {
            let gap = if nth > 0 { " " } else { "" };
            write!(f, "{gap}{}", Shape(shape))?;
        }
        Ok(())
    }
}
