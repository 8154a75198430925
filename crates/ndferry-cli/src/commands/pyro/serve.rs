//! `ndferry pyro serve`: arrays as objects of Pyro.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use ndferry::{Address, Format, Indexing, LazyArray, OpenOptions, Source};
use ndferry_pyro::{
    Daemon, ErrorKind, Exception, Limits, Metadata, NameServer, Outcome as Called, ProxyOptions,
    Returned, Served, Value,
};

use super::{believe, identity, interrupt, key, listening, place, tell_pin, told};
use crate::args::{PyroServeArgs, SourceArgs};
use crate::report::{Outcome, Session};

/// What one question may be, so that very many who ask need little memory.
const QUESTION_NBYTES: u64 = 1 << 20;

/// What one answer may be in Pyro4, whose lengths are signed; one would have to be in memory, too.
const ANSWER_NBYTES: u64 = 0x7fff_0000;

pub(crate) fn run(args: &PyroServeArgs, session: &Session) -> anyhow::Result<Outcome> {
    let objects = objects(args, session)?;
    let own = (&args.own, args.tls_ca.is_some() || args.tls_pin.is_some());
    let key = args.key_file.as_deref();
    let (url, mut options) = listening(&args.listen, key, own, &args.callers, session)?;
    options.limits = of_questions();
    options.exchange.timeout = args.wait.timeout;
    let mut daemon = Daemon::bind(&url, options)?;
    for (name, stack) in objects {
        let uri = daemon.register(&name, Arc::new(stack));
        if let Some(server) = &args.register {
            let (host, port) = place(server)?;
            let registered = NameServer::connect(&host, port, &to_server(args, session)?)
                .and_then(|mut server| server.register(&name, &uri, false));
            registered.map_err(|error| told(error, session).context(server.clone()))?;
        }
        crate::report::line(uri);
    }
    tell_pin(daemon.url(), session);
    if !daemon.is_local() {
        session.say("whoever reaches this port can read these arrays");
    }
    until_stopped(&mut daemon, session)
}

/// How to call a name server.
fn to_server(args: &PyroServeArgs, session: &Session) -> anyhow::Result<ProxyOptions> {
    let mut options = ProxyOptions::default();
    believe(
        &mut options,
        args.tls_ca.as_deref(),
        args.tls_pin.as_deref(),
    )?;
    options.key = args.key_file.as_deref().map(key).transpose()?;
    options.exchange.tls.identity = identity(&args.own);
    options.exchange.timeout = args.wait.timeout;
    options.exchange.interrupt = interrupt(session);
    Ok(options)
}

/// What may come to those who are asked for something: no arrays.
pub(super) fn of_questions() -> Limits {
    let mut limits = Limits::default();
    limits.message_nbytes = QUESTION_NBYTES;
    limits.unpacked_nbytes = QUESTION_NBYTES;
    limits
}

/// Serves until Ctrl-C, which is how it ends.
pub(super) fn until_stopped(daemon: &mut Daemon, session: &Session) -> anyhow::Result<Outcome> {
    match daemon.serve() {
        Err(error) if matches!(error.kind, ErrorKind::Io(_)) && session.interrupt.is_set() => {
            Ok(Outcome::Yes)
        }
        other => Ok(other.map(|()| Outcome::Yes)?),
    }
}

/// All arrays, by the names of their objects.
fn objects(args: &PyroServeArgs, session: &Session) -> anyhow::Result<BTreeMap<String, Stack>> {
    let mut objects = BTreeMap::new();
    for source in &args.sources {
        let folder = Path::new(source);
        if !folder.is_dir() || Format::of_extension(folder).is_some() {
            let only = args.sources.len() == 1;
            let name = args.name.clone().filter(|_| only);
            let stem = name.unwrap_or_else(|| named(args, &stem_of(source)));
            add(&mut objects, source, &stem, false, session)?;
            continue;
        }
        let mut files = Vec::new();
        for entry in folder
            .read_dir()
            .with_context(|| folder.display().to_string())?
        {
            let path = entry?.path();
            if Format::of_extension(&path).is_some() {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            bail!("{}: there is no file of arrays in it", folder.display());
        }
        for file in files {
            let source = file.into_os_string();
            let stem = named(args, &stem_of(&source));
            // What cannot be read does not keep the others from being served.
            if let Err(error) = add(&mut objects, &source, &stem, true, session) {
                crate::report::tell(&error);
            }
        }
    }
    if objects.is_empty() {
        bail!("there are no arrays to serve");
    }
    Ok(objects)
}

/// The arrays of one file. Those of a folder are opened when somebody wants them: there may be more of them than the system
/// lets be open.
fn add(
    objects: &mut BTreeMap<String, Stack>,
    source: &OsStr,
    stem: &str,
    reopens: bool,
    session: &Session,
) -> anyhow::Result<()> {
    let args = SourceArgs {
        source: source.to_owned(),
        slice: None,
    };
    let arrays = session.arrays(&args, 0)?;
    let count = arrays.len();
    for (member, array) in arrays {
        let name = match member.as_str() {
            _ if count == 1 => stem.to_owned(),
            "" => stem.to_owned(),
            member => format!("{stem}.{member}"),
        };
        // Names have no spaces in addresses, and end at an @.
        let is_odd = |c: char| c.is_whitespace() || c == '@';
        let mut name = name.replace(is_odd, "_");
        // Two files of one stem.
        if objects.contains_key(&name)
            && let Some(extension) = Path::new(source).extension()
        {
            name = format!("{name}.{}", extension.to_string_lossy());
        }
        if objects.contains_key(&name) {
            bail!(
                "{}: there are two arrays of the name {name}",
                source.display()
            );
        }
        let stack = match reopens {
            false => Stack::Open(Box::new(array)),
            true => Stack::Stored {
                path: Address::parse(source).path,
                member,
                options: Box::new(session.open_options(1)),
            },
        };
        objects.insert(name, stack);
    }
    Ok(())
}

fn stem_of(source: &OsStr) -> String {
    let path = Address::parse(source).path;
    let stem = path.file_stem();
    stem.map_or_else(
        || "array".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

fn named(args: &PyroServeArgs, stem: &str) -> String {
    match &args.name {
        Some(name) => format!("{name}.{stem}"),
        None => stem.to_owned(),
    }
}

/// An array as an object.
enum Stack {
    Open(Box<LazyArray>),
    Stored {
        path: PathBuf,
        member: String,
        options: Box<OpenOptions>,
    },
}

fn wrong(class: &str, message: impl ToString) -> Exception {
    Exception::new(&format!("builtins.{class}"), message.to_string())
}

impl Stack {
    fn array(&self) -> Called<LazyArray> {
        match self {
            Self::Open(array) => Ok(LazyArray::clone(array)),
            Self::Stored {
                path,
                member,
                options,
            } => {
                let member = Some(member.as_str()).filter(|member| !member.is_empty());
                let source = Source::open(path, options);
                let array = source.and_then(|source| source.array(member));
                array.map_err(|error| wrong("OSError", error))
            }
        }
    }
}

/// What an index names, in memory; nothing else of the file is read.
fn part(array: &LazyArray, index: &str) -> Called<Value> {
    let indexing: Indexing = index.parse().map_err(|error| wrong("ValueError", error))?;
    let selection = indexing.resolve(array.shape());
    let selection = selection.map_err(|error| wrong("IndexError", error))?;
    let part = array
        .part(&selection)
        .map_err(|error| wrong("OSError", error))?;
    if part.nbytes() > ANSWER_NBYTES {
        let message = format!(
            "{} bytes are too much for one answer: ask for parts or planes",
            part.nbytes()
        );
        return Err(wrong("ValueError", message));
    }
    Ok(part.load().map_err(|error| wrong("OSError", error))?.into())
}

impl Served for Stack {
    fn metadata(&self) -> Metadata {
        let methods = ["array", "plane", "part", "planes"];
        Metadata::new(&methods, &["shape", "dtype", "ndim", "size", "nbytes"])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Called<Returned> {
        let array = self.array()?;
        let planes = array.shape().first().copied().unwrap_or(0);
        Ok(match (method, &args[..]) {
            ("array", []) => part(&array, "...")?.into(),
            ("plane", [number]) => {
                let number = number.as_int();
                let number = number.ok_or_else(|| wrong("TypeError", "a plane's number"))?;
                part(&array, &number.to_string())?.into()
            }
            ("part", [index]) => {
                let index = index.as_str();
                let index = index.ok_or_else(|| wrong("TypeError", "an index as text"))?;
                part(&array, index)?.into()
            }
            ("planes", []) => {
                let each = move |number: usize| part(&array, &number.to_string());
                Returned::Items(Box::new((0..planes).map(each)))
            }
            (method, _) => {
                let message = format!("{method}() does not take these arguments");
                return Err(wrong("TypeError", message));
            }
        })
    }

    fn get(&self, name: &str) -> Called<Value> {
        let array = self.array()?;
        let shape = array.shape().iter().map(|n| Value::Int(*n as i64));
        Ok(match name {
            "shape" => Value::Tuple(shape.collect()),
            "dtype" => array.dtype().str().into(),
            "ndim" => (array.shape().len() as i64).into(),
            "size" => (array.size() as i64).into(),
            _ => (array.nbytes() as i64).into(),
        })
    }
}
