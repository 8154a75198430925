//! Copying elements between layouts.

use smallvec::SmallVec;

use crate::Layout;

/// One axis of a copy: extent, and the strides of destination and source in bytes.
#[derive(Clone, Copy)]
struct Axis {
    extent: usize,
    dst: isize,
    src: isize,
}

/// Elements per side of a square that is copied at once when the two sides run in different directions. Two such
/// squares of 8-byte elements fit the first-level cache.
const BLOCK: usize = 32;

/// Copies every element of `src` to the same index in `dst`. Both layouts must have passed [`Layout::check`] and have
/// the same shape.
pub(crate) fn copy(
    dst: &mut [u8],
    dst_layout: &Layout,
    src: &[u8],
    src_layout: &Layout,
    itemsize: usize,
) {
    debug_assert_eq!(dst_layout.shape(), src_layout.shape());
    if dst_layout.size() == 0 || itemsize == 0 {
        return;
    }
    let axes = plan(dst_layout, src_layout);
    let (dst_at, src_at) = (dst_layout.offset() as isize, src_layout.offset() as isize);
    match itemsize {
        1 => nest::<1>(dst, dst_at, src, src_at, &axes, itemsize),
        2 => nest::<2>(dst, dst_at, src, src_at, &axes, itemsize),
        4 => nest::<4>(dst, dst_at, src, src_at, &axes, itemsize),
        8 => nest::<8>(dst, dst_at, src, src_at, &axes, itemsize),
        16 => nest::<16>(dst, dst_at, src, src_at, &axes, itemsize),
        _ => nest::<0>(dst, dst_at, src, src_at, &axes, itemsize),
    }
}

/// The axes to loop over, outermost first: sorted so that the destination is written in order of address, neighbours
/// joined, and the source's fastest axis moved next to the innermost.
fn plan(dst: &Layout, src: &Layout) -> SmallVec<[Axis; 6]> {
    let mut axes: SmallVec<[Axis; 6]> = (0..dst.ndim())
        .map(|i| Axis {
            extent: dst.shape()[i],
            dst: dst.strides()[i],
            src: src.strides()[i],
        })
        .filter(|axis| axis.extent != 1)
        .collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(axis.dst.unsigned_abs()));
    let mut joined: SmallVec<[Axis; 6]> = SmallVec::new();
    for axis in axes {
        match joined.last_mut() {
            Some(outer)
                if outer.dst == axis.dst.wrapping_mul(axis.extent as isize)
                    && outer.src == axis.src.wrapping_mul(axis.extent as isize) =>
            {
                *outer = Axis {
                    extent: outer.extent * axis.extent,
                    ..axis
                };
            }
            _ => joined.push(axis),
        }
    }
    let last = joined.len().saturating_sub(1);
    if let Some(fastest) = (0..joined.len()).min_by_key(|i| joined[*i].src.unsigned_abs())
        && fastest < last
    {
        let axis = joined.remove(fastest);
        joined.insert(last - 1, axis);
    }
    joined
}

/// `W` is the itemsize if it is a common one, otherwise 0.
fn nest<const W: usize>(
    dst: &mut [u8],
    dst_at: isize,
    src: &[u8],
    src_at: isize,
    axes: &[Axis],
    itemsize: usize,
) {
    match axes {
        [] => item::<W>(dst, dst_at, src, src_at, itemsize),
        [inner] => run::<W>(dst, dst_at, src, src_at, *inner, itemsize),
        [outer, inner] if inner.src.unsigned_abs() > outer.src.unsigned_abs() => {
            square::<W>(dst, dst_at, src, src_at, *outer, *inner, itemsize);
        }
        [outer, rest @ ..] => {
            for i in 0..outer.extent as isize {
                nest::<W>(
                    dst,
                    dst_at + i * outer.dst,
                    src,
                    src_at + i * outer.src,
                    rest,
                    itemsize,
                );
            }
        }
    }
}

/// Two axes that the two sides walk in opposite order, block by block.
fn square<const W: usize>(
    dst: &mut [u8],
    dst_at: isize,
    src: &[u8],
    src_at: isize,
    outer: Axis,
    inner: Axis,
    itemsize: usize,
) {
    for i0 in (0..outer.extent).step_by(BLOCK) {
        for j0 in (0..inner.extent).step_by(BLOCK) {
            let part = Axis {
                extent: BLOCK.min(inner.extent - j0),
                ..inner
            };
            for i in i0..(i0 + BLOCK).min(outer.extent) {
                let dst_at = dst_at + i as isize * outer.dst + j0 as isize * inner.dst;
                let src_at = src_at + i as isize * outer.src + j0 as isize * inner.src;
                run::<W>(dst, dst_at, src, src_at, part, itemsize);
            }
        }
    }
}

fn run<const W: usize>(
    dst: &mut [u8],
    dst_at: isize,
    src: &[u8],
    src_at: isize,
    axis: Axis,
    itemsize: usize,
) {
    if axis.dst == itemsize as isize && axis.src == itemsize as isize {
        let nbytes = axis.extent * itemsize;
        dst[dst_at as usize..][..nbytes].copy_from_slice(&src[src_at as usize..][..nbytes]);
        return;
    }
    for i in 0..axis.extent as isize {
        item::<W>(
            dst,
            dst_at + i * axis.dst,
            src,
            src_at + i * axis.src,
            itemsize,
        );
    }
}

#[inline(always)]
fn item<const W: usize>(dst: &mut [u8], dst_at: isize, src: &[u8], src_at: isize, itemsize: usize) {
    let nbytes = if W == 0 { itemsize } else { W };
    dst[dst_at as usize..][..nbytes].copy_from_slice(&src[src_at as usize..][..nbytes]);
}
