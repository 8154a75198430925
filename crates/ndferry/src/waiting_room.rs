//! [`WaitingRoom`]: senders that were greeted while another one is served.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver as Signal, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ndferry_io::{Link, Listener};
use ndferry_npb::{Refuse, RefuseCode, ping};

use crate::session::Greeting;

/// Those who are let in at a time; more wait at the door.
const SEATS: usize = 256;

/// Most transfers are over before it is worth looking who else is there.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// How long one look takes at most, which the end of a transfer may have to wait for.
const LOOK: Duration = Duration::from_millis(20);

/// How often those who wait hear that they are not forgotten.
const WORD: Duration = Duration::from_secs(1);

/// How long saying so may take. It is short, and who listens takes it at once.
const BRIEFLY: Duration = Duration::from_millis(100);

/// How long it may take in all to send away those who wait in vain.
const FAREWELLS: Duration = Duration::from_secs(2);

/// First come, first served; who waits hears a PING each second, so that neither greeting nor time-out runs out.
#[derive(Debug)]
pub(crate) struct WaitingRoom {
    seats: VecDeque<(Link, Greeting)>,
    /// When they last heard anything.
    spoken: Instant,
}

impl WaitingRoom {
    pub(crate) fn new() -> Self {
        Self {
            seats: VecDeque::new(),
            spoken: Instant::now(),
        }
    }

    /// Whose turn it is; waits until somebody comes. `None` if nobody came in time, or nobody can come any more.
    ///
    /// # Errors
    /// As [`Listener::admit`].
    pub(crate) fn next(
        &mut self,
        listener: &mut Listener<Greeting>,
        wait: Duration,
        timeout: Duration,
    ) -> ndferry_io::Result<Option<(Link, Greeting)>> {
        if self.seats.is_empty() {
            return listener.admit(wait);
        }
        // Those at the door must not wait until the room is empty.
        while self.welcome(listener, Duration::ZERO)? {}
        self.speak();
        Ok(self.seats.pop_front().map(|(mut link, greeting)| {
            link.set_timeout(timeout);
            (link, greeting)
        }))
    }

    /// Serves somebody, and lets others in meanwhile.
    pub(crate) fn while_serving<R>(
        &mut self,
        listener: &mut Listener<Greeting>,
        serve: impl FnOnce() -> R,
    ) -> R {
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let door = thread::Builder::new().name("waiting-room".to_owned());
            // Without it others wait longer, at the door.
            let _ = door.spawn_scoped(scope, move || self.look_after(listener, &is_done));
            let served = serve();
            drop(done);
            served
        })
    }

    fn look_after(&mut self, listener: &mut Listener<Greeting>, is_done: &Signal<()>) {
        let mut nap = match self.seats.is_empty() {
            true => FIRST_LOOK,
            false => FIRST_LOOK.min(WORD.saturating_sub(self.spoken.elapsed())),
        };
        while is_done.recv_timeout(nap) == Err(RecvTimeoutError::Timeout) {
            let since = Instant::now();
            if self.welcome(listener, LOOK).is_err() {
                // Whoever waits for the next transfer meets it again.
                return;
            }
            self.speak();
            // Not every listener waits when there can be nobody.
            nap = LOOK.saturating_sub(since.elapsed());
        }
    }

    /// Lets somebody in, if there is anybody, and a seat.
    fn welcome(
        &mut self,
        listener: &mut Listener<Greeting>,
        wait: Duration,
    ) -> ndferry_io::Result<bool> {
        if self.seats.len() == SEATS {
            return Ok(false);
        }
        let entered = listener.admit(wait)?;
        let is_one = entered.is_some();
        if let Some((mut link, greeting)) = entered {
            tracing::debug!(peer = link.peer(), "waits");
            link.set_timeout(BRIEFLY);
            self.seats.push_back((link, greeting));
        }
        Ok(is_one)
    }

    /// Says that nobody is forgotten, now and then.
    fn speak(&mut self) {
        if self.spoken.elapsed() < WORD {
            return;
        }
        self.seats
            .retain_mut(|(link, _)| !link.answers() || link.send(&[&ping()]).is_ok());
        self.spoken = Instant::now();
    }
}

impl Drop for WaitingRoom {
    fn drop(&mut self) {
        let started = Instant::now();
        for (mut link, _) in self.seats.drain(..).filter(|(link, _)| link.answers()) {
            let refuse = Refuse {
                code: RefuseCode::Other,
                reason: "it has taken all that it was to take".to_owned(),
            };
            // They may be gone.
            let _ = link.send(&[&refuse.message(0)]);
            link.drain(
                BRIEFLY.min(FAREWELLS.saturating_sub(started.elapsed())),
                1 << 20,
            );
        }
    }
}
