//! [`TileCache`]: unpacked tiles of which only a part was wanted so far.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Keeps the tiles that were used last, up to so many bytes.
#[derive(Debug)]
pub(crate) struct TileCache {
    max_nbytes: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each tile's bytes, and when it was used.
    tiles: HashMap<u64, (Bytes, u64)>,
    /// Which tile was used when.
    uses: BTreeMap<u64, u64>,
    nbytes: u64,
    now: u64,
}

impl TileCache {
    pub(crate) fn new(max_nbytes: u64) -> Self {
        Self {
            max_nbytes,
            kept: Mutex::default(),
        }
    }

    /// Whether a tile of this size is kept at all.
    pub(crate) fn takes(&self, nbytes: u64) -> bool {
        nbytes <= self.max_nbytes
    }

    /// Whether it is kept now.
    pub(crate) fn has(&self, number: u64) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tiles.contains_key(&number)
    }

    pub(crate) fn get(&self, number: u64) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.now += 1;
        let now = kept.now;
        let (bytes, used) = kept.tiles.get_mut(&number)?;
        let (bytes, before) = (bytes.clone(), std::mem::replace(used, now));
        kept.uses.remove(&before);
        kept.uses.insert(now, number);
        Some(bytes)
    }

    pub(crate) fn put(&self, number: u64, bytes: Bytes) {
        let nbytes = bytes.len() as u64;
        if !self.takes(nbytes) {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(number);
        while kept.nbytes + nbytes > self.max_nbytes {
            let Some((_, oldest)) = kept.uses.first_key_value() else {
                break;
            };
            let oldest = *oldest;
            kept.remove(oldest);
        }
        kept.now += 1;
        let now = kept.now;
        kept.nbytes += nbytes;
        kept.uses.insert(now, number);
        kept.tiles.insert(number, (bytes, now));
    }
}

impl Kept {
    fn remove(&mut self, number: u64) {
        if let Some((bytes, used)) = self.tiles.remove(&number) {
            self.uses.remove(&used);
            self.nbytes -= bytes.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let cache = TileCache::new(25);
        for number in 0..2 {
            cache.put(number, Bytes::from(vec![number as u8; 10]));
        }
        assert!(cache.get(0).is_some());
        cache.put(2, Bytes::from(vec![2; 10]));
        assert_eq!(cache.get(0), Some(Bytes::from(vec![0; 10])));
        assert_eq!(cache.get(1), None);
        assert!(cache.get(2).is_some());
        // The same tile again does not count twice.
        cache.put(2, Bytes::from(vec![3; 10]));
        assert!(cache.get(0).is_some());
        assert_eq!(cache.get(2), Some(Bytes::from(vec![3; 10])));
        cache.put(9, Bytes::from(vec![0; 26]));
        assert_eq!(cache.get(9), None);
    }
}
