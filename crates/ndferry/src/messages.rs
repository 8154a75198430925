//! [`Messages`], [`MessageSender`]: arrays as programs with pyzmq send them already, one message each.

use std::time::Duration;

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Layout, Order};
use ndferry_io::{Link, LinkOptions, Listener, Url, ZMQ_PARTS, ZmqSocket};
use serde_json::{Value, json};

use crate::error::outside;
use crate::{
    Error, ErrorKind, Format, FrameOptions, Interrupt, Item, LazyArray, Limits, OpenOptions,
    Result, SaveOptions, Source, from_frames, save_to, to_frames,
};

/// How an array is made into the parts of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipe {
    /// A JSON object with `dtype` and `shape`, then the elements in C order, as the guide of pyzmq has it (`send_array`).
    Json,
    /// A pickle, as `send_pyobj` sends it. Read as data: nothing in it is imported or run.
    PyObj,
    /// [`to_frames`], with checksums.
    Frames,
}

impl Recipe {
    /// `json`, `pyobj` or `frames`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::PyObj => "pyobj",
            Self::Frames => "frames",
        }
    }

    fn wrong(self, problem: impl Into<String>) -> Error {
        let (recipe, problem) = (self.name(), problem.into());
        ErrorKind::Recipe { recipe, problem }.into()
    }
}

/// How to exchange messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageOptions {
    /// How an array is made into a message.
    pub recipe: Recipe,
    /// How long a peer may be silent in the middle of a message, or until it has taken one.
    pub timeout: Duration,
    /// What a message may claim; [`Limits::stream_nbytes`] of all its parts.
    pub limits: Limits,
    /// Listens where other machines can connect. None of these messages can prove who has sent it.
    pub insecure: bool,
    /// Stops whatever waits.
    pub interrupt: Interrupt,
}

impl MessageOptions {
    /// 60 seconds of silence, the usual limits, and only this machine.
    pub fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            timeout: Duration::from_secs(60),
            limits: Limits::default(),
            insecure: false,
            interrupt: Interrupt::new(),
        }
    }

    fn link(&self) -> LinkOptions {
        let mut options = LinkOptions::new(ZMQ_PARTS);
        options.timeout = self.timeout;
        options.connect_timeout = options.connect_timeout.min(self.timeout);
        options.interrupt = self.interrupt.for_io();
        options.zmq.parts = true;
        options
    }
}

/// Peers that may be connected at a time; the one that was heard last makes room for one more.
const PEERS: usize = 256;

/// Parts of a message.
const PARTS: usize = 1024;

/// How long to look for new peers before those that are there are asked again.
const LOOK: Duration = Duration::from_millis(5);

/// Arrays that come as messages of others: from PUSH, PUB, REQ, DEALER and PAIR sockets.
#[derive(Debug)]
pub struct Messages {
    url: Url,
    /// `None` for one that has connected itself.
    listener: Option<Listener>,
    /// Those that were heard last stand last.
    links: Vec<Link>,
    /// Whether the last message wants an answer.
    is_asked: bool,
    options: MessageOptions,
}

/// One message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The arrays with their paths: one, or as many as a pickle has.
    pub arrays: Vec<(String, LazyArray)>,
    /// Bytes of all parts.
    pub nbytes: u64,
    /// Whether it is a pickle that holds more than these arrays, in a dict at most.
    pub holds_more: bool,
}

impl Messages {
    /// Listens; what connects may send.
    ///
    /// # Errors
    /// As [`crate::Receiver::bind`]; [`ErrorKind::Unsupported`] for an address where ZeroMQ is not spoken.
    pub fn bind(url: &str, options: MessageOptions) -> Result<Self> {
        let bind = || {
            let listener = Listener::bind(&zmq_url(url)?, options.link()).map_err(outside)?;
            match listener.is_local() || options.insecure {
                true => Ok(listener),
                false => Err(Error::from(ErrorKind::Open)),
            }
        };
        let listener = bind().map_err(|error: Error| error.in_source(url))?;
        Ok(Self {
            url: listener.url().clone(),
            listener: Some(listener),
            links: Vec::new(),
            is_asked: false,
            options,
        })
    }

    /// Connects to a socket that was bound, such as a camera's PUB.
    ///
    /// # Errors
    /// As [`crate::send()`].
    pub fn connect(url: &str, options: MessageOptions) -> Result<Self> {
        let connect = || {
            let (url, mut link_options) = (zmq_url(url)?, options.link());
            link_options.zmq.follows = true;
            let link = ndferry_io::connect(&url, &link_options).map_err(outside)?;
            Ok((url, link))
        };
        let (url, link) = connect().map_err(|error: Error| error.in_source(url))?;
        Ok(Self {
            url,
            listener: None,
            links: vec![link],
            is_asked: false,
            options,
        })
    }

    /// Where it listens, with the real port, or where it has connected to.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// [`ErrorKind::Recipe`], and what else is wrong with the array; [`crate::ErrorClass::Limit`];
    /// [`crate::ErrorClass::Protocol`] if a peer falls silent in the middle, or there can be no more;
    /// [`ErrorKind::Interrupted`].
    pub fn recv(&mut self) -> Result<Message> {
        loop {
            self.options.interrupt.check()?;
            if let Some(message) = self.next_message()? {
                return Ok(message);
            }
            match &mut self.listener {
                Some(listener) => {
                    if let Some(link) = listener.accept(LOOK).map_err(outside)? {
                        if self.links.len() == PEERS {
                            self.links.remove(0);
                        }
                        self.links.push(link);
                    }
                }
                None if self.links.is_empty() => {
                    let expected = "a message";
                    let error = Error::from(ErrorKind::BrokenOff { expected });
                    return Err(error.in_source(&self.url()));
                }
                None => std::thread::sleep(LOOK),
            }
        }
    }

    /// A message of whoever has sent one.
    fn next_message(&mut self) -> Result<Option<Message>> {
        let mut at = 0;
        while at < self.links.len() {
            match self.links[at].has_input() {
                Ok(false) => {
                    at += 1;
                    continue;
                }
                Ok(true) => {}
                Err(error) if self.listener.is_none() => return Err(outside(error)),
                Err(_) => {
                    self.links.remove(at);
                    continue;
                }
            }
            // Fair to the others, and the one that may be answered.
            let mut link = self.links.remove(at);
            let peer = link.peer();
            let parts = self
                .parts(&mut link)
                .map_err(|error| error.in_source(&peer))?;
            let Some(parts) = parts else { continue };
            self.links.push(link);
            let message = self.read(&parts);
            if let Err(error) = &message
                && std::mem::take(&mut self.is_asked)
                && let Some(link) = self.links.last_mut()
            {
                // It may be gone.
                let _ = link.send(&[b"", format!("error: {error}").as_bytes()]);
            }
            return message.map(Some).map_err(|error| error.in_source(&peer));
        }
        Ok(None)
    }

    /// The parts of a message; `None` if the peer has left instead.
    fn parts(&mut self, link: &mut Link) -> Result<Option<Vec<Bytes>>> {
        let (mut parts, mut left) = (Vec::new(), self.options.limits.stream_nbytes);
        loop {
            link.set_max_frame(left.saturating_add(ZMQ_PARTS.head_nbytes as u64));
            let frame = match link.recv().map_err(outside)? {
                None if parts.is_empty() => return Ok(None),
                None => {
                    let expected = "the end of its message";
                    return Err(ErrorKind::BrokenOff { expected }.into());
                }
                Some(frame) => frame,
            };
            let (head, part) = frame.split_at(ZMQ_PARTS.head_nbytes);
            let has_more = head.first().is_some_and(|flags| flags & 1 == 1);
            left -= part.len() as u64;
            if parts.len() == PARTS {
                return Err(self
                    .options
                    .recipe
                    .wrong(format!("more than {PARTS} parts")));
            }
            parts.push(Bytes::copy_from_slice(part));
            if !has_more {
                break;
            }
        }
        // What stands before a request, so that its answer finds the way back.
        self.is_asked = parts.len() > 1 && parts[0].is_empty() && link.answers();
        if self.is_asked {
            parts.remove(0);
        }
        Ok(Some(parts))
    }

    fn read(&self, parts: &[Bytes]) -> Result<Message> {
        let (recipe, mut holds_more) = (self.options.recipe, false);
        let single = |array: Array| vec![(String::new(), LazyArray::from(array))];
        let arrays = match (recipe, parts) {
            // A topic may stand before it.
            (Recipe::Json, [.., head, elements]) => single(array_of(head, elements)?),
            (Recipe::PyObj, [.., pickle]) => {
                let mut options = OpenOptions::default();
                options.limits.clone_from(&self.options.limits);
                options.interrupt = self.options.interrupt.clone();
                let source = Source::from_bytes("the message", pickle.clone(), &options)?;
                if source.format() != Format::Pickle {
                    return Err(recipe.wrong(format!("it is {}", source.format())));
                }
                holds_more = source.pickle().is_some_and(|pickle| pickle.holds_more);
                let arrays = source.outer_arrays();
                let named = arrays.map(|array| (array.path().to_owned(), array));
                named.collect()
            }
            (Recipe::Frames, parts) => single(from_frames(parts)?),
            (_, parts) => return Err(recipe.wrong(format!("{} parts", parts.len()))),
        };
        Ok(Message {
            arrays,
            nbytes: parts.iter().map(|part| part.len() as u64).sum(),
            holds_more,
        })
    }

    /// Says `OK` to who has sent the last message, if it waits for an answer (REQ). To be called when the array is stored.
    ///
    /// # Errors
    /// As [`crate::send()`].
    pub fn reply(&mut self) -> Result<()> {
        match self.links.last_mut() {
            Some(link) if std::mem::take(&mut self.is_asked) => {
                link.send(&[b"", b"OK"]).map_err(outside)
            }
            _ => Ok(()),
        }
    }
}

fn zmq_url(text: &str) -> Result<Url> {
    let url: Url = text.parse().map_err(outside)?;
    match url.is_zmq() {
        true => Ok(url),
        false => {
            let what = format!("a recipe of ZeroMQ over {text}");
            Err(ErrorKind::Unsupported { what }.into())
        }
    }
}

/// The array of [`Recipe::Json`].
fn array_of(head: &Bytes, elements: &Bytes) -> Result<Array> {
    let wrong = |problem: String| Recipe::Json.wrong(problem);
    let head: Value = serde_json::from_slice(head).map_err(|error| wrong(error.to_string()))?;
    let text = (head.get("dtype").and_then(Value::as_str))
        .ok_or_else(|| wrong("the JSON has no text \"dtype\"".to_owned()))?;
    let dtype = Dtype::parse(text).map_err(|error| wrong(error.to_string()))?;
    if dtype.has_object() {
        return Err(ErrorKind::Objects.into());
    }
    let extents = (head.get("shape").and_then(Value::as_array))
        .ok_or_else(|| wrong("the JSON has no list \"shape\"".to_owned()))?;
    let shape: Option<Vec<usize>> = extents
        .iter()
        .map(|extent| usize::try_from(extent.as_u64()?).ok())
        .collect();
    let shape = shape.ok_or_else(|| wrong(format!("\"shape\" is {extents:?}")))?;
    let layout = Layout::contiguous(&shape, dtype.itemsize(), Order::C)
        .map_err(|error| wrong(error.to_string()))?;
    let size = shape.iter().product::<usize>();
    let needed = size.checked_mul(dtype.itemsize());
    if needed != Some(elements.len()) {
        return Err(wrong(format!(
            "shape {shape:?} of {text} and {} bytes of elements",
            elements.len()
        )));
    }
    Ok(Array::new(dtype, layout, elements.clone())?)
}

/// Sends arrays as messages of others.
#[derive(Debug)]
pub struct MessageSender {
    link: Link,
    url: String,
    is_request: bool,
    options: MessageOptions,
}

impl MessageSender {
    /// Connects to a socket that goes with `socket`: PUSH, PUB, REQ, DEALER or PAIR.
    ///
    /// # Errors
    /// As [`crate::send()`].
    pub fn connect(url: &str, socket: ZmqSocket, options: MessageOptions) -> Result<Self> {
        let connect = || {
            let (address, mut link_options) = (zmq_url(url)?, options.link());
            link_options.zmq.socket = socket;
            ndferry_io::connect(&address, &link_options).map_err(outside)
        };
        Ok(Self {
            link: connect().map_err(|error| error.in_source(url))?,
            url: url.to_owned(),
            is_request: socket == ZmqSocket::Req,
            options,
        })
    }

    /// Sends an array; as REQ, waits until it is answered. Gives the bytes of the message.
    ///
    /// # Errors
    /// Whatever reading the array brings; [`ErrorKind::Unsupported`] for what the recipe cannot say;
    /// [`crate::ErrorClass::Protocol`] if the peer breaks off or falls silent.
    pub fn send(&mut self, array: &LazyArray) -> Result<u64> {
        let parts = self.parts_of(array)?;
        let mut slices: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
        if self.is_request {
            slices.insert(0, b"");
        }
        let sent = self.exchange(&slices);
        sent.map_err(|error| error.in_source(&self.url))?;
        Ok(parts.iter().map(|part| part.len() as u64).sum())
    }

    fn exchange(&mut self, parts: &[&[u8]]) -> Result<()> {
        self.link.send(parts).map_err(outside)?;
        let (mut has_more, mut count) = (self.is_request, 0);
        // Whatever it says: programs say what they like.
        while has_more {
            self.link.set_max_frame(self.options.limits.message_nbytes);
            let expected = "an answer";
            let frame = self.link.recv().map_err(outside)?;
            let frame = frame.ok_or(ErrorKind::BrokenOff { expected })?;
            has_more = frame.first().is_some_and(|flags| flags & 1 == 1);
            count += 1;
            if count > PARTS {
                let problem = format!("an answer of more than {PARTS} parts");
                return Err(self.options.recipe.wrong(problem));
            }
        }
        Ok(())
    }

    fn parts_of(&self, array: &LazyArray) -> Result<Vec<Bytes>> {
        match self.options.recipe {
            Recipe::Json => {
                let dtype = array.dtype();
                if dtype.has_object() {
                    return Err(array.place(ErrorKind::Objects));
                }
                let text = dtype.to_string();
                if Dtype::parse(&text).ok().as_ref() != Some(dtype) {
                    let what = format!("dtype {text} in the recipe json");
                    return Err(array.place(ErrorKind::Unsupported { what }));
                }
                let head = json!({"dtype": text, "shape": array.shape()}).to_string();
                let dense = array.load()?.into_order(Order::C)?;
                let elements = match dense.bytes().len() == dense.nbytes() {
                    true => dense.bytes().clone(),
                    // They are a part of more.
                    false => dense.view().to_array(Order::C)?.bytes().clone(),
                };
                Ok(vec![head.into(), elements])
            }
            Recipe::PyObj => {
                let mut options = SaveOptions::default();
                options.format = Some(Format::Pickle);
                options.interrupt = self.options.interrupt.clone();
                let mut pickle = Vec::new();
                let item = Item { name: "", array };
                save_to(&mut pickle, &[item], &options, &())?;
                Ok(vec![pickle.into()])
            }
            Recipe::Frames => {
                let mut options = FrameOptions::default();
                options.interrupt = self.options.interrupt.clone();
                to_frames(array, &options)
            }
        }
    }

    /// Waits until the other side has read everything, and hangs up. Whether it has stored anything nobody knows.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> Result<()> {
        let limit = self.options.limits.message_nbytes;
        self.link.drain(self.options.timeout, limit);
        Ok(())
    }
}
