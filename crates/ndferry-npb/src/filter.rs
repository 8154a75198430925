//! [`Filter`]: what is done to a block's bytes before the codec, so that it finds more to pack.

mod bitshuffle;
mod delta;
mod shuffle;

use std::fmt;

use crate::{ElementKind, ElementType, ErrorKind};

/// Reversible step on a block's bytes before the codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Filter {
    /// As they are.
    #[default]
    None = 0,
    /// All first bytes of the numbers, then all second ones …
    Shuffle = 1,
    /// The same with bits.
    Bitshuffle = 2,
    /// Differences of neighbours, then shuffled.
    Delta = 3,
}

impl Filter {
    /// All filters, by number.
    pub const ALL: [Self; 4] = [Self::None, Self::Shuffle, Self::Bitshuffle, Self::Delta];

    /// The filter with this number.
    ///
    /// # Errors
    /// [`ErrorKind::NoFilter`].
    pub fn of(id: u8) -> Result<Self, ErrorKind> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(ErrorKind::NoFilter { id })
    }

    /// Its name in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Shuffle => "shuffle",
            Self::Bitshuffle => "bitshuffle",
            Self::Delta => "delta",
        }
    }

    /// Whether it can be used for such elements: differences are taken of numbers of 1, 2, 4 or 8 bytes only.
    pub fn suits(self, element: &ElementType) -> bool {
        match self {
            Self::None | Self::Shuffle | Self::Bitshuffle => true,
            Self::Delta => {
                element.kind != ElementKind::Bytes && matches!(element.width, 1 | 2 | 4 | 8)
            }
        }
    }

    /// The same bytes by a simpler filter, if there is one: shuffling single bytes moves nothing.
    pub(crate) fn simplified(self, element: &ElementType) -> Self {
        match self {
            Self::Shuffle if element.width <= 1 => Self::None,
            other => other,
        }
    }

    /// Filters `raw` into `out`, which is as long.
    pub(crate) fn apply(
        self,
        element: &ElementType,
        raw: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        debug_assert_eq!(raw.len(), out.len());
        let width = element.width.max(1) as usize;
        match self {
            Self::None => out.copy_from_slice(raw),
            Self::Shuffle => shuffle::shuffle(raw, out, width),
            Self::Bitshuffle => bitshuffle::bitshuffle(raw, out, width),
            Self::Delta => {
                self.check(element)?;
                delta::delta(raw, out, width, element.endian);
            }
        }
        Ok(())
    }

    /// Undoes it.
    pub(crate) fn undo(
        self,
        element: &ElementType,
        filtered: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        debug_assert_eq!(filtered.len(), out.len());
        let width = element.width.max(1) as usize;
        match self {
            Self::None => out.copy_from_slice(filtered),
            Self::Shuffle => shuffle::unshuffle(filtered, out, width),
            Self::Bitshuffle => bitshuffle::unbitshuffle(filtered, out, width),
            Self::Delta => {
                self.check(element)?;
                delta::undelta(filtered, out, width, element.endian);
            }
        }
        Ok(())
    }

    /// # Errors
    /// [`ErrorKind::Unsuited`] if it cannot be used for such elements.
    pub(crate) fn check(self, element: &ElementType) -> Result<(), ErrorKind> {
        if self.suits(element) {
            Ok(())
        } else {
            Err(ErrorKind::Unsuited {
                step: self.name(),
                kind: element.kind,
                width: element.width,
            })
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Endian;

    fn element(kind: ElementKind, endian: Endian, width: u32) -> ElementType {
        ElementType {
            kind,
            endian,
            width,
            itemsize: width,
        }
    }

    proptest! {
        #[test]
        fn filters_are_undone(
            raw in prop::collection::vec(any::<u8>(), 0..3000),
            width in prop::sample::select(vec![0u32, 1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 32, 100, 4096]),
            big: bool,
        ) {
            let endian = if big { Endian::Big } else { Endian::Little };
            for filter in Filter::ALL {
                let element = element(ElementKind::Unsigned, endian, width);
                if !filter.suits(&element) {
                    continue;
                }
                let (mut filtered, mut back) = (vec![0; raw.len()], vec![1; raw.len()]);
                filter.apply(&element, &raw, &mut filtered).unwrap();
                filter.undo(&element, &filtered, &mut back).unwrap();
                prop_assert_eq!(&back, &raw, "{} of width {}", filter, width);
            }
        }
    }

    #[test]
    fn differences_are_of_numbers_only() {
        let text = element(ElementKind::Bytes, Endian::None, 4);
        let wide = element(ElementKind::Float, Endian::Little, 16);
        for element in [text, wide] {
            assert!(!Filter::Delta.suits(&element));
            let error = Filter::Delta.undo(&element, &[0; 16], &mut [0; 16]);
            assert!(matches!(error, Err(ErrorKind::Unsuited { .. })));
        }
    }
}
