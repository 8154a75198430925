//! Archives: NPZ files and those of PyTorch. Members without pickles are copied as they are packed.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use flate2::CrcWriter;
use flate2::write::DeflateEncoder;
use ndferry_npy::{Method, Npz, NpzWriter, Packed, Packing};

use super::{Job, Repickled, copy};
use crate::error::{from_io, npy};
use crate::input::Input;
use crate::npy_file::npy_limits;
use crate::npz_file::{Pickles, pickles, temporary_file};
use crate::{ErrorClass, ErrorKind, Result};

impl Job<'_> {
    pub(super) fn archive(
        &self,
        input: &Input,
        to: &mut dyn Write,
        told: &mut Repickled,
    ) -> Result<()> {
        let open = &self.options.open;
        let npz = Npz::open(input.clone(), &npy_limits(&open.limits)).map_err(npy)?;
        let pickled: Vec<Pickles> = (0..npz.members().len())
            .map(|i| pickles(&npz, i))
            .collect::<Result<_>>()?;
        if pickled.iter().all(|pickles| *pickles == Pickles::No) {
            return copy(input, 0..input.nbytes(), to);
        }
        // What stays as it is is copied as it is packed, or the whole archive, if all of it does.
        let mut all = Repickled::default();
        let mut is_changed = Vec::with_capacity(pickled.len());
        for (i, pickles) in pickled.iter().enumerate() {
            let mut one = Repickled::default();
            let ahead = self.rewrite(&npz, i, *pickles, &mut io::sink(), &mut one);
            ahead.map_err(|error| error.in_member(npz.members()[i].file()))?;
            is_changed.push(one.is_changed());
            all.merge(one);
        }
        let is_same = !all.is_changed();
        told.merge(all);
        if is_same {
            return copy(input, 0..input.nbytes(), to);
        }
        // Sizes are known before they are written, so that nothing has to be written over.
        let mut writer = NpzWriter::new(to, Packing::Stored);
        for (i, is_changed) in is_changed.into_iter().enumerate() {
            let entry = &npz.members()[i];
            let mut add = || -> Result<()> {
                if is_changed {
                    let (packed, mut file) = self.member(&npz, i, pickled[i])?;
                    return writer
                        .add_packed(entry.file(), packed, &mut file)
                        .map_err(npy);
                }
                let mut bytes = npz.packed(i).map_err(npy)?;
                writer
                    .add_packed(entry.file(), entry.into(), &mut bytes)
                    .map_err(npy)
            };
            add().map_err(|error| error.in_member(entry.file()))?;
        }
        writer.finish().map_err(npy)?;
        Ok(())
    }

    /// Rewrites the pickles of a member. What only looked as if it had some is left alone.
    fn rewrite(
        &self,
        npz: &Npz<Input>,
        i: usize,
        pickles: Pickles,
        to: &mut dyn Write,
        told: &mut Repickled,
    ) -> Result<()> {
        if pickles == Pickles::No {
            return Ok(());
        }
        let input = self.spooled(&mut npz.reader(i).map_err(npy)?)?;
        let mut one = Repickled::default();
        match self.file(&input, to, &mut one) {
            Err(error) if pickles == Pickles::Likely && error.class() == ErrorClass::Malformed => {}
            other => {
                other?;
                told.merge(one);
            }
        }
        Ok(())
    }

    /// A member with its pickles rewritten, packed as it was, in a temporary file.
    fn member(&self, npz: &Npz<Input>, i: usize, pickles: Pickles) -> Result<(Packed, File)> {
        let entry = &npz.members()[i];
        let mut rewritten = CrcWriter::new(temporary_file()?);
        let mut told = Repickled::default();
        self.rewrite(npz, i, pickles, &mut rewritten, &mut told)?;
        let crc = rewritten.crc().sum();
        let mut file = rewritten.into_inner();
        let nbytes = file.stream_position()?;
        let mut packed = Packed {
            method: entry.method(),
            crc,
            packed_nbytes: nbytes,
            nbytes,
        };
        file.rewind()?;
        if entry.method() == Method::Deflated {
            let level = flate2::Compression::default();
            let mut encoder = DeflateEncoder::new(temporary_file()?, level);
            io::copy(&mut file, &mut encoder)?;
            file = encoder.finish()?;
            packed.packed_nbytes = file.stream_position()?;
            file.rewind()?;
        }
        Ok((packed, file))
    }

    /// A stream in a temporary file, since pickles are looked at twice.
    pub(super) fn spooled(&self, from: &mut dyn Read) -> Result<Input> {
        let mut file = temporary_file()?;
        let mut piece = vec![0; 256 << 10];
        let (mut nbytes, limit) = (0, self.options.open.limits.expanded_nbytes);
        loop {
            self.options.open.interrupt.check()?;
            match from.read(&mut piece) {
                Ok(0) => return Ok(Input::of_file(file, nbytes)),
                Ok(n) => {
                    file.write_all(&piece[..n])?;
                    nbytes += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(from_io(error)),
            }
            if nbytes > limit {
                let (what, found) = ("bytes of a file, unpacked", nbytes);
                return Err(ErrorKind::Limit { what, found, limit }.at(0));
            }
        }
    }
}
