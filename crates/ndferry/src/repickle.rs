//! [`repickle`]: a file with pickles in it, for the other NumPy.

mod archive;

use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ndferry_io::AtomicFile;
use ndferry_pickle::{Era, Numpy, ReadAt, TreeWriter, WriteOptions};

use crate::error::{from_io, outside, pickle, to_io};
use crate::input::Input;
use crate::npz_file::temporary_file;
use crate::pickle_file::Pickled;
use crate::wrapping::Wrapping;
use crate::{ErrorKind, Format, Interrupt, OpenOptions, Progress, Result, sniff, source_name};

/// How to rewrite pickles.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RepickleOptions {
    /// Limits and interrupt.
    pub open: OpenOptions,
    /// Replaces an output that exists; the file itself may be the output.
    pub overwrite: bool,
    /// The protocol to write, 0 to 5; each pickle's own if not given, opcode by opcode. For another one, all values of a
    /// pickle are held in memory apart from large arrays.
    pub protocol: Option<u8>,
}

/// What was rewritten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repickled {
    /// Pickles altogether.
    pub pickles: u64,
    /// Names of NumPy's modules, classes and functions that are called otherwise.
    pub globals: u64,
    /// Arrays whose axes were in an order that only NumPy from 2.3 on understands.
    pub arrays: u64,
    /// Dtypes whose state the other NumPy refuses: aligned structs, times.
    pub dtypes: u64,
    /// Random generators and their states.
    pub generators: u64,
    /// The protocol in which they were written anew.
    pub protocol: Option<u8>,
    /// Names in NumPy's private parts of which it is not known what they are called there: left as they are.
    pub unknown: Vec<String>,
    /// Bytes of the new file.
    pub file_nbytes: u64,
}

impl Repickled {
    /// Whether anything is different.
    pub fn is_changed(&self) -> bool {
        self.globals + self.arrays + self.dtypes + self.generators > 0 || self.protocol.is_some()
    }

    /// Adds what was changed in another part of the file.
    fn merge(&mut self, other: Self) {
        self.pickles += other.pickles;
        self.globals += other.globals;
        self.arrays += other.arrays;
        self.dtypes += other.dtypes;
        self.generators += other.generators;
        self.protocol = self.protocol.or(other.protocol);
        self.unknown.extend(other.unknown);
        self.unknown.sort();
        self.unknown.dedup();
    }

    fn add(&mut self, other: &ndferry_pickle::Repickled) {
        self.pickles += other.pickles;
        self.globals += other.globals;
        self.arrays += other.arrays;
        self.dtypes += other.dtypes;
        self.generators += other.generators;
        let unknown = other.unknown.iter().map(|unknown| unknown.name.clone());
        self.unknown.extend(unknown);
    }
}

/// Copies a file such that what is pickled in it loads in that NumPy, without importing or calling anything, and without
/// touching anything else: pickles, several in one file too, what joblib dumps, objects in NPY and NPZ files, PyTorch
/// files, and all of these packed as joblib and pandas pack them. Arrays are streamed, so memory does not grow with them.
///
/// The output appears whole or not at all. A file without pickles is copied.
///
/// # Errors
/// [`ErrorKind::Pickle`] at what that NumPy has not and at what is wrong; [`ErrorKind::Exists`] unless `overwrite`;
/// [`ErrorKind::UnknownFormat`]; [`crate::ErrorClass::System`].
pub fn repickle(
    path: impl AsRef<Path>,
    output: impl AsRef<Path>,
    era: Era,
    options: &RepickleOptions,
    progress: &dyn Progress,
) -> Result<Repickled> {
    let output = output.as_ref();
    let file = AtomicFile::create(output, options.overwrite).map_err(outside);
    let file = file.map_err(|error| error.in_path(output))?;
    let mut to = io::BufWriter::with_capacity(1 << 20, file);
    let told = repickle_to(path, &mut to, era, options, progress)?;
    let committed = || {
        let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        options.open.interrupt.check()?;
        file.commit().map_err(outside)
    };
    committed().map_err(|error| error.in_path(output))?;
    Ok(told)
}

/// As [`repickle`], into a stream.
///
/// # Errors
/// As [`repickle`].
pub fn repickle_to(
    path: impl AsRef<Path>,
    to: &mut dyn Write,
    era: Era,
    options: &RepickleOptions,
    progress: &dyn Progress,
) -> Result<Repickled> {
    let path = path.as_ref();
    let source = source_name(path);
    let input = Input::of_source(path, &options.open);
    let input = input.map_err(|error| error.in_source(&source))?;
    let job = Job {
        era,
        options,
        progress,
    };
    progress.start(&source, Some(input.nbytes()));
    let mut told = Repickled::default();
    let mut to = Counted {
        to,
        nbytes: 0,
        job: &job,
    };
    let written = job.file(&input, &mut to, &mut told);
    progress.finish();
    written.map_err(|error| error.in_source(&source))?;
    to.flush().map_err(from_io)?;
    told.file_nbytes = to.nbytes;
    Ok(told)
}

/// What stays the same all over a file.
struct Job<'a> {
    era: Era,
    options: &'a RepickleOptions,
    progress: &'a dyn Progress,
}

impl Job<'_> {
    fn file(&self, input: &Input, to: &mut dyn Write, told: &mut Repickled) -> Result<()> {
        let head = input.head(Format::SNIFF_NBYTES)?;
        match sniff(&head) {
            Some(Format::Pickle) => self.pickles(input, 0, to, told),
            Some(Format::Npy) => self.npy(input, to, told),
            Some(Format::Npz) => self.archive(input, to, told),
            Some(_) => copy(input, 0..input.nbytes(), to),
            None if head.is_empty() => Err(ErrorKind::Empty.at(0)),
            None => match Wrapping::of(&head) {
                Some(wrapping) => self.wrapped(wrapping, input, to, told),
                None => Err(ErrorKind::UnknownFormat {
                    head: head.to_vec(),
                }
                .at(0)),
            },
        }
    }

    /// A packed file: unpacked into a temporary one, since pickles are looked at twice, and packed again.
    fn wrapped(
        &self,
        wrapping: Wrapping,
        input: &Input,
        to: &mut dyn Write,
        told: &mut Repickled,
    ) -> Result<()> {
        let inner = self.spooled(&mut wrapping.reader(input)?)?;
        let head = inner.head(Format::SNIFF_NBYTES)?;
        if sniff(&head) != Some(Format::Pickle) {
            let head = input.head(Format::SNIFF_NBYTES)?.to_vec();
            return Err(ErrorKind::UnknownFormat { head }.at(0));
        }
        let mut rewritten = temporary_file()?;
        self.pickles(&inner, 0, &mut rewritten, told)?;
        if !told.is_changed() {
            return copy(input, 0..input.nbytes(), to);
        }
        rewritten.rewind()?;
        wrapping.pack(to, &mut |to| {
            io::copy(&mut rewritten, to)?;
            Ok(())
        })
    }

    /// The pickles from `offset` on, and what follows them.
    fn pickles(
        &self,
        input: &Input,
        offset: u64,
        to: &mut dyn Write,
        told: &mut Repickled,
    ) -> Result<()> {
        let Some(protocol) = self.options.protocol else {
            return self.by_opcodes(input, offset, to, told);
        };
        let mut file = temporary_file()?;
        self.by_opcodes(input, offset, &mut file, told)?;
        let nbytes = file.stream_position()?;
        told.protocol = Some(protocol);
        self.by_values(&Input::of_file(file, nbytes), protocol, to)
    }

    /// Pickles that are for the right NumPy, in another protocol.
    fn by_values(&self, input: &Input, protocol: u8, to: &mut dyn Write) -> Result<()> {
        let open = &self.options.open;
        let pickled = Pickled::parse(input, 0, open.limits.members, open)?;
        let options = WriteOptions {
            protocol,
            numpy: match self.era {
                Era::One => Numpy::One,
                Era::Two => Numpy::Two,
            },
            ..WriteOptions::default()
        };
        let mut writer = TreeWriter::new(pickled.tree(), options).map_err(pickle)?;
        for root in pickled.roots() {
            open.interrupt.check()?;
            writer.write(*root, &mut *to).map_err(pickle)?;
        }
        copy(input, pickled.end..input.nbytes(), to)
    }

    fn by_opcodes(
        &self,
        input: &Input,
        offset: u64,
        to: &mut dyn Write,
        told: &mut Repickled,
    ) -> Result<()> {
        let from: Arc<dyn ReadAt> = Arc::new(Watched {
            input: input.clone(),
            interrupt: self.options.open.interrupt.clone(),
        });
        let mut limits = ndferry_pickle::Limits::default();
        limits.values = self.options.open.limits.nodes;
        let done = ndferry_pickle::repickle(&from, offset, to, self.era, &limits);
        told.add(&done.map_err(pickle)?);
        Ok(())
    }

    /// An NPY file: its header as it is, and what it pickles of objects.
    fn npy(&self, input: &Input, to: &mut dyn Write, told: &mut Repickled) -> Result<()> {
        let (header, start) = crate::npy_file::header(input, &self.options.open.limits)?;
        let start = start as u64;
        if !header.dtype.has_object() {
            return copy(input, 0..input.nbytes(), to);
        }
        copy(input, 0..start, to)?;
        self.pickles(input, start, to, told)
    }
}

/// Bytes as they are.
fn copy(input: &Input, range: Range<u64>, to: &mut dyn Write) -> Result<()> {
    let mut piece = vec![0; 256 << 10];
    let mut at = range.start;
    while at < range.end {
        let n = piece.len().min((range.end - at) as usize);
        input.read_exact_at(&mut piece[..n], at)?;
        to.write_all(&piece[..n])?;
        at += n as u64;
    }
    Ok(())
}

/// An input that stops when it is asked to.
struct Watched {
    input: Input,
    interrupt: Interrupt,
}

impl ReadAt for Watched {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.interrupt.check().map_err(to_io)?;
        self.input.read_at(buf, offset)
    }

    fn len(&self) -> u64 {
        self.input.nbytes()
    }
}

/// The file that is written; tells how far it has come.
struct Counted<'a> {
    to: &'a mut dyn Write,
    nbytes: u64,
    job: &'a Job<'a>,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.job.options.open.interrupt.check().map_err(to_io)?;
        let n = self.to.write(bytes)?;
        self.nbytes += n as u64;
        self.job.progress.advance(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
