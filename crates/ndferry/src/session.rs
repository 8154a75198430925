//! What both ends of a transfer share: how frames are told apart, and the greeting.

use std::time::Duration;

use ndferry_io::{Doorman, Framing, Link, LinkOptions, TlsOptions, Verdict};
use ndferry_npb::{Auth, Codec, HEAD_NBYTES, Head, Hello, Kind, Limits, Refuse, RefuseCode};

use crate::error::{npb, outside};
use crate::token::{self, Proof};
use crate::{Error, ErrorKind, Interrupt, Result, Token, TokenProblem};

/// How long the greeting may take, whatever moves.
const GREETING: Duration = Duration::from_secs(10);

/// Bytes that are taken from the other side until then.
const GREETING_NBYTES: u64 = 4096;

/// Bytes of DATA that may be on the way to us where they are queued by their number, whatever they hold.
pub(crate) const WINDOW: u64 = 16 << 20;

/// Codecs that this build unpacks.
fn codecs() -> Vec<Codec> {
    let all = Codec::ALL.into_iter();
    all.filter(|codec| codec.is_built()).collect()
}

pub(crate) const FRAMING: Framing = Framing {
    head_nbytes: HEAD_NBYTES,
    frame_nbytes: |head| match Head::parse(head) {
        Ok(head) => Ok(head.message_nbytes()),
        Err(error) => Err(error.to_string()),
    },
};

pub(crate) fn link_options(
    timeout: Duration,
    interrupt: &Interrupt,
    tls: &TlsOptions,
) -> LinkOptions {
    let mut options = LinkOptions::new(FRAMING);
    options.timeout = timeout;
    options.greeting_timeout = GREETING;
    options.greeting_nbytes = GREETING_NBYTES;
    options.connect_timeout = options.connect_timeout.min(timeout);
    options.interrupt = interrupt.for_io();
    options.tls.clone_from(tls);
    options
}

/// Which side this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Connecting,
    Listening,
}

/// How a session begins: HELLO both ways, and AUTH if there is a token. Does no I/O: the connecting side says
/// [`Self::opening`] first, then each side what [`Self::next`] answers.
#[derive(Debug)]
pub(crate) struct Greeting {
    side: Side,
    token: Option<Token>,
    /// A live stream: the listening side sends.
    watches: bool,
    /// This side's HELLO.
    own: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    Hello,
    /// The listening side has sent its challenge, or the connecting side waits for it.
    Challenged {
        challenge: [u8; 32],
        peer: Peer,
    },
    /// The connecting side has proved that it knows the token, and waits for the other.
    Proved {
        own: [u8; 32],
        challenge: [u8; 32],
        peer: Peer,
    },
    Done(Hello),
    Failed,
}

/// The other side's HELLO.
#[derive(Debug)]
struct Peer {
    hello: Hello,
    message: Vec<u8>,
}

/// What to say next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_last: bool,
}

impl Greeting {
    pub(crate) fn new(side: Side, limits: &Limits, resumes: bool, token: Option<&Token>) -> Self {
        let own = Hello {
            resumes,
            proves: token.is_some(),
            ..Hello::new(&codecs(), limits)
        };
        Self {
            side,
            token: token.cloned(),
            watches: false,
            own: own.message(),
            state: State::Hello,
        }
    }

    /// The same for a side to which so many bytes of DATA may be on the way.
    pub(crate) fn with_window(mut self, nbytes: u64) -> Self {
        if let Ok(hello) = Hello::parse(&self.own[HEAD_NBYTES..]) {
            let window = nbytes;
            self.own = Hello { window, ..hello }.message();
        }
        self
    }

    /// The same for a live stream.
    pub(crate) fn watching(mut self) -> Self {
        if let Ok(hello) = Hello::parse(&self.own[HEAD_NBYTES..]) {
            let watches = true;
            self.own = Hello { watches, ..hello }.message();
            self.watches = true;
        }
        self
    }

    /// What the connecting side says first.
    pub(crate) fn opening(&self) -> &[u8] {
        &self.own
    }

    /// The other side's HELLO, when all is said.
    pub(crate) fn into_hello(self) -> Option<Hello> {
        match self.state {
            State::Done(hello) => Some(hello),
            _ => None,
        }
    }

    /// What to say to the other side's next message.
    pub(crate) fn next(&mut self, frame: &[u8], binding: &[u8; 32]) -> Result<Answer> {
        let (head, body) = frame.split_at(frame.len().min(HEAD_NBYTES));
        let head = Head::parse(head).map_err(npb)?;
        head.check(body).map_err(npb)?;
        if head.kind == Kind::Refuse {
            let refuse = Refuse::parse(body).map_err(npb)?;
            return Err(self.refused(refuse).into());
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Hello => {
                let hello = head.kind == Kind::Hello;
                let hello = hello
                    .then(|| Hello::parse(body))
                    .ok_or_else(|| wrong("HELLO"))?;
                let (hello, message) = (hello.map_err(npb)?, frame.to_vec());
                self.hello(Peer { hello, message })
            }
            State::Challenged { challenge, peer } => match (self.side, auth(&head, body)?) {
                (Side::Connecting, Auth::Challenge(theirs)) => {
                    let proof = self.prove(2, &theirs, &challenge, &peer, binding);
                    self.state = State::Proved {
                        own: challenge,
                        challenge: theirs,
                        peer,
                    };
                    Ok(Answer::more(Auth::Answer { challenge, proof }.message()))
                }
                (
                    Side::Listening,
                    Auth::Answer {
                        challenge: theirs,
                        proof,
                    },
                ) => {
                    self.is_proved(2, &challenge, &theirs, &peer, binding, &proof)?;
                    let proof = self.prove(3, &challenge, &theirs, &peer, binding);
                    self.state = State::Done(peer.hello);
                    Ok(Answer::last(Auth::Proof(proof).message()))
                }
                _ => Err(wrong("AUTH")),
            },
            State::Proved {
                own,
                challenge,
                peer,
            } => match auth(&head, body)? {
                Auth::Proof(proof) => {
                    self.is_proved(3, &challenge, &own, &peer, binding, &proof)?;
                    self.state = State::Done(peer.hello);
                    Ok(Answer::last(Vec::new()))
                }
                _ => Err(wrong("AUTH")),
            },
            State::Done(_) | State::Failed => Err(wrong("nothing more")),
        }
    }

    fn hello(&mut self, peer: Peer) -> Result<Answer> {
        let problem = match (&self.token, peer.hello.proves) {
            (None, true) => Some(TokenProblem::Needed),
            (Some(_), false) => Some(TokenProblem::Missing),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(ErrorKind::Token(problem).into());
        }
        if peer.hello.watches != self.watches {
            let watches = peer.hello.watches;
            return Err(ErrorKind::Direction { watches }.into());
        }
        let mut bytes = match self.side {
            Side::Listening => self.own.clone(),
            Side::Connecting => Vec::new(),
        };
        if self.token.is_none() {
            self.state = State::Done(peer.hello);
            return Ok(Answer::last(bytes));
        }
        let challenge = token::random()?;
        if self.side == Side::Listening {
            bytes.extend(Auth::Challenge(challenge).message());
        }
        self.state = State::Challenged { challenge, peer };
        Ok(Answer::more(bytes))
    }

    fn proof<'a>(
        &'a self,
        step: u8,
        listener: &'a [u8; 32],
        connecter: &'a [u8; 32],
        peer: &'a Peer,
        binding: &'a [u8; 32],
    ) -> Proof<'a> {
        let (hello_of_connecter, hello_of_listener) = match self.side {
            Side::Connecting => (&self.own, &peer.message),
            Side::Listening => (&peer.message, &self.own),
        };
        Proof {
            step,
            listener,
            connecter,
            hello_of_connecter,
            hello_of_listener,
            binding,
        }
    }

    fn prove(
        &self,
        step: u8,
        listener: &[u8; 32],
        connecter: &[u8; 32],
        peer: &Peer,
        binding: &[u8; 32],
    ) -> [u8; 32] {
        let proof = self.proof(step, listener, connecter, peer, binding);
        (self.token.as_ref()).map_or([0; 32], |token| token.prove(&proof))
    }

    fn is_proved(
        &self,
        step: u8,
        listener: &[u8; 32],
        connecter: &[u8; 32],
        peer: &Peer,
        binding: &[u8; 32],
        by: &[u8; 32],
    ) -> Result<()> {
        let proof = self.proof(step, listener, connecter, peer, binding);
        match &self.token {
            Some(token) if token.is_proved(&proof, by) => Ok(()),
            _ => Err(ErrorKind::Token(TokenProblem::Wrong).into()),
        }
    }

    /// A refusal that is about the token has a name of its own.
    fn refused(&self, refuse: Refuse) -> ErrorKind {
        match (refuse.code, &self.token, &self.state) {
            (RefuseCode::Token, None, _) => ErrorKind::Token(TokenProblem::Needed),
            (RefuseCode::Token, Some(_), State::Proved { .. }) => {
                ErrorKind::Token(TokenProblem::Wrong)
            }
            (RefuseCode::Token, Some(_), _) => ErrorKind::Token(TokenProblem::Missing),
            _ => ErrorKind::Refused {
                reason: refuse.reason,
            },
        }
    }
}

impl Answer {
    fn more(bytes: Vec<u8>) -> Self {
        let is_last = false;
        Self { bytes, is_last }
    }

    fn last(bytes: Vec<u8>) -> Self {
        let is_last = true;
        Self { bytes, is_last }
    }
}

fn wrong(expected: &'static str) -> Error {
    let found = "another message";
    ErrorKind::WrongMessage { found, expected }.into()
}

fn auth(head: &Head, body: &[u8]) -> Result<Auth> {
    match head.kind {
        Kind::Auth => Auth::parse(body).map_err(npb),
        _ => Err(wrong("AUTH")),
    }
}

/// The listening side's greeting, for all that come at once.
impl Doorman for Greeting {
    fn hear(&mut self, frame: &[u8], binding: &[u8; 32], peer: &str) -> Verdict {
        match self.next(frame, binding) {
            Ok(Answer {
                bytes,
                is_last: true,
            }) => Verdict::Enter(bytes),
            Ok(Answer { bytes, .. }) => Verdict::Stay(bytes),
            Err(error) => {
                // All that is told of a peer that was not let in.
                tracing::warn!(peer, %error, "refused");
                let code = match error.kind() {
                    ErrorKind::Token(_) => RefuseCode::Token,
                    ErrorKind::Direction { .. } => RefuseCode::Unsupported,
                    _ => RefuseCode::Protocol,
                };
                let reason = match error.kind() {
                    ErrorKind::Token(TokenProblem::Missing) => "it asks for a token".to_owned(),
                    ErrorKind::Token(TokenProblem::Needed) => "it has no token".to_owned(),
                    ErrorKind::Direction { watches: true } => {
                        "it receives, and sends nothing live".to_owned()
                    }
                    ErrorKind::Direction { watches: false } => {
                        "it sends a live stream, and receives nothing".to_owned()
                    }
                    _ => error.to_string(),
                };
                Verdict::Leave(Refuse { code, reason }.message(0))
            }
        }
    }
}

/// The connecting side's greeting; gives the other side's HELLO, which a one-way stream does not have.
pub(crate) fn greet(link: &mut Link, mut greeting: Greeting) -> Result<Option<Hello>> {
    if !link.answers() {
        return Ok(None);
    }
    let binding = link.binding();
    link.set_deadline(Some(GREETING));
    link.send(&[greeting.opening()]).map_err(outside)?;
    loop {
        link.set_max_frame(GREETING_NBYTES.saturating_sub(link.received_nbytes()));
        let expected = "the end of its greeting";
        let frame = link
            .recv()
            .map_err(outside)?
            .ok_or(ErrorKind::BrokenOff { expected })?;
        let answer = greeting.next(frame, &binding)?;
        if !answer.bytes.is_empty() {
            link.send(&[&answer.bytes]).map_err(outside)?;
        }
        if answer.is_last {
            link.set_deadline(None);
            return Ok(greeting.into_hello());
        }
    }
}
