//! [`Overlap`]: what of a tile is wanted, and where it goes among the wanted elements.

use std::ops::Range;

use ndferry_array::{
    ArrayView, ArrayViewMut, AxisRange, Dtype, Index, Indexing, Kind, Layout, Order, Selection,
};
use ndferry_npb::{Span, Tile};

use crate::{ByteOrder, Result};

/// A tile and the spans that were asked for, over stored axes.
pub(crate) struct Overlap<'a> {
    tile: &'a Tile,
    spans: &'a [Span],
    axes: Vec<Along>,
}

/// Along one axis.
struct Along {
    /// The first wanted index that lies in the tile, counted among the wanted ones.
    first: u64,
    /// How many.
    count: u64,
    /// Where the first one lies in the tile.
    at: u64,
}

impl<'a> Overlap<'a> {
    /// The spans are ascending and touch the tile.
    pub(crate) fn new(tile: &'a Tile, spans: &'a [Span]) -> Self {
        let along = |(axis, span): (usize, &Span)| {
            let (start, end) = (tile.start[axis], tile.start[axis] + tile.shape[axis]);
            let (first, count) = within(*span, start..end);
            let at = span.start + first * step(*span) - start;
            Along { first, count, at }
        };
        Self {
            tile,
            spans,
            axes: spans.iter().enumerate().map(along).collect(),
        }
    }

    /// Whether all of the tile is wanted.
    pub(crate) fn is_all(&self) -> bool {
        let mut axes = self.axes.iter().zip(&self.tile.shape);
        axes.all(|(along, extent)| along.count == *extent)
    }

    /// Which bytes of the wanted elements the tile is, if it is just that, in one run.
    pub(crate) fn run(&self, itemsize: u64) -> Option<Range<usize>> {
        // Past the first axis with more than one index, all that is wanted must lie in this tile.
        let mut inside = false;
        let mut first = 0;
        for (along, span) in self.axes.iter().zip(self.spans) {
            if inside && along.count != span.count {
                return None;
            }
            inside |= along.count > 1;
            first = first * span.count + along.first;
        }
        let count: u64 = self.axes.iter().map(|along| along.count).product();
        let run = first * itemsize..(first + count) * itemsize;
        self.is_all()
            .then_some(run.start as usize..run.end as usize)
    }

    /// Copies what is wanted of the tile's elements to its place among the wanted elements.
    pub(crate) fn copy(&self, raw: &[u8], out: &mut [u8], itemsize: u64) -> Result<()> {
        let items = self.axes.iter().zip(self.spans);
        let items: Vec<Index> = items
            .map(|(along, span)| range(along.at, along.count, step(*span)))
            .collect();
        let dtype = elements(itemsize)?;
        let source = ArrayView::new(dtype.clone(), layout(&self.tile.shape, itemsize)?, raw)?;
        let source = source.index(&Indexing::new(items))?;
        let mut target = self.target(dtype, out, itemsize)?;
        Ok(target.select(&self.place()?)?.assign(&source)?)
    }

    /// Copies from the wanted elements into the tile's.
    pub(crate) fn copy_back(&self, wanted: &[u8], raw: &mut [u8], itemsize: u64) -> Result<()> {
        let items = self.axes.iter().zip(self.spans);
        let items: Vec<Index> = items
            .map(|(along, span)| range(along.at, along.count, step(*span)))
            .collect();
        let dtype = elements(itemsize)?;
        let counts: Vec<u64> = self.spans.iter().map(|span| span.count).collect();
        let source = ArrayView::new(dtype.clone(), layout(&counts, itemsize)?, wanted)?;
        let source = source.select(&self.place()?)?;
        let mut target = ArrayViewMut::new(dtype, layout(&self.tile.shape, itemsize)?, raw)?;
        let shape = target.view().shape().to_vec();
        let selection = Indexing::new(items).resolve(&shape)?;
        Ok(target.select(&selection)?.assign(&source)?)
    }

    /// The wanted elements that lie in the tile, as a part of all wanted ones.
    fn place(&self) -> Result<Selection> {
        let items: Vec<Index> = self
            .axes
            .iter()
            .map(|along| range(along.first, along.count, 1))
            .collect();
        let shape: Vec<usize> = self.spans.iter().map(|span| span.count as usize).collect();
        Ok(Indexing::new(items).resolve(&shape)?)
    }

    fn target<'b>(
        &self,
        dtype: Dtype,
        out: &'b mut [u8],
        itemsize: u64,
    ) -> Result<ArrayViewMut<'b>> {
        let counts: Vec<u64> = self.spans.iter().map(|span| span.count).collect();
        Ok(ArrayViewMut::new(dtype, layout(&counts, itemsize)?, out)?)
    }
}

/// Which of a span's indexes lie in a range of the axis: the first one's number, and how many.
pub(crate) fn within(span: Span, range: Range<u64>) -> (u64, u64) {
    let first = range.start.saturating_sub(span.start).div_ceil(step(span));
    let end = range.end.saturating_sub(span.start).div_ceil(step(span));
    (first, end.min(span.count).saturating_sub(first))
}

/// What a selection touches along each stored axis, read forwards.
pub(crate) fn stored_spans(selection: &Selection, order: Order) -> Vec<Span> {
    let mut spans: Vec<Span> = selection.ranges().iter().map(forwards).collect();
    if order == Order::F {
        spans.reverse();
    }
    spans
}

/// A range of an axis, read forwards.
fn forwards(range: &AxisRange) -> Span {
    let step = if range.count > 1 {
        range.step.unsigned_abs() as u64
    } else {
        1
    };
    let reach = step * (range.count as u64).saturating_sub(1);
    let start = if range.step < 0 {
        range.start as u64 - reach
    } else {
        range.start as u64
    };
    Span {
        start,
        step: step as i64,
        count: range.count as u64,
    }
}

pub(crate) fn step(span: Span) -> u64 {
    span.step.unsigned_abs().max(1)
}

/// `start : start + count * step : step`.
fn range(start: u64, count: u64, step: u64) -> Index {
    Index::Slice {
        start: Some(start as isize),
        stop: Some((start + (count.max(1) - 1) * step + u64::from(count > 0)) as isize),
        step: Some(step as isize),
    }
}

fn elements(itemsize: u64) -> Result<Dtype> {
    let (kind, order) = (Kind::Void, ByteOrder::NotApplicable);
    Ok(Dtype::new(kind, order, itemsize as usize)?)
}

fn layout(shape: &[u64], itemsize: u64) -> Result<Layout> {
    let shape: Vec<usize> = shape.iter().map(|extent| *extent as usize).collect();
    Ok(Layout::contiguous(&shape, itemsize as usize, Order::C)?)
}
