//! Functions by name.

use std::collections::HashMap;
use std::sync::OnceLock;

use ndferry_array::Array;

use crate::binary::{Binary, binary};
use crate::masked::reduce_some;
use crate::names;
use crate::options::Options;
use crate::reduce::{Nans, Reduce, reduce};
use crate::unary::{Unary, unary};
use crate::{MathError, Operand};

/// A function that [`call`] knows.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    min: usize,
    max: usize,
    options: &'static [&'static str],
    run: Run,
}

/// What a function of its own looks like.
pub(crate) type Other = fn(&[Operand<'_>], &Options) -> Result<Vec<Array>, MathError>;

#[derive(Debug)]
pub(crate) enum Run {
    Unary(Unary),
    Binary(Binary),
    Reduce(Reduce, Nans),
    Other(Other),
}

impl Function {
    pub(crate) const fn new(
        name: &'static str,
        (min, max): (usize, usize),
        options: &'static [&'static str],
        run: Run,
    ) -> Self {
        Self {
            name,
            min,
            max,
            options,
            run,
        }
    }

    /// As in NumPy, `linalg.` before those of `numpy.linalg`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The fewest operands and the most; `usize::MAX` if there may be any number.
    pub fn arity(&self) -> (usize, usize) {
        (self.min, self.max)
    }

    /// The names of its options.
    pub fn options(&self) -> &'static [&'static str] {
        self.options
    }

    fn call(&self, operands: &[Operand<'_>], options: &Options) -> Result<Vec<Array>, MathError> {
        let given = operands.len();
        if given < self.min || given > self.max {
            return Err(self.wrong_number(given));
        }
        operands.iter().try_for_each(Operand::check)?;
        if let Some(option) = options.names().find(|name| !self.options.contains(name)) {
            return Err(MathError::Option {
                function: self.name,
                option: option.to_owned(),
            });
        }
        match (&self.run, operands) {
            (Run::Unary(f), [operand]) => Ok(vec![unary(self.name, *f, operand, options)?]),
            (Run::Binary(f), operands) => match operands.try_into() {
                Ok(pair) => Ok(vec![binary(self.name, *f, pair, options)?]),
                Err(_) => Err(self.wrong_number(given)),
            },
            (Run::Reduce(f, nans), [operand]) if !options.has("initial") => {
                Ok(vec![reduce(self.name, *f, *nans, operand, options)?])
            }
            (Run::Reduce(f, nans), operands) => {
                let found = reduce_some(self.name, *f, *nans, operands, options)?;
                Ok(vec![found])
            }
            (Run::Other(f), operands) => f(operands, options),
            _ => Err(self.wrong_number(given)),
        }
    }

    fn wrong_number(&self, given: usize) -> MathError {
        MathError::Operands {
            function: self.name,
            min: self.min,
            max: self.max,
            given,
        }
    }
}

/// Every function there is.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    names::ALL.iter().copied().flatten()
}

/// Calls a function by its name in NumPy, with `linalg.` before those of `numpy.linalg`: `add`, `mean`, `linalg.solve`.
///
/// The results are new arrays in this machine's byte order, one of most functions. Operands may have any strides and byte
/// order; no more memory is taken than for the results and, of functions that need the elements of an axis side by side,
/// one copy of the operands; reductions of what a mask says copy up to four times. Large arrays are computed on all threads
/// of rayon's pool.
///
/// ```
/// use ndferry_array::Array;
/// use ndferry_math::{Operand, Options, Setting, call};
///
/// let a = Array::from_elements(&[2, 3], &[1i32, 2, 3, 4, 5, 6])?;
/// let options = Options::new().with("axis", Setting::Int(0));
/// let sums = call("sum", &[Operand::from(&a)], &options)?;
/// assert_eq!(sums[0].to_elements::<i64>()?, [5, 7, 9]);
///
/// let halves = call("multiply", &[Operand::from(&a), Operand::Float(0.5)], &Options::new())?;
/// assert_eq!(halves[0].dtype().str(), "<f8");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MathError::Unknown`]; what NumPy raises, see [`MathError::kind`].
pub fn call(
    name: &str,
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<Vec<Array>, MathError> {
    static TABLE: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        functions()
            .map(|function| (function.name, function))
            .collect()
    });
    match table.get(name) {
        Some(function) => function.call(operands, options),
        None => Err(MathError::Unknown {
            name: name.to_owned(),
        }),
    }
}
