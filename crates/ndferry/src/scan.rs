//! [`scan`]: every name in the pickles of a file, wherever they are in it, and the verdict.

mod archive;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_pickle::{Machine, NameUse, Place, Scan};

use crate::input::Input;
use crate::{
    Error, ErrorClass, ErrorKind, Format, GlobalUse, Grade, OpenOptions, Policy, Progress, Result,
    Safety, sniff, source_name,
};

/// How to scan.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Limits and interrupt.
    pub open: OpenOptions,
    /// Which names pass.
    pub policy: Policy,
}

/// What the pickles of a file refer to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Scanned {
    /// What the file is, if that could be told.
    pub format: Option<Format>,
    /// The verdict on all names.
    pub safety: Safety,
    /// How many pickles there are, those inside strings not counted.
    pub pickles: usize,
    /// The highest protocol of them.
    pub protocol: u8,
    /// Every name, by member and byte. Of a pickle that names very much, not each place of each.
    pub globals: Vec<GlobalUse>,
    /// What could not be read, so that there may be more.
    pub problems: Vec<Error>,
}

impl Scanned {
    /// `no-pickle`, `clean`, `needs-code`, `dangerous`; or `unreadable` if nothing worse is known.
    pub fn verdict(&self) -> &'static str {
        match &self.safety {
            Safety::Dangerous(_) => self.safety.word(),
            _ if !self.problems.is_empty() => "unreadable",
            safety => safety.word(),
        }
    }

    /// Whether all of it was read and is safe.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty() && self.safety.is_safe()
    }
}

/// How deep archives may lie inside one another.
const MAX_DEPTH: usize = 4;

/// The magic number that torch pickled first before version 1.6, as `LONG1` and as `LONG` spell it.
const TORCH_LEGACY: [&[u8]; 2] = [
    b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
    b"L119547037146038801333356L\n",
];

/// Problems that are listed.
const MAX_PROBLEMS: usize = 1000;

/// Lists every name in the pickles of a file and judges them: of pickles, object arrays in NPY and NPZ, joblib and torch
/// files, any ZIP, and packed pickles (gzip and zlib; bzip2 and others with the feature `compressed`). Names are found
/// wherever they are: behind `POP`, after `STOP`, in pickles inside strings, after what Python stumbles over, in members
/// that have the same name.
///
/// Reads opcodes and steps over elements, so that it takes milliseconds for gigabytes. What is wrong with the file is
/// told in [`Scanned::problems`]; elements, dtypes and shapes are not looked at, which [`crate::check()`] does.
///
/// # Errors
/// [`ErrorClass::System`], [`ErrorKind::Interrupted`].
pub fn scan(
    path: impl AsRef<Path>,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned> {
    let path = path.as_ref();
    let name = source_name(path);
    let scanned = Input::of_source(path, &options.open)
        .and_then(|input| scan_input(&input, path, path.parent(), options, progress));
    scanned.map_err(|error| error.in_source(&name))
}

/// As [`scan`], of bytes in memory; `name` stands for the path in errors.
///
/// # Errors
/// [`ErrorKind::Interrupted`].
pub fn scan_bytes(
    name: &str,
    bytes: Bytes,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned> {
    let input = Input::of_bytes(bytes);
    scan_input(&input, Path::new(name), None, options, progress)
        .map_err(|error| error.in_source(name))
}

/// As [`scan`], of what is open already, in a folder or not.
pub(crate) fn scan_input(
    input: &Input,
    path: &Path,
    folder: Option<&Path>,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned> {
    let name = source_name(path);
    progress.start(&name, Some(input.nbytes()));
    let mut looker = Looker {
        options,
        format: None,
        pickles: 0,
        protocol: 0,
        globals: Vec::new(),
        problems: Vec::new(),
        unpacked_nbytes: 0,
        depth: 0,
        layers: 0,
        folder,
    };
    let looked = looker.look(input, "", path);
    progress.advance(input.nbytes());
    progress.finish();
    looked?;
    let Looker {
        format,
        pickles,
        protocol,
        mut globals,
        problems,
        ..
    } = looker;
    // What only looks like a name is one only if it is known.
    globals.retain(|global| {
        global.place != Place::Search || options.policy.grade(global) == Grade::Dangerous
    });
    let safety = match pickles == 0 && globals.is_empty() {
        true => Safety::NoPickle,
        false => Safety::of(&globals, &options.policy),
    };
    Ok(Scanned {
        format,
        safety,
        pickles,
        protocol,
        globals,
        problems: problems
            .into_iter()
            .map(|error| error.in_source(&name))
            .collect(),
    })
}

/// Looks for pickles.
struct Looker<'a> {
    options: &'a ScanOptions,
    /// Of the file itself.
    format: Option<Format>,
    pickles: usize,
    protocol: u8,
    globals: Vec<GlobalUse>,
    problems: Vec<Error>,
    /// Bytes that were unpacked so far.
    unpacked_nbytes: u64,
    /// How many archives we are in.
    depth: usize,
    /// How many files that are packed as a whole, or that name each other.
    layers: usize,
    /// Where the file is, if it is in a folder at all.
    folder: Option<&'a Path>,
}

impl Looker<'_> {
    /// Looks at a file, or at a member of one.
    fn look(&mut self, input: &Input, member: &str, path: &Path) -> Result<()> {
        self.options.open.interrupt.check()?;
        let head = input.head(Format::SNIFF_NBYTES)?;
        let format = sniff(&head);
        match format {
            #[cfg(feature = "npb")]
            Some(Format::Npb) => self.npb(input, member)?,
            Some(Format::Npy) => self.npy(input, member)?,
            Some(Format::Npz) => {
                self.archive(input, member)?;
                self.perhaps(input, member, true);
            }
            Some(Format::Pickle) => {
                let (scan, is_joblib) = self.opcodes(input, 0);
                if self.depth == 0 {
                    self.format = Some(match is_joblib {
                        true => Format::Joblib,
                        false if is_torch_legacy(&head) => Format::Torch,
                        false => Format::Pickle,
                    });
                }
                self.beside(input, &scan, member)?;
                self.take(scan, member);
            }
            _ => {
                if !self.compressed(input, member, path)? && !self.perhaps(input, member, false) {
                    if let Some(what) = foreign_archive(input)? {
                        let what = what.to_owned();
                        self.tell(ErrorKind::Unsupported { what }.at(0), member);
                        return Ok(());
                    }
                    let named = Format::of_extension(path);
                    let is_pickle =
                        matches!(named, Some(Format::Pickle | Format::Joblib | Format::Torch));
                    if is_pickle && archive::end_of_archive(input)?.is_none() {
                        let kind = match head.is_empty() {
                            true => ErrorKind::Empty,
                            false => ErrorKind::UnknownFormat {
                                head: head.to_vec(),
                            },
                        };
                        self.tell(kind.at(0), member);
                        let (scan, _) = self.opcodes(input, 0);
                        let names = scan.names.into_iter().filter(NameUse::is_plausible);
                        self.globals
                            .extend(names.map(|name| GlobalUse::scanned(name, member)));
                    }
                }
            }
        }
        if self.depth == 0 {
            self.format = self.format.or(format);
        }
        // A ZIP is found by its end, whatever it begins with.
        if format != Some(Format::Npz)
            && let Some(end) = archive::end_of_archive(input)?
        {
            self.archive(&input.part(0, end), member)?;
        }
        Ok(())
    }

    /// The pickles behind the headers of NPYs whose elements are objects, and what follows: `numpy.load` of an open
    /// file reads on where it stopped, another array or a pickle.
    fn npy(&mut self, input: &Input, member: &str) -> Result<()> {
        let mut at = 0;
        while at < input.nbytes() {
            self.options.open.interrupt.check()?;
            let rest = input.part(at, input.nbytes() - at);
            let head = rest.head(Format::SNIFF_NBYTES)?;
            if sniff(&head) != Some(Format::Npy) {
                let (scan, _) = self.opcodes(input, at);
                if self.is_perhaps(&scan, input.nbytes(), member, false) {
                    self.take(scan, member);
                }
                break;
            }
            let (header, start) = match crate::npy_file::header(&rest, &self.options.open.limits) {
                Ok(found) => found,
                // Of what follows an array, nobody knows what it is meant to be.
                Err(_) if at > 0 => break,
                Err(error) => return self.fault(error, member),
            };
            at += start as u64;
            if header.dtype.has_object() {
                let (scan, _) = self.opcodes(input, at);
                at = scan.end.max(at);
                let is_read = scan.pickles > 0;
                self.take(scan, member);
                if !is_read {
                    break;
                }
            } else {
                let mut extents = header.shape.iter();
                let count = extents.try_fold(1_u64, |n, extent| n.checked_mul(*extent as u64));
                let nbytes = count.and_then(|n| n.checked_mul(header.dtype.itemsize() as u64));
                at = nbytes.and_then(|n| at.checked_add(n)).unwrap_or(u64::MAX);
            }
        }
        Ok(())
    }

    /// The pickles of arrays of objects.
    #[cfg(feature = "npb")]
    fn npb(&mut self, input: &Input, member: &str) -> Result<()> {
        let pickles = match crate::npb_file::pickles(input, &self.options.open) {
            Ok(pickles) => pickles,
            Err(error) => return self.fault(error, member),
        };
        for (name, pickle) in pickles {
            let place = match member {
                "" => name,
                member => format!("{member}.{name}"),
            };
            match pickle {
                Ok(pickle) => {
                    let (scan, _) = self.opcodes(&pickle, 0);
                    self.take(scan, &place);
                }
                Err(error) => self.fault(error, &place)?,
            }
        }
        Ok(())
    }

    /// What is packed as a whole, if it may be or hold a pickle. False if not.
    fn compressed(&mut self, input: &Input, member: &str, path: &Path) -> Result<bool> {
        let is_wanted = |head: &[u8], is_damaged: bool| {
            let inner = Input::of_bytes(head.to_vec().into());
            if foreign_archive(&inner)?.is_some() {
                return Ok(true);
            }
            let is_all = (head.len() as u64) < archive::HEAD_NBYTES;
            if !is_damaged {
                let nbytes = if is_all { head.len() as u64 } else { u64::MAX };
                return self.may_hold_pickle(head, nbytes);
            }
            // What only begins as if it were packed comes out as rubbish.
            let (scan, _) = self.opcodes(&inner, 0);
            Ok(scan.pickles > 0 || scan.names.iter().any(NameUse::is_plausible))
        };
        let head_nbytes = archive::HEAD_NBYTES as usize;
        let open = &self.options.open;
        match crate::compressed::unpack_if(input, open, head_nbytes, &is_wanted) {
            Ok(None) => Ok(false),
            Ok(Some(bytes)) => {
                if let Err(error) = self.unpacked(bytes.len() as u64) {
                    self.fault(error, member)?;
                    return Ok(true);
                }
                let inner = Input::of_bytes(bytes.into());
                self.inside(&inner, member, path)?;
                Ok(true)
            }
            Err(error) => {
                self.fault(error, member)?;
                Ok(true)
            }
        }
    }

    /// Looks at what another file holds or names, unless that goes too deep.
    fn inside(&mut self, input: &Input, member: &str, path: &Path) -> Result<()> {
        if self.depth.max(self.layers) >= MAX_DEPTH {
            self.tell(too_deep(), member);
            return Ok(());
        }
        self.layers += 1;
        let looked = self.look(input, member, path);
        self.layers -= 1;
        looked
    }

    /// The files in which joblib before 0.10 put the arrays of a pickle, each a file of its own beside it, which
    /// `joblib.load` unpickles as well.
    fn beside(&mut self, input: &Input, scan: &Scan, member: &str) -> Result<()> {
        if !scan.names.iter().any(is_wrapper_of_file) {
            return Ok(());
        }
        let limits = crate::pickle_file::pickle_limits(&self.options.open.limits);
        let mut machine = Machine::open(Arc::new(input.clone()), 0, limits, Vec::new());
        // What is wrong with it is told by the scan.
        drop(machine.load());
        let tree = machine.tree();
        let folder = self.folder.filter(|_| member.is_empty());
        let mut files = Vec::new();
        for (name, offset) in crate::joblib_beside::files(tree) {
            let path = folder.zip(name).map(|(folder, name)| folder.join(name));
            let opened = path.map(|path| {
                let input = Input::open(&path, &self.options.open.limits)?;
                Ok((input, path))
            });
            files.push(opened.unwrap_or_else(|| {
                let what = "looking into a file that is not named, or not beside it".to_owned();
                Err(ErrorKind::Unsupported { what }.at(offset))
            }));
        }
        for file in files {
            match file {
                Ok((input, path)) => self.inside(&input, &source_name(&path), &path)?,
                Err(error) => self.tell(error, member),
            }
        }
        Ok(())
    }

    /// The names of a pickle by its opcodes, and whether it is joblib's.
    fn opcodes(&self, input: &Input, start: u64) -> (Scan, bool) {
        let limits = crate::pickle_file::pickle_limits(&self.options.open.limits);
        let from = || -> Arc<dyn ndferry_pickle::ReadAt> { Arc::new(input.clone()) };
        let plain = Scan::new(from(), start, &[], &limits);
        if !plain.names.iter().any(is_wrapper) {
            return (plain, false);
        }
        // Where the elements of arrays lie, only their dtypes and shapes tell.
        let mut machine = Machine::open(from(), start, limits.clone(), Vec::new());
        // What is wrong with it is told by the scan.
        drop(machine.load());
        let mut scan = Scan::new(from(), start, machine.between(), &limits);
        // To `pickle.load`, which knows of no elements between opcodes, those are opcodes. To elements that are some by
        // chance, it stumbles soon.
        let policy = &self.options.policy;
        let hidden = plain.names.into_iter().filter(|name| {
            let global = GlobalUse::scanned(name.clone(), "");
            let is_reached = !name.is_after_error && name.place != Place::Search;
            name.is_plausible() && (is_reached || policy.grade(&global) == Grade::Dangerous)
        });
        let known: std::collections::HashSet<u64> =
            scan.names.iter().map(|name| name.offset).collect();
        scan.names
            .extend(hidden.filter(|name| !known.contains(&name.offset)));
        scan.names.sort_by_key(|name| name.offset);
        (scan, true)
    }

    /// Takes over what a scan of a pickle has found.
    fn take(&mut self, scan: Scan, member: &str) {
        self.pickles += scan.pickles.max(1);
        self.protocol = self.protocol.max(scan.protocol);
        for error in scan.errors {
            self.tell(crate::error::pickle(error), member);
        }
        // In torch's files, persistent ids are the names of storages, and torch reads them as such.
        let is_torch = self.format == Some(Format::Torch);
        let is_storage = |name: &NameUse| {
            is_torch && (&*name.module, &*name.name) == ("pickle", "persistent_load")
        };
        let names = scan.names.into_iter().filter(|name| !is_storage(name));
        self.globals
            .extend(names.map(|name| GlobalUse::scanned(name, member)));
    }

    /// Bytes of which nothing says that they are a pickle, and which `pickle.load` may read all the same. False if they
    /// are none, or (of what is known to be something else) none that is dangerous.
    fn perhaps(&mut self, input: &Input, member: &str, only_dangerous: bool) -> bool {
        let (scan, _) = self.opcodes(input, 0);
        if !self.is_perhaps(&scan, input.nbytes(), member, only_dangerous) {
            return false;
        }
        if self.depth == 0 && self.format.is_none() {
            self.format = Some(Format::Pickle);
        }
        self.take(scan, member);
        true
    }

    /// Whether these bytes, which end there, are a pickle rather than something else that reads as one by chance.
    fn is_perhaps(&self, scan: &Scan, end: u64, member: &str, only_dangerous: bool) -> bool {
        let is_whole = scan.pickles > 0 && scan.errors.is_empty();
        let policy = &self.options.policy;
        let mut plausible = scan.names.iter().filter(|name| name.is_plausible());
        let is_all = scan.end == end || plausible.clone().next().is_some();
        let is_dangerous = plausible.any(|name| {
            let global = GlobalUse::scanned(name.clone(), member);
            !name.is_after_error && policy.grade(&global) == Grade::Dangerous
        });
        is_dangerous || (!only_dangerous && is_whole && is_all)
    }

    fn tell(&mut self, error: Error, member: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(error.in_member(member));
        }
    }

    /// An error that is the file's fault becomes a problem; others end the scan.
    fn fault(&mut self, error: Error, member: &str) -> Result<()> {
        match error.class() {
            ErrorClass::System | ErrorClass::Interrupted => Err(error),
            _ => {
                self.tell(error, member);
                Ok(())
            }
        }
    }
}

fn is_wrapper_of_file(name: &NameUse) -> bool {
    matches!(&*name.name, "NDArrayWrapper" | "ZNDArrayWrapper")
        && name.module.ends_with("joblib.numpy_pickle")
}

fn is_wrapper(name: &NameUse) -> bool {
    &*name.name == "NumpyArrayWrapper" && name.module.ends_with("joblib.numpy_pickle")
}

/// An archive that is not looked into, in words.
fn foreign_archive(input: &Input) -> Result<Option<&'static str>> {
    const MAGICS: &[(&[u8], &str)] = &[
        (b"7z\xbc\xaf\x27\x1c", "looking into a 7z archive"),
        (b"Rar!\x1a\x07", "looking into a RAR archive"),
    ];
    let head = input.head(512)?;
    if head.get(257..262) == Some(b"ustar") {
        return Ok(Some("looking into a TAR archive"));
    }
    let found = MAGICS.iter().find(|(magic, _)| head.starts_with(magic));
    Ok(found.map(|(_, what)| *what))
}

fn is_torch_legacy(head: &[u8]) -> bool {
    // Behind `PROTO`, and from protocol 4 on `FRAME`.
    [0, 2, 11].into_iter().any(|start| {
        let rest = head.get(start..).unwrap_or_default();
        TORCH_LEGACY.iter().any(|magic| rest.starts_with(magic))
    })
}

fn too_deep() -> Error {
    ErrorKind::Limit {
        what: "archives inside archives",
        found: MAX_DEPTH as u64 + 1,
        limit: MAX_DEPTH as u64,
    }
    .into()
}
