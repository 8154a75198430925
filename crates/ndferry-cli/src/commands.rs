//! One file a verb: arguments in, text out.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod imagej;
pub(crate) mod info;
pub(crate) mod live;
pub(crate) mod man;
#[cfg(feature = "pyro")]
pub(crate) mod pyro;
pub(crate) mod recv;
pub(crate) mod repair;
pub(crate) mod repickle;
pub(crate) mod scan;
pub(crate) mod send;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod verify;
pub(crate) mod view;
