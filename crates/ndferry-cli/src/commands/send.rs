//! `ndferry send`: arrays to a receiver.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ndferry::{
    Address, ErrorClass, ErrorKind, Fingerprint, Item, LazyArray, MessageOptions, MessageSender,
    Recipe, SendOptions, Sent, Source, TokenProblem, ZmqSocket, send,
};

use crate::args::{SendArgs, ZmqArg};
use crate::commands::convert::{packing, tell_what_is_left_out};
use crate::report::{Outcome, Session};
use crate::watch::{RECORD, Watch};
use crate::words::plain;
use crate::{output, size};

pub(crate) fn run(args: &SendArgs, session: &Session) -> anyhow::Result<Outcome> {
    if args.live {
        return crate::commands::live::run(args, session);
    }
    if args.url == "-" {
        output::check()?;
    }
    if args.url == "-" && std::io::stdout().is_terminal() {
        bail!("standard output is a terminal: pipe it into `ndferry recv --listen -`");
    }
    crate::token::none_over_a_pipe(&args.url, &args.token)?;
    let mut options = options(args, session)?;
    if let Some(recipe) = args.recipe {
        return messages(args, recipe.recipe(), session);
    }
    if args.watch {
        return watch(args, options, session);
    }
    // Taken before anything is read: a change in between makes it another source.
    options.resume = args.resume.then(|| fingerprint(args)).transpose()?;
    options.name = name(args);
    let arrays = arrays(args, session)?;
    let started = Instant::now();
    let sent = match deliver(&arrays, args, &options, session) {
        Err(error) if is_token_needed(&error) => match crate::token::asked()? {
            Some(token) => {
                options.token = Some(token);
                deliver(&arrays, args, &options, session)?
            }
            None => return Err(error.into()),
        },
        sent => sent?,
    };
    tell(&sent, "", started, args, session);
    Ok(Outcome::Yes)
}

/// What is sent; of a pickle it is said if that is not all.
fn arrays(args: &SendArgs, session: &Session) -> anyhow::Result<Vec<(String, LazyArray)>> {
    let (source, arrays) = session.source_and_arrays(&args.source, args.threads.jobs, true)?;
    if Address::parse(&args.source.source).member.is_none() {
        tell_what_is_left_out(&source, &arrays, "sent", session);
    }
    Ok(arrays)
}

fn options(args: &SendArgs, session: &Session) -> anyhow::Result<SendOptions> {
    let mut options = SendOptions::default();
    options.packing = packing(&args.packing);
    options.block_nbytes = usize::try_from(args.block).unwrap_or(usize::MAX);
    options.timeout = args.wait.timeout;
    options.threads = args.threads.jobs;
    options.interrupt = session.interrupt.clone();
    options.zmq = zmq_socket(args)?;
    options.tls.authorities.clone_from(&args.tls_ca);
    if args.tls_ca.is_some() && !args.url.starts_with("tls://") {
        bail!("--tls-ca is for addresses that begin with tls://");
    }
    if args.url != "-" {
        options.token = crate::token::given(&args.token)?;
    }
    Ok(options)
}

fn deliver(
    arrays: &[(String, LazyArray)],
    args: &SendArgs,
    options: &SendOptions,
    session: &Session,
) -> ndferry::Result<Sent> {
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    send(&args.url, &items, options, &session.bar)
}

fn tell(sent: &Sent, of: &str, started: Instant, args: &SendArgs, session: &Session) {
    let peak = ndferry::peak_memory().map_or(String::new(), |peak| {
        format!(", peak memory {}", size::text(peak))
    });
    let stored = if sent.acknowledged {
        "stored and verified there"
    } else if args.url == "-" {
        "written to the pipe"
    } else {
        "not acknowledged"
    };
    let held = match sent.held {
        Some(blocks) if blocks > 0 => format!(", {blocks} of them held there"),
        None if args.resume => ", the receiver does not resume".to_owned(),
        _ => String::new(),
    };
    session.say(format_args!(
        "{of}sent {}, {} in {}{held}, {}{peak}: {stored}",
        size::counted(sent.arrays as u64, "array"),
        size::text(sent.nbytes),
        size::counted(sent.blocks, "block"),
        size::rate(sent.nbytes, started.elapsed()),
    ));
}

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How long to wait for a receiver that is not there: at first, and at most.
const ABSENT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Sends each file of a folder once it is complete.
fn watch(args: &SendArgs, mut options: SendOptions, session: &Session) -> anyhow::Result<Outcome> {
    let folder = Path::new(&args.source.source);
    if args.url == "-" {
        bail!("--watch needs a receiver that acknowledges each file");
    }
    let (mut watch, problem) = Watch::open(folder, &args.url, args.settle)
        .with_context(|| folder.display().to_string())?;
    if let Some(problem) = problem {
        let record = folder.join(RECORD);
        let record = record.display();
        session.say(format_args!(
            "{record}: {problem}: what is sent now is sent again by the next run"
        ));
    }
    let (mut sent, mut outcome, mut absent) = (0, Outcome::Yes, ABSENT.0);
    loop {
        let files = watch
            .complete()
            .with_context(|| folder.display().to_string())?;
        for file in files {
            let started = Instant::now();
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let result = (|| {
                // A file that changes after all is not acknowledged.
                options.resume = Some(Fingerprint::of_file(&file.path)?);
                options.name = name.clone().into_owned();
                let source = Source::open(&file.path, &session.open_options(args.threads.jobs))?;
                source.require_whole()?;
                let arrays: Vec<_> = source
                    .outer_arrays()
                    .map(|array| (array.path().to_owned(), array))
                    .collect();
                tell_what_is_left_out(&source, &arrays, "sent", session);
                deliver(&arrays, args, &options, session)
            })();
            match result {
                Ok(done) => {
                    watch
                        .sent(&file)
                        .with_context(|| folder.join(RECORD).display().to_string())?;
                    (sent, absent) = (sent + 1, ABSENT.0);
                    tell(
                        &done,
                        &format!("{}: ", plain(&name)),
                        started,
                        args,
                        session,
                    );
                    if args.count == Some(sent) {
                        return Ok(outcome);
                    }
                }
                Err(error) if is_token(&error) || error.class() == ErrorClass::Interrupted => {
                    return Err(error.into());
                }
                Err(error) if is_absent(&error, &args.url) => {
                    if args.once {
                        return Err(error.into());
                    }
                    session.say(format_args!(
                        "{error}: trying again in {} s",
                        absent.as_secs()
                    ));
                    session.interrupt.wait(absent)?;
                    absent = (absent * 2).min(ABSENT.1);
                    break;
                }
                Err(error) if matches!(error.kind(), ErrorKind::Changed) => {}
                Err(error) => {
                    crate::report::tell(&anyhow::Error::from(error).context(name.into_owned()));
                    outcome = Outcome::Failed;
                    watch.failed(&file);
                }
            }
        }
        if args.once && watch.is_quiet() {
            return Ok(outcome);
        }
        session.interrupt.wait(LOOK)?;
    }
}

/// Whether it is the receiver that is not there, or gone; the file may be fine.
fn is_absent(error: &ndferry::Error, url: &str) -> bool {
    let is_link = error.source_name() == Some(url);
    let class = matches!(error.class(), ErrorClass::System | ErrorClass::Protocol);
    is_link && class && !matches!(error.kind(), ErrorKind::Refused { .. })
}

fn is_token(error: &ndferry::Error) -> bool {
    matches!(error.kind(), ErrorKind::Token(_))
}

/// What a receiver may call it: the file, and the array in it if one was named.
fn name(args: &SendArgs) -> String {
    let address = Address::parse(&args.source.source);
    if address.path.as_os_str() == "-" {
        return address.member.unwrap_or_default();
    }
    let file = address.path.file_name().unwrap_or_default();
    match address.member {
        None => file.to_string_lossy().into_owned(),
        Some(member) => {
            let stem = Path::new(file).file_stem().unwrap_or_default();
            format!("{}-{member}", stem.to_string_lossy())
        }
    }
}

/// Each array as a message of others.
fn messages(args: &SendArgs, recipe: Recipe, session: &Session) -> anyhow::Result<Outcome> {
    let arrays = arrays(args, session)?;
    let mut options = MessageOptions::new(recipe);
    options.timeout = args.wait.timeout;
    options.interrupt = session.interrupt.clone();
    let started = Instant::now();
    let socket = zmq_socket(args)?;
    let mut sender = MessageSender::connect(&args.url, socket, options)?;
    let mut nbytes = 0;
    for (_, array) in &arrays {
        nbytes += sender.send(array)?;
    }
    sender.finish()?;
    let answered = match socket {
        ZmqSocket::Req => "answered",
        _ => "not acknowledged",
    };
    session.say(format_args!(
        "sent {}, {}: {answered}",
        size::counted(arrays.len() as u64, "message"),
        size::rate(nbytes, started.elapsed()),
    ));
    Ok(Outcome::Yes)
}

/// What to be over ZeroMQ. One who cannot be answered must have been told so.
fn zmq_socket(args: &SendArgs) -> anyhow::Result<ZmqSocket> {
    if (args.zmq.is_some() || args.no_ack) && !args.url.starts_with("zmq+") {
        bail!("--zmq and --no-ack are for zmq+tcp:// and zmq+ipc://");
    }
    if args.recipe.is_some() {
        return match (args.zmq.unwrap_or(ZmqArg::Push), args.no_ack) {
            (ZmqArg::Req, false) => Ok(ZmqSocket::Req),
            (ZmqArg::Req, true) => bail!("REQ is answered: --no-ack goes with the others"),
            (_, false) => bail!("nobody can say whether it was stored: --no-ack takes that"),
            (ZmqArg::Push, true) => Ok(ZmqSocket::Push),
            (ZmqArg::Pub, true) => Ok(ZmqSocket::Pub),
            (ZmqArg::Dealer, true) => Ok(ZmqSocket::Dealer),
            (ZmqArg::Pair, true) => Ok(ZmqSocket::Pair),
        };
    }
    match (args.zmq, args.no_ack) {
        (Some(ZmqArg::Req | ZmqArg::Pair), _) => bail!("req and pair go with --recipe"),
        (None | Some(ZmqArg::Dealer), false) => Ok(ZmqSocket::Dealer),
        (None | Some(ZmqArg::Push), true) => Ok(ZmqSocket::Push),
        (Some(ZmqArg::Pub), true) => Ok(ZmqSocket::Pub),
        (Some(ZmqArg::Dealer), true) => {
            bail!("DEALER is acknowledged: --no-ack goes with push and pub")
        }
        (Some(ZmqArg::Push | ZmqArg::Pub), false) => {
            bail!("nobody can say whether it was stored: --no-ack takes that")
        }
    }
}

/// Whether the receiver has asked for a token, before anything was sent.
fn is_token_needed(error: &ndferry::Error) -> bool {
    matches!(error.kind(), ErrorKind::Token(TokenProblem::Needed))
}

/// Of the file and of which part of it is sent.
fn fingerprint(args: &SendArgs) -> anyhow::Result<Fingerprint> {
    let path = Address::parse(&args.source.source).path;
    if path.as_os_str() == "-" {
        bail!("--resume needs a file: standard input cannot be read again");
    }
    let part = format!("{:?}", args.source.slice);
    Ok(Fingerprint::of_file(path)?.and(part.as_bytes()))
}
