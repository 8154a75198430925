//! `ndferry demo`: a pickled image stack crosses a socket and is read back from a file, plane by plane.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use ndferry::{Array, Index, Indexing, Item, LazyArray, OpenOptions, SendOptions, Source, send};

use crate::args::{DemoArgs, Stack};
use crate::picture::{self, Ink};
use crate::report::{Outcome, Session};
use crate::shades::Protocol;
use crate::words::{dtype_text, hex, shape_text};
use crate::{output, size, terminal};

/// A stack of a believable microscope, pickled by three eras of NumPy (corpus/demo/make.py).
fn pickle(stack: Stack) -> (&'static str, &'static str, &'static [u8]) {
    match stack {
        Stack::Python2 => {
            let bytes = include_bytes!("../../demo/stack-python2.pkl");
            ("stack-python2.pkl", "Python 2.7 and NumPy 1.16", bytes)
        }
        Stack::Numpy1 => {
            let bytes = include_bytes!("../../demo/stack-numpy1.pkl");
            ("stack-numpy1.pkl", "NumPy 1.26", bytes)
        }
        Stack::Numpy2 => {
            let bytes = include_bytes!("../../demo/stack-numpy2.pkl");
            ("stack-numpy2.pkl", "NumPy 2", bytes)
        }
    }
}

/// Columns of the picture.
const COLUMNS: usize = 78;

/// Bytes of one block: small enough that the stack is several.
const BLOCK_NBYTES: usize = 64 << 10;

pub(crate) fn run(args: &DemoArgs, session: &Session) -> anyhow::Result<Outcome> {
    let temporary; // Removed at the end.
    let folder = match &args.keep {
        Some(folder) => {
            fs::create_dir(folder).with_context(|| format!("{}", folder.display()))?;
            folder.as_path()
        }
        None => {
            temporary = tempfile::Builder::new().prefix("ndferry-demo-").tempdir()?;
            temporary.path()
        }
    };
    let mut out = output::styled();
    let (name, writer, bytes) = pickle(args.stack);
    let (pickled, stored) = (folder.join(name), folder.join("stack.npb"));
    fs::write(&pickled, bytes)?;

    writeln!(out, "1. Read what {writer} pickled, without Python")?;
    let source = Source::open(&pickled, &session.open_options(0))?;
    let original = source.array(None)?;
    let pickle = source.pickle().context("a pickle has globals")?;
    writeln!(
        out,
        "   {name}: {}, protocol {}, {}",
        size::text(source.nbytes()),
        pickle.protocol,
        source.safety()
    )?;
    for global in &pickle.globals {
        writeln!(
            out,
            "   byte {:>4}: {}.{}, looked at, not run",
            global.offset, global.module, global.name
        )?;
    }
    let (dtype, shape) = (dtype_text(original.dtype()), shape_text(original.shape()));
    writeln!(
        out,
        "   {dtype} {shape}, {} of elements",
        size::text(original.nbytes())
    )?;

    writeln!(out, "\n2. Start a receiver as a second process")?;
    let mut receiver = Peer::start(&args.listen, &stored)?;
    writeln!(
        out,
        "   process {}: listening on {}",
        receiver.child.id(),
        receiver.url
    )?;

    writeln!(
        out,
        "\n3. Send it in blocks of {}, each with its checksum",
        size::text(BLOCK_NBYTES as u64)
    )?;
    out.flush()?;
    let mut options = SendOptions::default();
    options.block_nbytes = BLOCK_NBYTES;
    options.interrupt = session.interrupt.clone();
    let started = Instant::now();
    let items = [Item {
        name: "",
        array: &original,
    }];
    let sent = send(&receiver.url, &items, &options, &session.bar)?;
    let time = started.elapsed();
    ensure!(sent.acknowledged, "the receiver did not acknowledge");
    let report = receiver.finish()?;
    let stored_nbytes = fs::metadata(&stored)?.len();
    let (nbytes, blocks) = (size::text(sent.nbytes), size::count(sent.blocks));
    writeln!(
        out,
        "   {nbytes} in {blocks} blocks, {}, acknowledged when it was stored",
        size::rate(sent.nbytes, time)
    )?;
    writeln!(out, "   stack.npb: {}", size::text(stored_nbytes))?;
    let peak = |nbytes: Option<u64>| nbytes.map_or("unknown".to_owned(), size::text);
    let (ours, theirs) = (peak(ndferry::peak_memory()), peak(report.peak));
    writeln!(out, "   peak memory: sender {ours}, receiver {theirs}")?;

    let planes = original.shape()[0];
    let number = args.plane;
    ensure!(
        number < planes,
        "there are {planes} planes: --plane 0 to {}",
        planes - 1
    );
    writeln!(
        out,
        "\n4. Read plane {number} of {planes} from the file, and nothing else"
    )?;
    let file = Source::open(&stored, &OpenOptions::default())?;
    let crossed = file.array(None)?;
    let plane = read_plane(&crossed, number)?;
    let touched = file.touched();
    let part = 100.0 * touched as f64 / stored_nbytes as f64;
    writeln!(
        out,
        "   {} of {} read ({part:.0} %)\n",
        size::text(touched),
        size::text(stored_nbytes)
    )?;
    let values: Vec<f64> = plane
        .to_elements::<u16>()?
        .into_iter()
        .map(f64::from)
        .collect();
    let (rows, width) = (plane.shape()[0], plane.shape()[1]);
    let ink = match terminal::protocol() {
        Protocol::Shades => Ink::Shades,
        Protocol::Ascii => Ink::Ascii,
        _ => Ink::Colours,
    };
    out.write_all(picture::draw(&values, rows, width, COLUMNS, ink).as_bytes())?;

    writeln!(out, "\n5. Compare every byte with the original")?;
    let (before, after) = (original.load()?, crossed.load()?);
    let is_equal = before.dtype() == after.dtype()
        && before.shape() == after.shape()
        && before.view().to_bytes(ndferry::Order::C)?
            == after.view().to_bytes(ndferry::Order::C)?;
    let digest = |array: &LazyArray| array.sha256(&session.interrupt, &());
    let digests = (digest(&original)?, digest(&crossed)?);
    if !is_equal || digests.0 != digests.1 || original.order() != crossed.order() {
        out.flush()?;
        bail!("what came out is not what went in");
    }
    writeln!(
        out,
        "   equal: dtype, shape, order and {} bytes",
        size::count(original.nbytes())
    )?;
    writeln!(out, "   sha256 {}", hex(&digests.0))?;

    by_hand(&mut out, name, number, args.keep.as_deref())?;
    out.flush()?;
    Ok(Outcome::Yes)
}

fn read_plane(stack: &LazyArray, number: usize) -> anyhow::Result<Array> {
    let index = isize::try_from(number)?;
    let selection = Indexing::new([Index::At(index)]).resolve(stack.shape())?;
    Ok(stack.read(&selection)?)
}

fn by_hand(
    out: &mut impl Write,
    name: &str,
    plane: usize,
    kept: Option<&Path>,
) -> anyhow::Result<()> {
    writeln!(out, "\nEach step by hand:")?;
    match kept {
        Some(folder) => writeln!(out, "   cd {}", folder.display())?,
        None => writeln!(out, "   ndferry demo --keep try && cd try")?,
    }
    writeln!(out, "   ndferry info -l {name}")?;
    writeln!(
        out,
        "   ndferry recv --listen tcp://127.0.0.1:7447 -o copy.npb &"
    )?;
    writeln!(out, "   ndferry send {name} tcp://127.0.0.1:7447")?;
    writeln!(out, "   ndferry show copy.npb -s {plane}")?;
    writeln!(out, "   ndferry diff {name} copy.npb && echo equal")?;
    Ok(())
}

/// The receiver in its own process; killed if the demo does not come to its end.
struct Peer {
    child: Child,
    url: String,
    stderr: BufReader<std::process::ChildStderr>,
}

/// What the receiver said at its end.
struct PeerReport {
    peak: Option<u64>,
}

impl Peer {
    fn start(listen: &str, output: &Path) -> anyhow::Result<Self> {
        ensure!(listen != "-", "the receiver needs an address");
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["recv", "--json", "--progress", "never", "--listen"])
            .arg(listen)
            .arg("-o")
            .arg(output)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the receiver")?;
        let mut stderr = BufReader::new(
            child
                .stderr
                .take()
                .context("the receiver has no standard error")?,
        );
        let mut line = String::new();
        stderr.read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let _ = child.kill();
            bail!("the receiver said {:?}", line.trim());
        };
        let url = url.to_owned();
        Ok(Self { child, url, stderr })
    }

    fn finish(&mut self) -> anyhow::Result<PeerReport> {
        let mut stdout = self
            .child
            .stdout
            .take()
            .context("the receiver has no standard output")?;
        let (mut json, mut remarks) = (String::new(), String::new());
        stdout.read_to_string(&mut json)?;
        self.stderr.read_to_string(&mut remarks)?;
        let status = self.wait()?;
        ensure!(status, "the receiver failed: {}", remarks.trim());
        let report: serde_json::Value =
            serde_json::from_str(&json).context("the receiver's report")?;
        Ok(PeerReport {
            peak: report["peak_memory"].as_u64(),
        })
    }

    /// Whether it ended well; its last words have been read, so it ends soon.
    fn wait(&mut self) -> anyhow::Result<bool> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            ensure!(Instant::now() < deadline, "the receiver does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Of a process that has ended this is an error, and none to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
