//! Turning numbers from one byte order to the other.

use crate::{ByteOrder, Dtype, Error, Kind};

/// Which bytes of an item to reverse, as a list of places that do not overlap.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Swaps {
    places: Vec<Place>,
    itemsize: usize,
}

/// A run of bytes in an item, and what to do there.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    nbytes: usize,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Numbers of this many bytes, side by side.
    Numbers(usize),
    /// Structs side by side: a subarray.
    Items(Swaps),
}

impl Swaps {
    /// What must be reversed to bring every number of `dtype` to `byteorder`.
    pub(crate) fn to(dtype: &Dtype, byteorder: ByteOrder) -> Result<Self, Error> {
        let mut places = Vec::new();
        collect(dtype, 0, byteorder, &mut places)?;
        places.sort_by_key(|place| (place.offset, place.nbytes));
        places.dedup(); // two names for one number
        if let Some(pair) = places
            .windows(2)
            .find(|pair| pair[1].offset < pair[0].offset + pair[0].nbytes)
        {
            return Err(Error::OverlapSwap {
                offset: pair[1].offset,
                dtype: dtype.str(),
            });
        }
        Ok(Self {
            places,
            itemsize: dtype.itemsize(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Swaps whole items in place.
    pub(crate) fn apply(&self, items: &mut [u8]) {
        match &self.places[..] {
            [] => {}
            [place] if place.nbytes == self.itemsize => place.apply(items),
            places => {
                for item in items.chunks_exact_mut(self.itemsize) {
                    for place in places {
                        place.apply(&mut item[place.offset..][..place.nbytes]);
                    }
                }
            }
        }
    }
}

impl Place {
    fn apply(&self, bytes: &mut [u8]) {
        match &self.what {
            What::Items(swaps) => swaps.apply(bytes),
            What::Numbers(width) => reverse_each(bytes, *width),
        }
    }
}

fn reverse_each(bytes: &mut [u8], width: usize) {
    fn each<const W: usize>(bytes: &mut [u8]) {
        bytes
            .as_chunks_mut::<W>()
            .0
            .iter_mut()
            .for_each(|number| number.reverse());
    }
    match width {
        2 => each::<2>(bytes),
        4 => each::<4>(bytes),
        8 => each::<8>(bytes),
        _ => bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse),
    }
}

fn collect(
    dtype: &Dtype,
    offset: usize,
    target: ByteOrder,
    places: &mut Vec<Place>,
) -> Result<(), Error> {
    if dtype.itemsize() == 0 {
        return Ok(());
    }
    let nbytes = dtype.itemsize();
    match dtype.kind() {
        Kind::Object | Kind::VariableString => return Err(Error::NotBytes { dtype: dtype.str() }),
        Kind::Struct(fields) => {
            for field in fields.fields() {
                collect(&field.dtype, offset + field.offset, target, places)?;
            }
        }
        Kind::Subarray(sub) => {
            let swaps = Swaps::to(sub.base(), target)?;
            let what = match swaps.places[..] {
                [] => return Ok(()),
                [
                    Place {
                        nbytes,
                        what: What::Numbers(width),
                        ..
                    },
                ] if nbytes == swaps.itemsize => What::Numbers(width),
                _ => What::Items(swaps),
            };
            places.push(Place {
                offset,
                nbytes,
                what,
            });
        }
        kind => {
            if dtype.byteorder() != ByteOrder::NotApplicable && dtype.byteorder() != target {
                let width = match kind {
                    Kind::Complex => nbytes / 2,
                    Kind::Unicode => 4,
                    _ => nbytes,
                };
                places.push(Place {
                    offset,
                    nbytes,
                    what: What::Numbers(width),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swapped(dtype: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        Swaps::to(&Dtype::parse(dtype).unwrap(), ByteOrder::Little)
            .unwrap()
            .apply(&mut out);
        out
    }

    #[test]
    fn each_kind_swaps_its_own_width() {
        assert_eq!(swapped(">i2", &[1, 2, 3, 4]), [2, 1, 4, 3]);
        assert_eq!(
            swapped(">c8", &[1, 2, 3, 4, 5, 6, 7, 8]),
            [4, 3, 2, 1, 8, 7, 6, 5]
        );
        assert_eq!(
            swapped(">U2", &[0, 0, 0, 65, 0, 0, 0, 66]),
            [65, 0, 0, 0, 66, 0, 0, 0]
        );
        assert_eq!(
            swapped(">i2,<i2,S2,2>i2", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            [2, 1, 3, 4, 5, 6, 8, 7, 10, 9]
        );
        assert_eq!(swapped("<i2", &[1, 2]), [1, 2]);
    }

    #[test]
    fn overlapping_numbers_are_not_guessed() {
        use crate::{Field, Struct};
        let parse = |text| Dtype::parse(text).unwrap();
        let fields = vec![
            Field::new("whole", parse(">i4"), 0),
            Field::new("half", parse(">i2"), 0),
        ];
        let dtype = Dtype::structured(Struct::new(fields, 4, false).unwrap());
        assert!(matches!(
            Swaps::to(&dtype, ByteOrder::Little),
            Err(Error::OverlapSwap { .. })
        ));
    }
}
