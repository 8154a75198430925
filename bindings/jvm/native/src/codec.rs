//! Blocks of NPB files that pure Java does not unpack.

use ndferry_npb::{Codec, ElementKind, ElementType, Endian, ErrorKind, Filter, unpack};

use crate::failure::Failure;

/// What the manifest says of elements, as `NpbManifest.java` has it.
pub(crate) fn element(packed: i64, itemsize: i64) -> Result<ElementType, Failure> {
    let wrong = || Failure::bug("elements that there are not");
    let [kind, endian, ..] = packed.to_le_bytes();
    let kind = match kind {
        0 => ElementKind::Bytes,
        1 => ElementKind::Unsigned,
        2 => ElementKind::Signed,
        3 => ElementKind::Float,
        4 => ElementKind::Complex,
        _ => return Err(wrong()),
    };
    let endian = match endian {
        0 => Endian::None,
        1 => Endian::Little,
        2 => Endian::Big,
        _ => return Err(wrong()),
    };
    Ok(ElementType {
        kind,
        endian,
        width: u32::try_from(packed >> 16).map_err(|_| wrong())?,
        itemsize: u32::try_from(itemsize).map_err(|_| wrong())?,
    })
}

/// One block, to exactly so many bytes, which were compared with its tile and a limit.
pub(crate) fn block(
    codec: u8,
    filter: u8,
    element: &ElementType,
    payload: &[u8],
    nbytes: usize,
) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    out.try_reserve_exact(nbytes)
        .map_err(|_| Failure::Memory(nbytes as u64))?;
    out.resize(nbytes, 0);
    let mut unpacked = || -> Result<(), ErrorKind> {
        unpack(
            Codec::of(codec)?,
            Filter::of(filter)?,
            element,
            payload,
            &mut out,
        )
    };
    unpacked().map_err(|error| Failure::Format(error.to_string()))?;
    Ok(out)
}
