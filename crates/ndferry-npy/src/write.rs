//! Writing arrays as `numpy.save` does.

use std::io::Write;

use ndferry_array::{ArrayView, Order};

use crate::{Error, ErrorKind, Header};

/// Bytes that are gathered at a time where elements do not lie in the order that is written.
pub(crate) const PIECE: usize = 1 << 20;

/// Writes header and elements, byte for byte as `numpy.save`: Fortran order is kept, any other layout is written in C
/// order, in pieces of bounded size.
///
/// # Errors
/// [`ErrorKind::Objects`] for objects, whose pickle `ndferry-pickle` writes; what the writer reports.
pub fn write(to: &mut impl Write, array: &ArrayView<'_>) -> Result<(), Error> {
    if array.dtype().has_object() {
        return Err(ErrorKind::Objects.at(0));
    }
    let order = array.order().unwrap_or(Order::C);
    let head = Header::new(array.dtype().clone(), array.shape(), order).to_bytes()?;
    let io = |error| ErrorKind::Io(error).at(0);
    to.write_all(&head).map_err(io)?;
    array.for_each_run(order, PIECE, |run| to.write_all(run).map_err(io))
}
