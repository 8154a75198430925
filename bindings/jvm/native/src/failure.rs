//! [`Failure`]: why a call failed, as the exception that Java sees. Panics are among them, with their text.

use std::any::Any;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use jni::errors::ErrorPolicy;
use jni::objects::{JClass, JString, JValue};
use jni::{Env, jni_sig, jni_str};
use ndferry::{ErrorClass, ErrorKind};

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the library says.
    Ours(ndferry::Error),
    /// What a function of arrays says.
    Function(OfFunction, String),
    /// Java threw, or the call was not possible.
    Java(jni::errors::Error),
    /// Bytes that are wrong.
    Format(String),
    /// Called wrongly.
    Usage(String),
    /// A number of nothing, or of nothing any more.
    Closed,
    /// So many bytes are not there.
    Memory(u64),
    /// A name in a pickle that is not to be followed.
    Refused { offset: u64, name: String },
    /// A value in a pickle that nothing of Java's stands for.
    Unknown { offset: u64 },
    /// What cannot be.
    Bug(&'static str),
}

/// What each class of error is called by number: `NativeCalls.fail`.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Kind {
    Format = 0,
    Unsupported = 1,
    Limit = 2,
    Protocol = 3,
    System = 4,
    Usage = 5,
    Index = 6,
    Closed = 7,
    Interrupted = 8,
    Bug = 9,
    Memory = 10,
}

/// Which exception NumPy raises: `FunctionException.Kind`, counted from 16 on.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum OfFunction {
    Value = 16,
    Type,
    Index,
    Axis,
    LinAlg,
    Overflow,
    Memory,
    Attribute,
}

impl From<ndferry::Error> for Failure {
    fn from(error: ndferry::Error) -> Self {
        Self::Ours(error)
    }
}

impl From<jni::errors::Error> for Failure {
    fn from(error: jni::errors::Error) -> Self {
        Self::Java(error)
    }
}

impl From<ndferry::ArrayError> for Failure {
    fn from(error: ndferry::ArrayError) -> Self {
        Self::Ours(error.into())
    }
}

impl Failure {
    pub(crate) fn bug(what: &'static str) -> Self {
        Self::Bug(what)
    }

    fn kind(&self) -> Kind {
        let error = match self {
            Self::Ours(error) => error,
            Self::Refused { .. } | Self::Unknown { .. } => return Kind::Unsupported,
            Self::Closed => return Kind::Closed,
            Self::Format(_) => return Kind::Format,
            Self::Usage(_) => return Kind::Usage,
            Self::Memory(_) => return Kind::Memory,
            Self::Function(..) | Self::Java(_) | Self::Bug(_) => return Kind::Bug,
        };
        match (error.class(), error.kind()) {
            (ErrorClass::Malformed, _) => Kind::Format,
            (ErrorClass::Unsupported | ErrorClass::Unsafe, _) => Kind::Unsupported,
            (ErrorClass::Limit, _) => Kind::Limit,
            (ErrorClass::Protocol, _) => Kind::Protocol,
            (ErrorClass::Interrupted, _) => Kind::Interrupted,
            (ErrorClass::System, _) => Kind::System,
            (_, ErrorKind::Array(array)) if is_index(array) => Kind::Index,
            _ => Kind::Usage,
        }
    }

    /// What `NativeCalls.fail` calls it.
    fn number(&self) -> i32 {
        match self {
            Self::Function(kind, _) => *kind as i32,
            other => other.kind() as i32,
        }
    }

    fn offset(&self) -> i64 {
        match self {
            Self::Ours(error) => error
                .offset()
                .map_or(-1, |offset| i64::try_from(offset).unwrap_or(-1)),
            Self::Refused { offset, .. } | Self::Unknown { offset } => {
                i64::try_from(*offset).unwrap_or(-1)
            }
            _ => -1,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Ours(error) => match error.hint() {
                Some(hint) => format!("{error} ({hint})"),
                None => error.to_string(),
            },
            Self::Refused { name, .. } => format!(
                "it refers to {name}; nothing was imported (Allow.OPAQUE shows such objects as data)"
            ),
            Self::Unknown { .. } => "a value that is not understood".to_owned(),
            Self::Closed => "it is closed".to_owned(),
            Self::Memory(nbytes) => format!("there is no memory for {nbytes} bytes"),
            Self::Format(problem) | Self::Usage(problem) | Self::Function(_, problem) => {
                problem.clone()
            }
            Self::Bug(what) => (*what).to_owned(),
            Self::Java(error) => format!("a call of Java failed: {error}"),
        }
    }
}

fn is_index(error: &ndferry::ArrayError) -> bool {
    use ndferry::ArrayError as Array;
    matches!(
        error,
        Array::TooManyIndices { .. } | Array::OutOfBounds { .. }
    )
}

/// Failures and panics as exceptions.
pub(crate) struct Throw;

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    /// `NativeCalls`, which knows the exceptions.
    type Captures<'local: 'call, 'call> = &'call JClass<'local>;

    fn on_error<'local: 'call, 'call>(
        env: &mut Env<'local>,
        class: &mut &'call JClass<'local>,
        failure: Failure,
    ) -> jni::errors::Result<T> {
        if !env.exception_check() {
            throw(
                env,
                class,
                failure.number(),
                failure.offset(),
                &failure.text(),
            )?;
        }
        Ok(T::default())
    }

    fn on_panic<'local: 'call, 'call>(
        env: &mut Env<'local>,
        class: &mut &'call JClass<'local>,
        payload: Box<dyn Any + Send>,
    ) -> jni::errors::Result<T> {
        // In another thread it was told there.
        let told = match TOLD.take() {
            told if told.is_empty() => text_of(&*payload).to_owned(),
            told => told,
        };
        // What a panic carries may panic when it is dropped.
        std::mem::forget(payload);
        if !env.exception_check() {
            throw(env, class, Kind::Bug as i32, -1, &told)?;
        }
        Ok(T::default())
    }
}

fn throw(
    env: &mut Env<'_>,
    class: &JClass<'_>,
    number: i32,
    offset: i64,
    text: &str,
) -> jni::errors::Result<()> {
    let text = JString::from_str(env, text)?;
    let arguments = [
        JValue::Int(number),
        JValue::Long(offset),
        JValue::Object(&text),
    ];
    let thrown = env.call_static_method(
        class,
        jni_str!("fail"),
        jni_sig!("(IJLjava/lang/String;)V"),
        &arguments,
    );
    match thrown {
        Err(jni::errors::Error::JavaException) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

thread_local! {
    /// What the panic in this thread said, and where.
    static TOLD: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what panics say for the exception, off the standard error of a program that is not ours.
pub(crate) fn hear_panics() {
    static HEARD: Once = Once::new();
    HEARD.call_once(|| std::panic::set_hook(Box::new(hear)));
}

fn hear(info: &PanicHookInfo<'_>) {
    let text = text_of(info.payload());
    let place = info
        .location()
        .map_or(String::new(), |at| format!(" ({at})"));
    TOLD.set(format!("{text}{place}"));
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("something that is no text")
}
