//! Everything that can go wrong on a wire, between a client and a daemon of Pyro, one of them or both ours: whatever it is,
//! nobody waits for longer than the time-outs, nobody takes for done what is not, and the daemon goes on serving.
//!
//! Pyro has no checksums. Bytes of a message that was not signed may become others without anybody noticing: those are counted
//! apart. Where messages are signed there must be none.
//!
//! A part of all modes, unless `NDFERRY_PYRO_FAULTS=all`. `NDFERRY_PYRO_PEERS` names Pythons with Pyro, as for the tests of
//! `ndferry-pyro`; without it both sides are ours, and that is said.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod modes;
mod sides;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use ndferry_pyro::{Dialect, Serializer};
use ndferry_testkit::{Action, Direction, Fault, Place, Proxy as Wire};

use modes::{Mode, Nature, modes};
use sides::{Believed, Client, Got, Server};

/// How long either side is silent before it is given up.
const TIMEOUT: Duration = Duration::from_millis(700);

/// The same where nobody must be given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody may take longer, with several time-outs in it and a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(15);

/// Cases at a time: most of the time they wait.
const AT_ONCE: usize = 24;

/// An array of 40 KB, which is read before it is looked at.
const SMALL: usize = 100;

/// One of 1.6 MB, which becomes an array while it comes.
const LARGE: usize = 4000;

/// All numbers take as many bytes.
const FIRST_NUMBER: i64 = 100_000;

/// How messages go, and whose the sides are.
#[derive(Clone, Copy, Debug)]
struct Way {
    dialect: Dialect,
    serializer: Serializer,
    is_signed: bool,
    /// Of the array, which has 200 columns of two bytes.
    rows: usize,
    whose: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    BothOurs,
    OurClient,
    OurDaemon,
}

impl Whose {
    fn told(self) -> &'static str {
        match self {
            Self::BothOurs => "our client, our daemon",
            Self::OurClient => "our client, their daemon",
            Self::OurDaemon => "their client, our daemon",
        }
    }
}

impl Way {
    fn told(self) -> String {
        let signed = if self.is_signed { ", signed" } else { "" };
        let large = if self.rows == LARGE { ", large" } else { "" };
        format!("{:?} {}{signed}{large}", self.dialect, self.serializer)
    }
}

/// How it went.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    whole: usize,
    /// Others than were sent, which nobody can tell.
    changed: usize,
    /// What Pyro's own side believes though it is not so.
    believed_by_pyro: usize,
    hangs: Vec<String>,
    false_successes: Vec<String>,
    surprises: Vec<String>,
    slowest: Duration,
}

#[test]
fn whatever_happens_on_the_wire_nobody_hangs_or_believes_in_what_is_not() {
    run_all(Whose::BothOurs, 5);
}

#[test]
fn whatever_happens_on_the_wire_to_a_daemon_of_pyro_we_notice() {
    run_all(Whose::OurClient, 9);
}

#[test]
fn whatever_happens_on_the_wire_from_a_client_of_pyro_we_notice() {
    run_all(Whose::OurDaemon, 9);
}

/// One of `step` modes, or all of them.
fn run_all(whose: Whose, step: usize) {
    let is_all = std::env::var("NDFERRY_PYRO_FAULTS").is_ok_and(|which| which == "all");
    let step = if is_all { 1 } else { step };
    let mut ways = vec![
        (Dialect::Pyro4, Serializer::Pickle, false, SMALL),
        (Dialect::Pyro4, Serializer::Pickle, true, SMALL),
        (Dialect::Pyro5, Serializer::Msgpack, false, SMALL),
        (Dialect::Pyro4, Serializer::Pickle, false, LARGE),
        (Dialect::Pyro4, Serializer::Pickle, true, LARGE),
    ];
    if is_all && whose == Whose::BothOurs {
        ways.extend([
            (Dialect::Pyro4, Serializer::Msgpack, true, SMALL),
            (Dialect::Pyro5, Serializer::Serpent, false, SMALL),
            (Dialect::Pyro5, Serializer::Marshal, false, SMALL),
        ]);
    }
    let (mut total, mut is_run) = (Tally::default(), false);
    for (number, (dialect, serializer, is_signed, rows)) in ways.into_iter().enumerate() {
        let way = Way {
            dialect,
            serializer,
            is_signed,
            rows,
            whose,
        };
        let Some(sides) = sides::start(way) else {
            println!(
                "skipped: {}, {}: NDFERRY_PYRO_PEERS names none",
                whose.told(),
                way.told()
            );
            continue;
        };
        is_run = true;
        let tally = Mutex::new(Tally::default());
        let (client, server) = sides;
        all_of(way, (number, step), &client, &server, &tally);
        let tally = tally.into_inner().unwrap();
        println!(
            "{}, {}: {} faults, {} harmless, {} changed values that nobody can tell, {} hangs, {} false successes, {} by Pyro \
             itself, {} other surprises; the slowest was over after {:.1} s",
            whose.told(),
            way.told(),
            tally.cases,
            tally.whole,
            tally.changed,
            tally.hangs.len(),
            tally.false_successes.len(),
            tally.believed_by_pyro,
            tally.surprises.len(),
            tally.slowest.as_secs_f64(),
        );
        total.cases += tally.cases;
        total.hangs.extend(tally.hangs);
        total.false_successes.extend(tally.false_successes);
        total.surprises.extend(tally.surprises);
    }
    let wrong = [total.hangs, total.false_successes, total.surprises].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(total.cases > 100 || !is_run, "{}", total.cases);
}

fn all_of(
    way: Way,
    (first, step): (usize, usize),
    client: &Client,
    server: &Server,
    tally: &Mutex<Tally>,
) {
    // Where things are is seen in a conversation without a fault.
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::start(server.url(true), folder.path(), Direction::ToReceiver, None).unwrap();
    let believed = client.talk(wire.url(), FIRST_NUMBER, PATIENCE).unwrap();
    assert!(believed.is_whole(), "{way:?}: {believed:?}");
    let mut cases: Vec<Mode> = Vec::new();
    for direction in [Direction::ToReceiver, Direction::ToSender] {
        cases.extend(modes(direction, &wire.heard(direction)));
    }
    // Pyro's time-outs are of each read: whoever drips keeps it for as long as that lasts.
    cases.retain(|mode| {
        let theirs = match mode.direction {
            Direction::ToReceiver => Whose::OurClient,
            Direction::ToSender => Whose::OurDaemon,
        };
        way.whose != theirs || !mode.name.starts_with("drips")
    });
    // That would be millions of packets.
    cases.retain(|mode| way.rows < LARGE || !mode.name.starts_with("byte by byte"));
    let cases: Vec<Mode> = cases.into_iter().skip(first % step).step_by(step).collect();
    let next = Mutex::new(cases.iter().zip(FIRST_NUMBER + 2..));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((mode, number)) = { next.lock().unwrap().next() } {
                    run(way, mode, number, client, server, tally);
                }
            });
        }
    });
    // Others are served as before.
    let after = client
        .talk(server.url(true), FIRST_NUMBER + 1, PATIENCE)
        .unwrap();
    assert!(after.is_whole(), "{way:?}: {after:?}");
    // The other one gives up those who are slow on a machine that has much to do.
    let after = || client.talk(server.url(false), FIRST_NUMBER + 1, PATIENCE);
    let is_served = std::iter::repeat_with(after)
        .take(20)
        .flatten()
        .any(Believed::is_whole);
    assert!(is_served, "{way:?}");
}

fn run(way: Way, mode: &Mode, number: i64, client: &Client, server: &Server, tally: &Mutex<Tally>) {
    let folder = tempfile::tempdir().unwrap();
    let fault = Fault {
        place: Place::Byte(mode.at),
        action: mode.action.clone(),
    };
    let is_late = mode.nature == Nature::Late;
    let timeout = if is_late { PATIENCE } else { TIMEOUT };
    let (url, folder) = (server.url(is_late), folder.path());
    let talk = || {
        let wire = Wire::start(url, folder, mode.direction, Some(fault.clone())).unwrap();
        let started = Instant::now();
        let believed = client.talk(wire.url(), number, timeout);
        (believed, started.elapsed(), wire.hits())
    };
    let (mut believed, mut took, mut hits) = talk();
    // Where the machine has much to do they may give each other up before it comes to that.
    for _ in 0..5 {
        if hits > 0 || believed.is_none_or(Believed::is_whole) {
            break;
        }
        (believed, took, hits) = talk();
    }
    let kept = server.kept(number, is_late);
    let what = format!(
        "{}, {}: {} {:?} at {}: {believed:?}, kept {kept:?}, {took:?}",
        way.whose.told(),
        way.told(),
        mode.name,
        mode.direction,
        mode.at
    );
    let mut tally = tally.lock().unwrap();
    tally.cases += 1;
    tally.slowest = tally.slowest.max(took);
    if believed.is_none() || took > LIMIT && !is_late {
        tally.hangs.push(what.clone());
    }
    let believed = believed.unwrap_or_default();
    tally.whole += usize::from(believed.is_whole());
    let is_cut = matches!(
        mode.action,
        Action::Reset | Action::Close | Action::HalfClose | Action::Stall
    );
    let is_over = mode.name.ends_with("after the last byte");
    if is_late && !believed.is_whole() {
        tally.surprises.push(format!("an error: {what}"));
    }
    if is_cut && !is_over && believed.is_whole() {
        tally.surprises.push(format!("no error: {what}"));
    }
    if hits == 0 && !is_over {
        tally
            .surprises
            .push(format!("the fault was never met: {what}"));
    }
    let can_be_told = way.is_signed || mode.nature != Nature::Change;
    for (is_false, is_theirs) in falsehoods(way, believed, kept) {
        match (is_false, is_theirs, can_be_told) {
            (false, ..) => {}
            (true, false, true) => tally.false_successes.push(what.clone()),
            (true, true, true) => tally.believed_by_pyro += 1,
            (true, _, false) => tally.changed += 1,
        }
    }
}

/// What is taken for true and is not, and whether that is Pyro's own side.
fn falsehoods(way: Way, believed: Believed, kept: Got) -> [(bool, bool); 3] {
    let client_is_theirs = way.whose == Whose::OurDaemon;
    let server_is_theirs = way.whose == Whose::OurClient;
    [
        // Taken for an array that came whole.
        (kept == Got::Other, server_is_theirs),
        (believed.got == Got::Other, client_is_theirs),
        // Said to be there, and nothing is.
        (believed.is_put && kept == Got::Nothing, client_is_theirs),
    ]
}
