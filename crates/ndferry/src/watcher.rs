//! [`Watcher`] and [`watch`]: the frames of a live stream, one by one or into a file.

use std::time::{Duration, Instant};

use ndferry_array::{Array, Dtype, Order};
use ndferry_io::Link;
use ndferry_npb::{
    Ack, Decoder, End, Event, HEAD_NBYTES, Head, Manifest, Refuse, RefuseCode, Repeats, Unpacker,
    ping,
};

use crate::error::{npb, outside};
use crate::recv::{Incoming, npb_limits};
use crate::session::{Greeting, Side, greet, link_options};
use crate::{
    Attributes, Error, ErrorKind, Progress, Received, ReceivedArray, RecvOptions, Result, Target,
    Until,
};

/// How often the sender hears that this watcher is slow and not dead: when the next frame is asked for.
const WORD: Duration = Duration::from_secs(1);

/// The attribute that says which frame row 0 is.
const FIRST_ROW: &str = "first_row";

/// One frame.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveFrame {
    /// Its number in the stream, from 0 on, whenever this watcher has come.
    pub number: u64,
    /// How many frames between the last one and this one did not come, because this watcher was too slow.
    pub missed: u64,
    /// Its elements.
    pub array: Array,
}

/// Takes the frames that a [`crate::Live`] sends, from the newest one on.
#[derive(Debug)]
pub struct Watcher {
    link: Link,
    url: String,
    options: RecvOptions,
    decoder: Decoder,
    unpacker: Unpacker,
    manifest: Manifest,
    info: ReceivedArray,
    transfer: u64,
    first_row: u64,
    /// The next row, counted from this watcher's first one.
    next: u64,
    missed: u64,
    blocks: u64,
    tiles_per_row: u64,
    /// When the sender has last heard of this watcher.
    spoken: Instant,
    end: Option<End>,
}

impl Watcher {
    /// Connects to a live stream. Of the options the time-out, limits, token and interrupt count.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`] if the other side refuses, or sends no live stream; [`crate::ErrorClass::System`].
    pub fn connect(url: &str, options: &RecvOptions) -> Result<Self> {
        let connected = || {
            let (link, _) = call(url, options)?;
            Self::begin(url, link, options)
        };
        connected().map_err(|error: Error| error.in_source(url))
    }

    fn begin(url: &str, mut link: Link, options: &RecvOptions) -> Result<Self> {
        let limits = npb_limits(&options.limits);
        link.set_max_frame(limits.body_nbytes() + HEAD_NBYTES as u64);
        let mut decoder = Decoder::new(limits, Repeats::Refuse);
        let mut incoming: Option<Incoming> = None;
        let (incoming, transfer) = loop {
            let frame = link.recv().map_err(outside)?;
            let expected = "a MANIFEST";
            let frame = frame.ok_or(ErrorKind::BrokenOff { expected })?;
            let transfer = Head::parse(frame).map_err(npb)?.transfer;
            match decoder.feed(frame).map_err(npb)? {
                Event::Manifest(manifest) => {
                    incoming = Some(Incoming::new(manifest)?);
                }
                Event::Header(_, bytes) => {
                    let Some(mut array) = incoming.take() else {
                        continue;
                    };
                    array.headers.push(bytes.to_vec());
                    if array.headers.len() == array.manifest.header_blocks as usize {
                        break (array, transfer);
                    }
                    incoming = Some(array);
                }
                event => other(event)?,
            }
        };
        let info = incoming.info(&options.limits)?;
        let manifest = Manifest {
            live: decoder.manifest().is_some_and(|manifest| manifest.live),
            ..incoming.manifest
        };
        let is_by_rows = manifest.growing && manifest.tile.first() == Some(&1);
        if !is_by_rows || manifest.bytes || !incoming.grid.is_flat() {
            let found = "an array that is no live stream";
            let expected = "frames";
            return Err(ErrorKind::WrongMessage { found, expected }.into());
        }
        let first_row = match info.attributes.get(FIRST_ROW) {
            None => 0,
            Some(row) => row.as_u64().ok_or(ErrorKind::WrongMessage {
                found: "a first_row that is no number of a row",
                expected: "frames",
            })?,
        };
        Ok(Self {
            link,
            url: url.to_owned(),
            options: options.clone(),
            decoder,
            unpacker: Unpacker::new(),
            tiles_per_row: incoming.grid.tiles_per_row().max(1),
            first_row,
            manifest,
            info,
            transfer,
            next: 0,
            missed: 0,
            blocks: 0,
            spoken: Instant::now(),
            end: None,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// What the sender says of it.
    pub fn attributes(&self) -> &Attributes {
        &self.info.attributes
    }

    /// What the elements are.
    pub fn dtype(&self) -> &Dtype {
        &self.info.dtype
    }

    /// The shape of a frame.
    pub fn shape(&self) -> &[usize] {
        let shape = &self.info.shape;
        match self.info.order {
            Order::C => &shape[1..],
            Order::F => &shape[..shape.len() - 1],
        }
    }

    /// The first frame that this watcher could get.
    pub fn first(&self) -> u64 {
        self.first_row
    }

    /// How many frames from the first one on did not come.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Waits for the next frame; `None` once the stream has ended, which the sender is told then.
    ///
    /// Memory for a frame is taken as it arrives.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`], [`crate::ErrorClass::Malformed`], [`ErrorKind::Interrupted`]; the watcher must not
    /// be used further then.
    pub fn recv(&mut self) -> Result<Option<LiveFrame>> {
        let received = self.frame();
        received.map_err(|error| {
            let code = match error.kind() {
                ErrorKind::Interrupted => RefuseCode::Interrupted,
                _ => RefuseCode::Protocol,
            };
            let reason = error.to_string();
            // It may be gone.
            let _ = self.link.send(&[&Refuse { code, reason }.message(0)]);
            error.in_source(&self.url)
        })
    }

    fn frame(&mut self) -> Result<Option<LiveFrame>> {
        if self.end.is_some() {
            return Ok(None);
        }
        if self.spoken.elapsed() >= WORD {
            self.link.send(&[&ping()]).map_err(outside)?;
            self.spoken = Instant::now();
        }
        let mut bytes: Vec<u8> = Vec::new();
        let (mut row, mut came) = (self.next, 0);
        while came < self.tiles_per_row {
            self.options.interrupt.check()?;
            let expected = "its end";
            let frame = self.link.recv().map_err(outside)?;
            let frame = frame.ok_or(ErrorKind::BrokenOff { expected })?;
            match self.decoder.feed(frame).map_err(npb)? {
                Event::Block(block) => {
                    if came == 0 {
                        row = block.number / self.tiles_per_row;
                    }
                    // Where nothing may be missing, the tiles may come in any order; here they do not.
                    let is_next = block.number == row * self.tiles_per_row + came;
                    if !is_next || !self.manifest.live && row != self.next {
                        let (found, expected) = ("a block out of order", "the next one");
                        return Err(ErrorKind::WrongMessage { found, expected }.into());
                    }
                    let start = bytes.len();
                    let element = &self.manifest.element;
                    bytes.resize(start + block.raw_nbytes as usize, 0);
                    self.unpacker
                        .unpack(
                            block.codec,
                            block.filter,
                            element,
                            block.payload,
                            &mut bytes[start..],
                        )
                        .map_err(|kind| ErrorKind::Npb(kind).at(0))?;
                    came += 1;
                    self.blocks += 1;
                }
                Event::End(end) => {
                    self.missed += end.extent - self.next;
                    self.end = Some(end);
                    let blocks = self.blocks;
                    // What was received stays so, whether the sender hears of it or not.
                    let _ = (self.link.send(&[&Ack { blocks }.message(self.transfer)]))
                        .and_then(|()| self.link.finish());
                    return Ok(None);
                }
                event => other(event)?,
            }
        }
        let missed = row - self.next;
        self.missed += missed;
        self.next = row + 1;
        let (dtype, order) = (self.info.dtype.clone(), self.info.order);
        let array = Array::contiguous(dtype, self.shape(), order, bytes)?;
        Ok(Some(LiveFrame {
            number: self.first_row.saturating_add(row),
            missed,
            array,
        }))
    }
}

impl Iterator for Watcher {
    type Item = Result<LiveFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        self.recv().transpose()
    }
}

/// Stores a live stream from now until its end, or as long as `until` says, as a transfer is stored. In an NPB file the
/// rows that did not come are lost tiles, and [`Received::missed`] counts them; row 0 is the first frame that could come,
/// whose number is in the attribute `first_row`. If the sender, or the way to it, goes, the whole rows that have come are
/// stored, and [`Received::cut`] says so; [`RecvOptions::interrupt`] leaves nothing behind.
///
/// # Errors
/// As [`crate::Receiver::recv`]; [`crate::ErrorClass::Limit`] if more than a million tiles are missing. If the stream ends
/// before a whole row has come, the error that it ended by.
pub fn watch(
    url: &str,
    target: &Target,
    options: &RecvOptions,
    until: &Until,
    progress: &dyn Progress,
    then: &mut dyn FnMut(&mut Received) -> Result<()>,
) -> Result<Received> {
    let options = RecvOptions {
        until: Some(until.clone()),
        ..options.clone()
    };
    let mut watched = || {
        let mut store = crate::store::Store::new(target, options.overwrite)?;
        let (link, hello) = call(url, &options)?;
        let limits = npb_limits(&options.limits);
        let mut received =
            options.serve(link, hello, &mut store, target, &limits, progress, then)?;
        if let Target::File(path) = target {
            received.path = Some(path.clone());
        }
        store.deliver(&mut received);
        Ok(received)
    };
    watched().map_err(|error: Error| error.in_source(url))
}

fn call(url: &str, options: &RecvOptions) -> Result<(Link, Option<ndferry_npb::Hello>)> {
    let address: ndferry_io::Url = url.parse().map_err(outside)?;
    if url == "-" {
        let what = format!("a live stream over {url}");
        return Err(ErrorKind::Unsupported { what }.into());
    }
    let link_options = link_options(options.timeout, &options.interrupt, &options.tls);
    let mut link = ndferry_io::connect(&address, &link_options).map_err(outside)?;
    let (limits, token) = (npb_limits(&options.limits), options.token.as_ref());
    let greeting = Greeting::new(Side::Connecting, &limits, false, token).watching();
    let hello = greet(&mut link, greeting)?;
    Ok((link, hello))
}

/// What else may come, and what may not.
fn other(event: Event<'_>) -> Result<()> {
    match event {
        Event::Skipped | Event::Name(_) | Event::Credit(_) => Ok(()),
        Event::Refuse(refuse) => {
            let reason = refuse.reason;
            Err(ErrorKind::Refused { reason }.into())
        }
        _ => {
            let (found, expected) = ("another message", "a frame");
            Err(ErrorKind::WrongMessage { found, expected }.into())
        }
    }
}
