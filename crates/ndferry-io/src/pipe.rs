//! One-way streams: pipes, standard input and output, files.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use crate::stream::Stream;
use crate::{FrameSink, FrameSource, Framing, Interrupt, StreamTransport};

/// Frames from any reader, which may block for as long as it likes.
pub fn frames_from(
    from: impl Read + Send,
    framing: Framing,
    interrupt: Interrupt,
) -> impl FrameSource {
    StreamTransport::new(Reading(from), framing, Duration::MAX, interrupt)
}

/// Frames to any writer. Nobody can acknowledge them.
pub fn frames_to(to: impl Write + Send, interrupt: Interrupt) -> impl FrameSink {
    let framing = Framing {
        head_nbytes: 0,
        frame_nbytes: |_| Ok(0),
    };
    StreamTransport::new(Writing(to), framing, Duration::MAX, interrupt)
}

/// Standard input. The other end of a pipe may take its time, so there is no time-out; an interrupt is noticed.
pub(crate) fn stdin(
    framing: Framing,
    interrupt: Interrupt,
) -> io::Result<StreamTransport<impl Stream>> {
    let input = platform::stdin()?;
    let stream = Reading(platform::Interruptible(input));
    Ok(StreamTransport::new(
        stream,
        framing,
        Duration::MAX,
        interrupt,
    ))
}

/// Standard output. Nobody can acknowledge what goes there.
pub(crate) fn stdout(
    framing: Framing,
    interrupt: Interrupt,
) -> io::Result<StreamTransport<impl Stream>> {
    let stream = Writing(platform::stdout()?);
    Ok(StreamTransport::new(
        stream,
        framing,
        Duration::MAX,
        interrupt,
    ))
}

struct Reading<R>(R);

struct Writing<W>(W);

fn one_way<T>() -> io::Result<T> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "a stream that goes the other way only",
    ))
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<R> Write for Reading<R> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        one_way()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read + Send> Stream for Reading<R> {
    fn has_input(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn answers(&self) -> bool {
        false
    }

    fn peer(&self) -> String {
        "standard input".to_owned()
    }
}

impl<W> Read for Writing<W> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        one_way()
    }
}

impl<W: Write> Write for Writing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> Stream for Writing<W> {
    fn has_input(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn answers(&self) -> bool {
        false
    }

    fn peer(&self) -> String {
        "standard output".to_owned()
    }
}

/// Standard input and output as files: without the buffers and line ends of `std::io::stdin` and `stdout`.
#[cfg(unix)]
mod platform {
    use std::os::fd::AsFd;

    use super::{File, Read, io};

    pub(super) fn stdin() -> io::Result<File> {
        Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
    }

    pub(super) fn stdout() -> io::Result<File> {
        Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
    }

    /// Gives up now and then, so that its caller can look at the interrupt.
    pub(super) struct Interruptible(pub(super) File);

    impl Read for Interruptible {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if crate::wait::readable(&self.0, crate::stream::POLL)? {
                self.0.read(buf)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}

#[cfg(windows)]
mod platform {
    use std::os::windows::io::AsHandle;

    use super::{File, Read, io};

    pub(super) fn stdin() -> io::Result<File> {
        Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
    }

    pub(super) fn stdout() -> io::Result<File> {
        Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
    }

    /// Windows cannot wait for a pipe: reads block until something comes.
    pub(super) struct Interruptible(pub(super) File);

    impl Read for Interruptible {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }
}
