//! How far the work has come: a bar on a terminal, lines elsewhere.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndferry::Progress;

use crate::args::When;
use crate::size;

/// How far the work has come, on standard error.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    how: How,
    /// Whether the bar is on the terminal.
    is_shown: AtomicBool,
    /// Lines that were written about this array.
    lines: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Not,
    /// A bar that moves.
    Bar,
    /// A line now and then, where nothing can move.
    Lines,
}

/// Work that is done sooner is not worth a bar.
const DELAY: Duration = Duration::from_millis(300);

/// From one line to the next.
const PAUSE: Duration = Duration::from_secs(2);

impl Bar {
    pub(crate) fn new(when: When, quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let how = match when {
            When::Never => How::Not,
            When::Auto if quiet || !is_terminal => How::Not,
            _ if is_terminal => How::Bar,
            _ => How::Lines,
        };
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            how,
            is_shown: AtomicBool::new(false),
            lines: AtomicU64::new(0),
        }
    }

    /// Draws it for the first time.
    fn show(&self) {
        if !self.is_shown.swap(true, Ordering::Relaxed) {
            let target = ProgressDrawTarget::stderr_with_hz(10);
            self.bar.set_draw_target(target);
        }
    }

    fn line(&self) {
        let seconds = self.bar.elapsed().as_secs_f64();
        let done = self.bar.position();
        let of = match self.bar.length() {
            Some(total) => format!("/{}", size::text(total)),
            None => String::new(),
        };
        let rate = (done as f64 / seconds.max(1e-9)) as u64;
        crate::report::line(format_args!(
            "{}  {}{of}  {}/s",
            self.bar.message(),
            size::text(done),
            size::text(rate)
        ));
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
        if self.how == How::Not {
            return;
        }
        self.bar.reset();
        self.lines.store(0, Ordering::Relaxed);
        self.bar.set_style(style(total));
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        let name: Cow<'static, str> =
            Cow::Owned(name.chars().filter(|c| !c.is_control()).take(30).collect());
        self.bar.set_message(name);
    }

    fn advance(&self, nbytes: u64) {
        match self.how {
            How::Not => {}
            How::Bar => {
                self.bar.inc(nbytes);
                if self.bar.elapsed() >= DELAY {
                    self.show();
                }
            }
            How::Lines => {
                self.bar.inc(nbytes);
                let due = self.bar.elapsed().as_secs() / PAUSE.as_secs();
                if due > self.lines.fetch_max(due, Ordering::Relaxed) {
                    self.line();
                }
            }
        }
    }

    fn finish(&self) {
        match self.how {
            How::Not => {}
            How::Bar => {
                self.bar.finish_and_clear();
                if self.is_shown.swap(false, Ordering::Relaxed) {
                    self.bar.set_draw_target(ProgressDrawTarget::hidden());
                }
            }
            How::Lines => self.line(),
        }
    }
}
