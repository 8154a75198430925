//! [`Message`]: one that has come, and how one goes out; [`Annotations`]: named bytes beside the data.

use std::io::Read;

use bytes::Bytes;

use crate::{Body, Dialect, ErrorKind, Head, Limits, Result, hmac_sha1};

/// Bytes by names of four letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(Vec<([u8; 4], Bytes)>);

impl Annotations {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all, which are all of `bytes`; `offset` is where they are in the message.
    ///
    /// # Errors
    /// [`ErrorKind::Annotation`].
    pub fn parse(dialect: Dialect, bytes: &Bytes, offset: u64) -> Result<Self> {
        let prefix = dialect.annotation_prefix();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let here = offset + at as u64;
            let wrong = |problem| ErrorKind::Annotation(problem).at(here);
            let Some(head) = bytes[at..].get(..prefix) else {
                return Err(wrong("one is cut off"));
            };
            let name = [head[0], head[1], head[2], head[3]];
            if !name.is_ascii() {
                return Err(wrong("a name is not ASCII"));
            }
            let nbytes = head[4..]
                .iter()
                .fold(0, |n: usize, byte| n << 8 | usize::from(*byte));
            let start = at + prefix;
            let end = start.checked_add(nbytes).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| wrong("one is longer than all"))?;
            found.push((name, bytes.slice(start..end)));
            at = end;
        }
        Ok(Self(found))
    }

    /// The bytes of all.
    pub fn to_bytes(&self, dialect: Dialect) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in &self.0 {
            out.extend_from_slice(name);
            let nbytes = (value.len() as u32).to_be_bytes();
            out.extend_from_slice(match dialect {
                Dialect::Pyro4 => &nbytes[2..],
                Dialect::Pyro5 => &nbytes,
            });
            out.extend_from_slice(value);
        }
        out
    }

    /// One of them; the last, if several have its name.
    pub fn get(&self, name: [u8; 4]) -> Option<&Bytes> {
        let named = self.0.iter().rev().find(|(other, _)| *other == name);
        named.map(|(_, value)| value)
    }

    /// Sets one of them.
    pub fn set(&mut self, name: [u8; 4], value: impl Into<Bytes>) {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.into()));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = ([u8; 4], &Bytes)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    fn nbytes(&self, dialect: Dialect) -> u64 {
        let each = self.0.iter();
        each.map(|(_, value)| (dialect.annotation_prefix() + value.len()) as u64)
            .sum()
    }
}

/// A message that has come.
#[derive(Clone, Debug)]
pub struct Message {
    /// How it begins.
    pub head: Head,
    /// Beside the data.
    pub annotations: Annotations,
    /// Its data, unpacked.
    pub data: Bytes,
}

impl Message {
    /// Checks and unpacks what follows a head: all of annotations and data. With a key it must be signed, without one it
    /// must not.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`ErrorKind::LeftOver`], [`ErrorKind::Annotation`], [`ErrorKind::Hmac`],
    /// [`ErrorKind::Zlib`], [`ErrorKind::Limit`].
    pub fn parse(head: Head, rest: Bytes, key: Option<&[u8]>, limits: &Limits) -> Result<Self> {
        let start = head.dialect.head_nbytes() as u64;
        let (needed, found) = (head.rest_nbytes(), rest.len() as u64);
        if found < needed {
            return Err(ErrorKind::Truncated { needed, found }.at(start + found));
        }
        if found > needed {
            return Err(ErrorKind::LeftOver.at(start + needed));
        }
        let mut data = rest;
        let annotations = data.split_to(head.annotations_nbytes as usize);
        let annotations = Annotations::parse(head.dialect, &annotations, start)?;
        hmac_sha1::check(key, &data, &annotations)?;
        if head.flags.compressed {
            data = unpack(&data, limits)?;
        }
        Ok(Self {
            head,
            annotations,
            data,
        })
    }

    /// What begins a message with this body: head and annotations. Signs it if there is a key; fills in the lengths.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for what the dialect cannot hold; what [`Body::each`] says.
    pub fn start(
        mut head: Head,
        mut annotations: Annotations,
        body: &Body,
        key: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        if let Some(key) = key {
            let mut signature = hmac_sha1::Signature::new(key);
            body.each(&mut |part| {
                signature.update(part);
                Ok(())
            })?;
            annotations.set(hmac_sha1::NAME, signature.finish(&annotations));
        }
        let (data_limit, annotations_limit) = match head.dialect {
            Dialect::Pyro4 => (i32::MAX as u64, u64::from(u16::MAX)),
            Dialect::Pyro5 => (u64::from(u32::MAX), u64::from(u32::MAX)),
        };
        let fits = |what, found: u64, limit: u64| match found <= limit {
            true => Ok(found as u32),
            false => Err(ErrorKind::Limit { what, found, limit }.at(0)),
        };
        head.data_nbytes = fits("bytes of data", body.nbytes(), data_limit)?;
        let nbytes = annotations.nbytes(head.dialect);
        head.annotations_nbytes = fits("bytes of annotations", nbytes, annotations_limit)?;
        let mut out = head.to_bytes();
        out.extend(annotations.to_bytes(head.dialect));
        Ok(out)
    }
}

/// Memory grows by what has come out.
pub(crate) fn unpack(packed: &[u8], limits: &Limits) -> Result<Bytes> {
    let mut out = Vec::new();
    let limit = limits.unpacked_nbytes;
    let mut from = flate2::bufread::ZlibDecoder::new(packed).take(limit.saturating_add(1));
    from.read_to_end(&mut out)
        .map_err(|_| ErrorKind::Zlib.at(0))?;
    let found = out.len() as u64;
    if found > limit {
        let what = "bytes of unpacked data";
        return Err(ErrorKind::Limit { what, found, limit }.at(0));
    }
    Ok(out.into())
}
