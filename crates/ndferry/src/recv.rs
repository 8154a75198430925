//! [`Receiver`]: waits for arrays from another process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndferry_array::{Array, Dtype, Order};
use ndferry_io::{Frame, Link, Listener, TlsOptions, Url};
use ndferry_npb::{
    Ack, Decoder, Event, HEAD_NBYTES, Head, Hello, Kind, Manifest, Ranges, Refuse, RefuseCode,
    Repeats, Resume, TileGrid, Unpacker, credit,
};
use ndferry_npy::Header;

use crate::error::{npb, outside};
use crate::gaps::{Cut, Gaps, Until};
use crate::inbox::{Inbox, Last};
use crate::keep_alive::while_busy;
use crate::npb_file::header_of;
use crate::part::Part;
use crate::session::{Greeting, Side, WINDOW, link_options};
use crate::store::Store;
use crate::waiting_room::WaitingRoom;
use crate::{
    Attributes, Error, ErrorClass, ErrorKind, Format, Interrupt, Limits, Progress, Result, Source,
    Token,
};

/// How to receive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecvOptions {
    /// How long a peer may be silent once it is connected.
    pub timeout: Duration,
    /// What a peer may claim.
    pub limits: Limits,
    /// Threads for unpacking; 0 takes as many as the machine has.
    pub threads: usize,
    /// Replaces a file that exists.
    pub overwrite: bool,
    /// Keeps what has arrived in `OUT.part` when a transfer breaks off, even if this process is killed, and does not have
    /// it sent again by a sender that resumes too. Needs [`Target::File`] and an address that can answer; any format that
    /// [`crate::save()`] writes may be the target.
    pub resume: bool,
    /// What senders must know too; others are refused, and do not disturb.
    pub token: Option<Token>,
    /// Listens without a token where other machines can connect.
    pub insecure: bool,
    /// Over `tls://`: this side's certificate; otherwise one is made.
    pub tls: TlsOptions,
    /// Stops the transfer; nothing is left behind.
    pub interrupt: Interrupt,
    /// Of a live stream.
    pub(crate) until: Option<Until>,
}

impl Default for RecvOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            limits: Limits::default(),
            threads: 0,
            overwrite: false,
            resume: false,
            token: None,
            insecure: false,
            tls: TlsOptions::default(),
            interrupt: Interrupt::new(),
            until: None,
        }
    }
}

/// Where received arrays go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A file; its extension tells the format (`.npb`, or `.npy` for one array).
    File(PathBuf),
    /// A folder, in which the transfer becomes a file of its own: called as the sender calls it (or its first array, or
    /// `received`), made safe: no way out of the folder, not hidden, no device, at most 120 bytes. If the name is taken,
    /// `-2` and so on is added, unless files may be replaced. [`Received::path`] says where it is.
    Folder {
        /// The folder, which must exist.
        folder: PathBuf,
        /// [`Format::Npb`], [`Format::Npy`] for one array, [`Format::Npz`] or [`Format::Pickle`].
        format: Format,
    },
    /// Memory: [`ReceivedArray::array`] holds the elements.
    Memory,
}

impl Target {
    /// Whether a transfer could be stored there, before anybody is asked to send one.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownExtension`], [`ErrorKind::CannotWrite`], [`ErrorKind::Exists`] unless `overwrite`,
    /// [`crate::ErrorClass::System`].
    pub fn check(&self, overwrite: bool) -> Result<()> {
        Store::check(self, overwrite)
    }

    /// A full disk is a matter of the file, not of the peer.
    fn place_system(&self, error: Error) -> Error {
        match self {
            Self::File(path) | Self::Folder { folder: path, .. }
                if error.class() == ErrorClass::System =>
            {
                error.in_path(path)
            }
            Self::File(_) | Self::Folder { .. } | Self::Memory => error,
        }
    }
}

/// One array that arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedArray {
    /// Its name at the sender; empty if it had none.
    pub name: String,
    /// What its elements are.
    pub dtype: Dtype,
    /// The extent of each axis.
    pub shape: Vec<usize>,
    /// The order in which they were stored.
    pub order: Order,
    /// What else the sender said of it.
    pub attributes: Attributes,
    /// The elements, with [`Target::Memory`].
    pub array: Option<Array>,
    /// Of an array of objects the values, with [`Target::Memory`]: the NPY file that it would be.
    pub objects: Option<Arc<Source>>,
}

/// A whole transfer, stored and verified.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Received {
    /// The arrays.
    pub arrays: Vec<ReceivedArray>,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes on the wire.
    pub wire_nbytes: u64,
    /// Blocks among these that were there already, from transfers that broke off.
    pub held: u64,
    /// Rows of a live stream that did not come.
    pub missed: u64,
    /// Why a live stream ended before its end; what had come until then is stored.
    pub cut: Option<Cut>,
    /// The file, unless it is all in memory.
    pub path: Option<PathBuf>,
}

/// How long a refused sender may go on sending before it is cut off, and how much.
const DRAIN: (Duration, u64) = (Duration::from_secs(2), 16 << 20);

/// How long to wait at a time for somebody to connect; there is no end to it but the interrupt.
const WAIT: Duration = Duration::from_secs(3600);

/// Listens for one transfer after the other. Senders that come while one is served wait for their turn, as long as it
/// takes.
#[derive(Debug)]
pub struct Receiver {
    // Those who still wait are sent away while the address is still there.
    waiting: WaitingRoom,
    listener: Listener<Greeting>,
    last: Last,
    options: RecvOptions,
    /// Whether what comes next is for memory: a sender that shares memory had better send an array as one block.
    in_memory: Arc<AtomicBool>,
}

impl Receiver {
    /// Listens at `url`; port 0 takes any free one. `-` is standard input.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Usage`] for a bad address, [`crate::ErrorClass::System`]; [`ErrorKind::Open`] for an address
    /// that other machines reach, unless there is a token or [`RecvOptions::insecure`].
    pub fn bind(url: &str, options: RecvOptions) -> Result<Self> {
        let in_memory = Arc::new(AtomicBool::new(false));
        let bind = || {
            let address: Url = url.parse().map_err(outside)?;
            #[allow(unused_mut, reason = "only ZeroMQ has options of its own")]
            let mut link_options = link_options(options.timeout, &options.interrupt, &options.tls);
            #[cfg(feature = "zmq")]
            {
                // Nobody who only sends can prove anything.
                link_options.zmq.one_way = options.token.is_none();
            }
            let (limits, resumes) = (npb_limits(&options.limits), options.resume);
            let token = options.token.clone();
            let window = if address.is_zmq() { WINDOW } else { u64::MAX };
            let may_share = matches!(address, Url::Shm(_) | Url::ShmOrTcp { .. });
            let in_memory = Arc::clone(&in_memory);
            let doorman = move || {
                let limits = match may_share && in_memory.load(Ordering::Relaxed) {
                    true => &shared_limits(&limits),
                    false => &limits,
                };
                let greeting = Greeting::new(Side::Listening, limits, resumes, token.as_ref());
                greeting.with_window(window)
            };
            let listener =
                Listener::with_doorman(&address, link_options, doorman).map_err(outside)?;
            match listener.is_local() || options.insecure || options.token.is_some() {
                true => Ok(listener),
                false => Err(ErrorKind::Open.into()),
            }
        };
        let listener = bind().map_err(|error: Error| error.in_source(url))?;
        tracing::debug!(url = %listener.url(), "listening");
        Ok(Self {
            waiting: WaitingRoom::new(),
            listener,
            last: Last::default(),
            options,
            in_memory,
        })
    }

    /// Where it listens, with the real port; over TLS with the pin of its certificate, so that whoever connects there
    /// knows that it is this one.
    pub fn url(&self) -> String {
        self.listener.url().to_string()
    }

    /// Waits for a sender and takes one transfer. The sender hears that all is well only after everything is verified,
    /// synced and renamed; on an error it is told why, and nothing is left behind.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`], [`crate::ErrorClass::Limit`], [`ErrorKind::Exists`], [`ErrorKind::Interrupted`],
    /// [`crate::ErrorClass::System`].
    pub fn recv(&mut self, target: &Target, progress: &dyn Progress) -> Result<Received> {
        self.recv_then(target, progress, &mut |_| Ok(()))
    }

    /// As [`Self::recv`], and `then` runs once the file is in its place, or all arrays are in memory: the sender hears that
    /// all is well only if that went well too. For those who pass on what has come.
    ///
    /// # Errors
    /// As [`Self::recv`], and what `then` says; the file stays in that case.
    pub fn recv_then(
        &mut self,
        target: &Target,
        progress: &dyn Progress,
        then: &mut dyn FnMut(&mut Received) -> Result<()>,
    ) -> Result<Received> {
        let limits = npb_limits(&self.options.limits);
        let mut store = match (self.options.resume, target) {
            (false, Target::Folder { folder, format }) => {
                let (overwrite, interrupt) = (self.options.overwrite, &self.options.interrupt);
                let last = self.last.clone();
                let inbox = Inbox::new(folder, *format, overwrite, interrupt, last)?;
                Store::Inbox(Box::new(inbox))
            }
            (false, _) => Store::new(target, self.options.overwrite)?,
            (true, Target::File(path)) if self.listener.url().to_string() != "-" => {
                let (overwrite, interrupt) = (self.options.overwrite, &self.options.interrupt);
                let part = Part::open(path, overwrite, &limits, interrupt)?;
                Store::Part(Box::new(part))
            }
            (true, _) => {
                let what = "resuming into memory or a folder, or from standard input,".to_owned();
                return Err(ErrorKind::Unsupported { what }.into());
            }
        };
        let received = self.recv_into(&mut store, target, &limits, progress, then);
        if let (Store::Part(part), Err(_)) = (&store, &received) {
            part.leave();
        }
        let mut received = received?;
        if let Target::File(path) = target {
            received.path = Some(path.clone());
        }
        if let Some(last) = store.deliver(&mut received) {
            self.last = last;
        }
        Ok(received)
    }

    fn recv_into(
        &mut self,
        store: &mut Store,
        target: &Target,
        limits: &ndferry_npb::Limits,
        progress: &dyn Progress,
        then: &mut dyn FnMut(&mut Received) -> Result<()>,
    ) -> Result<Received> {
        self.in_memory
            .store(*target == Target::Memory, Ordering::Relaxed);
        let (link, greeting) = loop {
            let timeout = self.options.timeout;
            let next = self.waiting.next(&mut self.listener, WAIT, timeout);
            match next.map_err(outside)? {
                Some(entered) => break entered,
                None if self.listener.url().to_string() == "-" => {
                    return Err(ErrorKind::BrokenOff {
                        expected: "a MANIFEST",
                    }
                    .into());
                }
                None => {}
            }
        };
        tracing::debug!(peer = link.peer(), "connected");
        let Self {
            waiting,
            listener,
            options,
            ..
        } = self;
        waiting.while_serving(listener, || {
            let hello = greeting.into_hello();
            options.serve(link, hello, store, target, limits, progress, then)
        })
    }
}

impl RecvOptions {
    /// One sender, from its first message to the answer.
    #[expect(clippy::too_many_arguments, reason = "what one transfer needs")]
    pub(crate) fn serve(
        &self,
        mut link: Link,
        hello: Option<Hello>,
        store: &mut Store,
        target: &Target,
        limits: &ndferry_npb::Limits,
        progress: &dyn Progress,
        then: &mut dyn FnMut(&mut Received) -> Result<()>,
    ) -> Result<Received> {
        let limits = match *target == Target::Memory && link.shares() {
            true => &shared_limits(limits),
            false => limits,
        };
        let taken = take(self, &mut link, hello, store, target, limits, progress);
        let acknowledged = taken.and_then(|(mut received, transfer)| {
            while_busy(&mut link, |_| {
                store.commit().map_err(|error| target.place_system(error))?;
                store.deliver_memory(&mut received)?;
                then(&mut received)
            })?;
            Ok((received, transfer))
        });
        match acknowledged {
            Ok((mut received, transfer)) => {
                let (arrays, blocks) = (received.arrays.len(), received.blocks);
                tracing::debug!(arrays, blocks, "stored and verified");
                if link.answers() {
                    let answer = match received.cut {
                        None => Ack { blocks }.message(transfer),
                        Some(_) => Refuse {
                            code: RefuseCode::Interrupted,
                            reason: "it has watched enough".to_owned(),
                        }
                        .message(0),
                    };
                    // Stored it is, whether the sender hears of it or not.
                    let _ = link.send(&[&answer]).and_then(|()| link.finish());
                }
                received.wire_nbytes = link.received_nbytes();
                Ok(received)
            }
            Err(error) => {
                tracing::debug!(%error, "refused");
                if link.answers() {
                    let refuse = Refuse {
                        code: code(&error),
                        reason: error.to_string(),
                    };
                    // The sender may be gone.
                    let _ = link.send(&[&refuse.message(0)]);
                    link.drain(DRAIN.0, DRAIN.1);
                }
                Err(error.in_source(&link.peer()))
            }
        }
    }
}

/// Everything up to the end of the transfer; gives which transfer to acknowledge.
fn take(
    options: &RecvOptions,
    link: &mut Link,
    hello: Option<Hello>,
    store: &mut Store,
    target: &Target,
    limits: &ndferry_npb::Limits,
    progress: &dyn Progress,
) -> Result<(Received, u64)> {
    // A file that comes through a pipe may have tiles that were written again.
    let repeats = if link.answers() {
        Repeats::Refuse
    } else {
        Repeats::Replace
    };
    let mut decoder = Decoder::new(limits.clone(), repeats);
    link.set_max_frame(limits.body_nbytes() + HEAD_NBYTES as u64);
    let resumes = options.resume && hello.is_some_and(|hello| hello.resumes);
    if let Store::Part(part) = &store
        && !resumes
    {
        if !part.is_empty() {
            return Err(part.another_source());
        }
        part.leave();
        *store = Store::new(target, options.overwrite)?;
    }
    let mut received = Received::default();
    let mut incoming: Option<Incoming> = None;
    let mut unpacker = Unpacker::new();
    let mut raw = Vec::new();
    let mut transfer = 0;
    let mut gaps: Option<Gaps> = None;
    let mut lost = 0;
    // Bytes of DATA that the sender has not been told of.
    let mut taken = 0;
    let until = options.until.as_ref();
    let gives_credit = link.answers() && link.counts_messages();
    while !decoder.is_done() {
        options.interrupt.check()?;
        if let Some(until) = until {
            received.cut = until.ends(gaps.as_ref(), incoming.as_ref())?;
            if received.cut.is_some() {
                break;
            }
        }
        let expected = "its end";
        let frame = match link.recv_frame().map_err(outside) {
            Ok(Some(frame)) => frame,
            broken => {
                let broken = broken.err();
                let broken = broken.unwrap_or_else(|| ErrorKind::BrokenOff { expected }.into());
                received.cut = until.and_then(|_| Cut::by(&broken, gaps.as_ref()));
                match received.cut {
                    Some(_) => break,
                    None => return Err(broken),
                }
            }
        };
        let (copy, lent);
        let mut is_moved = matches!(frame, Frame::Here(_));
        let (head, frame, lent) = match frame {
            Frame::Here(frame) | Frame::Local(frame) => {
                (Head::parse(frame).map_err(npb)?, frame, None)
            }
            Frame::Shared(bytes) => {
                // What is parsed, and what goes into files, must not change meanwhile.
                let head = bytes.get(..HEAD_NBYTES).unwrap_or_default().to_vec();
                let head = Head::parse(&head).map_err(npb)?;
                if head.kind == Kind::Data && *target == Target::Memory {
                    lent = bytes;
                    (head, &lent[..], Some(&lent))
                } else {
                    copy = bytes.to_vec();
                    is_moved = true;
                    (Head::parse(&copy).map_err(npb)?, &copy[..], None)
                }
            }
        };
        if head.transfer != 0 {
            transfer = head.transfer;
        }
        let event = match is_moved {
            true => decoder.feed(frame),
            false => decoder.feed_lent(&head, &frame[HEAD_NBYTES..]),
        };
        match event.map_err(npb)? {
            Event::Manifest(manifest) => {
                // What is lost is counted over all arrays.
                lost = gaps.as_ref().map_or(lost, Gaps::lost);
                let watched = manifest.live || until.is_some();
                gaps = watched.then_some(Gaps::new(lost));
                incoming = Some(Incoming::new(manifest)?);
            }
            Event::Header(_, bytes) => {
                let Some(array) = &mut incoming else { continue };
                array.headers.push(bytes.to_vec());
                if array.headers.len() == array.manifest.header_blocks as usize {
                    let info = array.info(&options.limits)?;
                    let held = store
                        .begin(transfer, &info, array)
                        .map_err(|error| target.place_system(error))?;
                    progress.start(&info.name, array.header(&options.limits)?.data_nbytes());
                    received.arrays.push(info);
                    if resumes {
                        link.send(&[&Resume::of(&held).message(transfer)])
                            .map_err(outside)?;
                        decoder.hold(&held).map_err(npb)?;
                        let nbytes = array.held_nbytes(&held)?;
                        received.held += held.count();
                        received.blocks += held.count();
                        received.nbytes += nbytes;
                        progress.advance(nbytes);
                    }
                }
            }
            Event::Block(block) => {
                let Some(array) = &incoming else { continue };
                if let Some(until) = until
                    && until.is_past(block.number, &array.grid)
                {
                    received.cut = Some(Cut::Rows);
                    break;
                }
                let plain = (ndferry_npb::Codec::Raw, ndferry_npb::Filter::None);
                let is_plain = (block.codec, block.filter) == plain
                    && block.payload.len() == block.raw_nbytes as usize;
                let elements = if is_plain {
                    block.payload
                } else {
                    let limit = npb_limits(&options.limits).block_nbytes;
                    let nbytes = u64::from(block.raw_nbytes);
                    // What is lent may be larger, since it is there.
                    if nbytes > limit {
                        let (what, found) = ("a packed block", nbytes);
                        return Err(ErrorKind::Limit { what, found, limit }.into());
                    }
                    let private = lent.map(|_| block.payload.to_vec());
                    let payload = private.as_deref().unwrap_or(block.payload);
                    raw.resize(block.raw_nbytes as usize, 0);
                    let element = &array.manifest.element;
                    let (codec, filter) = (block.codec, block.filter);
                    unpacker
                        .unpack(codec, filter, element, payload, &mut raw)
                        .map_err(|kind| ErrorKind::Npb(kind).at(0))?;
                    &raw
                };
                if let Some(gaps) = &mut gaps {
                    received.missed += gaps.before(block.number, store, &array.grid)?;
                }
                match lent.filter(|_| is_plain) {
                    Some(lent) => store.lent(block.number, frame, elements, array, lent),
                    None => store.block(block.number, frame, elements, array),
                }
                .map_err(|error| target.place_system(error))?;
                received.blocks += 1;
                received.nbytes += u64::from(block.raw_nbytes);
                progress.advance(block.raw_nbytes.into());
                taken += frame.len() as u64;
                if gives_credit && taken >= WINDOW / 4 {
                    link.send(&[&credit(transfer, taken)]).map_err(outside)?;
                    taken = 0;
                }
            }
            Event::End(end) => {
                let Some(array) = incoming.take() else {
                    continue;
                };
                if let Some(gaps) = &mut gaps {
                    let tiles = end.extent.saturating_mul(array.grid.tiles_per_row());
                    received.missed += gaps.before(tiles, store, &array.grid)?;
                }
                store
                    .end(end.extent)
                    .map_err(|error| target.place_system(error))?;
                if array.manifest.growing
                    && !array.manifest.bytes
                    && let Some(info) = received.arrays.last_mut()
                {
                    info.grown_to(end.extent);
                }
                progress.finish();
            }
            Event::Catalog(_) => transfer = 0,
            Event::Name(said) => store.named(said),
            Event::Refuse(refuse) => {
                return Err(ErrorKind::Refused {
                    reason: refuse.reason,
                }
                .into());
            }
            Event::Skipped | Event::Credit(_) | Event::Hello(_) => {}
            Event::Ack(_) | Event::Resume(_) => {
                let (found, expected) = ("a message that receivers send", "DATA");
                return Err(ErrorKind::WrongMessage { found, expected }.into());
            }
        }
    }
    if received.cut.is_some()
        && let (Some(array), Some(mut gaps)) = (incoming, gaps)
    {
        let rows = gaps.cut(
            until.and_then(|until| until.rows),
            store,
            &mut received,
            &array.grid,
        )?;
        store
            .end(rows)
            .map_err(|error| target.place_system(error))?;
        if let Some(info) = received.arrays.last_mut() {
            info.grown_to(rows);
        }
        progress.finish();
    }
    Ok((received, transfer))
}

/// One more transfer over a connection that goes on after it, into memory.
#[cfg(feature = "imagej")]
pub(crate) fn receive_over(
    link: &mut Link,
    hello: Option<Hello>,
    options: &RecvOptions,
    progress: &dyn Progress,
) -> Result<Received> {
    let (target, limits) = (Target::Memory, npb_limits(&options.limits));
    let mut store = Store::new(&target, false)?;
    let taken = take(options, link, hello, &mut store, &target, &limits, progress);
    let acknowledged = taken.and_then(|taken| store.commit().map(|()| taken));
    match acknowledged {
        Ok((mut received, transfer)) => {
            let blocks = received.blocks;
            link.send(&[&Ack { blocks }.message(transfer)])
                .map_err(outside)?;
            received.wire_nbytes = link.received_nbytes();
            store.deliver_memory(&mut received)?;
            Ok(received)
        }
        Err(error) => {
            let (code, reason) = (code(&error), error.to_string());
            // The sender may be gone.
            let _ = link.send(&[&Refuse { code, reason }.message(0)]);
            link.drain(DRAIN.0, DRAIN.1);
            Err(error)
        }
    }
}

/// An array under way.
pub(crate) struct Incoming {
    pub(crate) manifest: Manifest,
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) grid: TileGrid,
}

impl Incoming {
    pub(crate) fn new(manifest: &Manifest) -> Result<Self> {
        Ok(Self {
            manifest: Manifest {
                // What was left out is told by the index of a file.
                live: false,
                ..manifest.clone()
            },
            headers: Vec::new(),
            grid: manifest.grid().map_err(npb)?,
        })
    }

    /// Its NPY header, after a look whether the manifest says the same.
    pub(crate) fn header(&self, limits: &Limits) -> Result<Header> {
        header_of(&self.manifest, &self.headers, &self.manifest.shape, limits)
    }

    /// Bytes of the elements of these tiles.
    fn held_nbytes(&self, held: &Ranges) -> Result<u64> {
        let numbers = held.runs().flat_map(|(first, count)| first..first + count);
        let nbytes: std::result::Result<u64, _> =
            numbers.map(|number| self.grid.nbytes(number)).sum();
        nbytes.map_err(npb)
    }

    pub(crate) fn info(&self, limits: &Limits) -> Result<ReceivedArray> {
        let header = self.header(limits)?;
        let named = self.headers.get(1);
        // A file with others could not be opened.
        let named = named.map(|json| Attributes::with_name(json)).transpose()?;
        let (name, attributes) = named.unwrap_or_default();
        Ok(ReceivedArray {
            name,
            attributes,
            dtype: header.dtype,
            shape: header.shape,
            order: header.order,
            array: None,
            objects: None,
        })
    }
}

impl ReceivedArray {
    fn grown_to(&mut self, extent: u64) {
        let axis = match self.order {
            Order::C => self.shape.first_mut(),
            Order::F => self.shape.last_mut(),
        };
        if let Some(axis) = axis {
            *axis = usize::try_from(extent).unwrap_or(usize::MAX);
        }
    }
}

pub(crate) fn npb_limits(limits: &Limits) -> ndferry_npb::Limits {
    ndferry_npb::Limits {
        block_nbytes: limits
            .message_nbytes
            .min(ndferry_npb::Limits::PEER.block_nbytes),
        header_nbytes: limits.header_nbytes as u64,
        ..ndferry_npb::Limits::PEER
    }
}

/// Blocks of memory that a sender on this machine lends: whole arrays.
const LENT: u64 = 2 << 30;

fn shared_limits(limits: &ndferry_npb::Limits) -> ndferry_npb::Limits {
    ndferry_npb::Limits {
        block_nbytes: LENT,
        ..limits.clone()
    }
}

/// What a sender is told about an error of ours.
fn code(error: &Error) -> RefuseCode {
    match error.class() {
        _ if matches!(error.kind(), ErrorKind::AnotherSource) => RefuseCode::Changed,
        ErrorClass::Malformed | ErrorClass::Protocol => RefuseCode::Protocol,
        ErrorClass::Limit => RefuseCode::Limit,
        ErrorClass::System | ErrorClass::Usage => RefuseCode::Storage,
        ErrorClass::Unsupported | ErrorClass::Unsafe => RefuseCode::Unsupported,
        ErrorClass::Interrupted => RefuseCode::Interrupted,
    }
}
