//! Signatures of Pyro4's messages: HMAC-SHA1 over the data, then over the annotations' values in the order of their names
//! (`Pyro4/message.py`, `Message.hmac`).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::{Annotations, Result, error::ErrorKind};

/// The annotation that holds the signature.
pub(crate) const NAME: [u8; 4] = *b"HMAC";

fn mac<'a>(
    key: &[u8],
    data: impl IntoIterator<Item = &'a [u8]>,
    annotations: &Annotations,
) -> Hmac<Sha1> {
    #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
    for part in data {
        mac.update(part);
    }
    let mut others: Vec<_> = annotations
        .iter()
        .filter(|(name, _)| *name != NAME)
        .collect();
    others.sort_by_key(|(name, _)| *name);
    for (_, value) in others {
        mac.update(value);
    }
    mac
}

/// The signature of a message.
pub(crate) fn sign<'a>(
    key: &[u8],
    data: impl IntoIterator<Item = &'a [u8]>,
    annotations: &Annotations,
) -> Vec<u8> {
    mac(key, data, annotations).finalize().into_bytes().to_vec()
}

/// Whether a message is signed as it should be: with a key it must be, without one it must not.
pub(crate) fn check(key: Option<&[u8]>, data: &[u8], annotations: &Annotations) -> Result<()> {
    match (key, annotations.get(NAME)) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(ErrorKind::Hmac("it is signed, and no key is set here").at(0)),
        (Some(_), None) => Err(ErrorKind::Hmac("it is not signed, and a key is set here").at(0)),
        (Some(key), Some(found)) => mac(key, [data], annotations)
            .verify_slice(found)
            .map_err(|_| ErrorKind::Hmac("its signature is not made with our key").at(0)),
    }
}
