//! [`Reception`]: peers that have connected but not yet said anything.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::net::{Socket, SocketListener};
use crate::stream::{Arrived, POLL};
use crate::{Duplex, LinkOptions, Result, StreamTransport, wait};

/// Peers that may be silent at a time; when more come, those that have waited longest must go.
const GUESTS: usize = 128;

/// Waits for all peers at once, so that silent or dripping ones never keep a good one from being served.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    guests: VecDeque<Guest>,
    turned_away: u64,
}

#[derive(Debug)]
struct Guest {
    link: StreamTransport<Socket>,
    until: Instant,
}

impl Reception {
    /// How many peers have left, sent garbage, or run out of time before their first frame was whole.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// The first peer whose first frame is here; `None` if there is none in time.
    pub(crate) fn next(
        &mut self,
        listener: &SocketListener,
        at_most: Duration,
        options: &LinkOptions,
    ) -> Result<Option<StreamTransport<Socket>>> {
        let started = Instant::now();
        loop {
            options.interrupt.check()?;
            let now = Instant::now();
            let before = self.guests.len();
            self.guests.retain(|guest| guest.until > now);
            self.turned_away += (before - self.guests.len()) as u64;
            let left = at_most.saturating_sub(started.elapsed());
            let next_deadline = self.guests.front().map(|guest| guest.until - now);
            let nap = left.min(POLL).min(next_deadline.unwrap_or(POLL));
            let sockets: Vec<_> = std::iter::once(listener.socket())
                .chain(
                    self.guests
                        .iter()
                        .map(|guest| guest.link.get_ref().socket()),
                )
                .collect();
            let ready = wait::which_readable(&sockets, nap)?;
            if let Some(link) = self.listen_to(&ready[1..]) {
                return Ok(Some(link));
            }
            if ready[0]
                && let Some(link) = listener.accept_now(options)?
            {
                self.welcome(link, options);
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    fn welcome(&mut self, mut link: StreamTransport<Socket>, options: &LinkOptions) {
        link.set_max_frame(options.greeting_nbytes);
        if self.guests.len() == GUESTS {
            self.guests.pop_front();
            self.turned_away += 1;
        }
        self.guests.push_back(Guest {
            link,
            until: Instant::now() + options.greeting_timeout.min(LONGEST),
        });
    }

    /// Takes in what has come, and lets those go who have left or make no sense.
    fn listen_to(&mut self, ready: &[bool]) -> Option<StreamTransport<Socket>> {
        for at in (0..ready.len()).rev().filter(|at| ready[*at]) {
            match self.guests[at].link.take_in() {
                Ok(Arrived::Part) => {}
                Ok(Arrived::Frame) => {
                    let mut guest = self.guests.remove(at)?;
                    guest.link.set_max_frame(u64::MAX);
                    return Some(guest.link);
                }
                Ok(Arrived::End) | Err(_) => {
                    self.guests.remove(at);
                    self.turned_away += 1;
                }
            }
        }
        None
    }
}

/// More would be more than some clocks can count.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
