//! [`send`]: arrays to another process, in checked blocks.

use std::time::Duration;

use ndferry_io::{Link, TlsOptions, Url};
use ndferry_npb::{
    Ack, Catalog, CatalogEntry, Decoder, End, Event, Extent, HEAD_NBYTES, Head, Hello,
    Kind as MessageKind, Limits, Ranges, Repeats, TileGrid,
};

use crate::error::{npb, outside};
use crate::keep_alive::while_busy;
use crate::npb_plan::Plan;
use crate::session::{Greeting, Side, greet, link_options};
use crate::{
    Codec, Error, ErrorKind, Filter, Fingerprint, Interrupt, Item, LazyArray, Order, Packing,
    Progress, Result, SaveOptions, Token, object_array,
};

/// Blocks as they are: over a connection within one machine no codec is fast enough to gain anything.
const NO_PACKING: Packing = Packing {
    codec: Codec::None,
    filter: Filter::None,
};

/// Bytes that are sent before it is looked whether the receiver has something to say.
const UNHEARD: usize = 64 << 10;

/// What a peer that cannot answer may still send while we wait until it has read all.
const LINGER_NBYTES: u64 = 1 << 20;

/// How to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// How blocks are packed: not at all by default, nor for a receiver that says it cannot unpack them.
    pub packing: Packing,
    /// Raw bytes of one block. Through shared memory into that of the receiver, arrays that are contiguous in memory and not
    /// packed are one.
    pub block_nbytes: usize,
    /// How long the other side may be silent.
    pub timeout: Duration,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Stops the transfer.
    pub interrupt: Interrupt,
    /// Of the source: a receiver that resumes too is sent only what it does not hold from earlier transfers of the same
    /// source in the same blocks, packed the same way. The elements must be the same whenever the fingerprint is.
    pub resume: Option<Fingerprint>,
    /// What the sender calls all of it, for instance the name of a file. A receiver that stores it in a folder makes a file
    /// name of it. Empty for no name.
    pub name: String,
    /// What the receiver must know too; with one, nothing is sent to a receiver that does not prove it.
    pub token: Option<Token>,
    /// Over `tls://`: which certificate the receiver must have, if the address does not pin it.
    pub tls: TlsOptions,
    /// What this side is over ZeroMQ: DEALER, which is acknowledged; or PUSH or PUB, to which nobody can answer.
    #[cfg(feature = "zmq")]
    pub zmq: ndferry_io::ZmqSocket,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            packing: Packing::default(),
            block_nbytes: 1 << 20,
            timeout: Duration::from_secs(60),
            threads: 0,
            interrupt: Interrupt::new(),
            resume: None,
            name: String::new(),
            token: None,
            tls: TlsOptions::default(),
            #[cfg(feature = "zmq")]
            zmq: ndferry_io::ZmqSocket::Dealer,
        }
    }
}

impl SendOptions {
    /// Whether a receiver there cannot answer.
    fn is_one_way(&self, url: &Url) -> bool {
        #[cfg(feature = "zmq")]
        if url.is_zmq() {
            return !self.zmq.answers();
        }
        *url == Url::Pipe
    }
}

/// What was sent, and stored by the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Arrays.
    pub arrays: usize,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes on the wire.
    pub wire_nbytes: u64,
    /// Whether the receiver has said that all is stored and verified. Only one-way streams leave that open.
    pub acknowledged: bool,
    /// Blocks among these that the receiver held already; `None` if it does not resume.
    pub held: Option<u64>,
}

/// Sends arrays as one transfer to `url` (`tcp://host:port`, `tls://host:port#sha256=…`, `unix:///path`,
/// `zmq+tcp://host:port`, `-` for standard output). Returns only after
/// the receiver has said that everything is stored and verified; over a one-way stream nobody can say so, and
/// [`Sent::acknowledged`] is false.
///
/// # Errors
/// Whatever reading the arrays brings; [`crate::ErrorClass::Protocol`] if the peer refuses, breaks off or falls silent;
/// [`ErrorKind::Interrupted`].
pub fn send(
    url: &str,
    items: &[Item<'_>],
    options: &SendOptions,
    progress: &dyn Progress,
) -> Result<Sent> {
    // Before anybody is kept waiting.
    let is_unknown = |item: &&Item<'_>| {
        let array = item.array;
        array.dtype().has_object() && array.objects().is_none()
    };
    if let Some(item) = items.iter().find(is_unknown) {
        return Err(item.array.place(ErrorKind::Objects));
    }
    let sent = || {
        let address: Url = url.parse().map_err(outside)?;
        if options.is_one_way(&address) && (options.resume.is_some() || options.token.is_some()) {
            let what = match (options.resume.is_some(), &address) {
                (true, Url::Pipe) => "resuming over a pipe",
                (true, _) => "resuming where nobody answers",
                (false, Url::Pipe) => "a token over a pipe",
                (false, _) => "a token where nobody answers",
            };
            let what = what.to_owned();
            return Err(ErrorKind::Unsupported { what }.into());
        }
        #[allow(unused_mut, reason = "only ZeroMQ has options of its own")]
        let mut link_options = link_options(options.timeout, &options.interrupt, &options.tls);
        #[cfg(feature = "zmq")]
        {
            link_options.zmq.socket = options.zmq;
        }
        tracing::debug!(url, arrays = items.len(), "connecting");
        let mut link = ndferry_io::connect(&address, &link_options).map_err(outside)?;
        tracing::debug!(url, "connected");
        let mut sender = Sender::new(&mut link, None, options, progress);
        let result = sender.run(items);
        result.map_err(|error| sender.reason(error))
    };
    sent().map_err(|error: Error| error.in_source(url))
}

/// One more transfer over a connection that goes on after it.
#[cfg(feature = "imagej")]
pub(crate) fn send_over(
    link: &mut Link,
    hello: Option<Hello>,
    items: &[Item<'_>],
    options: &SendOptions,
    progress: &dyn Progress,
) -> Result<Sent> {
    let mut sender = Sender::new(link, hello, options, progress);
    let result = sender.transfer(items);
    result.map_err(|error| sender.reason(error))
}

struct Sender<'a> {
    link: &'a mut Link,
    decoder: Decoder,
    options: &'a SendOptions,
    progress: &'a dyn Progress,
    /// What the receiver can take; a one-way stream does not say.
    hello: Option<Hello>,
    window: Window,
    blocks: u64,
    held: Option<u64>,
}

impl<'a> Sender<'a> {
    fn new(
        link: &'a mut Link,
        hello: Option<Hello>,
        options: &'a SendOptions,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            link,
            decoder: Decoder::new(Limits::PEER, Repeats::Refuse),
            options,
            progress,
            window: Window {
                nbytes: hello.as_ref().map_or(u64::MAX, |hello| hello.window),
                under_way: 0,
            },
            hello,
            blocks: 0,
            held: None,
        }
    }

    fn run(&mut self, items: &[Item<'_>]) -> Result<Sent> {
        let resumes = self.options.resume.is_some();
        let token = self.options.token.as_ref();
        let greeting = Greeting::new(Side::Connecting, &Limits::PEER, resumes, token);
        self.hello = greet(self.link, greeting)?;
        if let Some(hello) = &self.hello {
            self.window.nbytes = hello.window;
        }
        let sent = self.transfer(items)?;
        self.link.finish().map_err(outside)?;
        if !sent.acknowledged && self.link.counts_messages() {
            // What is still under way would be lost with the connection.
            self.link.drain(self.options.timeout, LINGER_NBYTES);
        }
        Ok(sent)
    }

    fn transfer(&mut self, items: &[Item<'_>]) -> Result<Sent> {
        let resumes = self.options.resume.is_some();
        let most = Limits::PEER.body_nbytes() + HEAD_NBYTES as u64;
        self.link.set_max_frame(most);
        if resumes && self.hello.as_ref().is_some_and(|hello| hello.resumes) {
            self.held = Some(0);
        }
        if self.hello.is_some() && !self.options.name.is_empty() {
            self.message(&ndferry_npb::name(&self.options.name))?;
        }
        let most = self
            .hello
            .as_ref()
            .map_or(u64::MAX, |hello| hello.block_nbytes);
        let block_nbytes = (self.options.block_nbytes as u64).clamp(1, most.max(1));
        let cataloged = items.len() != 1 || !items[0].name.is_empty();
        let mut catalog = Catalog::default();
        let mut transfer = 0;
        for (number, item) in (0..).zip(items) {
            transfer = self.array(number, *item, cataloged, block_nbytes)?;
            let root = Extent {
                offset: 0,
                nbytes: 0,
            };
            catalog.entries.push(CatalogEntry {
                name: item.name.to_owned(),
                transfer,
                manifest: 0,
                root,
            });
        }
        if cataloged {
            transfer = 0;
            self.message(&catalog.message())?;
        }
        let acknowledged = self.link.answers();
        tracing::debug!(blocks = self.blocks, acknowledged, "sent");
        if acknowledged {
            self.acknowledgement(transfer)?;
        }
        Ok(Sent {
            arrays: items.len(),
            nbytes: items.iter().map(|item| item.array.nbytes()).sum(),
            blocks: self.blocks,
            wire_nbytes: self.link.sent_nbytes(),
            acknowledged,
            held: self.held,
        })
    }

    fn message(&mut self, bytes: &[u8]) -> Result<()> {
        self.link.send(&[bytes]).map_err(outside)
    }

    /// One array; gives its transfer.
    fn array(
        &mut self,
        number: u64,
        item: Item<'_>,
        cataloged: bool,
        block_nbytes: u64,
    ) -> Result<u64> {
        let packing = match self.options.packing {
            Packing {
                codec: Codec::Default,
                ..
            } => NO_PACKING,
            packing => packing,
        };
        let (pickled, array, mut plan);
        let mut is_lent = self.link.lends_blocks();
        if item.array.dtype().has_object() {
            let options = SaveOptions {
                interrupt: self.options.interrupt.clone(),
                ..SaveOptions::default()
            };
            let header = crate::save::header_of(item.array, &options);
            pickled = object_array::pickled(item.array, &options)?;
            (array, plan) = (
                &pickled,
                Plan::pickled(
                    &header,
                    &pickled,
                    item.name,
                    cataloged,
                    block_nbytes,
                    packing,
                )?,
            );
        } else {
            array = item.array;
            let whole = self.whole(array, packing);
            is_lent |= whole.is_some();
            let block_nbytes = whole.unwrap_or(block_nbytes);
            plan = Plan::flat(array, item.name, cataloged, block_nbytes, packing)?;
        }
        let (codec, filter) = (plan.manifest.codec, plan.manifest.filter);
        if self
            .hello
            .as_ref()
            .is_some_and(|hello| !hello.takes(codec, filter))
        {
            plan.unpacked();
        }
        if let Some(source) = &self.options.resume {
            let (number, manifest) = (number.to_le_bytes(), plan.manifest.encode());
            let own = [&number[..], array.path().as_bytes(), &manifest];
            let headers = plan.headers.iter().map(|header| &header[..]);
            plan.transfer = source.transfer(own.into_iter().chain(headers));
        }
        let transfer = plan.transfer;
        self.message(&ndferry_npb::message(
            MessageKind::Manifest,
            transfer,
            0,
            &plan.manifest.encode(),
        ))?;
        for (number, header) in (0..).zip(&plan.headers) {
            self.message(&ndferry_npb::message(
                MessageKind::Header,
                transfer,
                number,
                header,
            ))?;
        }
        self.progress.start(item.name, Some(array.nbytes()));
        if self.held.is_some() {
            plan.held = self.resume(transfer, &plan.grid)?;
            let held = plan.held.count();
            self.held = self.held.map(|before| before + held);
            self.blocks += held;
            for (first, count) in plan.held.runs() {
                for number in first..first + count {
                    self.progress
                        .advance(plan.grid.nbytes(number).map_err(npb)?);
                }
            }
        }
        let (threads, interrupt) = (self.options.threads, &self.options.interrupt);
        let (decoder, blocks, progress) = (&mut self.decoder, &mut self.blocks, self.progress);
        let window = &mut self.window;
        let mut unheard = 0;
        while_busy(self.link, |kept| {
            plan.blocks(array, threads, interrupt, &mut |block| {
                {
                    let mut link = kept.link();
                    if is_lent {
                        listen(&mut link, decoder, window)?;
                        let head = block.head_of_lent(transfer);
                        if link.lend(&[&head, block.payload]).map_err(outside)? {
                            *blocks += 1;
                            progress.advance(block.raw_nbytes.into());
                            return Ok(());
                        }
                    }
                    let head = block.head(transfer);
                    let nbytes = head.len() + block.payload.len();
                    unheard += nbytes;
                    if unheard >= UNHEARD {
                        unheard = 0;
                        listen(&mut link, decoder, window)?;
                    }
                    window.enter(&mut link, decoder, nbytes)?;
                    link.queue(&[&head, block.payload]).map_err(outside)?;
                }
                *blocks += 1;
                progress.advance(block.raw_nbytes.into());
                Ok(())
            })
        })?;
        // What has been sent of two sources must not pass for one.
        if let Some(source) = &self.options.resume {
            source.check()?;
        }
        let (blocks, extent) = (
            plan.grid.len(),
            plan.manifest.shape.first().copied().unwrap_or(0),
        );
        self.message(&End { blocks, extent }.message(transfer))?;
        self.progress.finish();
        Ok(transfer)
    }

    /// The size of blocks by which a receiver that shares memory, and wants the array there, gets it without a copy.
    fn whole(&self, array: &LazyArray, packing: Packing) -> Option<u64> {
        let most = self.hello.as_ref()?.block_nbytes;
        let memory = array.in_memory()?;
        let is_one_run = [Order::C, Order::F]
            .into_iter()
            .any(|order| memory.view().run(order).is_some());
        let takes_whole = most > Limits::PEER.block_nbytes && array.nbytes() <= most;
        let is_plain = packing == NO_PACKING && self.options.resume.is_none();
        (self.link.shares() && takes_whole && is_plain && is_one_run).then_some(most)
    }

    /// Which tiles of an array the receiver holds.
    fn resume(&mut self, transfer: u64, grid: &TileGrid) -> Result<Ranges> {
        let expected = "RESUME";
        let resume = loop {
            let frame = self.link.recv().map_err(outside)?;
            let frame = frame.ok_or(ErrorKind::BrokenOff { expected })?;
            let of = Head::parse(frame).map_err(npb)?.transfer;
            match self.decoder.feed(frame).map_err(npb)? {
                Event::Skipped => {}
                Event::Credit(nbytes) => self.window.credit(nbytes)?,
                Event::Resume(resume) if of == transfer => break resume,
                Event::Refuse(refuse) => {
                    let reason = refuse.reason;
                    return Err(ErrorKind::Refused { reason }.into());
                }
                _ => {
                    let found = "another message";
                    return Err(ErrorKind::WrongMessage { found, expected }.into());
                }
            }
        };
        let mut held = Ranges::default();
        for (first, count) in resume.held {
            // The parser has seen to it that the sum fits.
            if first + count > grid.len() {
                let found = "tiles that are not in the array";
                return Err(ErrorKind::WrongMessage { found, expected }.into());
            }
            for number in first..first + count {
                held.insert(number);
            }
        }
        Ok(held)
    }

    /// Waits until everything is stored.
    fn acknowledgement(&mut self, transfer: u64) -> Result<()> {
        loop {
            match answer(
                self.link,
                &mut self.decoder,
                &mut self.window,
                "its acknowledgement",
            )? {
                Some((of, ack)) if of == transfer && ack.blocks == self.blocks => return Ok(()),
                Some(_) => {
                    let (found, expected) = (
                        "an acknowledgement of something else",
                        "its acknowledgement",
                    );
                    return Err(ErrorKind::WrongMessage { found, expected }.into());
                }
                None => {}
            }
        }
    }

    /// A receiver that refuses may close before all is sent; what it said counts more than the broken connection.
    fn reason(&mut self, error: Error) -> Error {
        if !matches!(error.kind(), ErrorKind::System(_) | ErrorKind::Outside(_))
            || !self.link.answers()
        {
            return error;
        }
        self.link.set_deadline(Some(Duration::from_secs(1)));
        match answer(self.link, &mut self.decoder, &mut self.window, "the end") {
            Err(refused) if matches!(refused.kind(), ErrorKind::Refused { .. }) => refused,
            _ => error,
        }
    }
}

/// Looks whether the receiver has something to say in between; only a refusal may come.
fn listen(link: &mut Link, decoder: &mut Decoder, window: &mut Window) -> Result<()> {
    while link.answers() && link.has_input().map_err(outside)? {
        before_the_end(link, decoder, window)?;
    }
    Ok(())
}

/// What may come while there is more to send: anything but the acknowledgement.
fn before_the_end(link: &mut Link, decoder: &mut Decoder, window: &mut Window) -> Result<()> {
    if answer(link, decoder, window, "the end")?.is_some() {
        let (found, expected) = ("its acknowledgement", "waiting for the end");
        return Err(ErrorKind::WrongMessage { found, expected }.into());
    }
    Ok(())
}

/// Bytes of DATA that are on the way, and how many may be.
struct Window {
    nbytes: u64,
    under_way: u64,
}

impl Window {
    /// Waits until so many more bytes may be sent; a message that is longer than the window goes when nothing else does.
    fn enter(&mut self, link: &mut Link, decoder: &mut Decoder, nbytes: usize) -> Result<()> {
        if self.nbytes == u64::MAX {
            return Ok(());
        }
        let nbytes = nbytes as u64;
        while self.under_way > 0 && self.under_way.saturating_add(nbytes) > self.nbytes {
            before_the_end(link, decoder, self)?;
        }
        self.under_way += nbytes;
        Ok(())
    }

    fn credit(&mut self, nbytes: u64) -> Result<()> {
        match self.under_way.checked_sub(nbytes) {
            Some(left) => self.under_way = left,
            None if self.nbytes == u64::MAX => {}
            None => {
                let (found, expected) = ("CREDIT for more than was sent", "CREDIT");
                return Err(ErrorKind::WrongMessage { found, expected }.into());
            }
        }
        Ok(())
    }
}

/// The receiver's next message; `None` for one that only says that it is there.
fn answer(
    link: &mut Link,
    decoder: &mut Decoder,
    window: &mut Window,
    expected: &'static str,
) -> Result<Option<(u64, Ack)>> {
    let frame = link
        .recv()
        .map_err(outside)?
        .ok_or(ErrorKind::BrokenOff { expected })?;
    let transfer = Head::parse(frame).map_err(npb)?.transfer;
    match decoder.feed(frame).map_err(npb)? {
        Event::Refuse(refuse) => Err(ErrorKind::Refused {
            reason: refuse.reason,
        }
        .into()),
        Event::Ack(ack) => Ok(Some((transfer, ack))),
        Event::Credit(nbytes) => window.credit(nbytes).map(|()| None),
        Event::Skipped => Ok(None),
        _ => Err(ErrorKind::WrongMessage {
            found: "a message that senders send",
            expected,
        }
        .into()),
    }
}
