//! Waiting for a descriptor without reading from it.

use std::io;
use std::time::Duration;

#[cfg(unix)]
pub(crate) use std::os::fd::AsFd as AsWaitable;
#[cfg(windows)]
pub(crate) use std::os::windows::io::AsSocket as AsWaitable;

/// Waits until a read (or an accept) would not wait any more, at most this long. An end and an error count as readable:
/// reading tells which it is.
pub(crate) fn readable(what: &impl AsWaitable, at_most: Duration) -> io::Result<bool> {
    Ok(which_readable(&[what], at_most)? == [true])
}

/// [`readable`] for several at once.
pub(crate) fn which_readable(
    whats: &[&impl AsWaitable],
    at_most: Duration,
) -> io::Result<Vec<bool>> {
    use rustix::event::{PollFd, PollFlags, Timespec};

    let timeout = Timespec::try_from(at_most).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut polled: Vec<PollFd<'_>> = whats
        .iter()
        .map(|what| PollFd::from_borrowed_fd(borrow(*what), PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(polled.iter().map(|one| !one.revents().is_empty()).collect())
}

#[cfg(unix)]
fn borrow(what: &impl AsWaitable) -> std::os::fd::BorrowedFd<'_> {
    what.as_fd()
}

#[cfg(windows)]
fn borrow(what: &impl AsWaitable) -> std::os::windows::io::BorrowedSocket<'_> {
    what.as_socket()
}
