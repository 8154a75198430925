//! The pickle of an array of objects as an array of bytes, which goes where arrays go.

use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use crate::input::Input;
use crate::lazy::Backing;
use crate::pickle_save::pickle_objects;
use crate::stored::plain::Plain;
use crate::{ErrorKind, LazyArray, Result, SaveOptions};

/// What an NPY holds of an array of objects after its header, in a temporary file where there can be one, so that memory
/// does not grow with the arrays among the objects.
///
/// # Errors
/// [`ErrorKind::Objects`] if its values are not at hand, as those of arrays with a mask; [`ErrorKind::Pickle`] for what
/// that protocol or NumPy cannot say.
pub(crate) fn pickled(array: &LazyArray, options: &SaveOptions) -> Result<LazyArray> {
    let objects = array
        .objects()
        .ok_or_else(|| array.place(ErrorKind::Objects))?;
    let input = match crate::npz_file::temporary_file() {
        Ok(mut file) => {
            pickle_objects(objects, &mut file, options, &())?;
            let nbytes = file.seek(SeekFrom::End(0))?;
            Input::of_file(file, nbytes)
        }
        Err(_) => {
            let mut bytes = Vec::new();
            pickle_objects(objects, &mut bytes, options, &())?;
            Input::of_bytes(bytes.into())
        }
    };
    let nbytes = input.nbytes();
    let plain = Plain {
        input,
        offset: 0,
        nbytes,
        interrupt: options.interrupt.clone(),
    };
    array.with_bytes(nbytes, Backing::Stored(Arc::new(plain)))
}
