//! [`repair`]: a new file of what is whole in a cut or damaged one. [`verify`]: whether there is need.

use std::collections::BTreeMap;
use std::path::Path;

use ndferry_io::AtomicFile;
use ndferry_npb::{
    Block, Catalog, Extent, FoundArray, HEAD_NBYTES, Kind as MessageKind, Manifest, Place, Scan,
    Scanner, TAIL_NBYTES, Tail,
};

use crate::check::{CheckOptions, Finding, Problem, check};
use crate::error::{npb, outside};
use crate::input::Input;
use crate::npb_file::{attribute_name, header_of, message, npb_limits};
use crate::npb_write::NpbWriter;
use crate::stored::tiles::region;
use crate::{Error, ErrorClass, ErrorKind, Format, OpenOptions, Progress, Result, sniff};

/// How to repair.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RepairOptions {
    /// Limits and interrupt.
    pub open: OpenOptions,
    /// Replaces an output that exists; the damaged file itself may be the output.
    pub overwrite: bool,
}

/// What a repair saved, and what it could not.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Repaired {
    /// Arrays in the new file.
    pub arrays: usize,
    /// Tiles in the new file.
    pub tiles: u64,
    /// Tiles that are lost: reading them from the new file is an error.
    pub lost: u64,
    /// Whether whole arrays are lost, or may be: see the problems.
    pub lost_arrays: bool,
    /// Bytes of the new file.
    pub file_nbytes: u64,
    /// What was wrong, the first [`Finding::MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
}

/// Reads all of an NPB file and says what is wrong with it: every checksum is compared, every tile unpacked, each damaged
/// or missing one named with its region. As [`check`], of NPB files alone.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for any other format; as [`check`].
pub fn verify(
    path: impl AsRef<Path>,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let path = path.as_ref();
    let finding = check(path, options, progress)?;
    match finding.format {
        None | Some(Format::Npb) => Ok(finding),
        Some(format) => Err(not_npb(format).in_path(path)),
    }
}

/// Writes all that is whole in an NPB file into a new one with an index of its own. Tiles are copied as they are packed.
/// Rows of a growing array that were not complete are dropped; other tiles that are not there are marked as lost, unless
/// the array was still being filled when the file was cut: those were never written, and are zeros.
///
/// # Errors
/// [`ErrorKind::Exists`] unless `overwrite`; [`ErrorKind::Unsupported`] for any other format; [`ErrorKind::NoArrays`] if
/// nothing is left; [`ErrorClass::System`].
pub fn repair(
    path: impl AsRef<Path>,
    output: impl AsRef<Path>,
    options: &RepairOptions,
    progress: &dyn Progress,
) -> Result<Repaired> {
    let (path, output) = (path.as_ref(), output.as_ref());
    let repaired = || {
        let input = Input::open(path, &options.open.limits)?;
        if let Some(format) = sniff(&input.head(Format::SNIFF_NBYTES)?)
            && format != Format::Npb
        {
            return Err(not_npb(format));
        }
        let limits = npb_limits(&options.open.limits);
        let scan = scan(&input, &limits, options)?;
        let mut file = AtomicFile::create(output, options.overwrite).map_err(outside)?;
        let mut repair = Repair {
            input: &input,
            limits,
            names: names(&input, &options.open),
            only_cut: scan.damaged.iter().all(|range| range.end == input.nbytes()),
            options,
            progress,
            report: Repaired::default(),
        };
        repair.run(scan, &mut file)?;
        let mut report = repair.report;
        file.commit().map_err(outside)?;
        let in_path = |problem| match problem {
            Problem::Unreadable(error) => Problem::Unreadable(error.in_path(path)),
            other => other,
        };
        report.problems = report.problems.into_iter().map(in_path).collect();
        Ok(report)
    };
    repaired().map_err(|error: Error| error.in_path(path))
}

fn not_npb(format: Format) -> Error {
    let what = format!("an index that could be checked or made again in {format} files");
    ErrorKind::Unsupported { what }.into()
}

fn scan(input: &Input, limits: &ndferry_npb::Limits, options: &RepairOptions) -> Result<Scan> {
    let mut scanner = Scanner::new(input.nbytes(), limits.clone());
    while let Some(need) = scanner.need() {
        options.open.interrupt.check()?;
        scanner.give(&input.bytes(need.offset, need.nbytes)?);
    }
    Ok(scanner.finish())
}

/// Names by transfer, if the catalog can be read.
fn names(input: &Input, options: &OpenOptions) -> Option<BTreeMap<u64, String>> {
    let limits = npb_limits(&options.limits);
    let names = || {
        let tail_at = input.nbytes().checked_sub(TAIL_NBYTES as u64)?;
        let tail = input.bytes(tail_at, TAIL_NBYTES as u64).ok()?;
        let tail = Tail::parse(&tail, input.nbytes()).ok()?;
        let (_, body) = message(input, tail.target, MessageKind::Catalog, &limits).ok()?;
        let catalog = Catalog::parse(&body, &limits).ok()?;
        let entries = catalog.entries.into_iter();
        Some(entries.map(|entry| (entry.transfer, entry.name)).collect())
    };
    names()
}

struct Repair<'a> {
    input: &'a Input,
    limits: ndferry_npb::Limits,
    /// Names by transfer; `None` without a list.
    names: Option<BTreeMap<u64, String>>,
    /// Nothing is wrong but the file's end.
    only_cut: bool,
    options: &'a RepairOptions,
    progress: &'a dyn Progress,
    report: Repaired,
}

impl Repair<'_> {
    fn run(&mut self, scan: Scan, file: &mut AtomicFile) -> Result<()> {
        for range in scan.damaged {
            self.tell(Problem::NoMessage {
                offset: range.start,
                nbytes: range.end - range.start,
            });
        }
        let (arrays, headless): (Vec<_>, Vec<_>) = (scan.arrays.into_iter())
            .partition(|array| array.headers.len() == array.manifest.header_blocks as usize);
        for array in headless {
            let offset = array.manifest_offset.unwrap_or(0);
            self.report.lost_arrays = true;
            self.tell(Problem::Unreadable(ErrorKind::NoHeader.at(offset)));
        }
        self.tell_lost_arrays(&arrays);
        if arrays.is_empty() {
            return Err(ErrorKind::NoArrays.into());
        }
        let cataloged = arrays.len() > 1 || arrays.iter().any(|array| array.manifest.cataloged);
        let mut writer = NpbWriter::new(file);
        for array in arrays {
            self.array(array, cataloged, &mut writer)?;
        }
        self.report.file_nbytes = writer.finish()?.1;
        Ok(())
    }

    /// Arrays of which nothing is left, as far as that can be known.
    fn tell_lost_arrays(&mut self, arrays: &[FoundArray]) {
        let is_there = |transfer: &u64| arrays.iter().any(|array| array.transfer == *transfer);
        let end = self.input.nbytes();
        let lost: Vec<Error> = match &self.names {
            Some(names) => (names.iter())
                .filter(|(transfer, _)| !is_there(transfer))
                .map(|(_, name)| ErrorKind::LostArray { name: name.clone() }.into())
                .collect(),
            None if arrays.iter().any(|array| array.manifest.cataloged) => {
                vec![ErrorKind::NoCatalog.at(end)]
            }
            None => Vec::new(),
        };
        for error in lost {
            self.report.lost_arrays = true;
            self.tell(Problem::Unreadable(error));
        }
    }

    fn array(
        &mut self,
        found: FoundArray,
        cataloged: bool,
        writer: &mut NpbWriter<&mut AtomicFile>,
    ) -> Result<()> {
        let shape = found.shape();
        let attribute = || found.headers.get(1).map(|json| attribute_name(json));
        let name = (self.names.as_ref())
            .and_then(|names| names.get(&found.transfer).cloned())
            .or_else(attribute);
        let name = name.unwrap_or_default();
        // A header that says something else than the manifest is not to be believed.
        header_of(
            &found.manifest,
            &found.headers,
            &shape,
            &self.options.open.limits,
        )
        .map_err(|error| error.in_member(&name))?;
        let grid = match found.manifest.growing {
            true => found
                .manifest
                .grid()
                .and_then(|grid| grid.grown_to(shape[0])),
            false => found.manifest.grid(),
        };
        let grid = grid.map_err(npb)?;
        // An index is as long as the array claims to be: no more of it than the file is worth.
        let most = self.input.nbytes() + (1 << 22);
        if grid.len() > most {
            let (what, found) = ("number of tiles", grid.len());
            return Err(ErrorKind::Limit {
                what,
                found,
                limit: most,
            }
            .into());
        }
        let mut whole = Vec::new();
        let mut lost = Vec::new();
        let never = self.only_cut && found.manifest.data_blocks.is_none();
        self.progress.start(&name, None);
        for number in 0..grid.len() {
            self.options.open.interrupt.check()?;
            let region = || region(&grid, number);
            match found.places.get(&number) {
                Some(place) => match self.block(found.transfer, number, *place) {
                    Ok(()) => whole.push((number, *place)),
                    Err(error) if error.class() == ErrorClass::System => return Err(error),
                    Err(error) => {
                        lost.push(number);
                        let kind = ErrorKind::DamagedTile {
                            number,
                            region: region(),
                            problem: error.kind().to_string(),
                        };
                        let error = kind.at(error.offset().unwrap_or(place.offset));
                        self.tell(Problem::Unreadable(error.in_member(&name)));
                    }
                },
                None if never => {}
                None => {
                    lost.push(number);
                    let region = region();
                    let error = Error::from(ErrorKind::MissingTile { number, region });
                    self.tell(Problem::Unreadable(error.in_member(&name)));
                }
            }
        }
        let blocks = whole.len() as u64;
        let complete = blocks == grid.len();
        let manifest = Manifest {
            data_blocks: (found.manifest.data_blocks).and(complete.then_some(blocks)),
            cataloged,
            ..found.manifest
        };
        writer.begin(found.transfer, &name, &manifest, &found.headers)?;
        for (number, place) in whole {
            self.options.open.interrupt.check()?;
            let (_, body) = message(self.input, extent(place), MessageKind::Data, &self.limits)?;
            let block = Block::parse(number, &body).map_err(npb)?;
            writer.block(&block)?;
            self.progress.advance(block.raw_nbytes.into());
        }
        for number in &lost {
            writer.lost(*number);
        }
        writer.end(shape.first().copied().unwrap_or(0))?;
        self.progress.finish();
        self.report.arrays += 1;
        self.report.tiles += blocks;
        self.report.lost += lost.len() as u64;
        Ok(())
    }

    /// # Errors
    /// What is wrong with a tile.
    fn block(&self, transfer: u64, number: u64, place: Place) -> Result<()> {
        let (head, body) = message(self.input, extent(place), MessageKind::Data, &self.limits)?;
        Block::parse(number, &body).map_err(npb)?;
        match (head.transfer, head.sequence) == (transfer, number) {
            true => Ok(()),
            false => Err(crate::npb_file::elsewhere().at(place.offset)),
        }
    }

    fn tell(&mut self, problem: Problem) {
        crate::check::push(&mut self.report.problems, problem);
    }
}

fn extent(place: Place) -> Extent {
    Extent {
        offset: place.offset,
        nbytes: u64::from(place.nbytes) + HEAD_NBYTES as u64,
    }
}
