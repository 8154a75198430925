//! `ndferry check`: is a file from elsewhere readable, safe, intact?

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ndferry::{CheckOptions, ErrorClass, Finding, Problem, source_name};
use serde_json::{Map, Value, json};

use crate::args::CheckArgs;
use crate::report::{Outcome, Session, is_closed_stdout, tell};
use crate::words::{number, plain};
use crate::{output, size};

pub(crate) fn run(args: &CheckArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut options = CheckOptions::default();
    options.open = session.open_options(args.threads.jobs);
    options.policy = args.policy.policy()?;
    each(&args.paths, args.json, session, |path| {
        check(path, &options, session)
    })
}

/// Tells what is found in each file, and how many are not good.
pub(crate) fn each(
    paths: &[PathBuf],
    json: bool,
    session: &Session,
    check: impl Fn(&Path) -> anyhow::Result<Finding>,
) -> anyhow::Result<Outcome> {
    let mut out = output::styled_or_json(json);
    let (mut bad, mut failed) = (0, 0);
    for path in paths {
        let finding = match check(path) {
            Ok(finding) => finding,
            Err(error) if is_closed_stdout(&error) || session.interrupt.is_set() => {
                return Err(error);
            }
            Err(error) => {
                out.flush()?;
                tell(&error);
                failed += 1;
                continue;
            }
        };
        bad += usize::from(!finding.is_good());
        if json {
            writeln!(out, "{}", line(path, &finding))?;
        } else {
            human(path, &finding, &mut out)?;
        }
    }
    if paths.len() > 1 && !json {
        let files = size::count(paths.len() as u64);
        out.flush()?;
        session.say(format_args!(
            "{files} files, {bad} not clean, {failed} not read"
        ));
    }
    out.flush()?;
    Ok(match (failed, bad) {
        (0, 0) => Outcome::Yes,
        (0, _) => Outcome::No,
        _ => Outcome::Failed,
    })
}

fn check(path: &Path, options: &CheckOptions, session: &Session) -> anyhow::Result<Finding> {
    if path != Path::new("-") {
        return Ok(ndferry::check(path, options, &session.bar)?);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(ndferry::check_bytes(
        "-",
        bytes.into(),
        options,
        &session.bar,
    )?)
}

fn human(path: &Path, finding: &Finding, out: &mut impl Write) -> anyhow::Result<()> {
    let name = plain(&source_name(path));
    if finding.is_good() {
        let format = finding.format.map_or("", ndferry::Format::name);
        writeln!(out, "{name}: good, {format}, {}", finding.safety.word())?;
        return Ok(());
    }
    problems(path, &finding.problems, out)
}

/// A line each.
pub(crate) fn problems(
    path: &Path,
    problems: &[Problem],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = plain(&source_name(path));
    for problem in problems {
        // An error about what is in the file says its path already.
        let text = plain(&problem.to_string());
        match text.strip_prefix(&*name) {
            Some(_) => writeln!(out, "{text}")?,
            None => writeln!(out, "{name}: {text}")?,
        }
    }
    if problems.len() == Finding::MAX_PROBLEMS {
        writeln!(out, "{name}: and perhaps more")?;
    }
    Ok(())
}

fn line(path: &Path, finding: &Finding) -> Value {
    let mut object = Map::new();
    object.insert("source".into(), source_name(path).into());
    object.insert(
        "container".into(),
        finding.format.map(ndferry::Format::name).into(),
    );
    object.insert("good".into(), finding.is_good().into());
    object.insert("safety".into(), finding.safety.word().into());
    let problems: Vec<Value> = finding.problems.iter().map(problem).collect();
    object.insert("problems".into(), problems.into());
    Value::Object(object)
}

fn problem(problem: &Problem) -> Value {
    let text = problem.to_string();
    match problem {
        Problem::Unreadable(error) => {
            let kind = match error.class() {
                ErrorClass::Malformed => "malformed",
                ErrorClass::Limit => "limit",
                ErrorClass::Unsupported => "unsupported",
                _ => "unreadable",
            };
            json!({"kind": kind, "byte": error.offset().map(number), "member": error.member(), "text": text})
        }
        Problem::TrailingBytes {
            member,
            offset,
            nbytes,
        } => {
            json!({"kind": "trailing-bytes", "byte": number(*offset), "nbytes": number(*nbytes), "member": member, "text": text})
        }
        Problem::NoMessage { offset, nbytes } => {
            json!({"kind": "no-message", "byte": number(*offset), "nbytes": number(*nbytes), "text": text})
        }
        Problem::Unsafe(_) => json!({"kind": "unsafe", "text": text}),
        _ => json!({"kind": "other", "text": text}),
    }
}
