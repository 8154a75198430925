//! `ndferry pyro serve`: arrays as objects of Pyro.

use std::path::Path;
use std::sync::Arc;

use ndferry::{Address, Indexing, LazyArray};
use ndferry_pyro::{
    Daemon, DaemonOptions, ErrorKind, Exception, Metadata, NameServer, Outcome as Called,
    ProxyOptions, Returned, Served, Value,
};

use super::{interrupt, key, place};
use crate::args::{PyroServeArgs, SourceArgs};
use crate::report::{Outcome, Session};

pub(crate) fn run(args: &PyroServeArgs, session: &Session) -> anyhow::Result<Outcome> {
    let source = SourceArgs {
        source: args.source.clone(),
        slice: None,
    };
    let arrays = session.arrays(&source, 0)?;
    let mut options = DaemonOptions::default();
    options.key = args.key_file.as_deref().map(key).transpose()?;
    options.exchange.interrupt = interrupt(session);
    let mut daemon = Daemon::bind(&args.listen.parse()?, options)?;
    let stem = match &args.name {
        Some(name) => name.clone(),
        None => stem_of(args),
    };
    let count = arrays.len();
    for (member, array) in arrays {
        let name = match member.as_str() {
            _ if count == 1 => stem.clone(),
            "" => stem.clone(),
            member => format!("{stem}.{member}"),
        };
        // Names have no spaces in addresses.
        let name = name.replace(char::is_whitespace, "_");
        let uri = daemon.register(&name, Arc::new(Stack { array }));
        if let Some(server) = &args.register {
            let (host, port) = place(server)?;
            let mut options = ProxyOptions::default();
            options.exchange.interrupt = interrupt(session);
            NameServer::connect(&host, port, &options)?.register(&name, &uri, false)?;
        }
        crate::report::line(uri);
    }
    if !daemon.is_local() {
        session.say("whoever reaches this port can read these arrays");
    }
    match daemon.serve() {
        // Ctrl-C is how it ends.
        Err(error) if matches!(error.kind, ErrorKind::Io(_)) && session.interrupt.is_set() => {
            Ok(Outcome::Yes)
        }
        other => Ok(other.map(|()| Outcome::Yes)?),
    }
}

fn stem_of(args: &PyroServeArgs) -> String {
    let path = Address::parse(&args.source).path;
    let stem = Path::new(&path).file_stem();
    stem.map_or_else(
        || "array".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// An array as an object.
struct Stack {
    array: LazyArray,
}

fn wrong(class: &str, message: impl ToString) -> Exception {
    Exception::new(&format!("builtins.{class}"), message.to_string())
}

impl Stack {
    fn part(&self, index: &str) -> Called<Value> {
        let indexing: Indexing = index.parse().map_err(|error| wrong("ValueError", error))?;
        let part = self.array.index(&indexing);
        Ok(part.map_err(|error| wrong("IndexError", error))?.into())
    }
}

impl Served for Stack {
    fn metadata(&self) -> Metadata {
        let methods = ["array", "plane", "part", "planes"];
        Metadata::new(&methods, &["shape", "dtype", "ndim", "size", "nbytes"])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Called<Returned> {
        let planes = self.array.shape().first().copied().unwrap_or(0);
        Ok(match (method, &args[..]) {
            ("array", []) => self.part("...")?.into(),
            ("plane", [number]) => {
                let number = number.as_int();
                let number = number.ok_or_else(|| wrong("TypeError", "a plane's number"))?;
                self.part(&number.to_string())?.into()
            }
            ("part", [index]) => {
                let index = index.as_str();
                self.part(index.ok_or_else(|| wrong("TypeError", "an index as text"))?)?
                    .into()
            }
            ("planes", []) => {
                let stack = Stack {
                    array: self.array.clone(),
                };
                Returned::Items(Box::new(
                    (0..planes).map(move |number| stack.part(&number.to_string())),
                ))
            }
            (method, _) => {
                let message = format!("{method}() does not take these arguments");
                return Err(wrong("TypeError", message));
            }
        })
    }

    fn get(&self, name: &str) -> Called<Value> {
        let array = &self.array;
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
