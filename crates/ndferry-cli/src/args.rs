//! Every option and its help.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "help texts speak of brackets"
)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use ndferry::{
    ByteOrder, Casting, Codec, Dtype, Filter, Format, Indexing, LivePolicy, Order, Recipe,
};

/// Moves NumPy arrays between languages, processes and machines.
///
/// Reads and writes NPY, NPZ, pickles and NPB without Python, and never runs anything that a pickle asks for.
/// `ndferry FILE` alone says what is in a file.
#[derive(Debug, Parser)]
#[command(
    name = "ndferry",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "SRC is PATH[:MEMBER], for instance run.npz:frames; - is standard input,\n\
    http://HOST/PATH[:MEMBER] a file on a web server, of which only the needed parts are fetched.\n\
    Exit status: 0 yes, done, clean; 1 a negative answer of diff, check, scan or verify; 2 an error; 130 interrupted."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colours (NO_COLOR and CLICOLOR_FORCE count too).
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// When to draw how far it is, on standard error.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: When,
    /// Nothing on standard error but errors, and the line that says where it listens.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tells what it does, on standard error; -vv tells every read. NDFERRY_LOG=debug is the same.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// What files may ask for.
    #[command(flatten)]
    pub(crate) limits: crate::limits::LimitArgs,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is in a file: its arrays, their dtypes and shapes, and whether its pickles are safe.
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  ndferry info --json --sha256 run.npz"
    )]
    Info(InfoArgs),
    /// Prints values, as NumPy prints them, or as CSV, JSON Lines or bytes.
    #[command(
        visible_alias = "cat",
        after_help = "Example:\n  ndferry show run.npz:frames -s '0, :4, ::-1'\n\nMasked arrays have -- where they are masked; their data and mask are at PATH.data and PATH.mask.\nArrays of Python objects are printed if all are builtins, numbers or arrays; pickles with\nother values are printed as a tree."
    )]
    Show(ShowArgs),
    /// What the numbers are like: counts, range, mean, deviation, percentiles, histogram.
    #[command(after_help = "Example:\n  ndferry stats --hist 24 run.npz:frames -s '0:10'")]
    Stats(StatsArgs),
    /// Draws an image, or a line, in the terminal, or as a PNG file.
    #[command(
        after_help = "Examples:\n  ndferry view stack.npy -s 12\n  ndferry view stack.npy -s 12 --lut viridis --range p1,p99 --png plane.png"
    )]
    View(ViewArgs),
    /// Writes arrays in another format.
    #[command(
        after_help = "Examples:\n  ndferry convert run.npz -o run.npb\n  ndferry convert run.npz:frames -o frames.npy\n  ndferry convert run.npz:frames -o frames.tif\n  ndferry convert run.npz -o run.zarr\n  ndferry convert more.npy --append frames.npy"
    )]
    Convert(ConvertArgs),
    /// Compares two arrays, or all arrays of two files. Exit status 1 if they differ.
    #[command(after_help = "Example:\n  ndferry diff a.npy b.npz:x --rtol 1e-6")]
    Diff(DiffArgs),
    /// Reads all of a file from elsewhere: is it readable, safe, intact? Exit status 1 if not.
    #[command(after_help = "Example:\n  ndferry check downloads/*.np[yzb]")]
    Check(CheckArgs),
    /// Lists every name that pickles refer to, in files, folders and archives: is one of them dangerous? Exit status 1 if
    /// one is, needs code, or cannot be read.
    #[command(
        after_help = "Examples:\n  ndferry scan downloads/\n  ndferry scan -l --allow mylab.Scan model.pkl"
    )]
    Scan(ScanArgs),
    /// Reads all of an NPB file and names each tile that is damaged or missing. Exit status 1 if there is one.
    #[command(after_help = "Example:\n  ndferry verify run.npb")]
    Verify(VerifyArgs),
    /// Writes what is whole in a cut or damaged NPB file, with a new index, and says what is lost.
    #[command(after_help = "Example:\n  ndferry repair cut.npb -o whole.npb")]
    Repair(RepairArgs),
    /// Makes pickles loadable in the other NumPy, 1 or 2: plain ones, joblib's, objects in NPY and NPZ files, PyTorch files.
    #[command(
        after_help = "Example:\n  ndferry repickle new.pkl old.pkl --numpy 1\n\nNothing is imported or called; whatever is no name or form of NumPy's stays as it is."
    )]
    Repickle(RepickleArgs),
    /// Sends arrays to a receiver; succeeds once they are stored there.
    #[command(
        after_help = "Example (after `ndferry recv` on the other side has said where it listens):\n  ndferry send run.npz:frames tcp://127.0.0.1:7447"
    )]
    Send(SendArgs),
    /// Waits for one transfer and stores it.
    #[command(after_help = "Example:\n  ndferry recv --listen tcp://127.0.0.1:7447 -o out.npb")]
    Recv(RecvArgs),
    /// Images to and from an ImageJ that runs, which has the plugin Ndferry_.jar.
    #[command(
        after_help = "Examples:\n  ndferry imagej push cells.npy --axes ZCYX --spacing 0.2,0.1,0.1 --unit um --lut Green,Magenta\n  ndferry imagej pull cells.npy -o edited.npb"
    )]
    Imagej(ImagejArgs),
    /// Objects of Pyro4 and Pyro5: calls their methods, and serves arrays to programs that use it.
    #[cfg(feature = "pyro")]
    #[command(
        after_help = "Examples:\n  ndferry pyro call PYRO:camera@localhost:9000 snap 0.5 -o frame.npy\n  ndferry pyro serve run.npb"
    )]
    Pyro(PyroArgs),
    /// Takes a pickled image stack across a socket and back out of a file, and shows each step.
    #[command(after_help = "Example:\n  ndferry demo")]
    Demo(DemoArgs),
    /// Prints what makes a shell complete verbs, options, files, and arrays inside files.
    #[command(after_help = "Example:\n  source <(ndferry completions bash)")]
    Completions(CompletionsArgs),
    /// Prints the manual page, or writes those of all verbs into a folder.
    #[command(after_help = "Example:\n  ndferry man ~/.local/share/man/man1")]
    Man(ManArgs),
}

/// Options of `info`.
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// Files, or arrays in them; standard input if it is not a terminal.
    #[arg(value_name = "SRC", value_parser = source(), add = ArgValueCompleter::new(crate::commands::completions::sources))]
    pub(crate) sources: Vec<OsString>,
    /// One JSON object a line (docs/info.schema.json).
    #[arg(long)]
    pub(crate) json: bool,
    /// SHA-256 of each array's elements in C order.
    #[arg(long)]
    pub(crate) sha256: bool,
    /// Byte offsets, tiles and every global name.
    #[arg(short, long)]
    pub(crate) long: bool,
}

/// Options of `show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// How to print it.
    #[arg(long, value_name = "FORM", default_value = "repr")]
    pub(crate) to: Form,
    /// Items at each end of an axis that is too long to print.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    pub(crate) edge: usize,
    /// Digits after the point.
    #[arg(short, long, value_name = "N", default_value_t = 8)]
    pub(crate) precision: usize,
    /// Small numbers as 0 instead of with an exponent.
    #[arg(long)]
    pub(crate) suppress: bool,
    /// Every element, however many.
    #[arg(long)]
    pub(crate) all: bool,
    /// Into a file.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces OUT; bytes onto a terminal.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// An array, or a part of it.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// A file, or an array in it; - is standard input.
    #[arg(value_name = "SRC", value_parser = source(), add = ArgValueCompleter::new(crate::commands::completions::sources))]
    pub(crate) source: OsString,
    /// A part of it, as NumPy's basic indexing: '10:20, ..., ::2'.
    #[arg(short, long, value_name = "SLICE", allow_hyphen_values = true)]
    pub(crate) slice: Option<Indexing>,
}

/// What `show` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// As NumPy prints an array (numpy.array2string).
    Repr,
    /// Comma-separated values; one or two axes.
    Csv,
    /// One JSON value for each entry of the first axis.
    Jsonl,
    /// An NPY file.
    Npy,
    /// The elements' bytes in C order.
    Raw,
}

/// Options of `stats`.
#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    /// Files, or arrays in them; standard input if it is not a terminal.
    #[arg(value_name = "SRC", value_parser = source(), add = ArgValueCompleter::new(crate::commands::completions::sources))]
    pub(crate) sources: Vec<OsString>,
    /// A part of each, as NumPy's basic indexing: '10:20, ..., ::2'.
    #[arg(short, long, value_name = "SLICE", allow_hyphen_values = true)]
    pub(crate) slice: Option<Indexing>,
    /// A histogram of so many bins.
    #[arg(long, value_name = "BINS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub(crate) hist: u16,
    /// Percentiles, from 0 to 100.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "1,25,50,75,99"
    )]
    pub(crate) percentiles: Vec<f64>,
    /// A line for each index of axis K, over all other axes; without percentiles and histogram.
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub(crate) axis: Option<isize>,
    /// One JSON object a line, with every digit.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}

/// Options of `view`.
#[derive(Args, Debug)]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Which values are the darkest and the lightest: auto, full, MIN,MAX or percentiles such as p1,p99.
    #[arg(
        long,
        value_name = "RANGE",
        default_value = "auto",
        allow_hyphen_values = true
    )]
    pub(crate) range: crate::shades::RangeArg,
    /// Colours of the values.
    #[arg(long, value_name = "LUT", default_value = "gray")]
    pub(crate) lut: crate::shades::Lut,
    /// How it is drawn.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) protocol: crate::shades::Protocol,
    /// Columns to draw in; the terminal's otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) width: Option<u16>,
    /// Writes every pixel into this PNG file instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// Replaces FILE.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// For which shell.
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell", "elvish"])]
    pub(crate) shell: String,
}

/// Options of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// A folder, which must exist.
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// Options of `convert`.
#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The new file; - is standard output.
    #[arg(short, long, value_name = "DST", required_unless_present = "append")]
    pub(crate) output: Option<PathBuf>,
    /// Adds the rows to the array of this NPY file, in place, or of this NPB file if it grows; an NPB file that has no such
    /// array gets another one. FILE:NAME names the array.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "to", "order", "growing"])]
    pub(crate) append: Option<PathBuf>,
    /// The new NPB file's arrays can grow later, with --append.
    #[arg(long)]
    pub(crate) growing: bool,
    /// Its format: npy, npz, npb, pickle, tiff or png; told by the name's extension otherwise.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<Format>,
    #[command(flatten)]
    pub(crate) packing: PackingArgs,
    /// Shape of one tile of an NPB file, for instance 1,256,256.
    #[arg(
        long,
        value_name = "SHAPE",
        value_delimiter = ',',
        conflicts_with = "block"
    )]
    pub(crate) tile: Option<Vec<u64>>,
    /// Bytes of one block of an NPB file, in rows (64KiB, 1MiB).
    #[arg(long, value_name = "BYTES", value_parser = crate::size::parse)]
    pub(crate) block: Option<u64>,
    /// Order in which elements are stored.
    #[arg(long, value_name = "ORDER", default_value = "keep")]
    pub(crate) order: OrderArg,
    /// Elements of another dtype, for instance f4 or 'M8[s]'.
    #[arg(long, value_name = "DTYPE", value_parser = dtype)]
    pub(crate) dtype: Option<Dtype>,
    /// What --dtype may lose, as in numpy.can_cast.
    #[arg(long, value_name = "RULE", default_value = "same_kind")]
    pub(crate) casting: CastingArg,
    /// Order of the bytes in each number.
    #[arg(long, value_name = "ORDER", default_value = "keep")]
    pub(crate) endian: EndianArg,
    /// Pickle protocol.
    #[arg(long, value_name = "0-5", value_parser = clap::value_parser!(u8).range(0..=5))]
    pub(crate) protocol: Option<u8>,
    /// Which NumPy must be able to unpickle it.
    #[arg(long, value_name = "ERA", default_value = "any")]
    pub(crate) numpy: EraArg,
    /// A pickle for Python 2 and Jython, protocol 2: bytes become str (Python 3 then needs encoding='latin1').
    #[arg(long)]
    pub(crate) python2: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    /// Does not wait until the disk has it; after a power cut the new file may be damaged.
    #[arg(long, conflicts_with = "append")]
    pub(crate) no_sync: bool,
    /// Replaces DST; bytes onto a terminal.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// How blocks are packed.
#[derive(Args, Debug)]
pub(crate) struct PackingArgs {
    /// none, lz4, zstd, zstd:LEVEL, deflate, deflate:LEVEL, pco or auto.
    #[arg(long, value_name = "CODEC")]
    pub(crate) codec: Option<Codec>,
    /// none, shuffle, bitshuffle or delta.
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Option<Filter>,
}

/// How many threads.
#[derive(Args, Debug)]
pub(crate) struct ThreadArgs {
    /// Threads; as many as there are processors otherwise.
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) jobs: usize,
}

/// An order, or the one it has.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OrderArg {
    /// As it is.
    Keep,
    /// Last index fastest.
    #[value(name = "C")]
    C,
    /// First index fastest.
    #[value(name = "F")]
    F,
}

impl OrderArg {
    pub(crate) fn order(self) -> Option<Order> {
        match self {
            Self::Keep => None,
            Self::C => Some(Order::C),
            Self::F => Some(Order::F),
        }
    }
}

/// What a cast may lose.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CastingArg {
    /// Nothing.
    Safe,
    /// Digits or range, but not the kind.
    #[value(name = "same_kind", alias = "same-kind")]
    SameKind,
    /// Anything.
    Unsafe,
}

impl CastingArg {
    pub(crate) fn casting(self) -> Casting {
        match self {
            Self::Safe => Casting::Safe,
            Self::SameKind => Casting::SameKind,
            Self::Unsafe => Casting::Unsafe,
        }
    }
}

/// A byte order, or the one it has.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EndianArg {
    /// As it is.
    Keep,
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl EndianArg {
    pub(crate) fn byteorder(self) -> Option<ByteOrder> {
        match self {
            Self::Keep => None,
            Self::Little => Some(ByteOrder::Little),
            Self::Big => Some(ByteOrder::Big),
        }
    }
}

/// A NumPy that must be able to read a pickle.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EraArg {
    /// All of them.
    Any,
    /// NumPy 1.
    #[value(name = "1")]
    One,
    /// NumPy 2.
    #[value(name = "2")]
    Two,
}

/// Options of `diff`.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// One array, or one file.
    #[arg(value_name = "A", value_parser = source(), add = ArgValueCompleter::new(crate::commands::completions::sources))]
    pub(crate) left: OsString,
    /// The other.
    #[arg(value_name = "B", value_parser = source(), add = ArgValueCompleter::new(crate::commands::completions::sources))]
    pub(crate) right: OsString,
    /// Relative tolerance, as in numpy.isclose.
    #[arg(long, value_name = "R", default_value_t = 0.0)]
    pub(crate) rtol: f64,
    /// Absolute tolerance.
    #[arg(long, value_name = "A", default_value_t = 0.0)]
    pub(crate) atol: f64,
    /// NaN equals NaN, and NaT NaT.
    #[arg(long)]
    pub(crate) equal_nan: bool,
    /// How many differing elements to list.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) max: usize,
    /// Dtypes and shapes only.
    #[arg(long)]
    pub(crate) meta: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Files; - is standard input.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}

/// Options of `scan`.
#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    /// Files, and folders with everything in them; - is standard input.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// One JSON object a line (docs/scan.schema.json).
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) json: bool,
    /// One SARIF 2.1.0 log of all files, for tools that collect such.
    #[arg(long)]
    pub(crate) sarif: bool,
    /// Every name, with its byte and what is done with it.
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Goes into folders, as it does anyway.
    #[arg(short, long, hide = true)]
    pub(crate) recursive: bool,
}

/// Which names in pickles pass.
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    /// Names that pass: `arrays` (what arrays and builtin values are made of), `std` (dates, decimals, paths and
    /// collections too), or a file with one module.name a line.
    #[arg(long, value_name = "POLICY", default_value = "std")]
    pub(crate) policy: String,
    /// More names that pass, for instance mylab.Scan.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
}

impl PolicyArgs {
    pub(crate) fn policy(&self) -> anyhow::Result<ndferry::Policy> {
        let policy = match &*self.policy {
            "std" => ndferry::Policy::std(),
            "arrays" => ndferry::Policy::arrays(),
            path => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("policy {path}"))?;
                ndferry::Policy::parse(&text).with_context(|| path.to_owned())?
            }
        };
        Ok(policy.allowing(self.allow.iter().cloned()))
    }
}

/// Options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// NPB files.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}

/// Options of `repair`.
#[derive(Args, Debug)]
pub(crate) struct RepairArgs {
    /// An NPB file.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Where to write; in place of the file itself if not given.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces an output that exists.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `repickle`.
#[derive(Args, Debug)]
pub(crate) struct RepickleArgs {
    /// A file with pickles in it; - for standard input.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where to write; - for standard output.
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Which NumPy must be able to unpickle it.
    #[arg(long, value_name = "ERA")]
    pub(crate) numpy: OtherEraArg,
    /// The protocol to write; each pickle's own if not given. All values of a pickle are then held in memory.
    #[arg(long, value_name = "0-5", value_parser = clap::value_parser!(u8).range(0..=5))]
    pub(crate) protocol: Option<u8>,
    /// One JSON object that says what was changed.
    #[arg(long)]
    pub(crate) json: bool,
    /// Replaces OUT, which may be IN.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// A NumPy that pickles are rewritten for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OtherEraArg {
    /// NumPy 1 (1.17 or newer where the protocol is 5).
    #[value(name = "1")]
    One,
    /// NumPy 2.
    #[value(name = "2")]
    Two,
}

impl OtherEraArg {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// Options of `send`.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Where the receiver listens: tcp://HOST:PORT, tls://HOST:PORT#sha256=…, unix:///PATH, shm:///PATH, shm://HOST:PORT, zmq+tcp://HOST:PORT,
    /// zmq+ipc:///PATH, or - for standard output.
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) packing: PackingArgs,
    /// Bytes of one block.
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = crate::size::parse)]
    pub(crate) block: u64,
    /// Sends only what a receiver with --resume does not hold from earlier runs that broke off.
    #[arg(long)]
    pub(crate) resume: bool,
    /// SRC is a folder: sends each file of arrays in it, and goes on with those that come, each as a transfer of its own once
    /// it is complete. What has been stored over there is noted in SRC/.ndferry-sent and not sent there again.
    #[arg(long, conflicts_with_all = ["resume", "slice"])]
    pub(crate) watch: bool,
    /// With --watch: ends when all files that are there have been sent.
    #[arg(long, requires = "watch")]
    pub(crate) once: bool,
    /// With --watch: ends after so many files.
    #[arg(long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// With --watch: a file is complete when its size and time have not changed for so long.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds, requires = "watch")]
    pub(crate) settle: Duration,
    /// Listens at URL, and sends each frame of SRC, along its first axis, to all who watch (`recv --live URL`), whenever they
    /// come. SRC may be -, an NPY header and frames after it; with a first extent of 0 until standard input ends.
    #[arg(long, conflicts_with_all = ["resume", "watch", "zmq", "no_ack"])]
    pub(crate) live: bool,
    /// With --live: what becomes of a watcher that is too slow.
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "newest",
        requires = "live"
    )]
    pub(crate) policy: LivePolicyArg,
    /// With --live: frames that are kept for watchers that are behind.
    #[arg(long, value_name = "N", default_value_t = 4, requires = "live")]
    pub(crate) buffer: usize,
    /// With --live: begins when so many watch; 1 otherwise, or 0 if SRC is standard input.
    #[arg(long, value_name = "N", requires = "live")]
    pub(crate) watchers: Option<usize>,
    /// With --live: so many frames a second, not as many as there can be.
    #[arg(long, value_name = "FPS", requires = "live", value_parser = rate)]
    pub(crate) fps: Option<f64>,
    /// With --live: all frames also go into this NPB file, packed with --codec.
    #[arg(long, value_name = "FILE", requires = "live")]
    pub(crate) store: Option<PathBuf>,
    /// Replaces FILE.
    #[arg(short, long, requires = "store")]
    pub(crate) force: bool,
    /// With --live: sends to whoever reaches an address beyond this machine, without a token.
    #[arg(long, requires = "live")]
    pub(crate) insecure: bool,
    /// What to be over ZeroMQ: push and pub cannot be told whether anything was stored, and need --no-ack.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) zmq: Option<ZmqArg>,
    /// Over ZeroMQ: sends each array as a message for programs of others, by default as PUSH. Needs --no-ack, but for req.
    #[arg(long, conflicts_with_all = ["resume", "watch"])]
    pub(crate) recipe: Option<RecipeArg>,
    /// Over ZeroMQ: sends to receivers that cannot answer (as PUSH), and is done when all has been read.
    #[arg(long, conflicts_with_all = ["resume", "watch"])]
    pub(crate) no_ack: bool,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// For tls:// addresses without #sha256=…: a PEM file of authorities, one of which must have signed the receiver's
    /// certificate; otherwise those that Mozilla trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}

/// The sockets of ZeroMQ that send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ZmqArg {
    /// To ROUTER, or `ndferry recv`: acknowledged.
    Dealer,
    /// To PULL, or `ndferry recv`.
    Push,
    /// To SUB, or `ndferry recv`, once it has subscribed.
    Pub,
    /// To REP, with --recipe: each message is answered.
    Req,
    /// To PAIR, with --recipe.
    Pair,
}

/// How an array is made into a message of ZeroMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecipeArg {
    /// JSON with dtype and shape, then the elements, as in the guide of pyzmq.
    Json,
    /// A pickle (send_pyobj, recv_pyobj); nothing in one that comes is run.
    Pyobj,
    /// As ndferry.to_frames makes it, with checksums.
    Frames,
}

impl RecipeArg {
    pub(crate) fn recipe(self) -> Recipe {
        match self {
            Self::Json => Recipe::Json,
            Self::Pyobj => Recipe::PyObj,
            Self::Frames => Recipe::Frames,
        }
    }
}

/// What becomes of a watcher that is too slow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LivePolicyArg {
    /// It misses frames; nobody waits for it.
    Newest,
    /// All wait for it.
    Every,
}

impl LivePolicyArg {
    pub(crate) fn policy(self) -> LivePolicy {
        match self {
            Self::Newest => LivePolicy::Newest,
            Self::Every => LivePolicy::Every,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(rate),
        _ => Err("expected a number of frames a second".to_owned()),
    }
}

/// What both sides must know.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// A file with the token that both sides prove to know; otherwise NDFERRY_TOKEN has it, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// How patient.
#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// Seconds after which a silent peer is given up.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

/// Options of `recv`.
#[derive(Args, Debug)]
pub(crate) struct RecvArgs {
    /// Where to listen: tcp://HOST:PORT (port 0 takes any free one), tls://HOST:PORT, unix:///PATH, shm:///PATH,
    /// shm://HOST:PORT, zmq+tcp://HOST:PORT, zmq+ipc:///PATH, or - for standard input.
    #[arg(long, value_name = "URL", default_value = "tcp://127.0.0.1:0")]
    pub(crate) listen: String,
    /// Takes messages of programs with ZeroMQ that know nothing of ndferry, one a file: from PUSH, PUB, REQ (answered with
    /// OK once it is stored), DEALER and PAIR.
    #[arg(long, conflicts_with_all = ["resume", "token_file", "new_token"])]
    pub(crate) recipe: Option<RecipeArg>,
    /// With --recipe: connects to a socket that was bound, such as a camera's PUB, instead of listening.
    #[arg(
        long,
        value_name = "URL",
        requires = "recipe",
        conflicts_with = "listen"
    )]
    pub(crate) connect: Option<String>,
    /// Watches what `send --live` sends from there, until it ends or Ctrl-C, instead of listening. Frames that did not come,
    /// because this side was too slow, are lost tiles of an .npb file.
    #[arg(long, value_name = "URL", conflicts_with_all = ["listen", "connect", "recipe", "resume", "count", "new_token", "insecure"])]
    pub(crate) live: Option<String>,
    /// With --live: ends after so many frames, those that did not come included.
    #[arg(long, value_name = "N", requires = "live", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frames: Option<u64>,
    /// Where to store it (.npb, .npy, .npz, .pkl; - is standard output), or a folder (it exists, or ends in /), in which each
    /// transfer becomes a file called as the sender calls it; received.npb, or the next free number, otherwise.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Its format: npy, npz, npb or pickle; told by OUT's extension otherwise, and npb in a folder.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<Format>,
    /// Replaces OUT, or files in the folder; bytes onto a terminal.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Keeps what has arrived in OUT.part if the transfer breaks off; the next run goes on with it.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Takes that many transfers, one after the other, or goes on until it is interrupted if it is 0. The second one goes to
    /// OUT-2.npb, and so on; those that fail are told and not counted.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// Makes a new token, and prints the sender's command line with it.
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) new_token: bool,
    /// Takes arrays from whoever reaches an address beyond this machine, without a token.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// The certificate of a tls:// address, a PEM file; otherwise one is made, which the sender's command line tells.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// What arrived as one JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}

/// Options of `pyro`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PyroCommand,
}

/// The verbs of `pyro`.
#[cfg(feature = "pyro")]
#[derive(Debug, Subcommand)]
pub(crate) enum PyroCommand {
    /// The names that a name server knows, or what an object has.
    List(PyroListArgs),
    /// Calls a method, and prints or stores what it gives.
    Call(PyroCallArgs),
    /// Prints or stores an attribute.
    Get(PyroGetArgs),
    /// Serves arrays as objects, until Ctrl-C; whoever reaches the port can read them.
    Serve(PyroServeArgs),
    /// Stores arrays that a program pushes: an object whose method it calls with them.
    Receive(PyroReceiveArgs),
    /// Keeps the names of objects, until Ctrl-C, for programs that look for a name server.
    Nameserver(PyroNameserverArgs),
}

/// How to talk to objects of Pyro.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroToArgs {
    /// How values go: serpent, json, marshal, msgpack, or, in Pyro4, pickle; what the other side takes otherwise.
    #[arg(long, value_name = "NAME")]
    pub(crate) serializer: Option<String>,
    /// Pyro4: the key that signs messages (_pyroHmacKey), in a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The UDP port at which everybody near is asked for a name server where none is said; 0 asks nobody.
    #[arg(long, value_name = "PORT", default_value = "9091")]
    pub(crate) broadcast: u16,
    /// Over TLS (Pyro's SSL): a PEM file of authorities, one of which must have signed the other side's certificate.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Over TLS (Pyro's SSL): the other side must have this certificate, sha256=…, whoever signed it.
    #[arg(long, value_name = "PIN")]
    pub(crate) tls_pin: Option<String>,
    #[command(flatten)]
    pub(crate) own: PyroTlsArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// Who this side is.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroTlsArgs {
    /// Over TLS: this side's certificate, a PEM file. Without it, who listens makes one, and who calls shows none.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// Who may call.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroCallersArgs {
    /// Over TLS: a PEM file of authorities, one of which must have signed a certificate that whoever calls shows
    /// (SSL_REQUIRECLIENTCERT).
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_client_ca: Option<PathBuf>,
}

/// Options of `pyro list`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroListArgs {
    /// An object (PYRO:name@host:port), or where the name server is: at localhost:9090, or else whichever near answers.
    #[arg(value_name = "URI|HOST:PORT")]
    pub(crate) place: Option<String>,
    #[command(flatten)]
    pub(crate) to: PyroToArgs,
}

/// Options of `pyro call`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroCallArgs {
    /// PYRO:name@host:port, PYRO:name@./u:socket, or PYRONAME:name[@host:port] for what a name server knows.
    #[arg(value_name = "URI")]
    pub(crate) uri: String,
    /// The method.
    #[arg(value_name = "METHOD")]
    pub(crate) method: String,
    /// Values as JSON, other texts as they are, arrays of files as @PATH[:MEMBER], each by position or as NAME=VALUE.
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
    /// Where arrays go (.npy, .npz, .npb, .pkl); - is standard output, as NPY. What is no array is printed.
    #[arg(short, long, value_name = "DST")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces DST.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Of an iterator, at most so many items.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) items: usize,
    #[command(flatten)]
    pub(crate) to: PyroToArgs,
}

/// Options of `pyro get`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroGetArgs {
    /// PYRO:name@host:port, PYRO:name@./u:socket, or PYRONAME:name[@host:port] for what a name server knows.
    #[arg(value_name = "URI")]
    pub(crate) uri: String,
    /// The attribute.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where an array goes (.npy, .npz, .npb, .pkl); - is standard output, as NPY.
    #[arg(short, long, value_name = "DST")]
    pub(crate) output: Option<PathBuf>,
    /// Replaces DST.
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) to: PyroToArgs,
}

/// Options of `pyro serve`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroServeArgs {
    /// Files with arrays, PATH:MEMBER, or folders, whose files are served as they are now.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// Where to listen: tcp://HOST:PORT (port 0 takes any free one), tls://HOST:PORT (Pyro's SSL), or unix:///PATH.
    #[arg(long, value_name = "URL", default_value = "tcp://127.0.0.1:0")]
    pub(crate) listen: String,
    /// What the object is called, or what the names of several begin with; the file's name otherwise, with the array's if
    /// there are several.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Tells this name server.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) register: Option<String>,
    /// Calls that name server over TLS (Pyro's SSL): a PEM file of authorities, one of which must have signed its certificate.
    #[arg(long, value_name = "FILE", requires = "register")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Calls that name server over TLS (Pyro's SSL): it must have this certificate, sha256=…, whoever signed it.
    #[arg(long, value_name = "PIN", requires = "register")]
    pub(crate) tls_pin: Option<String>,
    /// Pyro4: the key that signs messages (_pyroHmacKey), those to a name server too, in a file; Pyro5 is refused then.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) own: PyroTlsArgs,
    #[command(flatten)]
    pub(crate) callers: PyroCallersArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// Options of `pyro nameserver`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroNameserverArgs {
    /// Where to listen: tcp://HOST:PORT (port 0 takes any free one), or tls://HOST:PORT (Pyro's SSL).
    #[arg(long, value_name = "URL", default_value = "tcp://127.0.0.1:9090")]
    pub(crate) listen: String,
    /// Answers those who ask everybody near for a name server, at this UDP port: programs of Pyro ask at 9091.
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "9091"
    )]
    pub(crate) broadcast: Option<u16>,
    /// Pyro4: the key that signs messages (_pyroHmacKey), in a file; Pyro5 is refused then.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) own: PyroTlsArgs,
    #[command(flatten)]
    pub(crate) callers: PyroCallersArgs,
}

/// Options of `pyro receive`.
#[cfg(feature = "pyro")]
#[derive(Args, Debug)]
pub(crate) struct PyroReceiveArgs {
    /// Where arrays go (.npy, .npz, .npb, .pkl); the second ones into DST-2 and so on. - is standard output, as NPY.
    #[arg(short, long, value_name = "DST")]
    pub(crate) output: PathBuf,
    /// Replaces DST.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Ends after so many calls with arrays; 0 goes on until Ctrl-C.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) count: u64,
    /// The methods that may be called with arrays; any number of them.
    #[arg(long = "method", value_name = "NAME", default_value = "receiveData")]
    pub(crate) methods: Vec<String>,
    /// Where to listen: tcp://HOST:PORT (port 0 takes any free one), tls://HOST:PORT (Pyro's SSL), or unix:///PATH.
    #[arg(long, value_name = "URL", default_value = "tcp://127.0.0.1:0")]
    pub(crate) listen: String,
    /// What the object is called.
    #[arg(long, value_name = "NAME", default_value = "receiver")]
    pub(crate) name: String,
    /// An object that is told where to push: a camera of python-microscope, for instance.
    #[arg(long, value_name = "URI")]
    pub(crate) client_of: Option<String>,
    /// Its method that is called with our address, and in the end with None.
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "set_client",
        requires = "client_of"
    )]
    pub(crate) by: String,
    /// Its method that is called before each array.
    #[arg(long, value_name = "METHOD", requires = "client_of")]
    pub(crate) trigger: Option<String>,
    #[command(flatten)]
    pub(crate) callers: PyroCallersArgs,
    #[command(flatten)]
    pub(crate) to: PyroToArgs,
}

/// Options of `imagej`.
#[derive(Args, Debug)]
pub(crate) struct ImagejArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ImagejCommand,
}

/// The verbs of `imagej`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImagejCommand {
    /// Shows arrays as images.
    Push(ImagejPushArgs),
    /// Writes an image's pixels as an array.
    Pull(ImagejPullArgs),
    /// The images that are open; * is the current one.
    List(ImagejListArgs),
    /// Whether an ImageJ answers, its version and memory, and a dialog that is open in it.
    Status(ImagejListArgs),
    /// Runs a macro; whoever uses that ImageJ is asked before the first one.
    Macro(ImagejMacroArgs),
    /// Puts the plugin into the folder of an ImageJ or Fiji, and has its server start with it.
    Install(ImagejInstallArgs),
}

/// Which ImageJ.
#[derive(Args, Debug)]
pub(crate) struct ImagejToArgs {
    /// Where it listens (the end of an SSH tunnel); of this user's the one that was started last otherwise.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// Options of `imagej push`.
#[derive(Args, Debug)]
pub(crate) struct ImagejPushArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Of the window; the name of the file or array otherwise.
    #[arg(long, value_name = "TITLE")]
    pub(crate) title: Option<String>,
    /// A letter for each axis: T (time), Z (slices), C (channels), Y, X, S (samples of RGB), in any order.
    #[arg(long, value_name = "AXES")]
    pub(crate) axes: Option<String>,
    /// Of planes, rows and columns (Z,Y,X), or of rows and columns.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub(crate) spacing: Vec<f64>,
    /// Of the spacing, for instance um.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
    /// The colours of each channel, for instance Green,Magenta.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) lut: Vec<String>,
    /// The darkest and the lightest value.
    #[arg(long, value_name = "MIN,MAX", allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
    /// Rounds numbers to ImageJ's 32-bit floats.
    #[arg(long)]
    pub(crate) cast: bool,
    #[command(flatten)]
    pub(crate) to: ImagejToArgs,
}

/// Options of `imagej pull`.
#[derive(Args, Debug)]
pub(crate) struct ImagejPullArgs {
    /// Its title, or its number in the list; the current image otherwise.
    #[arg(value_name = "IMAGE", allow_negative_numbers = true)]
    pub(crate) image: Option<String>,
    /// The current image, as it is without a name.
    #[arg(long, conflicts_with = "image")]
    pub(crate) active: bool,
    /// The new file (.npy, .npz, .npb, .pkl); NPB keeps axes, calibration, colours and regions too.
    #[arg(short, long, value_name = "DST")]
    pub(crate) output: PathBuf,
    /// Replaces DST.
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) to: ImagejToArgs,
}

/// Options of `imagej list` and `imagej status`.
#[derive(Args, Debug)]
pub(crate) struct ImagejListArgs {
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) to: ImagejToArgs,
}

/// Options of `imagej macro`.
#[derive(Args, Debug)]
pub(crate) struct ImagejMacroArgs {
    /// A file with the macro; - is standard input.
    #[arg(value_name = "FILE", required_unless_present = "code")]
    pub(crate) file: Option<PathBuf>,
    /// The macro itself.
    #[arg(short = 'e', long, value_name = "CODE", conflicts_with = "file")]
    pub(crate) code: Option<String>,
    /// What the macro's getArgument() gives.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) argument: String,
    /// Seconds after which a macro that has not ended is stopped.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) patience: Duration,
    #[command(flatten)]
    pub(crate) to: ImagejToArgs,
}

/// Options of `imagej install`.
#[derive(Args, Debug)]
pub(crate) struct ImagejInstallArgs {
    /// The folder of ImageJ or Fiji.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The plugin; the one that came with this command otherwise.
    #[arg(long, value_name = "FILE")]
    pub(crate) jar: Option<PathBuf>,
    /// Leaves it to the user to start the server from the menu.
    #[arg(long)]
    pub(crate) no_autostart: bool,
}

/// Options of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Which NumPy pickled the stack.
    #[arg(long, value_name = "WRITER", default_value = "numpy2")]
    pub(crate) stack: Stack,
    /// Which plane to read back.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) plane: usize,
    /// Where the receiver listens: whatever `recv --listen` takes, but standard input.
    #[arg(long, value_name = "URL", default_value = "tcp://127.0.0.1:0")]
    pub(crate) listen: String,
    /// Keeps the files in this folder, which must not exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
}

/// The writers of the demo's stack.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stack {
    /// Python 2.7 with NumPy 1.16.
    Python2,
    /// NumPy 1.26.
    Numpy1,
    /// NumPy 2.
    Numpy2,
}

/// A time to do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// Wherever it goes.
    Always,
    /// Not at all.
    Never,
}

impl When {
    /// Sets the colours of the whole program.
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Stands before a `-:MEMBER`, which would be taken for options otherwise; no argument can hold it.
const NO_OPTION: &str = "\0";

/// A source's address, in whatever bytes the system has for file names.
fn source() -> impl TypedValueParser<Value = OsString> {
    let without_mark = |text: OsString| match text.to_str() {
        Some(text) => text.strip_prefix(NO_OPTION).unwrap_or(text).into(),
        None => text,
    };
    OsStringValueParser::new().map(without_mark)
}

fn dtype(text: &str) -> Result<Dtype, String> {
    Dtype::parse(text).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected more than 0 seconds".to_owned()),
    }
}

/// `ndferry FILE` means `ndferry info FILE`: the verb is put in where the first word is none. `-:MEMBER` is no option.
pub(crate) fn with_verb(mut args: Vec<OsString>) -> Vec<OsString> {
    for arg in &mut args {
        if let Some(text) = arg.to_str().filter(|text| text.starts_with("-:")) {
            *arg = format!("{NO_OPTION}{text}").into();
        }
    }
    let command = Cli::command();
    let is_verb = |word: &str| {
        let verbs = command.get_subcommands();
        word == "help"
            || verbs.into_iter().any(|verb| {
                verb.get_name() == word || verb.get_all_aliases().any(|alias| alias == word)
            })
    };
    let takes_value = |word: &str| {
        let is_limit = word.starts_with("--limit-") && !word.contains('=');
        is_limit || matches!(word, "--color" | "--progress" | "--array-order")
    };
    let mut at = 1;
    while let Some(word) = args.get(at).and_then(|arg| arg.to_str()) {
        if word == "--" || !word.starts_with('-') || word == "-" {
            break;
        }
        if matches!(word, "-h" | "--help" | "-V" | "--version") {
            return args;
        }
        at += if takes_value(word) { 2 } else { 1 };
    }
    match args.get(at) {
        Some(word) if !word.to_str().is_some_and(is_verb) => args.insert(1, "info".into()),
        None if args.len() > 1 => args.insert(1, "info".into()),
        _ => {}
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: &[&str]) -> Vec<String> {
        let args = std::iter::once("ndferry").chain(args.iter().copied());
        let args = with_verb(args.map(OsString::from).collect());
        args.into_iter()
            .skip(1)
            .map(|arg| arg.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_array_of_standard_input_is_no_option() {
        let args = ["ndferry", "show", "-:big", "-s", "0"].map(OsString::from);
        let Command::Show(show) = Cli::parse_from(with_verb(args.to_vec())).command else {
            panic!("another verb");
        };
        assert_eq!(show.source.source, "-:big");
    }

    #[test]
    fn a_file_alone_is_asked_for_its_contents() {
        assert_eq!(words(&["a.npy"]), ["info", "a.npy"]);
        assert_eq!(words(&["--json", "a.npy"]), ["info", "--json", "a.npy"]);
        assert_eq!(
            words(&["--color", "never", "show", "a.npy"]),
            ["--color", "never", "show", "a.npy"]
        );
        assert_eq!(words(&["-"]), ["info", "-"]);
        assert_eq!(words(&["ls", "x"]), ["ls", "x"]);
        assert_eq!(words(&["-:x"]), ["info", "\0-:x"]);
        assert_eq!(words(&["help", "show"]), ["help", "show"]);
        assert_eq!(words(&["--version"]), ["--version"]);
        assert!(words(&[]).is_empty());
    }
}
