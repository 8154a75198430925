//! Reading NPZ archives.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ndferry_array::Selection;
use ndferry_io::BigBuffer;
use ndferry_npy::{MemberKind, Method, Npz, NpzMember};

use crate::check::{Inspect, Problem, Report};
use crate::error::{from_io, npy, outside};
use crate::input::Input;
use crate::lazy::{Backing, Stored};
use crate::npy_file::{member, npy_limits};
use crate::npz_save::PackedMember;
use crate::pickle_file::Pickled;
use crate::source::Contents;
use crate::stored::one_pass::{self, Wanted, skip};
use crate::stored::plain::Plain;
use crate::torch_file;
use crate::units::Units;
use crate::{ErrorKind, Format, Interrupt, OpenOptions, Result, Storage, sniff};

/// Bytes after a member's array that are held in memory with it.
const MAX_TRAILING: u64 = 1 << 20;

/// Bytes of a member of objects, which is held in memory.
const MAX_PICKLE: u64 = 1 << 30;

/// Bytes inflated at a time where they are thrown away.
const PIECE: usize = 64 << 10;

pub(crate) fn open(input: &Input, options: &OpenOptions) -> Result<Contents> {
    let npz = Npz::open(input.clone(), &npy_limits(&options.limits)).map_err(npy)?;
    let npz = Arc::new(npz);
    if let Some((data, prefix)) = torch_file::data_member(&npz) {
        let mut contents = torch_file::open_zip(input, &npz, data, &prefix, options)?;
        contents.inspect = Some(Box::new(Members(npz)));
        return Ok(contents);
    }
    let mut contents = Contents::new(Format::Npz);
    for (i, entry) in npz.members().iter().enumerate() {
        options.interrupt.check()?;
        if is_hidden(entry) {
            // Says why. There may be a pickle in it, whatever it is called.
            npz.packed(i).map_err(npy)?;
        }
        if !is_array(&npz, i) {
            if looks_like_pickle(&npz, i) {
                let pickled = pickle_in(&npz, i, 0, options);
                let pickled = pickled.map_err(|error| error.in_member(entry.name()))?;
                pickled.1.judge(&mut contents);
            }
            continue;
        }
        let (header, start) = npz.header(i).map_err(npy)?;
        let (name, start) = (key(&npz, i), start as u64);
        if header.dtype.has_object() {
            let first = contents.members.len();
            let listed = pickle_in(&npz, i, start, options).and_then(|(bytes, pickled)| {
                pickled.judge(&mut contents);
                pickled.list_objects(&bytes, name, &header, options, &mut contents)
            });
            listed.map_err(|error| error.in_member(name))?;
            for info in &mut contents.members[first..] {
                // Its elements lie in the member, not in the file.
                if matches!(info.storage, Storage::Plain { .. }) {
                    info.storage = Storage::Pickled;
                }
            }
            continue;
        }
        let nbytes = header.data_nbytes().unwrap_or(u64::MAX);
        let found = entry.nbytes().saturating_sub(start);
        if found < nbytes {
            let needed = nbytes;
            return Err(ErrorKind::Truncated { needed, found }
                .at(start)
                .in_member(name));
        }
        let place = npz.stored_range(i).map_err(npy)?;
        let offset = place.map(|range| range.start + start);
        let storage = match offset {
            Some(offset) => Storage::Plain { offset },
            None => Storage::Deflated {
                packed_nbytes: entry.packed_nbytes(),
            },
        };
        let backing = Arc::new(Member {
            npz: Arc::clone(&npz),
            member: i,
            start,
            nbytes,
            plain: offset.map(|offset| Plain {
                input: input.clone(),
                offset,
                nbytes,
                interrupt: options.interrupt.clone(),
            }),
            inflated: AtomicU64::new(0),
            unpacked: Mutex::default(),
            interrupt: options.interrupt.clone(),
        });
        contents.push(member(name, &header, storage), Backing::Stored(backing));
    }
    contents.end = Some(npz.end());
    contents.inspect = Some(Box::new(Members(npz)));
    Ok(contents)
}

/// The key under which NumPy reads a member: the file name if another member has the shorter key.
fn key(npz: &Npz<Input>, i: usize) -> &str {
    let entry = &npz.members()[i];
    match npz.find(entry.name()) {
        Some(found) if npz.members()[found].file() != entry.file() => entry.file(),
        _ => entry.name(),
    }
}

/// Whether NumPy reads a member as an array, objects included: it looks at the first bytes, not at the name. One that
/// is named as an array must be one.
fn is_array(npz: &Npz<Input>, i: usize) -> bool {
    match npz.members()[i].kind() {
        MemberKind::Array => true,
        MemberKind::Folder => false,
        _ => sniffed(npz, i) == Some(Format::Npy),
    }
}

/// Whether nobody can tell what is in a member: it is encrypted, or packed by a method that is not read.
fn is_hidden(entry: &NpzMember) -> bool {
    let is_packed_otherwise = matches!(entry.method(), Method::Other(_));
    entry.kind() != MemberKind::Folder && (entry.is_encrypted() || is_packed_otherwise)
}

/// What the first bytes of a member say that it is. What cannot be read is told by whoever looks at all members.
fn sniffed(npz: &Npz<Input>, i: usize) -> Option<Format> {
    let mut head = Vec::new();
    let most = Format::SNIFF_NBYTES as u64;
    npz.reader(i).ok()?.take(most).read_to_end(&mut head).ok()?;
    sniff(&head)
}

/// Whether a member that is no array is a pickle, by its first bytes or its name. Archives of `torch` hold such.
fn looks_like_pickle(npz: &Npz<Input>, i: usize) -> bool {
    is_named_pickle(npz.members()[i].file()) || sniffed(npz, i) == Some(Format::Pickle)
}

fn is_named_pickle(file: &str) -> bool {
    file.ends_with(".pkl") || file.ends_with(".pickle")
}

/// Why a member is taken for one with a pickle in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pickles {
    /// Objects of an NPY, or a name that says so.
    Certain,
    /// Its first bytes, which may be anything.
    Likely,
    /// There is none.
    No,
}

/// Whether there is a pickle in a member.
pub(crate) fn pickles(npz: &Npz<Input>, i: usize) -> Result<Pickles> {
    let entry = &npz.members()[i];
    if is_array(npz, i) {
        let (header, _) = npz.header(i).map_err(npy)?;
        return Ok(match header.dtype.has_object() {
            true => Pickles::Certain,
            false => Pickles::No,
        });
    }
    Ok(match looks_like_pickle(npz, i) {
        true if is_named_pickle(entry.file()) => Pickles::Certain,
        true => Pickles::Likely,
        false => Pickles::No,
    })
}

/// The pickle in a member, from a byte of it on, and the member's bytes.
pub(crate) fn pickle_in(
    npz: &Npz<Input>,
    i: usize,
    start: u64,
    options: &OpenOptions,
) -> Result<(Input, Pickled)> {
    let found = npz.members()[i].nbytes();
    if found > MAX_PICKLE {
        let (what, limit) = ("bytes of a pickle in an archive", MAX_PICKLE);
        return Err(ErrorKind::Limit { what, found, limit }.at(0));
    }
    let bytes = Input::of_bytes(npz.bytes(i).map_err(npy)?);
    let pickled = Pickled::parse(&bytes, start, 1, options)?;
    Ok((bytes, pickled))
}

/// The pickle of the member of objects that a path begins with, and that member's name.
pub(crate) fn objects_of(
    input: &Input,
    path: &str,
    options: &OpenOptions,
) -> Result<(String, Pickled)> {
    let npz = Npz::open(input.clone(), &npy_limits(&options.limits)).map_err(npy)?;
    for i in 0..npz.members().len() {
        let name = key(&npz, i);
        let is_part = path
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if is_part && pickles(&npz, i)? == Pickles::Certain && is_array(&npz, i) {
            let (_, start) = npz.header(i).map_err(npy)?;
            let (_, pickled) = pickle_in(&npz, i, start as u64, options)?;
            return Ok((name.to_owned(), pickled));
        }
    }
    let (wanted, present) = (path.to_owned(), Vec::new());
    Err(ErrorKind::NoMember { wanted, present }.into())
}

/// All members of an archive, also those that are no arrays.
struct Members(Arc<Npz<Input>>);

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Members").finish_non_exhaustive()
    }
}

impl Inspect for Members {
    fn inspect(&self, report: &mut Report<'_>) -> Result<()> {
        let npz = &self.0;
        for (i, entry) in npz.members().iter().enumerate() {
            report.progress.start(entry.name(), Some(entry.nbytes()));
            // Whoever reads to the end has the checksum and the length compared.
            let read = npz.reader(i).map_err(npy).and_then(|mut reader| {
                let mut piece = vec![0; PIECE];
                loop {
                    report.interrupt.check()?;
                    match reader.read(&mut piece).map_err(from_io)? {
                        0 => return Ok(()),
                        n => report.progress.advance(n as u64),
                    }
                }
            });
            report.progress.finish();
            if let Err(error) = read {
                report.fault(error.in_member(entry.name()))?;
                continue;
            }
            if !is_array(npz, i) {
                continue;
            }
            let last = npz
                .members()
                .iter()
                .rposition(|other| other.file() == entry.file());
            if last != Some(i) {
                let problem =
                    "another member has the same name, so that NumPy never reads this one";
                report.fault(
                    npy(ndferry_npy::ErrorKind::Name { problem }.at(0)).in_member(entry.file()),
                )?;
            }
            let (header, start) = npz.header(i).map_err(npy)?;
            let end = start as u64 + header.data_nbytes().unwrap_or(u64::MAX - start as u64);
            if !header.dtype.has_object() && entry.nbytes() > end {
                report.tell(Problem::TrailingBytes {
                    member: entry.name().to_owned(),
                    offset: end,
                    nbytes: entry.nbytes() - end,
                });
            }
        }
        Ok(())
    }
}

/// Elements in a member. Whoever reads all of them has the member's checksum compared.
struct Member {
    npz: Arc<Npz<Input>>,
    member: usize,
    /// Where the elements start in the unpacked member.
    start: u64,
    nbytes: u64,
    /// The elements in the archive's file, unless they are deflated.
    plain: Option<Plain>,
    /// Bytes that were inflated for parts so far.
    inflated: AtomicU64,
    unpacked: Mutex<Unpacked>,
    interrupt: Interrupt,
}

/// A deflated member's elements in a temporary file, once so many parts were read that inflating it again from its
/// start for each of them would cost more.
#[derive(Default)]
enum Unpacked {
    #[default]
    NotYet,
    /// There is no room for it.
    Never,
    Here(Arc<Plain>),
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

impl Member {
    /// All elements in a temporary file; `None` if it cannot be written.
    fn unpacked(&self) -> Result<Option<Arc<Plain>>> {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        match &*unpacked {
            Unpacked::Here(plain) => return Ok(Some(Arc::clone(plain))),
            Unpacked::Never => return Ok(None),
            Unpacked::NotYet => {}
        }
        *unpacked = Unpacked::Never;
        let Ok(mut file) = temporary_file() else {
            return Ok(None);
        };
        let mut elements = self.elements()?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = elements.read(&mut piece).map_err(from_io)?;
            if n == 0 {
                break;
            }
            if file.write_all(&piece[..n]).is_err() {
                return Ok(None);
            }
        }
        let plain = Arc::new(Plain {
            input: Input::of_file(file, self.nbytes),
            offset: 0,
            nbytes: self.nbytes,
            interrupt: self.interrupt.clone(),
        });
        *unpacked = Unpacked::Here(Arc::clone(&plain));
        Ok(Some(plain))
    }

    /// The unpacked bytes from the first element on.
    fn elements(&self) -> Result<Elements<'_>> {
        let mut reader = self.npz.reader(self.member).map_err(npy)?;
        skip(&mut reader, self.start)?;
        Ok(Elements {
            reader,
            left: self.nbytes,
            interrupt: &self.interrupt,
        })
    }
}

impl Stored for Member {
    fn read(&self, selection: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        self.read_parts(&mut [Wanted {
            selection,
            units,
            out,
        }])
    }

    fn read_parts(&self, parts: &mut [Wanted<'_>]) -> Result<()> {
        if let Some(plain) = &self.plain {
            return plain.read_parts(parts);
        }
        if self.inflated.load(Ordering::Relaxed) > self.nbytes
            && let Some(plain) = self.unpacked()?
        {
            return plain.read_parts(parts);
        }
        let nbytes = one_pass::fill(parts, &mut self.elements()?)?;
        self.inflated.fetch_add(nbytes, Ordering::Relaxed);
        Ok(())
    }

    fn whole(&self) -> Option<Result<Bytes>> {
        let end = self.start + self.nbytes;
        let entry = &self.npz.members()[self.member];
        if entry.nbytes() - end > MAX_TRAILING {
            return None;
        }
        let whole = || {
            self.interrupt.check()?;
            let member = if entry.method() == Method::Stored && self.npz.get_ref().is_in_memory() {
                self.npz.bytes(self.member).map_err(npy)?
            } else {
                let nbytes = usize::try_from(entry.nbytes()).unwrap_or(usize::MAX);
                let mut buffer = BigBuffer::zeroed(nbytes).map_err(outside)?;
                self.npz.read_into(self.member, &mut buffer).map_err(npy)?;
                buffer.into_bytes()
            };
            // Opening has compared the end with the member's length.
            Ok(member.slice(self.start as usize..end as usize))
        };
        Some(whole())
    }

    fn shared(&self, start: u64, nbytes: u64) -> Option<Bytes> {
        self.plain.as_ref()?.shared(start, nbytes)
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        if self.nbytes == 0 {
            // No read of an element will compare the checksum, which counts the header too.
            self.verify()?;
        }
        Ok(Box::new(self.elements()?))
    }

    fn packing(&self) -> Option<Method> {
        Some(self.npz.members()[self.member].method())
    }

    fn packed(&self) -> Option<Result<PackedMember<'_>>> {
        let bytes = self.npz.packed(self.member).map_err(npy);
        Some(bytes.map(|bytes| PackedMember {
            packed: (&self.npz.members()[self.member]).into(),
            bytes: Box::new(bytes),
        }))
    }

    fn is_seekable(&self) -> bool {
        self.plain.is_some()
    }

    fn verify(&self) -> Result<()> {
        let mut reader = self.npz.reader(self.member).map_err(npy)?;
        let mut piece = vec![0; PIECE];
        while reader.read(&mut piece).map_err(from_io)? > 0 {
            self.interrupt.check()?;
        }
        Ok(())
    }

    fn check_nbytes(&self, nbytes: u64) -> Result<()> {
        if nbytes > self.nbytes {
            let (needed, found) = (nbytes, self.nbytes);
            return Err(ErrorKind::Truncated { needed, found }.at(self.start));
        }
        Ok(())
    }
}

/// A member's elements. The read that gives the last one also compares the member's checksum.
struct Elements<'a> {
    reader: ndferry_npy::NpzReader<'a, Input>,
    left: u64,
    interrupt: &'a Interrupt,
}

impl Read for Elements<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.interrupt.check().map_err(crate::error::to_io)?;
        let most = self.left.min(1 << 20) as usize;
        let n = buf.len().min(most);
        let n = self.reader.read(&mut buf[..n])?;
        if self.left > 0 && self.left == n as u64 {
            // There may be bytes after the array, which the checksum counts.
            io::copy(&mut self.reader, &mut io::sink())?;
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn temporary_file() -> io::Result<std::fs::File> {
    tempfile::tempfile()
}

#[cfg(target_family = "wasm")]
pub(crate) fn temporary_file() -> io::Result<std::fs::File> {
    Err(io::ErrorKind::Unsupported.into())
}
