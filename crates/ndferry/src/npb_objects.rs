//! Arrays of objects in NPB files: the bytes of the pickle that an NPY would hold, in tiles.

use ndferry_npy::Header;

use crate::input::Input;
use crate::lazy::Backing;
use crate::pickle_file::Pickled;
use crate::source::Contents;
use crate::stored::tiles::Tiles;
use crate::{ErrorKind, MemberInfo, OpenOptions, Result, Storage};

/// Bytes of a pickle, which is held in memory.
pub(crate) const MAX_PICKLE: u64 = 1 << 30;

/// Adds an array of objects and the arrays inside it. False if tiles of it are damaged or missing, so that nobody knows
/// what it refers to; other arrays of the file can be read all the same.
pub(crate) fn push(
    contents: &mut Contents,
    tiles: &Tiles,
    info: MemberInfo,
    header: &Header,
    options: &OpenOptions,
) -> Result<bool> {
    let bytes = match pickle(tiles, options) {
        Ok(bytes) => bytes,
        Err(error) if is_tile(error.kind()) => {
            contents.push(info, Backing::Objects(None));
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let pickled = Pickled::parse(&bytes, 0, 1, options)?;
    let first = contents.members.len();
    pickled.list_objects(&bytes, &info.path, header, options, contents)?;
    pickled.judge(contents);
    contents.members[first].attributes = info.attributes;
    for inner in &mut contents.members[first..] {
        // Its elements lie in the pickle, not in the file.
        if matches!(inner.storage, Storage::Plain { .. }) {
            inner.storage = Storage::Pickled;
        }
    }
    Ok(true)
}

/// The bytes of the pickle.
pub(crate) fn pickle(tiles: &Tiles, options: &OpenOptions) -> Result<Input> {
    let limit = options.limits.pickle_nbytes.min(MAX_PICKLE);
    Ok(Input::of_bytes(tiles.bytes(limit)?.into()))
}

fn is_tile(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DamagedTile { .. } | ErrorKind::MissingTile { .. }
    )
}
