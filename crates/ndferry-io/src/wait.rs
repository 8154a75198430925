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
    use rustix::event::{PollFd, PollFlags, Timespec};

    #[cfg(unix)]
    let waitable = what.as_fd();
    #[cfg(windows)]
    let waitable = what.as_socket();
    let timeout = Timespec::try_from(at_most).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut polled = [PollFd::from_borrowed_fd(waitable, PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
