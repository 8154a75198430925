//! Making an NPY file longer in place.

use ndferry_array::Order;

use crate::{Error, ErrorKind, Header};

/// The head of a file whose array has got more, or fewer, rows: `extent` along axis 0. It is exactly as long as the
/// old head, whose bytes `file` starts with, so that it can be written over it.
///
/// NumPy leaves room for that in each head it writes (`GROWTH_AXIS_MAX_DIGITS`). Write the new rows first and the head
/// last: until then, readers see the old array.
///
/// ```
/// use ndferry_array::{Dtype, Order};
/// use ndferry_npy::{Header, grown_head};
///
/// let head = Header::new(Dtype::parse("<f8")?, &[10, 3], Order::C).to_bytes()?;
/// let grown = grown_head(&head, 1_000_000)?;
/// assert_eq!(grown.len(), head.len());
/// assert_eq!(Header::parse(&grown)?.0.shape, [1_000_000, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Header::parse`]; [`ErrorKind::NoRoom`] if the head is too short for the digits; [`ErrorKind::NoGrowing`] for
/// arrays whose rows do not lie one after another, and objects; [`ErrorKind::Array`] if the array would be too big.
pub fn grown_head(file: &[u8], extent: usize) -> Result<Vec<u8>, Error> {
    let (mut header, nbytes) = Header::parse(file)?;
    let problem = if header.shape.is_empty() {
        Some("an array without axes has no rows")
    } else if header.order == Order::F && header.shape.len() > 1 {
        Some("in Fortran order rows do not lie one after another")
    } else if header.dtype.has_object() {
        Some("objects are stored as one pickle, not in rows")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(ErrorKind::NoGrowing { problem }.at(0));
    }
    header.shape[0] = extent;
    header
        .layout()
        .map_err(|error| ErrorKind::Array(error).at(0))?;
    let text = header.text().map_err(|kind| kind.at(0))?;
    let text = header.version.encode(text.trim_end());
    let prefix = header.version.prefix_nbytes();
    match text {
        Some(text) if prefix + text.len() < nbytes => {
            let mut head = file[..prefix].to_vec();
            head.extend(text);
            head.resize(nbytes - 1, b' ');
            head.push(b'\n');
            Ok(head)
        }
        _ => {
            let extent = extent as u64;
            Err(ErrorKind::NoRoom { extent }.at(prefix as u64))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndferry_array::Dtype;

    fn head(shape: &[usize], order: Order) -> Vec<u8> {
        let dtype = Dtype::parse("<i4").unwrap();
        Header::new(dtype, shape, order).to_bytes().unwrap()
    }

    #[test]
    fn a_grown_head_is_what_would_have_been_written() {
        for extent in [0, 1, 9, 10, 1 << 40, (1 << 53) - 1] {
            let grown = grown_head(&head(&[3, 1], Order::C), extent).unwrap();
            assert_eq!(grown, head(&[extent, 1], Order::C), "{extent}");
        }
    }

    #[test]
    fn what_cannot_grow_says_why() {
        let kind = |head: &[u8], extent| grown_head(head, extent).unwrap_err().kind;
        let growing = |kind| matches!(kind, ErrorKind::NoGrowing { .. });
        assert!(growing(kind(&head(&[], Order::C), 1)));
        assert!(growing(kind(&head(&[2, 3], Order::F), 1)));
        let too_big = kind(&head(&[2, 3], Order::C), usize::MAX / 8);
        assert!(matches!(too_big, ErrorKind::Array(_)));
        // A head without spare room, as other programs write it.
        let text = b"{'descr':'<i4','fortran_order':False,'shape':(9,)}";
        let tight = [b"\x93NUMPY\x01\x00\x32\x00", &text[..]].concat();
        assert_eq!(tight[8] as usize, text.len());
        assert!(matches!(kind(&tight, 10), ErrorKind::NoRoom { extent: 10 }));
    }
}
