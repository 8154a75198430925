//! [`Lu`]: a matrix whose rows have been eliminated, the largest first.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{
    PartialPivLuParams, lu_in_place, lu_in_place_scratch,
};
use faer::linalg::triangular_solve::{
    solve_unit_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Auto, Mat, MatMut, MatRef, Par, Spec};

use super::{Field, is_finite, parallel};
use crate::arith::Arith;

/// `P A = L U` of a matrix of any shape.
pub(super) struct Lu<T> {
    /// `U` on the diagonal and above it, `L` without its ones below.
    both: Mat<T>,
    /// Which row of the matrix each row is.
    order: Vec<usize>,
}

impl<T: Field> Lu<T> {
    pub(super) fn new(matrix: MatRef<'_, T>) -> Self {
        let (rows, columns) = matrix.shape();
        let mut both = matrix.to_owned();
        let (mut order, mut inverse) = (vec![0; rows], vec![0; rows]);
        let par = parallel(rows.min(columns));
        let params: Spec<_, T> = <PartialPivLuParams as Auto<T>>::auto().into();
        let scratch = lu_in_place_scratch::<usize, T>(rows, columns, par, params);
        lu_in_place(
            both.as_mut(),
            &mut order,
            &mut inverse,
            par,
            MemStack::new(&mut MemBuffer::new(scratch)),
            params,
        );
        if is_finite(both.as_ref()) || !is_finite(matrix) {
            return Self { both, order };
        }
        Self::carefully(matrix)
    }

    /// Where a pivot is 0, or so small that there is no reciprocal of it: column by column, leaving out the zeros.
    fn carefully(matrix: MatRef<'_, T>) -> Self {
        let (rows, columns) = matrix.shape();
        let (mut both, mut order) = (matrix.to_owned(), (0..rows).collect::<Vec<_>>());
        for k in 0..rows.min(columns) {
            let size = |row: &usize| both[(*row, k)].size();
            let pivot = (k..rows)
                .max_by(|a, b| size(a).total_cmp(&size(b)))
                .unwrap_or(k);
            if size(&pivot) == 0.0 {
                continue;
            }
            order.swap(k, pivot);
            for j in 0..columns {
                (both[(k, j)], both[(pivot, j)]) = (both[(pivot, j)], both[(k, j)]);
            }
            for i in k + 1..rows {
                let factor = both[(i, k)].divide(both[(k, k)]);
                both[(i, k)] = factor;
                for j in k + 1..columns {
                    both[(i, j)] = Arith::sub(both[(i, j)], Arith::mul(factor, both[(k, j)]));
                }
            }
        }
        Self { both, order }
    }

    /// Both triangles in one matrix.
    pub(super) fn both(&self) -> MatRef<'_, T> {
        self.both.as_ref()
    }

    /// Which row of the matrix each row is.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether a 0 is on the diagonal of `U`.
    pub(super) fn is_singular(&self) -> bool {
        let (rows, columns) = self.both.shape();
        (0..rows.min(columns)).any(|nth| self.both[(nth, nth)].size() == 0.0)
    }

    /// Whether the order takes an odd number of swaps.
    pub(super) fn is_odd(&self) -> bool {
        let mut seen = vec![false; self.order.len()];
        let mut swaps = 0;
        for start in 0..self.order.len() {
            let mut at = start;
            while !seen[at] {
                seen[at] = true;
                at = self.order[at];
                swaps += usize::from(at != start);
            }
        }
        swaps % 2 == 1
    }

    /// `x` of `a x = b`, of square matrices that are not singular: `b` is handed in as `x`, its rows in [`Self::order`].
    pub(super) fn solve(&self, mut x: MatMut<'_, T>) {
        let par = if x.ncols() == 1 {
            Par::Seq
        } else {
            parallel(self.order.len())
        };
        solve_unit_lower_triangular_in_place(self.both.as_ref(), x.as_mut(), par);
        solve_upper_triangular_in_place(self.both.as_ref(), x, par);
    }
}
