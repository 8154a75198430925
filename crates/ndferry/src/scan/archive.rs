//! Members of a ZIP, also of one that is not as it should be.

use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;
use ndferry_npy::{MemberKind, Npz};

use super::{Looker, MAX_DEPTH, too_deep};
use crate::error::{from_io, npy};
use crate::input::Input;
use crate::npy_file::npy_limits;
use crate::{ErrorKind, Format, Result, sniff};

/// Bytes of a member, or of what is packed, that are looked at before all of it is unpacked.
pub(super) const HEAD_NBYTES: u64 = 64 << 10;

/// Bytes of a member that are held in memory; of a larger one, a temporary file holds them.
const MAX_IN_MEMORY: u64 = 64 << 20;

/// Bytes that all members of a file may unpack to, as far as they have to be.
const MAX_UNPACKED: u64 = 16 << 30;

/// Bytes of a broken archive in which members are searched for.
const MAX_SEARCHED: u64 = 256 << 20;

/// Members that are looked at in a broken archive.
const MAX_FOUND: usize = 10_000;

/// A member's local header, without name and extra fields.
const LOCAL_NBYTES: usize = 30;

impl Looker<'_> {
    /// Looks at each member.
    pub(super) fn archive(&mut self, input: &Input, outer: &str) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            self.tell(too_deep(), outer);
            return Ok(());
        }
        let problems = self.problems.len();
        self.depth += 1;
        let looked = self.members(input, outer);
        let searched = match self.problems.len() > problems {
            // Other programs may be less strict.
            true => self.search(input, outer),
            false => Ok(()),
        };
        self.depth -= 1;
        looked.and(searched)
    }

    fn members(&mut self, input: &Input, outer: &str) -> Result<()> {
        let limits = npy_limits(&self.options.open.limits);
        let npz = match Npz::open(input.clone(), &limits) {
            Ok(npz) => npz,
            Err(error) => return self.fault(npy(error), outer),
        };
        let is_torch = |member: &ndferry_npy::NpzMember| member.file().ends_with("/data.pkl");
        if self.depth == 1 && npz.members().iter().any(is_torch) {
            self.format = Some(Format::Torch);
        }
        for (i, member) in npz.members().iter().enumerate() {
            if member.kind() == MemberKind::Folder {
                continue;
            }
            let name = path_of(outer, member.file());
            if let Err(error) = self.member(input, &npz, i, &name) {
                self.fault(error, &name)?;
            }
        }
        Ok(())
    }

    fn member(&mut self, input: &Input, npz: &Npz<Input>, i: usize, name: &str) -> Result<()> {
        let member = &npz.members()[i];
        if let Some(range) = npz.stored_range(i).map_err(npy)? {
            let part = input.part(range.start, range.end - range.start);
            return self.look(&part, name, Path::new(member.file()));
        }
        let mut head = Vec::new();
        let mut reader = npz.reader(i).map_err(npy)?;
        let read = reader.by_ref().take(HEAD_NBYTES).read_to_end(&mut head);
        read.map_err(from_io)?;
        if !self.may_hold_pickle(&head, member.nbytes())? {
            return Ok(());
        }
        drop(reader);
        self.unpacked(member.nbytes())?;
        let unpacked = if member.nbytes() <= MAX_IN_MEMORY {
            Input::of_bytes(npz.bytes(i).map_err(npy)?)
        } else {
            let mut reader = npz.reader(i).map_err(npy)?;
            spooled(&mut reader, &self.options.open.interrupt)?
        };
        self.look(&unpacked, name, Path::new(member.file()))
    }

    /// Counts bytes that were, or are going to be, unpacked.
    pub(super) fn unpacked(&mut self, nbytes: u64) -> Result<()> {
        self.unpacked_nbytes = self.unpacked_nbytes.saturating_add(nbytes);
        if self.unpacked_nbytes > MAX_UNPACKED {
            return Err(ErrorKind::Limit {
                what: "bytes of members, unpacked",
                found: self.unpacked_nbytes,
                limit: MAX_UNPACKED,
            }
            .into());
        }
        Ok(())
    }

    /// Whether a member has to be unpacked as a whole: not if it is an array of numbers.
    pub(super) fn may_hold_pickle(&self, head: &[u8], nbytes: u64) -> Result<bool> {
        let head_is_all = head.len() as u64 == nbytes;
        Ok(match sniff(head) {
            Some(Format::Npb) => false,
            Some(Format::Npy) => {
                let input = Input::of_bytes(head.to_vec().into());
                match crate::npy_file::header(&input, &self.options.open.limits) {
                    Ok((header, _)) => header.dtype.has_object(),
                    Err(_) => true,
                }
            }
            Some(_) => true,
            None if head_is_all || crate::compressed::is_known(head) => true,
            // Of a pickle without magic, the opcodes go on behind these bytes.
            None => {
                let input = Input::of_bytes(head.to_vec().into());
                let (scan, _) = self.opcodes(&input, 0);
                let is_cut = |error: &ndferry_pickle::Error| {
                    matches!(error.kind, ndferry_pickle::ErrorKind::Truncated { .. })
                };
                scan.pickles > 0
                    || scan.errors.iter().all(is_cut)
                    || scan.names.iter().any(|name| name.is_plausible())
            }
        })
    }

    /// Looks at everything that begins like a member. What is wrong with it is told already.
    fn search(&mut self, input: &Input, outer: &str) -> Result<()> {
        let mut at = 0;
        let end = input.nbytes().min(MAX_SEARCHED);
        let problems = self.problems.len();
        for _ in 0..MAX_FOUND {
            self.options.open.interrupt.check()?;
            let Some(found) = find(input, b"PK\x03\x04", at, end)? else {
                break;
            };
            at = found + 4;
            if let Some((name, part)) = local_member(input, found)? {
                let known = self.globals.len();
                self.look(&part, &path_of(outer, &name), Path::new(&name))?;
                self.forget_twice(known);
            }
        }
        self.problems.truncate(problems);
        Ok(())
    }

    /// Takes back what was found in the directory's member already.
    fn forget_twice(&mut self, known: usize) {
        let again = self.globals.split_off(known);
        for global in again {
            let is_known = |other: &crate::GlobalUse| {
                (other.offset, &other.name, &other.member)
                    == (global.offset, &global.name, &global.member)
            };
            if !self.globals.iter().any(is_known) {
                self.globals.push(global);
            }
        }
    }
}

/// Where a ZIP ends, if the file ends in one: in its last record, or (as Python's `zipfile` has it) shortly after that.
pub(super) fn end_of_archive(input: &Input) -> Result<Option<u64>> {
    const END_NBYTES: u64 = 22;
    let nbytes = input.nbytes().min(END_NBYTES + 65_535);
    if nbytes < END_NBYTES {
        return Ok(None);
    }
    let start = input.nbytes() - nbytes;
    let tail = input.bytes(start, nbytes)?;
    for at in (0..=tail.len() - END_NBYTES as usize).rev() {
        let record = &tail[at..];
        if !record.starts_with(b"PK\x05\x06") {
            continue;
        }
        let remark = u64::from(u16::from_le_bytes([record[20], record[21]]));
        let (here, end) = (start + at as u64, start + at as u64 + END_NBYTES + remark);
        if end == input.nbytes() {
            return Ok(Some(end));
        }
        // Before the record lies the directory.
        let nbytes = u32::from_le_bytes([record[12], record[13], record[14], record[15]]);
        if let Some(directory) = here.checked_sub(nbytes.into())
            && *input.bytes(directory, 4)? == *b"PK\x01\x02"
        {
            return Ok(Some(end.min(input.nbytes())));
        }
    }
    Ok(None)
}

fn path_of(outer: &str, file: &str) -> String {
    match outer {
        "" => file.to_owned(),
        outer => format!("{outer}/{file}"),
    }
}

/// All that a reader gives, in a temporary file.
fn spooled(reader: &mut dyn Read, interrupt: &crate::Interrupt) -> Result<Input> {
    let mut file = crate::npz_file::temporary_file()?;
    let mut piece = vec![0; 1 << 16];
    let mut nbytes = 0;
    loop {
        interrupt.check()?;
        let n = reader.read(&mut piece).map_err(from_io)?;
        if n == 0 {
            return Ok(Input::of_file(file, nbytes));
        }
        std::io::Write::write_all(&mut file, &piece[..n])?;
        nbytes += n as u64;
    }
}

/// Where these bytes are, from a byte on.
fn find(input: &Input, wanted: &[u8; 4], from: u64, end: u64) -> Result<Option<u64>> {
    const STEP: u64 = 1 << 16;
    let mut at = from;
    while at + 4 <= end {
        let nbytes = (end - at).min(STEP);
        let bytes = input.bytes(at, nbytes)?;
        if let Some(i) = bytes.windows(4).position(|four| four == wanted) {
            return Ok(Some(at + i as u64));
        }
        at += nbytes - 3;
    }
    Ok(None)
}

/// The name and the bytes of a member, by its local header alone, as far as they can be read.
fn local_member(input: &Input, at: u64) -> Result<Option<(String, Input)>> {
    let left = input.nbytes() - at;
    if left < LOCAL_NBYTES as u64 {
        return Ok(None);
    }
    let header = input.bytes(at, LOCAL_NBYTES as u64)?;
    let short = |i: usize| u64::from(u16::from_le_bytes([header[i], header[i + 1]]));
    let long = |i: usize| short(i) | short(i + 2) << 16;
    let (method, packed_nbytes) = (short(8), long(18));
    let start = LOCAL_NBYTES as u64 + short(26) + short(28);
    if start > left {
        return Ok(None);
    }
    let name = input.bytes(at + LOCAL_NBYTES as u64, short(26))?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let left = left - start;
    let start = at + start;
    // A length of 0 comes behind the bytes.
    let nbytes = match packed_nbytes {
        0 | 0xffff_ffff => left,
        nbytes => nbytes.min(left),
    };
    if method == 0 {
        return Ok(Some((name, input.part(start, nbytes))));
    }
    let part = input.part(start, nbytes);
    let most = left.min(MAX_IN_MEMORY);
    let packed = part.bytes(0, part.nbytes().min(most))?;
    let mut bytes = Vec::new();
    let inflated = DeflateDecoder::new(&packed[..])
        .take(MAX_IN_MEMORY)
        .read_to_end(&mut bytes);
    // What was inflated before the damage is there.
    let is_empty = inflated.is_err() && bytes.is_empty();
    Ok((!is_empty).then(|| (name, Input::of_bytes(bytes.into()))))
}
