//! Reading NPY files.

use ndferry_npy::Header;

use crate::error::npy;
use crate::input::Input;
use crate::lazy::Backing;
use crate::pickle_file::Pickled;
use crate::source::Contents;
use crate::stored::plain::Plain;
use crate::{Format, Limits, MemberInfo, OpenOptions, Result, Storage};

/// Most headers are shorter than this.
const HEAD_NBYTES: usize = 4096;

pub(crate) fn open(input: &Input, options: &OpenOptions) -> Result<Contents> {
    let (header, start) = header(input, &options.limits)?;
    let mut contents = Contents::new(Format::Npy);
    let offset = start as u64;
    if header.dtype.has_object() {
        let pickled = Pickled::parse(input, offset, 1, options)?;
        contents.end = Some(pickled.end);
        pickled.judge(&mut contents);
        pickled.list_objects(input, "", &header, options, &mut contents)?;
        return Ok(contents);
    }
    let info = member("", &header, Storage::Plain { offset });
    contents.end = Some(offset + info.nbytes);
    let plain = Plain {
        input: input.clone(),
        offset,
        nbytes: info.nbytes,
        interrupt: options.interrupt.clone(),
    };
    // Data that is not there is told now, not at the first element beyond it.
    crate::lazy::Stored::check_nbytes(&plain, info.nbytes)?;
    contents.push(info, Backing::Stored(std::sync::Arc::new(plain)));
    Ok(contents)
}

/// The header, reading as much as it needs.
pub(crate) fn header(input: &Input, limits: &Limits) -> Result<(Header, usize)> {
    let limits = npy_limits(limits);
    let mut head = input.head(HEAD_NBYTES)?;
    match Header::parse_limited(&head, &limits) {
        Err(ndferry_npy::Error {
            kind: ndferry_npy::ErrorKind::Truncated { needed, .. },
            ..
        }) if needed > head.len() as u64 && needed <= input.nbytes() => {
            // At most the limit, which the parser has checked.
            head = input.head(needed as usize)?;
            Header::parse_limited(&head, &limits).map_err(npy)
        }
        other => other.map_err(npy),
    }
}

pub(crate) fn npy_limits(limits: &Limits) -> ndferry_npy::Limits {
    ndferry_npy::Limits {
        header_nbytes: limits.header_nbytes as u64,
        data_nbytes: u64::MAX,
        members: limits.members as u64,
        pickle_nbytes: limits.pickle_nbytes,
    }
}

pub(crate) fn member(path: &str, header: &Header, storage: Storage) -> MemberInfo {
    MemberInfo {
        path: path.to_owned(),
        dtype: header.dtype.clone(),
        shape: header.shape.clone(),
        order: header.order,
        // The header's layout was checked, so this fits.
        nbytes: header.data_nbytes().unwrap_or(u64::MAX),
        storage,
        attributes: Default::default(),
    }
}
