//! `ndferry pyro receive`: arrays that programs push.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::bail;
use ndferry::Format;
use ndferry_pyro::{
    Array, Daemon, Exception, Metadata, Outcome as Called, Proxy, Returned, Served, Stopper, Uri,
    Value,
};

use super::{arrays_in, listening, options, store, tell_pin, told};
use crate::args::PyroReceiveArgs;
use crate::commands::recv::{can_save, numbered};
use crate::output;
use crate::report::{Outcome, Session};
use crate::words::plain;

/// How often one who waits for arrays looks whether Ctrl-C was pressed.
const LOOK: Duration = Duration::from_millis(100);

/// Programs that push at a time; each may hold an array in memory.
const PEERS: usize = 8;

pub(crate) fn run(args: &PyroReceiveArgs, session: &Session) -> anyhow::Result<Outcome> {
    if args.output == Path::new("-") {
        // Only the check that it is no terminal.
        drop(output::binary(args.force)?);
    } else {
        let format = Format::of_extension(&args.output);
        for number in 1..=args.count.clamp(1, 1000) {
            can_save(&numbered(&args.output, number), format, args.force)?;
        }
    }
    let to_them = options(&args.to, session)?;
    let own = (&args.to.own, to_them.tls);
    let key = args.to.key_file.as_deref();
    let (url, mut options) = listening(&args.listen, key, own, &args.callers, session)?;
    options.connections = PEERS;
    options.exchange.timeout = args.to.wait.timeout;
    let mut daemon = Daemon::bind(&url, options)?;
    let (pushes, pushed) = sync_channel(0);
    let methods = args.methods.clone();
    let uri = daemon.register(&args.name, Arc::new(Inbox { methods, pushes }));
    crate::report::line(&uri);
    tell_pin(daemon.url(), session);
    if !daemon.is_local() {
        session.say("whoever reaches this port can push arrays");
    }
    let stopper = daemon.stopper();
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || daemon.serve());
        let stop = Stop(stopper);
        let done = match &args.client_of {
            None => take(args, session, &pushed, None),
            Some(of) => match Proxy::connect(&of.parse()?, &to_them) {
                Ok(camera) => as_client(args, session, &pushed, camera, &uri),
                Err(error) => Err(told(error, session)),
            },
        };
        drop(pushed);
        drop(stop);
        let served = serving.join();
        done?;
        match served {
            Ok(Ok(())) => Ok(Outcome::Yes),
            // Ctrl-C is how it ends without a count.
            Ok(Err(_)) if session.interrupt.is_set() && args.count == 0 => Ok(Outcome::Yes),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => bail!("serving ended in a panic"),
        }
    })
}

/// Whatever happens, serving ends.
struct Stop(Stopper);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Has another object push to us until all is there.
fn as_client(
    args: &PyroReceiveArgs,
    session: &Session,
    pushed: &Receiver<Push>,
    mut camera: Proxy,
    uri: &Uri,
) -> anyhow::Result<()> {
    if let Uri::Tcp { host, .. } = uri
        && matches!(host.as_str(), "0.0.0.0" | "::")
    {
        bail!(
            "--client-of needs an address of this machine that others reach: --listen tcp://HOST:0"
        );
    }
    let ours = uri.to_string().into();
    camera
        .call(&args.by, vec![ours])
        .map_err(|error| told(error, session))?;
    let done = take(args, session, pushed, Some(&mut camera));
    let ended = camera.call(&args.by, vec![Value::None]);
    done?;
    ended.map(drop).map_err(|error| told(error, session))
}

/// Stores what comes until it is enough.
fn take(
    args: &PyroReceiveArgs,
    session: &Session,
    pushed: &Receiver<Push>,
    mut camera: Option<&mut Proxy>,
) -> anyhow::Result<()> {
    let mut number = 0;
    while args.count == 0 || number < args.count {
        if let (Some(camera), Some(trigger)) = (camera.as_deref_mut(), &args.trigger) {
            camera
                .call(trigger, Vec::new())
                .map_err(|error| told(error, session))?;
        }
        let patience = camera.as_ref().map(|_| args.to.wait.timeout);
        let Some(push) = next(session, pushed, patience, args.count == 0)? else {
            return Ok(());
        };
        let arrays = match arrays_of(&push.call) {
            Ok(arrays) => arrays,
            Err(why) => {
                let error = anyhow::anyhow!("{}", plain(&why));
                push.answer(Err(why));
                // There may be others.
                if args.count == 1 {
                    return Err(error);
                }
                crate::report::tell(&error);
                continue;
            }
        };
        let path = match args.output == Path::new("-") {
            true => args.output.clone(),
            false => numbered(&args.output, number + 1),
        };
        match store(arrays, &path, args.force, session) {
            Ok(()) => push.answer(Ok(())),
            Err(error) => {
                push.answer(Err(format!("{error:#}")));
                return Err(error);
            }
        }
        number += 1;
    }
    Ok(())
}

/// The next call; `None` if Ctrl-C is how it was to end.
fn next(
    session: &Session,
    pushed: &Receiver<Push>,
    patience: Option<Duration>,
    is_endless: bool,
) -> anyhow::Result<Option<Push>> {
    let started = Instant::now();
    loop {
        if is_endless && session.interrupt.is_set() {
            return Ok(None);
        }
        session.interrupt.check()?;
        match pushed.recv_timeout(LOOK) {
            Ok(push) => return Ok(Some(push)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("nobody can push any more"),
        }
        if let Some(patience) = patience.filter(|patience| started.elapsed() > *patience) {
            bail!("nothing was pushed in {} s", patience.as_secs_f64());
        }
    }
}

/// The arrays among a call's arguments; what the call was, if there is none.
fn arrays_of(call: &[(String, Value)]) -> Result<Vec<(String, Array)>, String> {
    let mut found = Vec::new();
    for (name, value) in call {
        arrays_in(value, name.clone(), &mut found).map_err(|error| error.to_string())?;
    }
    if found.is_empty() {
        let values: Vec<String> = call.iter().map(|(_, value)| value.to_string()).collect();
        return Err(format!("there is no array in ({})", values.join(", ")));
    }
    // One alone needs no name.
    if let [(name, _)] = &mut found[..] {
        name.clear();
    }
    Ok(found)
}

/// A call with its arguments, by number or name, which waits for an answer.
struct Push {
    call: Vec<(String, Value)>,
    done: SyncSender<Result<(), String>>,
}

impl Push {
    fn answer(&self, answer: Result<(), String>) {
        // Whoever called may be gone.
        let _ = self.done.try_send(answer);
    }
}

/// The object that others call.
struct Inbox {
    methods: Vec<String>,
    pushes: SyncSender<Push>,
}

impl Served for Inbox {
    fn metadata(&self) -> Metadata {
        let methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
        Metadata::new(&methods, &[])
    }

    fn call(&self, _: &str, args: Vec<Value>, kwargs: Vec<(String, Value)>) -> Called<Returned> {
        let by_number = (0..).map(|i: usize| i.to_string()).zip(args);
        let (done, answer) = sync_channel(1);
        let call = by_number.chain(kwargs).collect();
        let over = |_| Exception::new("builtins.RuntimeError", "no more arrays are taken");
        self.pushes
            .send(Push { call, done })
            .map_err(|error| over(error.to_string()))?;
        match answer.recv() {
            Ok(Ok(())) => Ok(Value::None.into()),
            Ok(Err(why)) => Err(Exception::new("builtins.ValueError", why)),
            Err(error) => Err(over(error.to_string())),
        }
    }
}
