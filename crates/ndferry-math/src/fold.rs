//! Many elements into one: along any axes, in the order in which they lie.

use ndferry_array::{Array, ArrayView, Dtype, Layout};
use rayon::prelude::*;

use crate::MathError;
use crate::feed::{Feed, room_for};
use crate::map::MANY;
use crate::number::Number;

/// Elements that are folded at once where they have to be copied.
const PIECE: usize = 8192;

/// What is done with the elements that belong to one result.
pub(crate) trait Fold<T: Number>: Sync {
    /// What is kept in between.
    type State: Copy + Send + Sync;

    fn start(&self) -> Self::State;
    /// A run of elements of result `nth`.
    fn run(&self, nth: usize, state: &mut Self::State, run: &[T]);
    /// One more element of result `nth`.
    fn one(&self, nth: usize, state: Self::State, item: T) -> Self::State;
    /// One element each of results from `nth` on.
    fn row(&self, nth: usize, states: &mut [Self::State], row: &[T]) {
        for (at, (state, item)) in states.iter_mut().zip(row).enumerate() {
            *state = self.one(nth + at, *state, *item);
        }
    }
    /// Of one result: what came first, what came after it.
    fn join(&self, left: Self::State, right: Self::State) -> Self::State;
}

/// The states of all results, and how they become an array.
pub(crate) struct Folded<S> {
    pub(crate) states: Vec<S>,
    /// The extents of the kept axes in the order of the states.
    shape: Vec<usize>,
    /// Which state axis each kept axis is.
    order: Vec<usize>,
    /// Of the result, with the reduced axes as 1 if they are kept.
    out: Vec<usize>,
}

/// The axes of a view, apart.
struct Plan {
    /// Kept axes around the reduced ones, the reduced ones, kept axes inside.
    outer: Vec<usize>,
    reduced: Vec<usize>,
    inner: Vec<usize>,
}

impl Plan {
    fn new(view: &ArrayView<'_>, axes: &[usize]) -> Self {
        let strides = view.layout().strides();
        let reach = |axis: &usize| std::cmp::Reverse(strides[*axis].unsigned_abs());
        let mut reduced = axes.to_vec();
        reduced.sort_by_key(reach);
        let least = reduced
            .iter()
            .filter(|axis| view.shape()[**axis] > 1)
            .map(|axis| strides[*axis].unsigned_abs())
            .min()
            .unwrap_or(0);
        let kept = (0..view.ndim()).filter(|axis| !axes.contains(axis));
        let (mut inner, mut outer): (Vec<usize>, Vec<usize>) =
            kept.partition(|axis| strides[*axis].unsigned_abs() < least && view.shape()[*axis] > 1);
        inner.sort_by_key(reach);
        outer.sort_by_key(reach);
        Self {
            outer,
            reduced,
            inner,
        }
    }
}

/// Folds along `axes`, which are different ones.
pub(crate) fn fold<T: Number, F: Fold<T>>(
    view: &ArrayView<'_>,
    axes: &[usize],
    keepdims: bool,
    f: &F,
) -> Result<Folded<F::State>, MathError> {
    let plan = Plan::new(view, axes);
    let extent = |axes: &[usize]| {
        axes.iter()
            .map(|axis| view.shape()[*axis])
            .product::<usize>()
    };
    let (outer, count, inner) = (
        extent(&plan.outer),
        extent(&plan.reduced),
        extent(&plan.inner),
    );
    let kept: Vec<usize> = [&plan.outer[..], &plan.inner].concat();
    let total = Layout::contiguous(
        &kept
            .iter()
            .map(|axis| view.shape()[*axis])
            .collect::<Vec<_>>(),
        1,
        ndferry_array::Order::C,
    )?
    .size();
    let mut states = room_for(total)?;
    states.resize(total, f.start());
    let order = [&plan.outer[..], &plan.reduced, &plan.inner].concat();
    let feed = Feed::new(&view.transposed(&order)?)?;
    let many = feed.size() >= MANY;
    if feed.size() == 0 {
        // Nothing to fold: the states are what they started as.
    } else if plan.inner.is_empty() {
        if outer == 1 && many {
            states[0] = halves(&feed, f, 0, count);
        } else {
            each(&mut states, 1, many, |nth, states| {
                runs(&feed, f, nth, count, &mut states[0])
            });
        }
    } else {
        // Rows of a block of results, one after the other.
        let block = inner.min(PIECE / 2);
        let blocks = inner.div_ceil(block);
        let work = |states: &mut [F::State], nth: usize| {
            let (at, start) = (nth / blocks, nth % blocks * block);
            let mut scratch = Vec::new();
            for row in 0..count {
                let from = (at * count + row) * inner + start;
                f.row(
                    at * inner + start,
                    states,
                    feed.piece(from, states.len(), &mut scratch),
                );
            }
        };
        let mut pieces: Vec<&mut [F::State]> = states
            .chunks_mut(inner)
            .flat_map(|row| row.chunks_mut(block))
            .collect();
        // Memory is read fastest in order: few results side by side are made of whole rows, by each thread of its own.
        if many && pieces.len() == 1 {
            states = narrow(&feed, f, count, inner);
        } else if many {
            pieces
                .par_iter_mut()
                .enumerate()
                .for_each(|(nth, piece)| work(piece, nth));
        } else {
            pieces
                .iter_mut()
                .enumerate()
                .for_each(|(nth, piece)| work(piece, nth));
        }
    }
    Ok(folded(states, &plan, view, axes, keepdims))
}

fn folded<S>(
    states: Vec<S>,
    plan: &Plan,
    view: &ArrayView<'_>,
    axes: &[usize],
    keepdims: bool,
) -> Folded<S> {
    let kept: Vec<usize> = [&plan.outer[..], &plan.inner].concat();
    let ascending = |axis: usize| kept.iter().position(|other| *other == axis);
    let out = view
        .shape()
        .iter()
        .enumerate()
        .filter_map(|(axis, extent)| match (axes.contains(&axis), keepdims) {
            (false, _) => Some(*extent),
            (true, true) => Some(1),
            (true, false) => None,
        });
    Folded {
        states,
        shape: kept.iter().map(|axis| view.shape()[*axis]).collect(),
        order: (0..view.ndim()).filter_map(ascending).collect(),
        out: out.collect(),
    }
}

/// Rows of few results each: those of every thread on their own, then together.
fn narrow<T: Number, F: Fold<T>>(
    feed: &Feed<'_>,
    f: &F,
    count: usize,
    inner: usize,
) -> Vec<F::State> {
    let share = count.div_ceil(rayon::current_num_threads());
    let rows_at_once = (PIECE / inner).max(1);
    let part = |start: usize| {
        let mut states = vec![f.start(); inner];
        let mut scratch = Vec::new();
        let end = count.min(start + share);
        for row in (start..end).step_by(rows_at_once) {
            let size = rows_at_once.min(end - row) * inner;
            let rows = feed.piece(row * inner, size, &mut scratch);
            rows.chunks_exact(inner)
                .for_each(|row| f.row(0, &mut states, row));
        }
        states
    };
    let starts: Vec<usize> = (0..count).step_by(share.max(1)).collect();
    let mut parts = starts
        .into_par_iter()
        .map(part)
        .collect::<Vec<_>>()
        .into_iter();
    let mut states = parts.next().unwrap_or_default();
    for part in parts {
        for (state, other) in states.iter_mut().zip(part) {
            *state = f.join(*state, other);
        }
    }
    states
}

fn each<S: Send>(states: &mut [S], size: usize, many: bool, f: impl Fn(usize, &mut [S]) + Sync) {
    if many {
        states
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(nth, states)| f(nth, states));
    } else {
        states
            .chunks_mut(size)
            .enumerate()
            .for_each(|(nth, states)| f(nth, states));
    }
}

/// All elements of one result.
fn runs<T: Number, F: Fold<T>>(
    feed: &Feed<'_>,
    f: &F,
    nth: usize,
    count: usize,
    state: &mut F::State,
) {
    if let Some(whole) = feed.whole() {
        return f.run(nth, state, &whole[nth * count..][..count]);
    }
    let mut scratch = vec![T::zeroed(); PIECE.min(count)];
    for start in (0..count).step_by(PIECE) {
        let size = PIECE.min(count - start);
        f.run(
            nth,
            state,
            feed.piece(nth * count + start, size, &mut scratch),
        );
    }
}

/// All elements of the only result, on two threads and more; cut where pairwise summation cuts.
fn halves<T: Number, F: Fold<T>>(feed: &Feed<'_>, f: &F, start: usize, count: usize) -> F::State {
    if count >= MANY {
        let left = count / 2 - count / 2 % 8;
        let (a, b) = rayon::join(
            || halves(feed, f, start, left),
            || halves(feed, f, start + left, count - left),
        );
        return f.join(a, b);
    }
    let mut state = f.start();
    if let Some(whole) = feed.whole() {
        f.run(0, &mut state, &whole[start..][..count]);
        return state;
    }
    let mut scratch = Vec::new();
    for at in (start..start + count).step_by(PIECE) {
        let size = PIECE.min(start + count - at);
        f.run(0, &mut state, feed.piece(at, size, &mut scratch));
    }
    state
}

impl<S> Folded<S> {
    /// How many elements a result is made of, of a view that was folded.
    pub(crate) fn count(&self, view: &ArrayView<'_>) -> usize {
        if self.states.is_empty() {
            0
        } else {
            view.size() / self.states.len()
        }
    }

    /// The same results with other states, in the same order.
    pub(crate) fn with<R>(&self, states: Vec<R>) -> Folded<R> {
        Folded {
            states,
            shape: self.shape.clone(),
            order: self.order.clone(),
            out: self.out.clone(),
        }
    }

    /// The results as items of `dtype`.
    pub(crate) fn array<I: bytemuck::Pod>(
        &self,
        dtype: &Dtype,
        f: impl Fn(&S) -> I,
    ) -> Result<Array, MathError> {
        let mut room = crate::room::Room::for_items(self.states.len(), size_of::<I>())?;
        for (item, state) in room.items_mut().iter_mut().zip(&self.states) {
            *item = f(state);
        }
        let array = room
            .into_array(dtype, &self.shape)?
            .transposed(&self.order)?;
        let shape: Vec<isize> = self.out.iter().map(|extent| *extent as isize).collect();
        if array.shape() == self.out {
            return Ok(array);
        }
        // Only axes of extent 1 are added.
        let mut strides = Vec::with_capacity(shape.len());
        let mut have = array
            .shape()
            .iter()
            .zip(array.layout().strides())
            .peekable();
        for extent in &self.out {
            match have.peek() {
                Some((known, stride)) if *known == extent => {
                    strides.push(**stride);
                    have.next();
                }
                _ => strides.push(0),
            }
        }
        let layout = Layout::strided(&self.out, &strides, array.layout().offset())?;
        Ok(Array::new(
            array.dtype().clone(),
            layout,
            array.bytes().clone(),
        )?)
    }
}
