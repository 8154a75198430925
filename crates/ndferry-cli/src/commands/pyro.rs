//! `ndferry pyro`: objects of Pyro4 and Pyro5.

mod nameserver;
mod receive;
mod serve;

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, bail};
use ndferry::{Format, Item, LazyArray, PrintOptions, SaveOptions, save, save_to};
use ndferry_pyro::{
    Answer, Array, DaemonOptions, Decoding, ErrorKind, Interrupt, Limits, NameServer, Proxy,
    ProxyOptions, Pyro3, Serializer, TlsIdentity, Uri, Url, Value,
};

use crate::args::{
    PyroArgs, PyroCallArgs, PyroCallersArgs, PyroCommand, PyroGetArgs, PyroListArgs, PyroTlsArgs,
    PyroToArgs, SourceArgs,
};
use crate::commands::recv::can_save;
use crate::output;
use crate::report::{Outcome, Session};
use crate::words::plain;

/// What is not there where no name server is found.
const NOWHERE: &str = "no name server at localhost:9090, nor one near that answers (`ndferry pyro nameserver` starts one)";

pub(crate) fn run(args: &PyroArgs, session: &Session) -> anyhow::Result<Outcome> {
    match &args.command {
        PyroCommand::List(args) => list(args, session),
        PyroCommand::Call(args) => call(args, session),
        PyroCommand::Get(args) => get(args, session),
        PyroCommand::Serve(args) => serve::run(args, session),
        PyroCommand::Nameserver(args) => nameserver::run(args, session),
        PyroCommand::Receive(args) => receive::run(args, session),
    }
}

/// The same flag for what waits for the outside.
fn interrupt(session: &Session) -> Interrupt {
    let interrupt = session.interrupt.clone();
    Interrupt::polling(move || interrupt.is_set())
}

fn options(to: &PyroToArgs, session: &Session) -> anyhow::Result<ProxyOptions> {
    let mut options = ProxyOptions::default();
    options.broadcast = Some(to.broadcast).filter(|port| *port > 0);
    // Pyro's own variable.
    if let Ok(addresses) = std::env::var("PYRO_BROADCAST_ADDRS") {
        let parsed: Result<Vec<Ipv4Addr>, _> = addresses
            .split(',')
            .map(|address| address.trim().parse())
            .collect();
        options.broadcast_to = parsed.with_context(|| {
            format!(
                "PYRO_BROADCAST_ADDRS={addresses}: addresses are needed, with commas in between"
            )
        })?;
    }
    if let Some(name) = &to.serializer {
        let serializer = Serializer::of_name(name);
        options.serializer = Some(serializer.with_context(|| {
            format!("Pyro has no serializer {name:?}: serpent, json, marshal, msgpack, pickle")
        })?);
    }
    options.key = to.key_file.as_deref().map(key).transpose()?;
    believe(&mut options, to.tls_ca.as_deref(), to.tls_pin.as_deref())?;
    options.exchange.tls.identity = identity(&to.own);
    options.exchange.timeout = to.wait.timeout;
    options.exchange.interrupt = interrupt(session);
    Ok(options)
}

/// Calls over TLS, if it is said who is believed.
fn believe(options: &mut ProxyOptions, ca: Option<&Path>, pin: Option<&str>) -> anyhow::Result<()> {
    let tls = &mut options.exchange.tls;
    tls.authorities = ca.map(Path::to_owned);
    tls.pin = pin.map(str::parse).transpose()?;
    options.tls = tls.authorities.is_some() || tls.pin.is_some();
    Ok(())
}

/// The same for those who do nothing but call.
fn calling(to: &PyroToArgs, session: &Session) -> anyhow::Result<ProxyOptions> {
    let options = options(to, session)?;
    if options.exchange.tls.identity.is_some() && !options.tls {
        bail!("--tls-cert is for calls over TLS: with --tls-ca or --tls-pin");
    }
    Ok(options)
}

fn identity(own: &PyroTlsArgs) -> Option<TlsIdentity> {
    let (certificate, key) = (own.tls_cert.clone()?, own.tls_key.clone()?);
    Some(TlsIdentity { certificate, key })
}

/// Where to listen, as whom, and who is let in. Who `calls` over TLS as well may have a certificate for that alone.
fn listening(
    listen: &str,
    key_file: Option<&Path>,
    (own, calls): (&PyroTlsArgs, bool),
    callers: &PyroCallersArgs,
    session: &Session,
) -> anyhow::Result<(Url, DaemonOptions)> {
    let (url, mut options) = (listen.parse()?, DaemonOptions::default());
    options.key = key_file.map(key).transpose()?;
    options.exchange.interrupt = interrupt(session);
    let tls = &mut options.exchange.tls;
    tls.identity = identity(own);
    tls.client_authorities.clone_from(&callers.tls_client_ca);
    if !matches!(url, Url::Tls { .. }) {
        if tls.identity.take().is_some() && !calls {
            bail!("--tls-cert is for listening at addresses that begin with tls://");
        }
        if tls.client_authorities.is_some() {
            bail!("--tls-client-ca is for listening at addresses that begin with tls://");
        }
    }
    Ok((url, options))
}

/// What others need to believe this side.
fn tell_pin(url: &Url, session: &Session) {
    if let Url::Tls { pin: Some(pin), .. } = url {
        session.say(format_args!("its certificate: --tls-pin {pin}"));
    }
}

/// A key out of a file, without the newline at its end.
fn key(path: &Path) -> anyhow::Result<Vec<u8>> {
    let key = std::fs::read(path).with_context(|| path.display().to_string())?;
    let end = key.trim_ascii_end().len();
    match end {
        0 => bail!("{}: there is no key in it", path.display()),
        end => Ok(key[..end].to_vec()),
    }
}

/// An exception's remote traceback goes to standard error, before what it is.
fn told(error: ndferry_pyro::Error, session: &Session) -> anyhow::Error {
    if let ErrorKind::Remote(exception) = &error.kind
        && let Some(traceback) = exception.traceback()
    {
        let lines: Vec<String> = traceback.lines().map(plain).collect();
        session.say(lines.join("\n"));
    }
    anyhow::anyhow!("{}", plain(&error.to_string()))
}

/// The same of connecting to a place, which is named.
fn connected<T>(place: &str, to: ndferry_pyro::Result<T>, session: &Session) -> anyhow::Result<T> {
    to.map_err(|error| told(error, session).context(plain(place)))
}

/// Nothing is called whose answer could not be stored.
fn can_put(output: Option<&Path>, force: bool) -> anyhow::Result<()> {
    match output {
        Some(path) if path == Path::new("-") => output::binary(force).map(drop),
        Some(path) => can_save(path, Format::of_extension(path), force),
        None => Ok(()),
    }
}

fn place(text: &str) -> anyhow::Result<(String, u16)> {
    let uri: Uri = format!("PYRONAME:any@{text}").parse()?;
    match uri {
        Uri::Name {
            server: Some((host, port)),
            ..
        } => Ok((host, port)),
        _ => bail!("{text:?} is no HOST:PORT"),
    }
}

fn list(args: &PyroListArgs, session: &Session) -> anyhow::Result<Outcome> {
    let options = calling(&args.to, session)?;
    let tell = |error| told(error, session);
    let mut out = output::text(false);
    let is_object = |place: &&String| place.to_ascii_uppercase().starts_with("PYRO");
    if let Some(object) = args.place.as_ref().filter(is_object) {
        let proxy = connected(object, Proxy::connect(&object.parse()?, &options), session)?;
        let metadata = proxy.metadata();
        for name in &metadata.methods {
            let oneway = metadata.oneway.contains(name);
            writeln!(out, "{name}(){}", if oneway { "  one-way" } else { "" })?;
        }
        for name in &metadata.attrs {
            writeln!(out, "{name}")?;
        }
    } else {
        let mut server = match &args.place {
            None => connected(NOWHERE, NameServer::find(&options), session)?,
            Some(at) => {
                let (host, port) = place(at)?;
                connected(at, NameServer::connect(&host, port, &options), session)?
            }
        };
        for (name, uri) in server.list("").map_err(tell)? {
            writeln!(out, "{}  {}", plain(&name), plain(&uri.to_string()))?;
        }
    }
    out.flush()?;
    Ok(Outcome::Yes)
}

/// An argument: `@PATH` is an array, what is JSON is its value, anything else a text.
fn value(text: &str, session: &Session) -> anyhow::Result<Value> {
    if let Some(path) = text.strip_prefix('@') {
        let args = SourceArgs {
            source: path.into(),
            slice: None,
        };
        let mut arrays = session.arrays(&args, 0)?;
        return match (arrays.pop(), arrays.is_empty()) {
            (Some((_, array)), true) => Ok(array.load()?.into()),
            _ => bail!("{path}: there is more than one array: name it, as in {path}:NAME"),
        };
    }
    let json = Decoding::new(Serializer::Json, Limits::default());
    let parsed = json.value(&text.to_owned().into());
    Ok(parsed.unwrap_or_else(|_| text.into()))
}

fn call(args: &PyroCallArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (mut by_position, mut by_name) = (Vec::new(), Vec::new());
    for arg in &args.args {
        match arg.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, text)) => by_name.push((name.to_owned(), value(text, session)?)),
            None => by_position.push(value(arg, session)?),
        }
    }
    let tell = |error| told(error, session);
    let options = calling(&args.to, session)?;
    can_put(args.output.as_deref(), args.force)?;
    if is_old(&args.uri, &options)? {
        let old = Pyro3::connect(&args.uri.parse()?, &options);
        let mut old = connected(&args.uri, old, session)?;
        let value = old.call(&args.method, by_position, by_name).map_err(tell)?;
        return put(&value, args.output.as_deref(), args.force, session);
    }
    let proxy = Proxy::connect(&args.uri.parse()?, &options);
    let mut proxy = connected(&args.uri, proxy, session)?;
    let answer = proxy.invoke(&args.method, by_position, by_name);
    let value = match answer.map_err(tell)? {
        // Arrays may lie beside an answer that is nothing.
        Answer::Value(Value::None) => beside(&proxy),
        Answer::Value(value) => value,
        Answer::Items(id) => {
            let mut items = Vec::new();
            while items.len() < args.items {
                match proxy.next_item(&id).map_err(tell)? {
                    Some(item) => items.push(item),
                    None => break,
                }
            }
            if items.len() == args.items {
                proxy.close_items(&id).map_err(tell)?;
                session.say(format_args!("only the first {} items", args.items));
            }
            Value::List(items)
        }
        _ => bail!("this answer is not known"),
    };
    put(&value, args.output.as_deref(), args.force, session)
}

/// Addresses of Pyro 3 are like those of web pages.
fn is_old(uri: &str, options: &ProxyOptions) -> anyhow::Result<bool> {
    let is_old = uri.contains("://");
    if is_old && options.tls {
        bail!("{uri}: Pyro 3 is not called over TLS");
    }
    Ok(is_old)
}

/// What came raw beside an answer, if it is an NPY; otherwise nothing.
fn beside(proxy: &Proxy) -> Value {
    let mut annotations = proxy.response_annotations().iter();
    let npy = annotations.find(|(_, bytes)| bytes.starts_with(b"\x93NUMPY"));
    npy.map_or(Value::None, |(_, npy)| Value::Bytes(npy.clone()))
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn get(args: &PyroGetArgs, session: &Session) -> anyhow::Result<Outcome> {
    let tell = |error| told(error, session);
    let options = calling(&args.to, session)?;
    can_put(args.output.as_deref(), args.force)?;
    let value = if is_old(&args.uri, &options)? {
        let old = Pyro3::connect(&args.uri.parse()?, &options);
        connected(&args.uri, old, session)?.get(&args.name)
    } else {
        let proxy = Proxy::connect(&args.uri.parse()?, &options);
        connected(&args.uri, proxy, session)?.get(&args.name)
    };
    let value = value.map_err(tell)?;
    put(&value, args.output.as_deref(), args.force, session)
}

/// All arrays of a value, with their places in it as names.
fn arrays_in(value: &Value, name: String, found: &mut Vec<(String, Array)>) -> anyhow::Result<()> {
    if let Some(array) = value.to_array()? {
        found.push((name, array));
        return Ok(());
    }
    let below = |key: &str| match name.is_empty() {
        true => key.to_owned(),
        false => format!("{name}.{key}"),
    };
    match value {
        Value::List(items) | Value::Tuple(items) => {
            for (i, item) in items.iter().enumerate() {
                arrays_in(item, below(&i.to_string()), found)?;
            }
        }
        Value::Dict(pairs) => {
            for (key, value) in pairs {
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                arrays_in(value, below(&key), found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn put(
    value: &Value,
    output: Option<&Path>,
    force: bool,
    session: &Session,
) -> anyhow::Result<Outcome> {
    let Some(path) = output else {
        let mut out = output::text(force);
        match value.to_array()? {
            Some(array) => writeln!(out, "{}", array.view().repr(&PrintOptions::default())?)?,
            None => writeln!(out, "{value}")?,
        }
        out.flush()?;
        return Ok(Outcome::Yes);
    };
    let mut found = Vec::new();
    arrays_in(value, String::new(), &mut found)?;
    if found.is_empty() {
        bail!("there is no array in what came, which is {value}: without -o it is printed");
    }
    store(found, path, force, session)?;
    Ok(Outcome::Yes)
}

/// Into a file, or as NPY to standard output.
fn store(
    found: Vec<(String, Array)>,
    path: &Path,
    force: bool,
    session: &Session,
) -> anyhow::Result<()> {
    let arrays: Vec<(String, LazyArray)> = found
        .into_iter()
        .map(|(name, array)| (name, LazyArray::from(array)))
        .collect();
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut options = SaveOptions::default();
    options.overwrite = force;
    options.interrupt = session.interrupt.clone();
    if path == Path::new("-") {
        options.format = Some(Format::Npy);
        let mut out = output::binary(force)?;
        save_to(&mut out, &items, &options, &session.bar)?;
        return Ok(out.flush()?);
    }
    let saved = save(path, &items, &options, &session.bar)?;
    let (n, nbytes) = (saved.arrays, saved.nbytes);
    session.say(format_args!(
        "{n} arrays, {nbytes} bytes: {}",
        path.display()
    ));
    Ok(())
}
