//! `ndferry scan`: which names pickles refer to, and whether one of them is dangerous.

mod sarif;
mod walk;

use std::io::{Read, Write};
use std::path::Path;

use ndferry::{GlobalUse, Grade, Place, Policy, Safety, ScanOptions, Scanned, Use};
use serde_json::{Value, json};

use crate::args::ScanArgs;
use crate::report::{Outcome, Session, is_closed_stdout, tell};
use crate::words::{ascii, number, plain};
use crate::{output, size};

/// How many names a line holds.
const LISTED: usize = 6;

/// Columns for paths, at most.
const WIDTH: usize = 48;

/// How many files came to what.
#[derive(Default)]
struct Counts {
    files: u64,
    dangerous: u64,
    needs_code: u64,
    unreadable: u64,
    without: u64,
    failed: u64,
}

pub(crate) fn run(args: &ScanArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut options = ScanOptions::default();
    options.open = session.open_options(1);
    options.policy = args.policy.policy()?;
    let mut out = output::styled_or_json(args.json || args.sarif);
    let mut counts = Counts::default();
    let mut log = sarif::Log::default();
    let (files, errors) = walk::files(&args.paths, session)?;
    for error in errors {
        tell(&error);
        counts.failed += 1;
    }
    let widths = files.iter().map(|file| file.name.chars().count());
    let width = widths.filter(|width| *width <= WIDTH).max().unwrap_or(0);
    for file in &files {
        let found = match scan(&file.path, &options, session) {
            Ok(found) => found,
            Err(error) if is_closed_stdout(&error) || session.interrupt.is_set() => {
                return Err(error);
            }
            Err(error) => {
                out.flush()?;
                tell(&error);
                counts.failed += 1;
                continue;
            }
        };
        counts.add(&found);
        if args.sarif {
            log.add(&file.name, &found, &options.policy);
        } else if args.json {
            writeln!(out, "{}", line(&file.name, &found, &options.policy))?;
        } else if file.is_named || found.verdict() != "no-pickle" {
            let name = plain(&file.name);
            writeln!(out, "{name:width$}  {}", words(&found))?;
            details(&found, args.long, &options.policy, &mut out)?;
        }
    }
    if args.sarif {
        writeln!(out, "{}", log.finish())?;
    }
    out.flush()?;
    let is_one = files.len() == 1 && files[0].is_named && counts.failed == 0;
    if !is_one && !args.json && !args.sarif {
        session.say(counts.text());
    }
    Ok(match (counts.failed, counts.bad()) {
        (0, 0) => Outcome::Yes,
        (0, _) => Outcome::No,
        _ => Outcome::Failed,
    })
}

fn scan(path: &Path, options: &ScanOptions, session: &Session) -> anyhow::Result<Scanned> {
    if path != Path::new("-") {
        return Ok(ndferry::scan(path, options, &session.bar)?);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(ndferry::scan_bytes(
        "-",
        bytes.into(),
        options,
        &session.bar,
    )?)
}

impl Counts {
    fn add(&mut self, found: &Scanned) {
        self.files += 1;
        match found.verdict() {
            "dangerous" => self.dangerous += 1,
            "needs-code" => self.needs_code += 1,
            "unreadable" => self.unreadable += 1,
            "no-pickle" => self.without += 1,
            _ => {}
        }
    }

    fn bad(&self) -> u64 {
        self.dangerous + self.needs_code + self.unreadable
    }

    fn text(&self) -> String {
        let s = if self.files == 1 { "" } else { "s" };
        let mut out = format!("{} file{s}", size::count(self.files));
        let bad = [
            (self.dangerous, "dangerous"),
            (self.needs_code, "needing code"),
            (self.unreadable, "unreadable"),
            (self.failed, "not opened"),
        ];
        for (count, what) in bad {
            if count > 0 {
                out.push_str(&format!(", {} {what}", size::count(count)));
            }
        }
        if self.bad() + self.failed == 0 {
            out.push_str(", none dangerous");
        }
        if self.without > 0 {
            out.push_str(&format!(", {} without pickles", size::count(self.without)));
        }
        out
    }
}

/// The verdict, on one line.
fn words(found: &Scanned) -> String {
    match (&found.safety, found.problems.first()) {
        (Safety::Dangerous(names), _) => {
            let more = match names.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let first = names.first().map_or_else(String::new, place);
            format!("dangerous: {first}{more}, not run")
        }
        (_, Some(problem)) => format!("unreadable: {}", without_source(problem)),
        (Safety::NeedsCode(names), None) => {
            let listed = names.iter().take(LISTED).map(full_name);
            let mut text = format!("needs code: {}", listed.collect::<Vec<_>>().join(", "));
            if names.len() > LISTED {
                text.push_str(&format!(" and {} more", names.len() - LISTED));
            }
            text
        }
        (Safety::NoPickle, None) => "no pickle".to_owned(),
        (_, None) => "clean".to_owned() + &globals_text(&found.globals),
    }
}

/// What a clean file names, each once.
fn globals_text(globals: &[GlobalUse]) -> String {
    let mut names: Vec<String> = Vec::new();
    for global in globals {
        let name = full_name(global);
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() > LISTED {
            break;
        }
    }
    let more = if names.len() > LISTED { ", …" } else { "" };
    names.truncate(LISTED);
    match names.is_empty() {
        true => String::new(),
        false => format!("  {}{more}", names.join(", ")),
    }
}

/// A name that may come from anybody: letters that look like others are spelled out.
fn full_name(global: &GlobalUse) -> String {
    ascii(&format!("{}.{}", global.module, global.name))
}

/// `posix.system at byte 2 of data.pkl (REDUCE)`.
fn place(global: &GlobalUse) -> String {
    let mut text = format!("{} at byte {}", full_name(global), global.offset);
    if !global.member.is_empty() {
        text.push_str(&format!(" of {}", plain(&global.member)));
    }
    let mut how: Vec<String> = global
        .uses
        .iter()
        .map(|one| one.word().to_owned())
        .collect();
    match global.place {
        Place::String(at) => how.push(format!("in a pickle inside the string at byte {at}")),
        Place::Search => how.push("in bytes that are no pickle".to_owned()),
        Place::Pickle(0) => {}
        Place::Pickle(i) => how.push(format!("in pickle {}", i + 1)),
        _ => {}
    }
    if !how.is_empty() {
        text.push_str(&format!(" ({})", how.join(", ")));
    }
    text
}

/// The lines below: every name if they are wanted, and what could not be read.
fn details(
    found: &Scanned,
    long: bool,
    policy: &Policy,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if long {
        for global in &found.globals {
            let grade = match policy.grade(global) {
                Grade::Passes => String::new(),
                grade => format!("  {}", grade.word()),
            };
            writeln!(out, "  {}{grade}", place(global))?;
        }
    }
    // One is told above, unless there is worse.
    let told = usize::from(!matches!(found.safety, Safety::Dangerous(_)));
    for problem in found.problems.iter().skip(told) {
        writeln!(out, "  {}", without_source(problem))?;
    }
    Ok(())
}

/// Without the path, which is there already.
fn without_source(problem: &ndferry::Error) -> String {
    let text = problem.to_string();
    let source = problem.source_name().unwrap_or_default();
    let rest = text.strip_prefix(source).unwrap_or(&text);
    plain(rest.trim_start_matches(": ").trim_start_matches(':'))
}

fn line(name: &str, found: &Scanned, policy: &Policy) -> Value {
    let globals = found
        .globals
        .iter()
        .map(|global| global_json(global, policy));
    let problems = found.problems.iter().map(|problem| {
        json!({
            "byte": problem.offset().map(number),
            "member": problem.member().unwrap_or_default(),
            "text": without_source(problem),
        })
    });
    json!({
        "source": name,
        "container": found.format.map(ndferry::Format::name),
        "verdict": found.verdict(),
        "pickles": found.pickles,
        "protocol": (found.pickles > 0).then_some(found.protocol),
        "globals": globals.collect::<Vec<_>>(),
        "problems": problems.collect::<Vec<_>>(),
    })
}

fn global_json(global: &GlobalUse, policy: &Policy) -> Value {
    let (place, inside) = match global.place {
        Place::String(at) => ("string", Some(at)),
        Place::Search => ("search", None),
        _ => ("pickle", None),
    };
    json!({
        "module": global.module,
        "name": global.name,
        "byte": number(global.offset),
        "member": global.member,
        "uses": global.uses.iter().map(Use::word).collect::<Vec<_>>(),
        "place": place,
        "string_byte": inside.map(number),
        "grade": policy.grade(global).word(),
    })
}
