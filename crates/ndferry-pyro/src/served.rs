//! [`Served`]: an object that others call; [`Items`]: an iterator of it.

use crate::{Exception, Metadata, Value};

/// What a method gives or raises.
pub type Outcome<T> = std::result::Result<T, Exception>;

/// Items that are asked for one by one.
pub type Items = Box<dyn Iterator<Item = Outcome<Value>> + Send>;

/// An object that programs of Pyro call, from several connections at once.
pub trait Served: Send + Sync {
    /// Which methods and attributes it has. No others are ever asked for.
    fn metadata(&self) -> Metadata;

    /// Calls one of its methods.
    ///
    /// # Errors
    /// What the caller's program shall raise.
    fn call(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Outcome<Returned>;

    /// One of its attributes.
    ///
    /// # Errors
    /// What the caller's program shall raise.
    fn get(&self, name: &str) -> Outcome<Value> {
        Err(no_attribute(name))
    }

    /// Sets one of its attributes.
    ///
    /// # Errors
    /// What the caller's program shall raise.
    fn set(&self, name: &str, value: Value) -> Outcome<()> {
        let _ = value;
        Err(Exception::new(
            "builtins.AttributeError",
            format!("can't set attribute '{name}'"),
        ))
    }
}

/// What a method gives.
pub enum Returned {
    /// A value.
    Value(Value),
    /// An iterator, which stays here.
    Items(Items),
}

impl<T: Into<Value>> From<T> for Returned {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl std::fmt::Debug for Returned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value:?}"),
            Self::Items(_) => f.write_str("Items"),
        }
    }
}

pub(crate) fn no_attribute(name: &str) -> Exception {
    let message = format!("remote object has no exposed attribute or method '{name}'");
    Exception::new("builtins.AttributeError", message)
}
