//! [`send`]: arrays to another process, in checked blocks.

use std::time::Duration;

use ndferry_io::Link;
use ndferry_npb::{
    Ack, Catalog, CatalogEntry, Decoder, End, Event, Extent, Head, Hello, Kind as MessageKind,
    Limits, Repeats,
};

use crate::error::{npb, outside};
use crate::npb_plan::Plan;
use crate::session::{greet, link_options};
use crate::{Codec, Error, ErrorKind, Filter, Interrupt, Item, Packing, Progress, Result};

/// Blocks as they are: over a connection within one machine no codec is fast enough to gain anything.
const NO_PACKING: Packing = Packing {
    codec: Codec::None,
    filter: Filter::None,
};

/// How to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// How blocks are packed: not at all by default, nor for a receiver that says it cannot unpack them.
    pub packing: Packing,
    /// Raw bytes of one block.
    pub block_nbytes: usize,
    /// How long the other side may be silent.
    pub timeout: Duration,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Stops the transfer.
    pub interrupt: Interrupt,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            packing: Packing::default(),
            block_nbytes: 1 << 20,
            timeout: Duration::from_secs(60),
            threads: 0,
            interrupt: Interrupt::new(),
        }
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
}

/// Sends arrays as one transfer to `url` (`tcp://host:port`, `unix:///path`, `-` for standard output). Returns only after
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
    if let Some(item) = items.iter().find(|item| item.array.dtype().has_object()) {
        return Err(item.array.place(ErrorKind::Objects));
    }
    let sent = || {
        let address = url.parse().map_err(outside)?;
        let link_options = link_options(options.timeout, &options.interrupt);
        let link = ndferry_io::connect(&address, &link_options).map_err(outside)?;
        let mut sender = Sender {
            link,
            decoder: Decoder::new(Limits::PEER, Repeats::Refuse),
            options,
            progress,
            hello: None,
            blocks: 0,
        };
        let result = sender.run(items);
        result.map_err(|error| sender.reason(error))
    };
    sent().map_err(|error: Error| error.in_source(url))
}

struct Sender<'a> {
    link: Link,
    decoder: Decoder,
    options: &'a SendOptions,
    progress: &'a dyn Progress,
    /// What the receiver can take; a one-way stream does not say.
    hello: Option<Hello>,
    blocks: u64,
}

impl Sender<'_> {
    fn run(&mut self, items: &[Item<'_>]) -> Result<Sent> {
        self.hello = greet(&mut self.link, &mut self.decoder, &Limits::PEER)?;
        let most = self
            .hello
            .as_ref()
            .map_or(u64::MAX, |hello| hello.block_nbytes);
        let block_nbytes = (self.options.block_nbytes as u64).clamp(1, most.max(1));
        let cataloged = items.len() != 1 || !items[0].name.is_empty();
        let mut catalog = Catalog::default();
        let mut transfer = 0;
        for item in items {
            transfer = self.array(*item, cataloged, block_nbytes)?;
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
        if acknowledged {
            self.acknowledgement(transfer)?;
        }
        self.link.finish().map_err(outside)?;
        Ok(Sent {
            arrays: items.len(),
            nbytes: items.iter().map(|item| item.array.nbytes()).sum(),
            blocks: self.blocks,
            wire_nbytes: self.link.sent_nbytes(),
            acknowledged,
        })
    }

    fn message(&mut self, bytes: &[u8]) -> Result<()> {
        self.link.send(&[bytes]).map_err(outside)
    }

    /// One array; gives its transfer.
    fn array(&mut self, item: Item<'_>, cataloged: bool, block_nbytes: u64) -> Result<u64> {
        let array = item.array;
        if array.dtype().has_object() {
            return Err(array.place(ErrorKind::Objects));
        }
        let packing = match self.options.packing {
            Packing {
                codec: Codec::Default,
                ..
            } => NO_PACKING,
            packing => packing,
        };
        let mut plan = Plan::flat(array, item.name, cataloged, block_nbytes, packing)?;
        let (codec, filter) = (plan.manifest.codec, plan.manifest.filter);
        if self
            .hello
            .as_ref()
            .is_some_and(|hello| !hello.takes(codec, filter))
        {
            plan.unpacked();
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
        let (threads, interrupt) = (self.options.threads, &self.options.interrupt);
        plan.blocks(array, threads, interrupt, &mut |block| {
            self.listen()?;
            self.link
                .send(&[&block.head(transfer), block.payload])
                .map_err(outside)?;
            self.blocks += 1;
            self.progress.advance(block.raw_nbytes.into());
            Ok(())
        })?;
        let (blocks, extent) = (
            plan.grid.len(),
            plan.manifest.shape.first().copied().unwrap_or(0),
        );
        self.message(&End { blocks, extent }.message(transfer))?;
        self.progress.finish();
        Ok(transfer)
    }

    /// Looks whether the receiver has something to say in between; only a refusal may come.
    fn listen(&mut self) -> Result<()> {
        while self.link.answers() && self.link.has_input().map_err(outside)? {
            self.answer("the end")?;
        }
        Ok(())
    }

    /// The receiver's next message that is not just noise.
    fn answer(&mut self, expected: &'static str) -> Result<Option<(u64, Ack)>> {
        let frame = self
            .link
            .recv()
            .map_err(outside)?
            .ok_or(ErrorKind::BrokenOff { expected })?;
        let transfer = Head::parse(frame).map_err(npb)?.transfer;
        match self.decoder.feed(frame).map_err(npb)? {
            Event::Refuse(refuse) => Err(ErrorKind::Refused {
                reason: refuse.reason,
            }
            .into()),
            Event::Ack(ack) => Ok(Some((transfer, ack))),
            Event::Skipped | Event::Credit(_) => Ok(None),
            _ => Err(ErrorKind::WrongMessage {
                found: "a message that senders send",
                expected,
            }
            .into()),
        }
    }

    /// Waits until everything is stored.
    fn acknowledgement(&mut self, transfer: u64) -> Result<()> {
        loop {
            match self.answer("its acknowledgement")? {
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
        match self.answer("the end") {
            Err(refused) if matches!(refused.kind(), ErrorKind::Refused { .. }) => refused,
            _ => error,
        }
    }
}
