//! [`TileBuffers`]: memory that goes round.

use bytes::Bytes;

use crate::Result;

/// Memory for one tile after the other, used again once nobody holds the tile any more: fresh memory costs page faults,
/// and caches do not know it.
#[derive(Debug, Default)]
pub(crate) struct TileBuffers {
    handed_out: Vec<Bytes>,
}

impl TileBuffers {
    /// `nbytes` bytes after `fill` has written all of them; what it finds there is left from other tiles.
    pub(crate) fn fill(
        &mut self,
        nbytes: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<Bytes> {
        let free = self.handed_out.iter().position(Bytes::is_unique);
        let free = free.and_then(|i| self.handed_out.swap_remove(i).try_into_mut().ok());
        let mut buffer = free.unwrap_or_default();
        buffer.resize(nbytes, 0);
        fill(&mut buffer)?;
        let bytes = buffer.freeze();
        self.handed_out.push(bytes.clone());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_only_after_it_was_given_back() {
        let mut buffers = TileBuffers::default();
        let mut tile = |nbytes: usize, value: u8| {
            let fill = |out: &mut [u8]| {
                out.fill(value);
                Ok(())
            };
            buffers.fill(nbytes, fill).unwrap()
        };
        let (first, second) = (tile(5000, 1), tile(5000, 2));
        let (first_at, second_at) = (first.as_ptr(), second.as_ptr());
        assert_ne!(first_at, second_at);
        let held = first.slice(10..20);
        drop(first);
        drop(second);
        let third = tile(3000, 3);
        assert_eq!((third.as_ptr(), third.len()), (second_at, 3000));
        assert_eq!(held, vec![1; 10]);
        drop(held);
        let fourth = tile(5000, 4);
        assert_eq!((fourth.as_ptr(), &fourth[..]), (first_at, &[4; 5000][..]));
        assert_eq!(third, vec![3; 3000]);
    }

    #[test]
    fn a_failed_filling_gives_nothing_out() {
        let mut buffers = TileBuffers::default();
        let failed = buffers.fill(10, |_| Err(crate::ErrorKind::NoArrays.into()));
        assert!(failed.is_err() && buffers.handed_out.is_empty());
    }
}
