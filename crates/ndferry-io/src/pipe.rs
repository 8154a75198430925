//! One-way streams: pipes, standard input and output, files.

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

struct Reading<R>(R);

struct Writing<W>(W);

fn one_way<T>() -> io::Result<T> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "a one-way stream",
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
}
