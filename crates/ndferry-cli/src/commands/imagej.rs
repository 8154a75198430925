//! `ndferry imagej`: images to and from an ImageJ that runs.

mod install;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use ndferry::{
    Answer, Attributes, ErrorClass, ErrorKind, Format, IMAGEJ_VERSION, Item, LazyArray, Order,
    Peer, PeerOptions, SaveOptions, Token, running_imagejs, save,
};
use serde_json::{Map, Value, json};

use crate::args::{
    ImagejArgs, ImagejCommand, ImagejMacroArgs, ImagejPullArgs, ImagejPushArgs, ImagejToArgs,
};
use crate::output;
use crate::report::{Outcome, Session};
use crate::words::{dtype_json, number, plain};

/// Beyond what ImageJ itself waits for.
const SLACK: Duration = Duration::from_secs(30);

/// What is said of an image beside its pixels, and kept as attributes of NPB files.
const KEPT: [&str; 11] = [
    "axes", "spacing", "unit", "origin", "interval", "ranges", "luts", "mode", "labels", "roi",
    "overlay",
];

pub(crate) fn run(args: &ImagejArgs, session: &Session) -> anyhow::Result<Outcome> {
    match &args.command {
        ImagejCommand::Push(args) => push(args, session),
        ImagejCommand::Pull(args) => pull(args, session),
        ImagejCommand::List(args) => list(&args.to, args.json, session),
        ImagejCommand::Status(args) => status(&args.to, args.json, session),
        ImagejCommand::Macro(args) => run_macro(args, session),
        ImagejCommand::Install(args) => install::run(args, session),
    }
}

/// An ImageJ that answers.
struct ImageJ<'a> {
    url: String,
    token: Option<Token>,
    timeout: Duration,
    session: &'a Session,
}

impl<'a> ImageJ<'a> {
    /// The one that was named, or of this user's the one that was started last.
    fn find(to: &ImagejToArgs, session: &'a Session) -> anyhow::Result<Self> {
        let timeout = to.wait.timeout;
        let at = |url, token| Self {
            url,
            token,
            timeout,
            session,
        };
        if let Some(address) = &to.at {
            let found = at(format!("tcp://{address}"), crate::token::given(&to.token)?);
            found.check()?;
            return Ok(found);
        }
        for running in running_imagejs() {
            let found = at(running.url(), Some(running.token));
            match found.check() {
                Ok(()) => return Ok(found),
                // It was killed, and somebody else may have its port.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        bail!(
            "no ImageJ answers: start it, and in it Plugins > ndferry > Start ndferry Server; \
             `ndferry imagej install FOLDER` puts the plugin there"
        );
    }

    fn check(&self) -> anyhow::Result<()> {
        let (status, _) = self.ask(&json!({"call": "status"}), &[], None)?;
        let version = status["version"].as_u64().unwrap_or(0);
        if version != IMAGEJ_VERSION {
            bail!(
                "the plugin in ImageJ speaks version {version} of the calls, this command {IMAGEJ_VERSION}: \
                 `ndferry imagej install FOLDER` puts the right plugin there"
            );
        }
        Ok(())
    }

    fn ask(
        &self,
        call: &Value,
        items: &[Item<'_>],
        timeout: Option<Duration>,
    ) -> anyhow::Result<(Value, Answer)> {
        let mut options = PeerOptions::default();
        options.timeout = self.timeout;
        options.token.clone_from(&self.token);
        options.interrupt = self.session.interrupt.clone();
        let mut peer = Peer::connect(&self.url, options)?;
        let timeout = timeout.unwrap_or(self.timeout);
        let mut call = call.clone();
        call["timeout"] = json!(timeout.as_secs_f64());
        let answer = peer.ask(&call.to_string(), items, timeout + SLACK, &self.session.bar)?;
        let value: Value = serde_json::from_str(&answer.text)?;
        if let Some(error) = value.get("error") {
            bail!(
                "ImageJ: {}",
                error["message"].as_str().unwrap_or("an error")
            );
        }
        Ok((value, answer))
    }
}

/// Whether nobody is there, or somebody else.
fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ndferry::Error>().is_some_and(|error| {
        matches!(error.class(), ErrorClass::System | ErrorClass::Protocol)
            && !matches!(error.kind(), ErrorKind::Interrupted)
    })
}

fn push(args: &ImagejPushArgs, session: &Session) -> anyhow::Result<Outcome> {
    let arrays = session.arrays(&args.source, 0)?;
    let imagej = ImageJ::find(&args.to, session)?;
    let count = arrays.len();
    for (name, array) in &arrays {
        let mut call = described(args, array)?;
        let title = match (&args.title, &name[..]) {
            (Some(title), _) if count == 1 => title.clone(),
            (Some(title), name) => format!("{title} {name}"),
            (None, "") => title_of(&args.source.source),
            (None, name) => name.to_owned(),
        };
        call.insert("call".to_owned(), json!("show"));
        call.insert("title".to_owned(), json!(title));
        call.insert(
            "array".to_owned(),
            json!({
                "dtype": dtype_json(array.dtype()),
                "shape": array.shape(),
                "order": match array.order() { Order::F => "F", Order::C => "C" },
            }),
        );
        let item = Item { name: "", array };
        let (answer, _) = imagej.ask(&Value::Object(call), &[item], None)?;
        let shown = answer["image"]["title"].as_str().unwrap_or_default();
        session.say(format_args!("{} is open in ImageJ", plain(shown)));
    }
    Ok(Outcome::Yes)
}

/// The name of a file, without its folder.
fn title_of(source: &std::ffi::OsStr) -> String {
    let name = Path::new(source).file_name().unwrap_or(source);
    match name.to_string_lossy() {
        name if name == "-" => "array".to_owned(),
        name => name.into_owned(),
    }
}

/// What the file says of the array, and the arguments in place of that.
fn described(args: &ImagejPushArgs, array: &LazyArray) -> anyhow::Result<Map<String, Value>> {
    let attributes = array.attributes();
    let kept = KEPT.iter().filter_map(|key| {
        let value = attributes.get(key)?;
        Some(((*key).to_owned(), value))
    });
    let mut call: Map<String, Value> = kept.collect();
    if let Some(axes) = &args.axes {
        call.insert("axes".to_owned(), json!(axes));
    }
    if !args.spacing.is_empty() {
        let spacing = match &args.spacing[..] {
            [all] => vec![*all; 3],
            [y, x] => vec![1.0, *y, *x],
            [z, y, x] => vec![*z, *y, *x],
            _ => bail!("--spacing has one number for all, Y,X, or Z,Y,X"),
        };
        call.insert("spacing".to_owned(), json!(spacing));
    }
    if let Some(unit) = &args.unit {
        call.insert("unit".to_owned(), json!(unit));
    }
    if !args.lut.is_empty() {
        call.insert("luts".to_owned(), json!(args.lut));
    }
    if let Some(range) = &args.range {
        let numbers = range.split(',').map(str::parse::<f64>);
        let numbers: Vec<f64> = numbers
            .collect::<Result<_, _>>()
            .ok()
            .filter(|numbers: &Vec<f64>| numbers.len() == 2)
            .context("--range needs MIN,MAX")?;
        call.insert("ranges".to_owned(), json!([numbers]));
    }
    call.insert("cast".to_owned(), json!(args.cast));
    Ok(call)
}

fn pull(args: &ImagejPullArgs, session: &Session) -> anyhow::Result<Outcome> {
    let format = Format::of_extension(&args.output);
    if format.is_none() {
        return Err(ndferry::Error::from(ErrorKind::UnknownExtension)
            .in_path(&args.output)
            .into());
    }
    let imagej = ImageJ::find(&args.to, session)?;
    let mut call = json!({"call": "pull"});
    if let Some(which) = &args.image {
        call["id"] = id_of(&imagej, which)?;
    }
    let (value, answer) = imagej.ask(&call, &[], None)?;
    let image = &value["image"];
    let received = answer.arrays.into_iter().next();
    let array = received
        .and_then(|received| received.array)
        .context("ImageJ has sent no pixels")?;
    let mut array = LazyArray::from(array);
    if format == Some(Format::Npb) {
        let kept = KEPT.iter().filter_map(|key| {
            let value = image.get(key)?;
            Some(((*key).to_owned(), value.clone()))
        });
        let kept: Map<String, Value> = kept.collect();
        array = array.with_attributes(Attributes::parse(&Value::Object(kept).to_string())?);
    }
    let mut options = SaveOptions::default();
    options.overwrite = args.force;
    options.interrupt = session.interrupt.clone();
    let item = Item {
        name: "",
        array: &array,
    };
    save(&args.output, &[item], &options, &session.bar)?;
    session.say(format_args!(
        "{} ({}): {}",
        plain(image["title"].as_str().unwrap_or_default()),
        image["axes"].as_str().unwrap_or_default(),
        args.output.display()
    ));
    Ok(Outcome::Yes)
}

/// The number of the image that was named by its number or its title.
fn id_of(imagej: &ImageJ<'_>, which: &str) -> anyhow::Result<Value> {
    let (value, _) = imagej.ask(&json!({"call": "images"}), &[], None)?;
    let images = value["images"].as_array().cloned().unwrap_or_default();
    let number = which.parse::<i64>();
    let is_numbered = |image: &Value| number.as_ref().is_ok_and(|number| image["id"] == *number);
    let named = |image: &&Value| image["title"] == which || is_numbered(image);
    let found: Vec<&Value> = images.iter().filter(named).collect();
    match &found[..] {
        [image] => Ok(image["id"].clone()),
        [] => bail!("no image {which:?} is open in ImageJ: `ndferry imagej list` tells what is"),
        _ => bail!(
            "several images are called {which:?}: give the number that `ndferry imagej list` tells"
        ),
    }
}

fn list(to: &ImagejToArgs, json: bool, session: &Session) -> anyhow::Result<Outcome> {
    let imagej = ImageJ::find(to, session)?;
    let (value, _) = imagej.ask(&json!({"call": "images"}), &[], None)?;
    let mut out = output::stdout();
    for image in value["images"].as_array().into_iter().flatten() {
        if json {
            let mut image = image.clone();
            image["current"] = json!(image["id"] == value["current"]);
            writeln!(out, "{image}")?;
            continue;
        }
        let text = |key: &str| image[key].as_str().unwrap_or_default();
        let shape: Vec<String> = image["shape"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        let current = if image["id"] == value["current"] {
            "*"
        } else {
            " "
        };
        writeln!(
            out,
            "{current} {:>4}  {}  {}  ({})  {}",
            image["id"],
            text("dtype"),
            text("axes"),
            shape.join(", "),
            plain(text("title")),
        )?;
    }
    out.flush()?;
    Ok(Outcome::Yes)
}

fn status(to: &ImagejToArgs, json: bool, session: &Session) -> anyhow::Result<Outcome> {
    let imagej = ImageJ::find(to, session)?;
    let (value, _) = imagej.ask(&json!({"call": "status"}), &[], None)?;
    let mut out = output::stdout();
    if json {
        writeln!(out, "{value}")?;
    } else {
        let text = |key: &str| plain(value[key].as_str().unwrap_or_default());
        let size = |key: &str| crate::size::text(value[key].as_u64().unwrap_or(0));
        let url = &imagej.url;
        writeln!(
            out,
            "ImageJ {}, Java {}, plugin {}, process {}, {url}",
            text("imagej"),
            text("java"),
            text("plugin"),
            number(value["pid"].as_u64().unwrap_or(0)),
        )?;
        writeln!(
            out,
            "{} open, memory {} of {}, macros: {}",
            crate::size::counted(value["images"].as_u64().unwrap_or(0), "image"),
            size("memory_used"),
            size("memory_most"),
            text("macros"),
        )?;
        if let Some(title) = value["dialog"].as_str() {
            writeln!(out, "a dialog waits for an answer: {}", plain(title))?;
        }
    }
    out.flush()?;
    Ok(Outcome::Yes)
}

fn run_macro(args: &ImagejMacroArgs, session: &Session) -> anyhow::Result<Outcome> {
    let code = match (&args.code, &args.file) {
        (Some(code), _) => code.clone(),
        (None, Some(path)) if path == Path::new("-") => {
            let mut code = String::new();
            std::io::stdin().read_to_string(&mut code)?;
            code
        }
        (None, Some(path)) => {
            std::fs::read_to_string(path).with_context(|| path.display().to_string())?
        }
        (None, None) => bail!("a file with the macro is needed, or its code after -e"),
    };
    let imagej = ImageJ::find(&args.to, session)?;
    let call = json!({"call": "macro", "code": code, "argument": args.argument});
    let (value, _) = imagej.ask(&call, &[], Some(args.patience))?;
    if let Some(result) = value["result"].as_str().filter(|result| !result.is_empty()) {
        let mut out = output::stdout();
        writeln!(out, "{result}")?;
        out.flush()?;
    }
    Ok(Outcome::Yes)
}
