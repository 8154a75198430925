//! [`Peer`]: a program that is asked for things, and may ask back, with arrays both ways over one connection.

use std::borrow::Cow;
use std::time::Duration;

use ndferry_io::{Link, TlsOptions, Url};
use ndferry_npb::{HEAD_NBYTES, Head, Hello, Kind, Refuse, message};
use serde_json::Value;

use crate::error::{npb, outside};
use crate::recv::receive_over;
#[cfg(all(feature = "shm", target_os = "linux"))]
use crate::ring_link::Memory;
use crate::send::send_over;
use crate::session::{Greeting, Side, greet, link_options};
use crate::{
    Error, ErrorKind, Interrupt, Item, Limits, Progress, Received, ReceivedArray, RecvOptions,
    Result, SendOptions, Sent, Token,
};

/// The kinds of message that `docs/formats/imagej.md` gives a meaning.
const CALL: Kind = Kind::Skippable(160);
const ANSWER: Kind = Kind::Skippable(161);

/// Bytes of one call or answer.
const MOST: u64 = 16 << 20;

/// From so many bytes on it is worth while to offer memory.
#[cfg(all(feature = "shm", target_os = "linux"))]
const LARGE: u64 = 2 << 20;

/// How to talk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerOptions {
    /// How long the other side may be silent.
    pub timeout: Duration,
    /// What it must know too; with one, nothing is said to a peer that does not prove it.
    pub token: Option<Token>,
    /// What arrays it may send.
    pub limits: Limits,
    /// Whether a peer on this machine is offered memory for arrays that both have (with the feature `shm`, on Linux). One
    /// that does not take it gets them through the connection.
    pub shares_memory: bool,
    /// Stops whatever waits.
    pub interrupt: Interrupt,
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            token: None,
            limits: Limits::default(),
            shares_memory: true,
            interrupt: Interrupt::new(),
        }
    }
}

/// What is said beside arrays: JSON, not parsed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Whether it wants an answer; otherwise it is one.
    pub is_call: bool,
    /// Which call it is, or answers.
    pub number: u64,
    /// The JSON.
    pub text: String,
}

/// An answer, with its arrays.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// JSON; an error of the other side's too.
    pub text: String,
    /// Arrays that came with it.
    pub arrays: Vec<ReceivedArray>,
}

/// A connection to a program that answers calls: see `docs/formats/imagej.md`.
#[derive(Debug)]
pub struct Peer {
    link: Link,
    #[cfg(all(feature = "shm", target_os = "linux"))]
    memory: Memory,
    hello: Option<Hello>,
    options: PeerOptions,
    number: u64,
}

impl Peer {
    /// Connects to one that listens at `url`.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Usage`] for a bad address, [`crate::ErrorClass::System`]; [`crate::ErrorClass::Protocol`] if
    /// it does not answer, or does not know the token.
    pub fn connect(url: &str, options: PeerOptions) -> Result<Self> {
        let connect = || {
            let address: Url = url.parse().map_err(outside)?;
            let link_options =
                link_options(options.timeout, &options.interrupt, &TlsOptions::default());
            let mut link = ndferry_io::connect(&address, &link_options).map_err(outside)?;
            let token = options.token.as_ref();
            let limits = &ndferry_npb::Limits::PEER;
            let greeting = Greeting::new(Side::Connecting, limits, false, token);
            let hello = greet(&mut link, greeting)?;
            Ok((link, hello, address))
        };
        let (link, hello, address) = connect().map_err(|error: Error| error.in_source(url))?;
        #[cfg(all(feature = "shm", target_os = "linux"))]
        let (link, memory) = Memory::over(link, &address);
        #[cfg(not(all(feature = "shm", target_os = "linux")))]
        let _ = address;
        Ok(Self {
            link,
            #[cfg(all(feature = "shm", target_os = "linux"))]
            memory,
            hello,
            options,
            number: 0,
        })
    }

    /// Whether arrays go through memory that both sides have.
    pub fn shares_memory(&self) -> bool {
        #[cfg(all(feature = "shm", target_os = "linux"))]
        return self.memory.is_shared();
        #[cfg(not(all(feature = "shm", target_os = "linux")))]
        return false;
    }

    /// A call that offers memory, if it is of one with a large array.
    fn with_offer<'a>(&self, json: &'a str, items: &[Item<'_>]) -> Cow<'a, str> {
        #[cfg(all(feature = "shm", target_os = "linux"))]
        if let Some(rest) = json.strip_prefix('{')
            && self.options.shares_memory
            && may_be_large(json, items)
            && let Some(offer) = self.memory.offer()
        {
            // Not written anew, so that all numbers in it stay as they are.
            return format!("{{\"share\":{offer},{rest}").into();
        }
        let _ = items;
        json.into()
    }

    /// The other side has said whether it took the offer.
    fn agree(&self, answer: &Value) -> Result<()> {
        #[cfg(all(feature = "shm", target_os = "linux"))]
        if says(answer, "shared") {
            return self.memory.agreed().map_err(outside);
        }
        let _ = answer;
        Ok(())
    }

    fn say(&mut self, kind: Kind, number: u64, text: &str) -> Result<()> {
        let message = message(kind, 0, number, text.as_bytes());
        self.link.send(&[&message]).map_err(outside)
    }

    /// Calls; gives the number that the answer will have.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`] or [`crate::ErrorClass::System`] if the peer is gone.
    pub fn call(&mut self, json: &str) -> Result<u64> {
        self.number += 1;
        self.say(CALL, self.number, json)?;
        Ok(self.number)
    }

    /// Answers a call of the other side's.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn answer(&mut self, number: u64, json: &str) -> Result<()> {
        self.say(ANSWER, number, json)
    }

    /// Waits for what the other side says next, which it must within `patience`, even if it shows that it is alive; `None`
    /// for as long as it is. `None` comes if it has finished.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`] if something else comes, or nothing in time; [`ErrorKind::Interrupted`].
    pub fn hear(&mut self, patience: Option<Duration>) -> Result<Option<Word>> {
        self.link.set_max_frame(MOST + HEAD_NBYTES as u64);
        self.link.set_deadline(patience);
        let word = self.next_word();
        self.link.set_deadline(None);
        word
    }

    fn next_word(&mut self) -> Result<Option<Word>> {
        loop {
            let Some(frame) = self.link.recv().map_err(outside)? else {
                return Ok(None);
            };
            let (head, body) = frame.split_at(frame.len().min(HEAD_NBYTES));
            let head = Head::parse(head).map_err(npb)?;
            head.check(body).map_err(npb)?;
            match head.kind {
                CALL | ANSWER => {
                    let text = String::from_utf8_lossy(body).into_owned();
                    let (is_call, number) = (head.kind == CALL, head.sequence);
                    return Ok(Some(Word {
                        is_call,
                        number,
                        text,
                    }));
                }
                Kind::Refuse => {
                    let reason = Refuse::parse(body).map_err(npb)?.reason;
                    return Err(ErrorKind::Refused { reason }.into());
                }
                Kind::Ping | Kind::Credit | Kind::Skippable(_) => {}
                _ => return Err(unexpected("an array")),
            }
        }
    }

    /// Sends arrays; see [`crate::send()`].
    ///
    /// # Errors
    /// As [`crate::send()`].
    pub fn send(&mut self, items: &[Item<'_>], progress: &dyn Progress) -> Result<Sent> {
        let mut options = SendOptions::default();
        options.timeout = self.options.timeout;
        options.interrupt = self.options.interrupt.clone();
        let hello = self.hello.clone();
        send_over(&mut self.link, hello, items, &options, progress)
    }

    /// Takes arrays that the other side sends.
    ///
    /// # Errors
    /// As [`crate::Receiver::recv`].
    pub fn recv(&mut self, progress: &dyn Progress) -> Result<Received> {
        let mut options = RecvOptions::default();
        options.limits = self.options.limits.clone();
        options.interrupt = self.options.interrupt.clone();
        receive_over(&mut self.link, self.hello.clone(), &options, progress)
    }

    /// Calls, brings arrays if the other side asks for them, and gives its answer, with the arrays that belong to it. Each
    /// word of the answer must come within `patience`.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`] if the other side falls silent, breaks off, refuses, or says what makes no sense;
    /// [`ErrorKind::Interrupted`]. That it cannot do what was asked is an answer, and no error here.
    pub fn ask(
        &mut self,
        json: &str,
        items: &[Item<'_>],
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Answer> {
        let number = self.call(&self.with_offer(json, items))?;
        let mut is_sent = items.is_empty();
        loop {
            let expected = "its answer";
            let word = self.hear(Some(patience))?;
            let word = word.ok_or(ErrorKind::BrokenOff { expected })?;
            if word.is_call || word.number != number {
                return Err(unexpected("something else"));
            }
            let answer: Value = serde_json::from_str(&word.text)
                .map_err(|_| unexpected("an answer that is not JSON"))?;
            self.agree(&answer)?;
            if says(&answer, "go") {
                if std::mem::replace(&mut is_sent, true) {
                    return Err(unexpected("a wish for arrays that there are not"));
                }
                self.send(items, progress)?;
                continue;
            }
            let arrays = match says(&answer, "arrays") {
                true => self.recv(progress)?.arrays,
                false => Vec::new(),
            };
            return Ok(Answer {
                text: word.text,
                arrays,
            });
        }
    }
}

fn says(answer: &Value, key: &str) -> bool {
    answer.get(key).and_then(Value::as_bool) == Some(true)
}

/// Whether a call brings a large array, or may get one.
#[cfg(all(feature = "shm", target_os = "linux"))]
fn may_be_large(json: &str, items: &[Item<'_>]) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        call: String,
    }
    match items {
        [] => serde_json::from_str::<Named>(json).is_ok_and(|named| named.call == "pull"),
        items => items.iter().map(|item| item.array.nbytes()).sum::<u64>() >= LARGE,
    }
}

fn unexpected(found: &'static str) -> Error {
    let expected = "an answer";
    ErrorKind::WrongMessage { found, expected }.into()
}
