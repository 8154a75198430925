//! What both ends of a transfer share: how frames are told apart, and the greeting.

use std::time::Duration;

use ndferry_io::{Framing, Link, LinkOptions};
use ndferry_npb::{Codec, Decoder, Event, HEAD_NBYTES, Head, Hello, Limits};

use crate::error::{npb, outside};
use crate::{ErrorKind, Interrupt, Result};

/// How long the greeting may take, whatever moves.
const GREETING: Duration = Duration::from_secs(10);

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

pub(crate) fn link_options(timeout: Duration, interrupt: &Interrupt) -> LinkOptions {
    let mut options = LinkOptions::new(FRAMING);
    options.timeout = timeout;
    options.connect_timeout = options.connect_timeout.min(timeout);
    options.interrupt = interrupt.for_io();
    options
}

/// HELLO both ways, which says whether this side resumes; gives the other side's, which a one-way stream does not have.
pub(crate) fn greet(
    link: &mut Link,
    decoder: &mut Decoder,
    limits: &Limits,
    resumes: bool,
) -> Result<Option<Hello>> {
    link.set_max_frame(limits.body_nbytes() + HEAD_NBYTES as u64);
    if !link.answers() {
        return Ok(None);
    }
    link.set_deadline(Some(GREETING));
    let own = Hello {
        resumes,
        ..Hello::new(&codecs(), limits)
    };
    link.send(&[&own.message()]).map_err(outside)?;
    let expected = "HELLO";
    let frame = link
        .recv()
        .map_err(outside)?
        .ok_or(ErrorKind::BrokenOff { expected })?;
    let hello = match decoder.feed(frame).map_err(npb)? {
        Event::Hello(hello) => hello,
        Event::Refuse(refuse) => {
            return Err(ErrorKind::Refused {
                reason: refuse.reason,
            }
            .into());
        }
        _ => {
            return Err(ErrorKind::WrongMessage {
                found: "another message",
                expected,
            }
            .into());
        }
    };
    link.set_deadline(None);
    Ok(Some(hello))
}
