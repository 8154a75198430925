//! [`Error`]: what went wrong, in which file, member and byte.

use std::fmt;
use std::path::PathBuf;

/// Short for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong ([`Self::kind`]) and where: source, member and byte, as far as they are known.
///
/// Prints as `PATH:MEMBER: byte N: what`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    source_name: Option<String>,
    member: Option<String>,
    offset: Option<u64>,
}

/// Whose fault it is; decides exit codes and exception classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// These bytes are wrong.
    Malformed,
    /// The bytes may be right, but ndferry does not read or write such things (yet).
    Unsupported,
    /// A pickle refers to code that the policy does not pass.
    Unsafe,
    /// The peer broke the protocol, refused, or fell silent.
    Protocol,
    /// A claim beyond a [`crate::Limits`] value.
    Limit,
    /// ndferry was called wrongly: no such member, an index out of bounds, an output that exists.
    Usage,
    /// The operating system failed.
    System,
    /// [`crate::Interrupt`] was set.
    Interrupted,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first bytes belong to no format that ndferry reads.
    #[error("not a file of arrays: it starts with {}", Hex(.head))]
    UnknownFormat {
        /// The first bytes.
        head: Vec<u8>,
    },
    /// A file without a byte in it.
    #[error("the file is empty")]
    Empty,
    /// It ends before it should.
    #[error("{needed} bytes are needed here, {found} are left")]
    Truncated {
        /// Bytes that should be here.
        needed: u64,
        /// Bytes that are.
        found: u64,
    },
    /// Bytes behind an array that was to get longer.
    #[error("{nbytes} bytes stand behind the array")]
    Trailing {
        /// How many.
        nbytes: u64,
    },
    /// Instead of an object, the pickle has a name for it.
    #[error(
        "it is what the persistent id {id} stands for, which only the program that wrote the pickle knows"
    )]
    PersistentId {
        /// The name, as Python spells it.
        id: String,
    },
    /// No array of that name.
    #[error("no array {wanted:?} in it")]
    NoMember {
        /// The path asked for.
        wanted: String,
        /// What there is, at most a few.
        present: Vec<String>,
    },
    /// Several arrays, and none was named.
    #[error("it holds {count} arrays: name one of them")]
    SeveralArrays {
        /// How many.
        count: usize,
        /// Some of their paths.
        present: Vec<String>,
    },
    /// A file that holds no array at all.
    #[error("it holds no array")]
    NoArrays,
    /// The output is there already.
    #[error("it exists already")]
    Exists,
    /// An output name whose extension says nothing.
    #[error(
        "cannot tell the format from the name: expected .npy, .npz, .npb, .pkl, .zarr, .tif or .png"
    )]
    UnknownExtension,
    /// Something that this format cannot hold, or ndferry cannot write (yet).
    #[error("{what} cannot be written as {format}")]
    CannotWrite {
        /// What it was.
        what: String,
        /// Where it should go.
        format: crate::Format,
    },
    /// Several arrays for a format that holds one.
    #[error("{format} holds one array, not {count}")]
    OneOnly {
        /// How many.
        count: usize,
        /// Some of their paths.
        present: Vec<String>,
        /// Where they should go.
        format: crate::Format,
    },
    /// An option that says nothing about this format.
    #[error("{option} does not apply to {format}")]
    Pointless {
        /// Its name.
        option: &'static str,
        /// What is written.
        format: crate::Format,
    },
    /// Elements that are no pixels.
    #[error("pixels of dtype {dtype} cannot be written as {format}")]
    NoPixels {
        /// Their dtype.
        dtype: String,
        /// Where they should go.
        format: crate::Format,
    },
    /// Axes that are no picture, or no stack of them.
    #[error("shape {shape:?} is not {}", picture(.format))]
    NoPicture {
        /// All extents.
        shape: Vec<usize>,
        /// Where it should go.
        format: crate::Format,
    },
    /// A format that this build leaves out.
    #[error("this build of ndferry does not include {what}")]
    NotBuilt {
        /// The feature.
        what: &'static str,
    },
    /// A Zarr store that is not one.
    #[error("{problem}")]
    Zarr {
        /// What is wrong.
        problem: String,
    },
    /// Something readable in principle.
    #[error("{what} is not supported")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// Python objects where bytes were asked for.
    #[error("it holds Python objects, not numbers")]
    Objects,
    /// Python objects among arrays that could be taken.
    #[error("it holds Python objects, not numbers")]
    ObjectsAmong {
        /// Some of the paths of those arrays.
        others: Vec<String>,
    },
    /// More than its arrays and their names, which alone can be written.
    #[error(
        "it is more than one array, or a list or dict of arrays, and its elements cannot be changed in a pickle"
    )]
    HoldsMore,
    /// A codec that does not exist.
    #[error(
        "{text:?} is not a codec: expected none, lz4, zstd[:LEVEL], deflate[:LEVEL], pco or auto"
    )]
    CodecText {
        /// As given.
        text: String,
    },
    /// A filter that does not exist.
    #[error("{text:?} is not a filter: expected none, shuffle, bitshuffle or delta")]
    FilterText {
        /// As given.
        text: String,
    },
    /// A percentile that does not exist.
    #[error("percentile {value} is not between 0 and 100")]
    Percentile {
        /// As given.
        value: f64,
    },
    /// An axis that the array does not have.
    #[error("axis {axis} is out of bounds for an array of {ndim} axes")]
    Axis {
        /// As given.
        axis: isize,
        /// How many there are.
        ndim: usize,
    },
    /// [`crate::Interrupt`] was set.
    #[error("interrupted")]
    Interrupted,
    /// What an NPY or NPZ file holds is not what it should be.
    #[error("{0}")]
    Npy(ndferry_npy::ErrorKind),
    /// What a pickle holds is not what it should be.
    #[error("{0}")]
    Pickle(ndferry_pickle::ErrorKind),
    /// What an NPB file or a peer says is not what it should be.
    #[cfg(feature = "npb")]
    #[error("{0}")]
    Npb(ndferry_npb::ErrorKind),
    /// From a file, a socket or a pipe.
    #[error("{0}")]
    Outside(ndferry_io::Error),
    /// A tile that is not in the file.
    #[error("tile {number} [{region}] is not in the file")]
    MissingTile {
        /// Its number.
        number: u64,
        /// What it holds, as an index over stored axes.
        region: String,
    },
    /// Several tiles, one after another, that are not in the file.
    #[error("tiles {first} to {last} [{first_region}] to [{last_region}] are not in the file")]
    MissingTiles {
        /// The first one's number.
        first: u64,
        /// The last one's.
        last: u64,
        /// What the first one holds, as an index over stored axes.
        first_region: String,
        /// What the last one holds.
        last_region: String,
    },
    /// A tile that cannot be used.
    #[error("tile {number} [{region}] is damaged: {problem}")]
    DamagedTile {
        /// Its number.
        number: u64,
        /// What it holds, as an index over stored axes.
        region: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An NPB file whose end, with the index and the list of arrays, is not there or damaged.
    #[error("the file is cut off or damaged ({problem}): there may have been more in it")]
    Incomplete {
        /// What is wrong with its index.
        problem: String,
    },
    /// An NPB file of several arrays without its list of them.
    #[error(
        "the list of arrays is not there: arrays that stood behind the last whole one are lost"
    )]
    NoCatalog,
    /// An array that the list of an NPB file names, and that is not in the file.
    #[error("array {name:?} is lost")]
    LostArray {
        /// Its name.
        name: String,
    },
    /// An NPB header that contradicts its manifest.
    #[error("the NPY header and the manifest disagree about the {what}")]
    Disagree {
        /// What they disagree about.
        what: &'static str,
    },
    /// Elements that the array cannot take.
    #[error("{expected} is needed here, not {found}")]
    Misfit {
        /// What the array takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An array of which the header blocks are gone.
    #[error("an array without its header: what its elements are is not known any more")]
    NoHeader,
    /// A file of another kind where a part of a transfer should be.
    #[error("it is not what a transfer that broke off leaves")]
    NotPart,
    /// The part of a transfer that broke off, and a sender of something else.
    #[error(
        "it holds a part of another source, of this one before it changed, or of one that is not resumed"
    )]
    AnotherSource,
    /// A source that is not what it was when it began to be sent.
    #[error("it has changed while it was sent")]
    Changed,
    /// Attributes that are not one JSON object.
    #[error("attributes: {problem}")]
    Attributes {
        /// What is wrong.
        problem: String,
    },
    /// The other side refused, and said why.
    #[error("the other side refused: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
    /// The two sides do not know the same token.
    #[error("{0}")]
    Token(TokenProblem),
    /// One side is about a live stream, the other one is not.
    #[error("the other side {}", if *.watches { "watches, and here arrays are received" } else { "does not send a live stream" })]
    Direction {
        /// Whether the other side speaks of a live stream.
        watches: bool,
    },
    /// Bytes that are no token.
    #[error("a token has 1 to 4096 bytes, these are {nbytes}")]
    TokenText {
        /// How many there are.
        nbytes: usize,
    },
    /// An address that others reach, and no token to tell them by.
    #[error("whoever reaches this address could connect: it needs a token")]
    Open,
    /// The peer ended the transfer in the middle.
    #[error("the peer ended the transfer before {expected}")]
    BrokenOff {
        /// What should have come.
        expected: &'static str,
    },
    /// A message of others that is not made as it was said to be.
    #[error("not a message of the recipe {recipe}: {problem}")]
    Recipe {
        /// How it should be made.
        recipe: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The peer sent what cannot come here.
    #[error("the peer sent {found} instead of {expected}")]
    WrongMessage {
        /// What came.
        found: &'static str,
        /// What should have come.
        expected: &'static str,
    },
    /// A claim beyond a limit.
    #[error("{what}: {found} is more than the limit of {limit}")]
    Limit {
        /// What was claimed.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// About a dtype, a shape or an index.
    #[error(transparent)]
    Array(#[from] ndferry_array::Error),
    /// From the operating system.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl ErrorKind {
    /// At this byte of its source.
    pub fn at(self, offset: u64) -> Error {
        let mut error = Error::from(self);
        error.0.offset = Some(offset);
        error
    }

    fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownFormat { .. }
            | Self::Empty
            | Self::Truncated { .. }
            | Self::Disagree { .. }
            | Self::Incomplete { .. }
            | Self::NoCatalog
            | Self::LostArray { .. }
            | Self::NoHeader
            | Self::Attributes { .. }
            | Self::Zarr { .. }
            | Self::MissingTile { .. }
            | Self::MissingTiles { .. }
            | Self::DamagedTile { .. } => ErrorClass::Malformed,
            Self::Npy(kind) => npy_class(kind),
            Self::Pickle(kind) => pickle_class(kind),
            #[cfg(feature = "npb")]
            Self::Npb(kind) => npb_class(kind),
            Self::Outside(error) => outside_class(error),
            Self::Refused { .. }
            | Self::BrokenOff { .. }
            | Self::Recipe { .. }
            | Self::WrongMessage { .. }
            | Self::Direction { .. }
            | Self::Token(_) => ErrorClass::Protocol,
            Self::Changed => ErrorClass::System,
            Self::Limit { .. } => ErrorClass::Limit,
            Self::CannotWrite { .. }
            | Self::NotBuilt { .. }
            | Self::OneOnly { .. }
            | Self::NoPixels { .. }
            | Self::NoPicture { .. }
            | Self::Unsupported { .. }
            | Self::ObjectsAmong { .. }
            | Self::HoldsMore
            | Self::PersistentId { .. }
            | Self::Objects => ErrorClass::Unsupported,
            Self::NoMember { .. }
            | Self::SeveralArrays { .. }
            | Self::NoArrays
            | Self::Exists
            | Self::NotPart
            | Self::TokenText { .. }
            | Self::Open
            | Self::AnotherSource
            | Self::Pointless { .. }
            | Self::UnknownExtension
            | Self::CodecText { .. }
            | Self::FilterText { .. }
            | Self::Percentile { .. }
            | Self::Trailing { .. }
            | Self::Axis { .. }
            | Self::Misfit { .. }
            | Self::Array(_) => ErrorClass::Usage,
            Self::Interrupted => ErrorClass::Interrupted,
            Self::System(_) => ErrorClass::System,
        }
    }
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whose fault it is.
    pub fn class(&self) -> ErrorClass {
        self.0.kind.class()
    }

    /// The file or address, as it was given.
    pub fn source_name(&self) -> Option<&str> {
        self.0.source_name.as_deref()
    }

    /// The array in it.
    pub fn member(&self) -> Option<&str> {
        self.0.member.as_deref()
    }

    /// Bytes from the start of the file (of the member, if it is deflated).
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// What the user might do about it, in words.
    pub fn hint(&self) -> Option<String> {
        match &self.0.kind {
            ErrorKind::UnknownFormat { head } => {
                crate::foreign(head).map(|words| format!("that is {words}"))
            }
            ErrorKind::NoMember { present, .. } if matches!(&present[..], [only] if only.is_empty()) => {
                Some("its only array has no name: leave out what follows the colon".to_owned())
            }
            ErrorKind::NoMember { present, .. } | ErrorKind::SeveralArrays { present, .. }
                if !present.is_empty() =>
            {
                Some(format!("there is {}", names(present)))
            }
            ErrorKind::OneOnly { present, .. } => {
                Some(format!("name one of them after a colon: {}", names(present)))
            }
            ErrorKind::ObjectsAmong { others } => Some(format!(
                "name one of the others after a colon: {}",
                names(others)
            )),
            ErrorKind::HoldsMore => {
                Some("write its arrays to an .npz, or name one of them after a colon".to_owned())
            }
            ErrorKind::NoPixels { format, .. } => Some(pixels_hint(*format).to_owned()),
            ErrorKind::NoPicture { .. } => {
                Some("-s chooses a part, for instance -s 0".to_owned())
            }
            ErrorKind::Trailing { .. } => Some("-f writes over them".to_owned()),
            ErrorKind::NotPart | ErrorKind::AnotherSource => Some(
                "the sender needs --resume too, and what it had the first time; to begin anew remove it, or receive under another name".to_owned(),
            ),
            #[cfg(feature = "http")]
            ErrorKind::Outside(ndferry_io::Error::Http(ndferry_io::HttpProblem::NoRanges)) => {
                Some("fetch it whole: `curl URL | ndferry info -`".to_owned())
            }
            #[cfg(feature = "tls")]
            ErrorKind::Outside(ndferry_io::Error::Tls(problem)) => {
                tls_hint(problem).map(str::to_owned)
            }
            ErrorKind::Outside(ndferry_io::Error::SpeaksTls) => {
                Some("then its address begins with tls://".to_owned())
            }
            ErrorKind::Token(_) => Some(
                "both sides need the same one, in NDFERRY_TOKEN or by --token-file".to_owned(),
            ),
            ErrorKind::Open => Some(
                "set NDFERRY_TOKEN, or --token-file F (`recv` has --new-token); --insecure lets everybody in"
                    .to_owned(),
            ),
            ErrorKind::Exists => Some("-f replaces it".to_owned()),
            ErrorKind::Incomplete { .. } => Some(
                "`ndferry repair` writes a new file of what is whole; `ndferry show -s` reads parts"
                    .to_owned(),
            ),
            ErrorKind::Array(ndferry_array::Error::CannotCast {
                casting: Some(_), ..
            }) => Some("--casting unsafe allows it".to_owned()),
            _ => None,
        }
    }

    /// Takes in what another error says, if both are about missing tiles of one array that follow each other.
    pub(crate) fn extend_missing(&mut self, other: &Self) -> bool {
        let ErrorKind::MissingTile { number, region } = &other.0.kind else {
            return false;
        };
        let (first, last, first_region) = match &self.0.kind {
            ErrorKind::MissingTile { number, region } => (*number, *number, region.clone()),
            ErrorKind::MissingTiles {
                first,
                last,
                first_region,
                ..
            } => (*first, *last, first_region.clone()),
            _ => return false,
        };
        if self.0.member != other.0.member || last.checked_add(1) != Some(*number) {
            return false;
        }
        self.0.kind = ErrorKind::MissingTiles {
            first,
            last: *number,
            first_region,
            last_region: region.clone(),
        };
        true
    }

    /// With the source's name, unless it has one. Bytes in memory have an empty name, which is none.
    #[must_use]
    pub fn in_source(mut self, name: &str) -> Self {
        if !name.is_empty() {
            let name = crate::remote::public(name);
            self.0.source_name.get_or_insert_with(|| name.into_owned());
        }
        self
    }

    /// With the source's path, unless it has one.
    #[must_use]
    pub fn in_path(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.in_source(&path.display().to_string())
    }

    /// With the member's path, unless it has one.
    #[must_use]
    pub fn in_member(mut self, member: &str) -> Self {
        if !member.is_empty() {
            self.0.member.get_or_insert_with(|| member.to_owned());
        }
        self
    }
}

/// What is wrong between two sides of which one or both have a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenProblem {
    /// This side has none.
    #[error("the other side asks for a token")]
    Needed,
    /// The other side has none.
    #[error("the other side has no token, this side does")]
    Missing,
    /// The other side has another one.
    #[error("the token is not the other side's")]
    Wrong,
}

/// How many names a hint lists.
const LISTED: usize = 8;

/// The first few names, and whether there are more.
fn names(present: &[String]) -> String {
    let name = |name: &String| match &**name {
        "" => "\"\"".to_owned(),
        name => Plain(name).to_string(),
    };
    let mut names: Vec<String> = present.iter().take(LISTED).map(name).collect();
    if present.len() > LISTED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// What an image file holds.
fn picture(format: &crate::Format) -> &'static str {
    match format {
        crate::Format::Tiff => {
            "a picture of rows and columns, a stack of them, or either with 3 or 4 colours in its last axis"
        }
        _ => "a picture of rows and columns, perhaps with 3 or 4 colours in its last axis",
    }
}

fn pixels_hint(format: crate::Format) -> &'static str {
    match format {
        crate::Format::Tiff => "--dtype f4 (or u2, u1) makes pixels of them",
        _ => {
            "--dtype u1 or u2 makes pixels of them; `ndferry view --png` scales them into a picture"
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            source_name,
            member,
            offset,
        } = &*self.0;
        match (source_name, member) {
            (Some(source), Some(member)) => write!(f, "{}:{}: ", Plain(source), Plain(member))?,
            (Some(name), None) | (None, Some(name)) => write!(f, "{}: ", Plain(name))?,
            (None, None) => {}
        }
        if let Some(offset) = offset {
            write!(f, "byte {offset}: ")?;
        }
        write!(f, "{kind}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        let kind = kind.into();
        Self(Box::new(Inner {
            kind,
            source_name: None,
            member: None,
            offset: None,
        }))
    }
}

fn npy_class(kind: &ndferry_npy::ErrorKind) -> ErrorClass {
    use ndferry_npy::ErrorKind as Npy;
    match kind {
        Npy::Member { kind, .. } => npy_class(kind),
        Npy::HeaderTooLong { .. } | Npy::TooMuchData { .. } => ErrorClass::Limit,
        Npy::Method { .. } | Npy::Encrypted | Npy::Objects | Npy::NoRoom { .. } => {
            ErrorClass::Unsupported
        }
        Npy::Io(_) => ErrorClass::System,
        _ => ErrorClass::Malformed,
    }
}

fn pickle_class(kind: &ndferry_pickle::ErrorKind) -> ErrorClass {
    use ndferry_pickle::ErrorKind as Pickle;
    match kind {
        Pickle::Limit { .. } => ErrorClass::Limit,
        Pickle::Unsupported { .. } | Pickle::NoBuffer { .. } | Pickle::NotInNumpy { .. } => {
            ErrorClass::Unsupported
        }
        Pickle::Io(_) => ErrorClass::System,
        _ => ErrorClass::Malformed,
    }
}

#[cfg(feature = "npb")]
fn npb_class(kind: &ndferry_npb::ErrorKind) -> ErrorClass {
    use ndferry_npb::ErrorKind as Npb;
    match kind {
        Npb::TooLarge { .. } => ErrorClass::Limit,
        Npb::NoCodec { .. } | Npb::NoFilter { .. } | Npb::Version { .. } => ErrorClass::Unsupported,
        _ => ErrorClass::Malformed,
    }
}

fn outside_class(error: &ndferry_io::Error) -> ErrorClass {
    use ndferry_io::Error as Outside;
    match error {
        Outside::Closed { .. } | Outside::Silent(_) | Outside::Frame(_) | Outside::SpeaksTls => {
            ErrorClass::Protocol
        }
        #[cfg(feature = "tls")]
        Outside::Tls(problem) => tls_class(problem),
        #[cfg(feature = "zmq")]
        Outside::Zmq(_) => ErrorClass::Protocol,
        Outside::Interrupted => ErrorClass::Interrupted,
        Outside::TooShort { .. } => ErrorClass::Malformed,
        Outside::Exists(_) | Outside::Url { .. } | Outside::Pin { .. } => ErrorClass::Usage,
        Outside::NotBuilt { .. } => ErrorClass::Unsupported,
        _ => ErrorClass::System,
    }
}

#[cfg(feature = "tls")]
fn tls_class(problem: &ndferry_io::TlsProblem) -> ErrorClass {
    use ndferry_io::TlsProblem as Tls;
    match problem {
        Tls::Unreadable { .. } => ErrorClass::System,
        Tls::TwoPins
        | Tls::NoCertificate(_)
        | Tls::NoKey(_)
        | Tls::BadCertificate { .. }
        | Tls::BadKey { .. } => ErrorClass::Usage,
        _ => ErrorClass::Protocol,
    }
}

#[cfg(feature = "tls")]
fn tls_hint(problem: &ndferry_io::TlsProblem) -> Option<&'static str> {
    use ndferry_io::TlsProblem as Tls;
    match problem {
        Tls::Authority { .. } => Some(
            "give the address as `ndferry recv` says it, with #sha256=…, or name the authority by --tls-ca",
        ),
        Tls::Pin { .. } => Some(
            "`ndferry recv` has a new certificate each time that it starts: take the address that it says now",
        ),
        Tls::NotTls | Tls::HungUp => {
            Some("perhaps it listens without TLS: its address then begins with tcp://")
        }
        Tls::Host => Some("a pin (#sha256=…) does not ask for whom the certificate is"),
        _ => None,
    }
}

/// From the crate of NPY files.
pub(crate) fn npy(error: ndferry_npy::Error) -> Error {
    match error.kind {
        ndferry_npy::ErrorKind::Member { name, kind } => {
            let member = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
            ErrorKind::Npy(*kind).at(error.offset).in_member(&member)
        }
        ndferry_npy::ErrorKind::Array(kind) => ErrorKind::Npy(kind.into()).at(error.offset),
        ndferry_npy::ErrorKind::Io(error) => from_io(error),
        kind => ErrorKind::Npy(kind).at(error.offset),
    }
}

/// From the crate of pickles.
pub(crate) fn pickle(error: ndferry_pickle::Error) -> Error {
    match error.kind {
        ndferry_pickle::ErrorKind::Io(error) => from_io(error),
        kind => ErrorKind::Pickle(kind).at(error.offset),
    }
}

/// From the crate of NPB messages.
#[cfg(feature = "npb")]
pub(crate) fn npb(error: ndferry_npb::Error) -> Error {
    ErrorKind::Npb(error.kind).at(error.offset)
}

/// From the crate of files and sockets.
pub(crate) fn outside(error: ndferry_io::Error) -> Error {
    match error {
        ndferry_io::Error::System(error) => from_io(error),
        ndferry_io::Error::Interrupted => ErrorKind::Interrupted.into(),
        ndferry_io::Error::Exists(path) => Error::from(ErrorKind::Exists).in_path(path),
        other => ErrorKind::Outside(other).into(),
    }
}

/// An error that went through a [`std::io::Read`] comes out as what it was.
pub(crate) fn from_io(error: std::io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours,
        Err(other) => other,
    };
    let error = match error.downcast::<ndferry_npy::Error>() {
        Ok(theirs) => return npy(theirs),
        Err(other) => other,
    };
    match error.downcast::<ndferry_io::Error>() {
        Ok(theirs) => outside(theirs),
        Err(system) => ErrorKind::System(system).into(),
    }
}

/// The other way round.
pub(crate) fn to_io(error: Error) -> std::io::Error {
    std::io::Error::other(error)
}

/// A name from outside on a terminal: control characters escaped.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// A few bytes in hexadecimal.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().take(8).enumerate() {
            let space = if i > 0 { " " } else { "" };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_source_member_and_byte() {
        let head = b"II*\0 and more".to_vec();
        let error = ErrorKind::UnknownFormat { head }
            .at(0)
            .in_source("a\x1b.npy")
            .in_member("w");
        assert_eq!(
            error.to_string(),
            "a\\u{1b}.npy:w: byte 0: not a file of arrays: it starts with 49 49 2a 00 20 61 6e 64"
        );
        assert_eq!(error.class(), ErrorClass::Malformed);
        assert!(error.hint().is_some_and(|hint| hint.contains("TIFF")));
    }

    #[test]
    fn the_innermost_place_wins() {
        let error = Error::from(ErrorKind::NoArrays)
            .in_source("inner")
            .in_source("outer");
        assert_eq!(error.source_name(), Some("inner"));
    }
}
