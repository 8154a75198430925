//! [`Gaps`] and [`Until`]: what of a live stream does not come, and when enough of it has come.

use ndferry_npb::TileGrid;

use crate::recv::Incoming;
use crate::store::Store;
use crate::{Error, ErrorClass, ErrorKind, Interrupt, Received, Result};

/// When [`crate::watch`] ends, if the stream does not end before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Until {
    /// Once the array has so many rows, those that did not come included.
    pub rows: Option<u64>,
    /// Once this is raised, after the row that is under way: within a second or so.
    pub stop: Interrupt,
}

impl Until {
    /// The end of the stream.
    pub fn the_end() -> Self {
        Self::default()
    }

    /// Why it ends before the next message, if it does: never within a row.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] if it is stopped before anything has come.
    pub(crate) fn ends(
        &self,
        gaps: Option<&Gaps>,
        array: Option<&Incoming>,
    ) -> Result<Option<Cut>> {
        let stopped = self.stop.is_set();
        if stopped && !gaps.is_some_and(Gaps::has_some) {
            return Err(ErrorKind::Interrupted.into());
        }
        let Some(rows) = gaps.and_then(|gaps| gaps.whole(array)) else {
            return Ok(None);
        };
        if self.rows.is_some_and(|enough| rows >= enough) {
            return Ok(Some(Cut::Rows));
        }
        Ok(stopped.then_some(Cut::Stopped))
    }

    /// Whether a tile belongs to a row that is not wanted any more.
    pub(crate) fn is_past(&self, number: u64, grid: &TileGrid) -> bool {
        let row = number / grid.tiles_per_row().max(1);
        self.rows.is_some_and(|enough| row >= enough)
    }
}

/// Why a live stream ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// There were as many rows as [`Until::rows`] says.
    Rows,
    /// [`Until::stop`] was raised.
    Stopped,
    /// The sender, or the way to it, is gone; the message of that error.
    Broken(String),
}

impl Cut {
    /// By an error of the way to the sender, if there is something to keep.
    pub(crate) fn by(error: &Error, gaps: Option<&Gaps>) -> Option<Self> {
        if !gaps.is_some_and(Gaps::has_some) {
            return None;
        }
        let is_way = matches!(error.kind(), ErrorKind::BrokenOff { .. })
            || matches!(error.class(), ErrorClass::System);
        is_way.then(|| Self::Broken(error.to_string()))
    }
}

/// What a live stream leaves out.
#[derive(Debug)]
pub(crate) struct Gaps {
    /// The first tile after those that have come.
    next: u64,
    lost: u64,
}

/// Tiles that may be lost to one file: each takes room in its index.
const LOST: u64 = 1 << 20;

impl Gaps {
    /// Of one more array of a transfer of which so many tiles were lost before.
    pub(crate) fn new(lost: u64) -> Self {
        Self { next: 0, lost }
    }

    /// Tiles that were lost, of all arrays.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Up to this tile, which has come, or is the end, all others are lost; gives how many rows those are.
    pub(crate) fn before(
        &mut self,
        number: u64,
        store: &mut Store,
        grid: &TileGrid,
    ) -> Result<u64> {
        let count = number.saturating_sub(self.next);
        self.lost = self.lost.saturating_add(count);
        if self.lost > LOST {
            return Err(ErrorKind::Limit {
                what: "tiles that a live stream leaves out",
                found: self.lost,
                limit: LOST,
            }
            .into());
        }
        for lost in self.next..number {
            store.lost(lost);
        }
        self.next = number.saturating_add(1);
        Ok(count / grid.tiles_per_row().max(1))
    }

    fn has_some(&self) -> bool {
        self.next > 0
    }

    /// How many rows there are, unless one is only begun.
    fn whole(&self, array: Option<&Incoming>) -> Option<u64> {
        let tiles = array?.grid.tiles_per_row().max(1);
        self.next.is_multiple_of(tiles).then_some(self.next / tiles)
    }

    /// The stream ends here: with the rows of which all tiles could come, and not more than that; gives how many.
    pub(crate) fn cut(
        &mut self,
        rows: Option<u64>,
        store: &mut Store,
        received: &mut Received,
        grid: &TileGrid,
    ) -> Result<u64> {
        let tiles = grid.tiles_per_row().max(1);
        if let (Some(rows), Some(Cut::Rows)) = (rows, &received.cut) {
            received.missed += self.before(rows.saturating_mul(tiles), store, grid)?;
            return Ok(rows);
        }
        Ok(self.next / tiles)
    }
}
