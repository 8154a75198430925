//! A bar on the terminal.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndferry::Progress;

use crate::args::When;

/// How far the work has come, on standard error if that is a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

/// Work that is done sooner is not worth a bar.
const DELAY: Duration = Duration::from_millis(300);

impl Bar {
    pub(crate) fn new(when: When, quiet: bool) -> Self {
        let is_drawn = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => !quiet && std::io::stderr().is_terminal(),
        };
        let target = if is_drawn {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
        }
    }
}

fn style(total: Option<u64>) -> ProgressStyle {
    let template = match total {
        Some(_) => "{msg}  {bar:24}  {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
        None => "{msg}  {spinner}  {bytes}  {bytes_per_sec}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

impl Progress for Bar {
    fn start(&self, name: &str, total: Option<u64>) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.reset();
        self.bar.set_style(style(total));
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        let name: Cow<'static, str> =
            Cow::Owned(name.chars().filter(|c| !c.is_control()).take(30).collect());
        self.bar.set_message(name);
    }

    fn advance(&self, nbytes: u64) {
        if self.bar.is_hidden() {
            return;
        }
        // Setting the position draws; before the delay it is only counted.
        if self.bar.elapsed() < DELAY {
            self.bar.update(|state| state.set_pos(state.pos() + nbytes));
        } else {
            self.bar.inc(nbytes);
        }
    }

    fn finish(&self) {
        if !self.bar.is_hidden() {
            self.bar.finish_and_clear();
        }
    }
}
