//! [`Agent`]: a process of its own that opens hostile files, so that whatever they break is seen and counted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ndferry_io::peak_memory;

use crate::Verdict;

/// How long one file may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// By how much memory may grow beyond that of an idle agent, in bytes.
pub const GROWTH: u64 = 64 << 20;

/// The exit code of an agent that panicked.
const PANICKED: i32 = 101;

/// What a file did to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came to a verdict.
    Verdict(Examined),
    /// It panicked and said this.
    Panic(String),
    /// It was ended by a signal, or ended without a word.
    Died(String),
    /// It took longer than [`PATIENCE`], twice.
    TimedOut,
    /// It grew by this many bytes, more than [`GROWTH`].
    Blown(u64),
}

/// A verdict and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What came of the file.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// Bytes by which the agent has grown since it was idle, at most, with all files before this one.
    pub growth: u64,
}

/// A child process and the pipes to it. Replaced by a new one when a file has broken it.
#[derive(Debug)]
pub struct Agent {
    program: PathBuf,
    process: Process,
}

#[derive(Debug)]
struct Process {
    child: Child,
    to: ChildStdin,
    lines: Receiver<io::Result<String>>,
    idle: u64,
}

impl Agent {
    /// Starts `program`, whose `main` calls [`serve`].
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub fn start(program: impl Into<PathBuf>) -> io::Result<Self> {
        let program = program.into();
        let process = Process::start(&program)?;
        Ok(Self { program, process })
    }

    /// Has a file opened; through the file system too, if `as_file`.
    ///
    /// # Errors
    /// A new agent cannot be started.
    pub fn examine(&mut self, file: &[u8], as_file: bool) -> io::Result<Outcome> {
        let mut outcome = self.process.examine(file, as_file)?;
        if outcome == Outcome::TimedOut {
            // The machine may have been busy; the file is to blame only if it happens again.
            self.process = Process::start(&self.program)?;
            outcome = self.process.examine(file, as_file)?;
        }
        if !matches!(outcome, Outcome::Verdict(_)) {
            self.process = Process::start(&self.program)?;
        }
        Ok(outcome)
    }
}

impl Process {
    fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("a pipe that was asked for is missing");
        let to = child.stdin.take().ok_or_else(missing)?;
        let from = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let (sender, lines) = channel();
        // Ends with the agent, whose end of the pipe it reads.
        std::thread::spawn(move || from.lines().try_for_each(|line| sender.send(line)));
        let hello = lines.recv_timeout(Duration::from_secs(30));
        let hello = hello.map_err(|_| io::Error::other("the agent does not answer"))??;
        let idle = hello.parse().map_err(io::Error::other)?;
        Ok(Self {
            child,
            to,
            lines,
            idle,
        })
    }

    fn examine(&mut self, file: &[u8], as_file: bool) -> io::Result<Outcome> {
        let mut head = vec![u8::from(as_file)];
        head.extend((file.len() as u64).to_le_bytes());
        let sent = self.to.write_all(&head);
        if sent.and_then(|()| self.to.write_all(file)).is_err() {
            return self.post_mortem();
        }
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let line = line?;
                let answer = Examined::from_line(&line, self.idle);
                let answer = answer.ok_or_else(|| io::Error::other(format!("answer {line:?}")))?;
                Ok(match answer.growth > GROWTH {
                    true => Outcome::Blown(answer.growth),
                    false => Outcome::Verdict(answer),
                })
            }
            Err(RecvTimeoutError::Timeout) => Ok(Outcome::TimedOut),
            Err(RecvTimeoutError::Disconnected) => self.post_mortem(),
        }
    }

    /// What a dead agent died of.
    fn post_mortem(&mut self) -> io::Result<Outcome> {
        let status = self.child.wait()?;
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut said)?;
        }
        Ok(match status.code() {
            Some(PANICKED) => Outcome::Panic(said),
            _ => Outcome::Died(format!("{}: {said}", words(status))),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn words(status: ExitStatus) -> String {
    // `ExitStatus` prints the signal where there are signals.
    status.to_string()
}

impl Examined {
    fn to_line(&self) -> String {
        let (micros, growth) = (self.took.as_micros(), self.growth);
        format!("{micros} {growth} {}", self.verdict.to_line())
    }

    /// `idle` is taken off what the agent says that its memory is.
    fn from_line(line: &str, idle: u64) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let took = Duration::from_micros(words.next()?.parse().ok()?);
        let growth = words.next()?.parse::<u64>().ok()?.saturating_sub(idle);
        let verdict = Verdict::from_line(words.next()?)?;
        Some(Self {
            verdict,
            took,
            growth,
        })
    }
}

/// The agent's side: opens each file that comes through standard input and says on standard output what came of it.
/// Ends when standard input does; a panic on any thread ends the process.
///
/// # Errors
/// Standard input or output fails, or the file system does.
pub fn serve() -> io::Result<()> {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(PANICKED);
    }));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mutant");
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    let memory = || peak_memory().unwrap_or(0);
    writeln!(to, "{}", memory())?;
    to.flush()?;
    let mut head = [0; 9];
    while from.read_exact(&mut head).is_ok() {
        let [as_file, length @ ..] = head;
        let mut file = vec![0; u64::from_le_bytes(length) as usize];
        from.read_exact(&mut file)?;
        let started = Instant::now();
        let file = file.into();
        let verdict = Verdict::of_bytes(&file);
        if as_file != 0 {
            let again = Verdict::of_file(&path, &file)?;
            let told = (&again.refused, &again.arrays, again.unreadable);
            let before = (&verdict.refused, &verdict.arrays, verdict.unreadable);
            assert_eq!(told, before, "from a file and from memory");
        }
        let answer = Examined {
            verdict,
            took: started.elapsed(),
            growth: memory(),
        };
        writeln!(to, "{}", answer.to_line())?;
        to.flush()?;
    }
    Ok(())
}
