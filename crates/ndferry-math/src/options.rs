//! [`Options`]: what is said beside the operands.

#[cfg(feature = "json")]
mod json;

use ndferry_array::{Dtype, Index};

use crate::MathError;

/// A value of an option.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// `None`: as if it were not given.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An int: an axis, a count.
    Int(i64),
    /// Ints: axes, a shape, where to split.
    Ints(Vec<i64>),
    /// A float.
    Float(f64),
    /// A word: the kind of a sort, the mode of a norm or of padding.
    Text(String),
    /// A dtype.
    Dtype(Dtype),
    /// What stands in the brackets of `a[…]`.
    Index(Vec<Pick>),
}

/// One item between the commas of `a[…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// An int, a slice, `None` or `...`.
    Basic(Index),
    /// An array of integers or bools: the operand of this number.
    Array(usize),
}

/// Named values, as keyword arguments in Python: `axis`, `keepdims`, `ddof`, `dtype`, …
///
/// What a function does not know is refused. [`crate::functions`] says what each of them takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options(Vec<(String, Setting)>);

impl Options {
    /// Nothing said.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, setting: Setting) -> Self {
        self.set(name, setting);
        self
    }

    /// Says one more, or another value for one that was said.
    pub fn set(&mut self, name: &str, setting: Setting) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), setting));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn has(&self, option: &str) -> bool {
        self.get(option).is_some()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn get(&self, name: &str) -> Option<&Setting> {
        let (_, setting) = self.0.iter().find(|(known, _)| known == name)?;
        Some(setting).filter(|setting| **setting != Setting::None)
    }

    pub(crate) fn flag(&self, option: &'static str, unsaid: bool) -> Result<bool, MathError> {
        match self.get(option) {
            None => Ok(unsaid),
            Some(Setting::Bool(value)) => Ok(*value),
            Some(Setting::Int(value)) => Ok(*value != 0),
            Some(_) => Err(wrong(option, "True or False")),
        }
    }

    pub(crate) fn int(&self, option: &'static str) -> Result<Option<i64>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Int(value)) => Ok(Some(*value)),
            Some(Setting::Bool(value)) => Ok(Some(i64::from(*value))),
            Some(_) => Err(wrong(option, "an integer")),
        }
    }

    /// One int counts as a list of one.
    pub(crate) fn ints(&self, option: &'static str) -> Result<Option<Vec<i64>>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Int(value)) => Ok(Some(vec![*value])),
            Some(Setting::Ints(values)) => Ok(Some(values.clone())),
            Some(_) => Err(wrong(option, "an integer or integers")),
        }
    }

    pub(crate) fn float(&self, option: &'static str) -> Result<Option<f64>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Float(value)) => Ok(Some(*value)),
            Some(Setting::Int(value)) => Ok(Some(*value as f64)),
            Some(_) => Err(wrong(option, "a number")),
        }
    }

    pub(crate) fn number(
        &self,
        option: &'static str,
    ) -> Result<Option<crate::Operand<'static>>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Bool(value)) => Ok(Some((*value).into())),
            Some(Setting::Int(value)) => Ok(Some((*value).into())),
            Some(Setting::Float(value)) => Ok(Some((*value).into())),
            Some(_) => Err(wrong(option, "a number")),
        }
    }

    pub(crate) fn text(&self, option: &'static str) -> Result<Option<&str>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(option, "a string")),
        }
    }

    pub(crate) fn dtype(&self, option: &'static str) -> Result<Option<Dtype>, MathError> {
        match self.get(option) {
            None => Ok(None),
            Some(Setting::Dtype(dtype)) => Ok(Some(dtype.clone())),
            Some(Setting::Text(text)) => Ok(Some(Dtype::parse(text)?)),
            Some(_) => Err(wrong(option, "a dtype")),
        }
    }

    pub(crate) fn picks(&self, option: &'static str) -> Result<&[Pick], MathError> {
        match self.get(option) {
            None => Ok(&[]),
            Some(Setting::Index(picks)) => Ok(picks),
            Some(_) => Err(wrong(option, "an index")),
        }
    }
}

fn wrong(option: &'static str, wanted: &'static str) -> MathError {
    MathError::OptionType { option, wanted }
}
