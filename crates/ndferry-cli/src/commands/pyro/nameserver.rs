//! `ndferry pyro nameserver`: where objects are, for programs that have no name server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ndferry_pyro::{Announcer, Daemon, NameTable, Url};

use super::serve::{of_questions, until_stopped};
use super::{interrupt, listening, tell_pin};
use crate::args::PyroNameserverArgs;
use crate::report::{Outcome, Session};

/// How long one who answers broadcasts does nothing else.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &PyroNameserverArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (key, own) = (args.key_file.as_deref(), (&args.own, false));
    let (url, mut options) = listening(&args.listen, key, own, &args.callers, session)?;
    options.limits = of_questions();
    let mut daemon = Daemon::bind(&url, options)?;
    let table = Arc::new(NameTable::new());
    let uri = daemon.register(NameTable::OBJECT, Arc::<NameTable>::clone(&table));
    let own = table.register(NameTable::OBJECT, uri.clone());
    own.map_err(|error| anyhow::anyhow!("{error}"))?;
    let announcer = match args.broadcast {
        None => None,
        Some(port) => {
            let ip = place(daemon.url());
            Some(Announcer::bind(ip, port, uri.clone(), interrupt(session))?)
        }
    };
    crate::report::line(&uri);
    tell_pin(daemon.url(), session);
    if let Some(announcer) = &announcer {
        session.say(format_args!(
            "answers who asks for it at UDP port {}",
            announcer.port()?
        ));
    }
    if !daemon.is_local() {
        session.say("whoever reaches this port can change where names lead");
    }
    let stopper = daemon.stopper();
    std::thread::scope(|scope| {
        if let Some(announcer) = announcer {
            scope.spawn(move || {
                while !stopper.is_stopped() {
                    // Interrupted, or no network any more.
                    if announcer.answer(LOOK).is_err() {
                        return;
                    }
                }
            });
        }
        let served = until_stopped(&mut daemon, session);
        daemon.stopper().stop();
        served
    })
}

/// Those of this machine alone hear the questions of this machine; others those of all.
fn place(url: &Url) -> Ipv4Addr {
    match url {
        Url::Tcp { host, .. } | Url::Tls { host, .. }
            if matches!(host.as_str(), "127.0.0.1" | "localhost") =>
        {
            Ipv4Addr::LOCALHOST
        }
        _ => Ipv4Addr::UNSPECIFIED,
    }
}
