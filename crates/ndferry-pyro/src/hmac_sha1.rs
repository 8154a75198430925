//! Signatures of Pyro4's messages: HMAC-SHA1 over the data, then over the annotations' values in the order of their names
//! (`Pyro4/message.py`, `Message.hmac`).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::{Annotations, Result, error::ErrorKind};

/// The annotation that holds the signature.
pub(crate) const NAME: [u8; 4] = *b"HMAC";

/// The signature of a message whose data is not all there yet.
pub(crate) struct Signature(Hmac<Sha1>);

impl Signature {
    /// Of no data.
    pub(crate) fn new(key: &[u8]) -> Self {
        #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
        Self(Hmac::new_from_slice(key).unwrap())
    }

    /// More data.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// With the annotations, in the order of their names.
    fn whole(mut self, annotations: &Annotations) -> Hmac<Sha1> {
        let mut others: Vec<_> = annotations
            .iter()
            .filter(|(name, _)| *name != NAME)
            .collect();
        others.sort_by_key(|(name, _)| *name);
        for (_, value) in others {
            self.0.update(value);
        }
        self.0
    }

    /// The bytes of it.
    pub(crate) fn finish(self, annotations: &Annotations) -> Vec<u8> {
        let whole = self.whole(annotations);
        whole.finalize().into_bytes().to_vec()
    }

    /// Whether it is that of the message.
    pub(crate) fn check(self, annotations: &Annotations) -> Result<()> {
        let found = annotations.get(NAME).map_or(&[][..], |found| found);
        let verified = self.whole(annotations).verify_slice(found);
        verified.map_err(|_| ErrorKind::Hmac("its signature is not made with our key").at(0))
    }
}

/// A signature to make of the data that follows these annotations: with a key there must be one, without one there must not.
pub(crate) fn expected(key: Option<&[u8]>, annotations: &Annotations) -> Result<Option<Signature>> {
    match (key, annotations.get(NAME)) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(ErrorKind::Hmac("it is signed, and no key is set here").at(0)),
        (Some(_), None) => Err(ErrorKind::Hmac("it is not signed, and a key is set here").at(0)),
        (Some(key), Some(_)) => Ok(Some(Signature::new(key))),
    }
}

/// Whether a message is signed as it should be.
pub(crate) fn check(key: Option<&[u8]>, data: &[u8], annotations: &Annotations) -> Result<()> {
    let Some(mut signature) = expected(key, annotations)? else {
        return Ok(());
    };
    signature.update(data);
    signature.check(annotations)
}
