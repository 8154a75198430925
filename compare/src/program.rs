//! Whole programs, measured from outside.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cost::{Cost, of_children};

/// Runs a command so many times and writes what one run took, and its peak memory, to `report`.
///
/// A process of its own, and a small one: the peak that the system counts for a child begins with that of its parent.
pub(crate) fn measure(report: &Path, times: u32, command: &[&str]) -> anyhow::Result<()> {
    let (program, args) = command.split_first().context("no command")?;
    let started = Instant::now();
    for _ in 0..times {
        let mut command = Command::new(program);
        let status = command.args(args).stdin(Stdio::null()).status()?;
        if !status.success() {
            bail!("{program} {}: {status}", args.join(" "));
        }
    }
    let wall = started.elapsed();
    let (cpu, peak) = of_children()?;
    let cost = Cost { cpu, wall }.each(times);
    fs::write(report, cost.line(Some(peak), Value::Null).to_string())?;
    Ok(())
}
