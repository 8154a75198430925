//! Reading pickles.

use crate::input::Input;
use crate::source::Contents;
use crate::{ErrorKind, OpenOptions, Result};

pub(crate) fn open(_: &Input, _: &OpenOptions) -> Result<Contents> {
    Err(ErrorKind::NotBuilt { what: "pickles" }.into())
}
