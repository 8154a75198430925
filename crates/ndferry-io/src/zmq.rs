//! [`ZmqStream`]: what ZeroMQ's messages carry, as a byte stream.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};

use crate::net::{OverSocket, Socket, Wire};
use crate::stream::Stream;
use crate::zmtp::{
    COMMAND_NBYTES, Command, FrameHead, GREETING_NBYTES, PART_HEAD_NBYTES, ZmqOptions, ZmqProblem,
    ZmqSocket, check_greeting, greeting, own_socket, write_error, write_pong, write_ready,
};

/// Bytes that are read ahead of a peer that has not proved to be any good.
const SMALL: usize = COMMAND_NBYTES + PART_HEAD_NBYTES + GREETING_NBYTES;

/// And of one that sends much.
const LARGE: usize = 64 << 10;

/// Answers to PINGs that may wait to be written; more are not given.
const PENDING: usize = 4096;

/// ZeroMQ's messages over a stream: what their parts hold is read; each frame that is written is one message.
#[derive(Debug)]
pub(crate) struct ZmqStream<S> {
    stream: S,
    options: ZmqOptions,
    /// Whether it waits for the other side's READY, and is what goes with that.
    follows: bool,
    state: State,
    /// What has been read and not been worked on.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the current part that are still to come.
    left: u64,
    /// A part's head that is still to be handed on, and how much of it was.
    handed: Option<([u8; PART_HEAD_NBYTES], usize)>,
    has_ended: bool,
    /// Why nothing more can come; whoever asks is told again.
    problem: Option<ZmqProblem>,
    /// What this side has to say beside messages.
    pending: Vec<u8>,
    /// Bytes of the current message that are still to be written; nothing may come between them once it has begun.
    unwritten: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Ready,
    /// Nothing is sent before the other side has subscribed.
    Unsubscribed(ZmqSocket),
    Open(ZmqSocket),
}

impl<S: Stream> ZmqStream<S> {
    /// For a side that has connected.
    pub(crate) fn connecting(stream: S, options: &ZmqOptions) -> Self {
        let mut zmq = Self::new(stream, options, options.follows);
        if !options.follows {
            write_ready(options.socket, &mut zmq.pending);
        }
        zmq
    }

    /// For a side that was connected to. Its greeting is sent at once.
    pub(crate) fn accepted(stream: S, options: &ZmqOptions) -> io::Result<Self> {
        let mut zmq = Self::new(stream, options, true);
        zmq.write_pending()?;
        Ok(zmq)
    }

    fn new(stream: S, options: &ZmqOptions, follows: bool) -> Self {
        Self {
            stream,
            options: *options,
            follows,
            state: State::Greeting,
            input: vec![0; SMALL],
            start: 0,
            end: 0,
            left: 0,
            handed: None,
            has_ended: false,
            problem: None,
            pending: greeting().to_vec(),
            unwritten: 0,
        }
    }

    fn socket_kind(&self) -> Option<ZmqSocket> {
        match self.state {
            State::Unsubscribed(own) | State::Open(own) => Some(own),
            State::Greeting | State::Ready => None,
        }
    }

    /// Works on what has been read, and hands on what parts hold, as far as it goes.
    fn work(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        loop {
            if let Some((head, done)) = &mut self.handed {
                let n = (PART_HEAD_NBYTES - *done).min(out.len() - given);
                out[given..given + n].copy_from_slice(&head[*done..*done + n]);
                (given, *done) = (given + n, *done + n);
                if *done < PART_HEAD_NBYTES {
                    return Ok(given);
                }
                self.handed = None;
            }
            let input = &self.input[self.start..self.end];
            if self.left > 0 {
                let room = input.len().min(out.len() - given);
                let n = usize::try_from(self.left).map_or(room, |left| left.min(room));
                if n == 0 {
                    return Ok(given);
                }
                out[given..given + n].copy_from_slice(&input[..n]);
                given += n;
                self.start += n;
                self.left -= n as u64;
                continue;
            }
            if given == out.len() && !out.is_empty() {
                return Ok(given);
            }
            if let Some(problem) = &self.problem {
                return Err(problem.clone().into());
            }
            match self.next() {
                Ok(true) => {}
                Ok(false) => return Ok(given),
                Err(problem) => {
                    self.problem = Some(problem.clone());
                    return Err(problem.into());
                }
            }
        }
    }

    /// Works on the next thing that is no part's bytes; whether it was all there.
    fn next(&mut self) -> Result<bool, ZmqProblem> {
        let input = &self.input[self.start..self.end];
        if self.state == State::Greeting {
            check_greeting(&input[..input.len().min(GREETING_NBYTES)])?;
            if input.len() < GREETING_NBYTES {
                return Ok(false);
            }
            self.start += GREETING_NBYTES;
            self.state = State::Ready;
            return Ok(true);
        }
        let Some((head, head_nbytes)) = FrameHead::parse(input)? else {
            return Ok(false);
        };
        let own = self.socket_kind();
        let is_subscription = own.is_some_and(ZmqSocket::is_subscribed_to);
        if !head.is_command && !is_subscription {
            if own.is_none() {
                return Err(ZmqProblem::Broken("a message before READY"));
            }
            if own == Some(ZmqSocket::Push) {
                return Err(ZmqProblem::Broken("a message from a PULL socket"));
            }
            self.start += head_nbytes;
            self.left = head.nbytes;
            if self.options.parts {
                self.handed = Some((head.handed_on(), 0));
            }
            return Ok(true);
        }
        if head.nbytes > COMMAND_NBYTES as u64 {
            return Err(ZmqProblem::Broken("a command that is too long"));
        }
        let to = head_nbytes + head.nbytes as usize;
        if input.len() < to {
            return Ok(false);
        }
        let body = self.start + head_nbytes..self.start + to;
        self.start += to;
        if head.is_command {
            self.command(&body)?;
        } else if self.input[body.clone()].first() == Some(&1) {
            self.subscribed(body.start + 1..body.end);
        }
        Ok(true)
    }

    fn command(&mut self, body: &std::ops::Range<usize>) -> Result<(), ZmqProblem> {
        match Command::parse(&self.input[body.clone()])? {
            Command::Ready(peer, name) if self.state == State::Ready => {
                match own_socket(self.follows, peer, &name, &self.options) {
                    Ok(own) if self.follows => {
                        write_ready(own, &mut self.pending);
                        self.state = match own.is_subscribed_to() {
                            true => State::Unsubscribed(own),
                            false => State::Open(own),
                        };
                    }
                    Ok(own) if own.is_subscribed_to() => self.state = State::Unsubscribed(own),
                    Ok(own) => self.state = State::Open(own),
                    Err(problem) => {
                        write_error(&problem, &mut self.pending);
                        // Whether it hears of it or not.
                        let _ = self.write_pending();
                        return Err(problem);
                    }
                }
            }
            _ if self.state == State::Ready => {
                return Err(ZmqProblem::Broken("something else than READY"));
            }
            Command::Ready(..) => return Err(ZmqProblem::Broken("READY twice")),
            Command::Ping(context) if self.pending.len() < PENDING => {
                write_pong(context, &mut self.pending);
            }
            Command::Subscribe(prefix) => {
                let end = body.end;
                let start = end - prefix.len();
                self.subscribed(start..end);
            }
            Command::Ping(_) | Command::Other => {}
        }
        Ok(())
    }

    /// Only who wants everything gets anything: what begins in some way would be cut out of the middle of a transfer.
    fn subscribed(&mut self, prefix: std::ops::Range<usize>) {
        if let State::Unsubscribed(own) = self.state
            && prefix.is_empty()
        {
            self.state = State::Open(own);
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let is_between = self.unwritten == 0 || !matches!(self.state, State::Open(_));
        while !self.pending.is_empty() && is_between {
            match self.stream.write(&self.pending) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => drop(self.pending.drain(..n)),
                Err(error) if is_patience(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once from the stream, behind what is there; 0 at its end.
    fn read_ahead(&mut self) -> io::Result<usize> {
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let n = self.stream.read(&mut self.input[self.end..])?;
        self.end += n;
        self.grow();
        if n == 0 {
            self.has_ended = true;
            if self.socket_kind().is_none() {
                return Err(ZmqProblem::Gone.into());
            }
        }
        Ok(n)
    }

    /// A peer that has filled what there was is worth more.
    fn grow(&mut self) {
        if self.end == self.input.len()
            && self.input.len() < LARGE
            && matches!(self.state, State::Open(_))
        {
            self.input.resize(LARGE, 0);
        }
    }

    /// Goes on with the hand-shake; whether messages may be sent.
    fn is_open(&mut self) -> io::Result<bool> {
        if matches!(self.state, State::Open(_)) {
            return Ok(true);
        }
        self.write_pending()?;
        self.work(&mut [])?;
        if !matches!(self.state, State::Open(_)) {
            if self.read_ahead()? == 0 {
                return Err(ZmqProblem::Gone.into());
            }
            self.work(&mut [])?;
            self.write_pending()?;
        }
        Ok(matches!(self.state, State::Open(_)))
    }

    fn written(&mut self, n: usize) -> usize {
        self.unwritten = self.unwritten.saturating_sub(n as u64);
        n
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

impl<S: Stream> Read for ZmqStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let given = self.work(buf)?;
        self.write_pending()?;
        if given > 0 || self.has_ended {
            return Ok(given);
        }
        let direct = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        let given = if self.start == self.end && direct > 0 {
            // Much of a part goes where it is wanted, without a detour.
            let (first, _) = buf.split_at_mut(direct);
            let parts = &mut [IoSliceMut::new(first), IoSliceMut::new(&mut self.input)];
            let n = self.stream.read_vectored(parts)?;
            let mine = n.min(direct);
            self.left -= mine as u64;
            (self.start, self.end) = (0, n - mine);
            self.grow();
            self.has_ended = n == 0;
            mine + self.work(&mut buf[mine..])?
        } else {
            self.read_ahead()?;
            self.work(buf)?
        };
        self.write_pending()?;
        match given {
            0 if !self.has_ended => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl<S: Stream> Write for ZmqStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.is_open()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.stream.write(buf)?;
        Ok(self.written(n))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.is_open()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.stream.write_vectored(parts)?;
        Ok(self.written(n))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_pending()?;
        self.stream.flush()
    }
}

impl<S: Stream> Stream for ZmqStream<S> {
    /// Commands are worked on here, so that nobody waits for a message behind them.
    fn has_input(&mut self) -> io::Result<bool> {
        loop {
            self.work(&mut [])?;
            let has_some = self.left > 0 && self.start < self.end;
            if has_some || self.handed.is_some() || self.has_ended {
                return Ok(true);
            }
            if !self.stream.has_input()? {
                self.write_pending()?;
                return Ok(false);
            }
            self.read_ahead()?;
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.stream.finish()
    }

    fn answers(&self) -> bool {
        match self.follows {
            true => self.socket_kind().is_some_and(ZmqSocket::answers),
            false => self.options.socket.answers(),
        }
    }

    fn counts_messages(&self) -> bool {
        true
    }

    fn peer(&self) -> String {
        self.stream.peer()
    }

    fn heads(&mut self, parts: &[&[u8]], bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
        if matches!(self.state, State::Open(_)) {
            bytes.append(&mut self.pending);
        }
        let last = parts.len().saturating_sub(1);
        for (number, part) in parts.iter().enumerate() {
            let head = FrameHead {
                has_more: number < last,
                is_command: false,
                nbytes: part.len() as u64,
            };
            head.write(bytes);
            ends.push(bytes.len());
            self.unwritten += part.len() as u64;
        }
        self.unwritten += bytes.len() as u64;
    }
}

impl<S: OverSocket + 'static> OverSocket for ZmqStream<S> {
    fn socket(&self) -> &socket2::Socket {
        self.stream.socket()
    }

    fn plain(self: Box<Self>) -> Result<Socket, Wire> {
        Err(self)
    }

    fn is_let_in(&self) -> bool {
        match self.state {
            // It has said all that it ever will.
            State::Open(own) => self.options.parts || own.is_subscribed_to(),
            _ => false,
        }
    }

    fn holds_input(&self) -> bool {
        self.handed.is_some() || self.start < self.end && (self.left > 0 || self.has_whole_head())
    }
}

impl<S> ZmqStream<S> {
    /// Whether what has been read is enough to go on with.
    fn has_whole_head(&self) -> bool {
        let input = &self.input[self.start..self.end];
        match self.state {
            State::Greeting => input.len() >= GREETING_NBYTES,
            _ => match FrameHead::parse(input) {
                Ok(Some((head, nbytes))) => {
                    !head.is_command || (input.len() - nbytes) as u64 >= head.nbytes
                }
                Ok(None) => false,
                Err(_) => true,
            },
        }
    }
}
