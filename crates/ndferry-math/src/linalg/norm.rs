//! How large matrices are, and how near to singular.

use faer::MatRef;
use ndferry_array::Array;

use super::decompose::singular_values;
use super::{Field, Out, Stack, by_field, result};
use crate::axes::{axes, axis};
use crate::code::Code;
use crate::feed::{Feed, room_for};
use crate::options::{Options, Setting};
use crate::sorting::array_of;
use crate::{MathError, Operand, call};

const NORM: &str = "linalg.norm";

/// `numpy.linalg.norm`: `ord` is a number (`inf` too), `fro` or `nuc`; along one axis of vectors, along two of matrices.
pub(crate) fn norm(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let keepdims = options.flag("keepdims", false)?;
    let given = options.ints("axis")?;
    let word = match options.text("ord") {
        Ok(word) => word.map(str::to_owned),
        Err(_) => None,
    };
    let order = if word.is_some() {
        None
    } else {
        options.float("ord")?
    };
    let is_exact =
        Code::of(view.dtype()).is_some_and(|code| !code.is_float() && !code.is_complex());
    let wide;
    let view = if is_exact {
        wide = view.to_dtype(&Code::F64.dtype(), ndferry_array::Casting::Unsafe)?;
        wide.view()
    } else {
        view
    };
    let value = |problem| MathError::Value {
        function: NORM,
        problem,
    };
    let said = word.is_some() || order.is_some();
    let along = match &given {
        Some(given) => {
            axes(NORM, options, view.ndim())?;
            given
                .iter()
                .map(|given| axis(*given, view.ndim()))
                .collect::<Result<Vec<_>, _>>()?
        }
        // Without an order it is that of all elements in a row.
        None if !said || view.ndim() <= 2 => (0..view.ndim()).collect(),
        None => return Err(value("Improper number of dimensions to norm.")),
    };
    let list = Setting::Ints(along.iter().map(|axis| *axis as i64).collect());
    let reduced = Options::new()
        .with("axis", list)
        .with("keepdims", Setting::Bool(keepdims));
    let sizes = first(call(
        "absolute",
        &[Operand::Array(view.clone())],
        &Options::new(),
    ))?;
    let sizes = Operand::from(&sizes);
    // The largest of no elements is 0 here.
    let most = if view.size() == 0 { "sum" } else { "max" };
    let root_of_squares = || {
        let squares = first(call(
            "square",
            std::slice::from_ref(&sizes),
            &Options::new(),
        ))?;
        let sum = first(call("sum", &[Operand::from(&squares)], &reduced))?;
        first(call("sqrt", &[Operand::from(&sum)], &Options::new()))
    };
    let fro = word
        .as_deref()
        .is_some_and(|word| matches!(word, "fro" | "f"));
    if !said && (given.is_none() || along.len() <= 2)
        || fro && along.len() == 2
        || order == Some(2.0) && along.len() == 1
    {
        return root_of_squares();
    }
    if along.len() == 1 {
        let Some(p) = order else {
            return Err(value("Invalid norm order for vectors."));
        };
        if p.is_infinite() {
            let name = if p > 0.0 { most } else { "min" };
            return first(call(name, &[sizes], &reduced));
        }
        if p == 0.0 {
            let there = first(call(
                "not_equal",
                &[sizes, Operand::Int(0)],
                &Options::new(),
            ))?;
            let code = Code::of(view.dtype()).unwrap_or(Code::F64).real();
            return first(call(
                "sum",
                &[Operand::from(&there)],
                &reduced.clone().with("dtype", Setting::Dtype(code.dtype())),
            ));
        }
        let powers = first(call("power", &[sizes, Operand::Float(p)], &Options::new()))?;
        let sum = first(call("sum", &[Operand::from(&powers)], &reduced))?;
        return first(call(
            "power",
            &[Operand::from(&sum), Operand::Float(1.0 / p)],
            &Options::new(),
        ));
    }
    let &[rows, columns] = &along[..] else {
        return Err(value("Improper number of dimensions to norm."));
    };
    if rows == columns {
        return Err(value("Duplicate axes given."));
    }
    let by_values = match (word.as_deref(), order) {
        (Some("nuc"), _) => Some("sum"),
        (None, Some(2.0)) => Some(most),
        (None, Some(-2.0)) => Some("min"),
        _ => None,
    };
    let found = if let Some(name) = by_values {
        let mut last: Vec<usize> = (0..view.ndim())
            .filter(|axis| !along.contains(axis))
            .collect();
        last.extend([rows, columns]);
        let moved = Operand::Array(view.transposed(&last)?);
        let only = Options::new().with("compute_uv", Setting::Bool(false));
        let values = first(super::svd(&moved, &only))?;
        first(call(
            name,
            &[Operand::from(&values)],
            &Options::new().with("axis", Setting::Int(-1)),
        ))?
    } else {
        let (name, summed, rest) = match order {
            Some(1.0) => (most, rows, columns),
            Some(-1.0) => ("min", rows, columns),
            Some(f64::INFINITY) => (most, columns, rows),
            Some(f64::NEG_INFINITY) => ("min", columns, rows),
            _ => return Err(value("Invalid norm order for matrices.")),
        };
        let sums = first(call(
            "sum",
            &[sizes],
            &Options::new().with("axis", Setting::Int(summed as i64)),
        ))?;
        let rest = rest - usize::from(rest > summed);
        first(call(
            name,
            &[Operand::from(&sums)],
            &Options::new().with("axis", Setting::Int(rest as i64)),
        ))?
    };
    if !keepdims {
        return Ok(found);
    }
    let shape = view.shape().iter().enumerate().map(|(axis, extent)| {
        if along.contains(&axis) {
            1
        } else {
            *extent as isize
        }
    });
    Ok(found
        .into_order(ndferry_array::Order::C)?
        .reshaped(&shape.collect::<Vec<_>>())?)
}

fn first(results: Result<Vec<Array>, MathError>) -> Result<Array, MathError> {
    let none = MathError::Value {
        function: NORM,
        problem: "nothing came out",
    };
    results?.into_iter().next().ok_or(none)
}

/// Singular values of each matrix.
fn values(
    function: &'static str,
    stack: &Stack<'_>,
    code: Code,
) -> Result<Vec<Vec<f64>>, MathError> {
    fn run<T: Field>(
        function: &'static str,
        stack: &Stack<'_>,
    ) -> Result<Vec<Vec<f64>>, MathError> {
        let mut out = room_for(stack.count)?;
        stack.each(|matrix: MatRef<'_, T>| {
            out.push(singular_values(function, matrix)?);
            Ok(())
        })?;
        Ok(out)
    }
    by_field!(code, run(function, stack))
}

/// How many singular values are above `tol`, or `rtol` of the largest.
pub(crate) fn matrix_rank(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "linalg.matrix_rank";
    let held = operand.own()?;
    let view = held.view();
    let code = result(NAME, &view)?;
    if view.ndim() < 2 {
        let any = first(call("any", &[Operand::Array(view)], &Options::new()))?;
        return Ok(any
            .view()
            .to_dtype(&Code::I64.dtype(), ndferry_array::Casting::Unsafe)?);
    }
    let stack = Stack::new(NAME, &view)?;
    let epsilon = if code.real() == Code::F32 {
        f64::from(f32::EPSILON)
    } else {
        f64::EPSILON
    };
    let relative = options
        .float("rtol")?
        .unwrap_or(epsilon * stack.rows.max(stack.columns) as f64);
    let tol = options.float("tol")?;
    let rank = |values: &Vec<f64>| {
        let cut = tol.unwrap_or_else(|| relative * values.first().copied().unwrap_or(0.0));
        values.iter().filter(|value| **value > cut).count() as i64
    };
    let ranks: Vec<i64> = values(NAME, &stack, code)?.iter().map(rank).collect();
    array_of(&ranks, Code::I64, &stack.outer)
}

/// The largest singular value over the least (`p` None or 2), the reverse (-2), or by another norm.
pub(crate) fn cond(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "linalg.cond";
    let held = operand.own()?;
    let view = held.view();
    let code = result(NAME, &view)?;
    let word = options.text("p").ok().flatten();
    let order = if word.is_some() {
        None
    } else {
        options.float("p")?
    };
    let stack = Stack::new(NAME, &view)?;
    if stack.rows == 0 || stack.columns == 0 {
        return Err(MathError::Matrix {
            function: NAME,
            problem: "cond is not defined on empty arrays",
        });
    }
    let mut out = Out::<f64>::new(stack.shape(&[]))?;
    if word.is_none() && matches!(order, None | Some(2.0 | -2.0)) {
        let values = values(NAME, &stack, code)?;
        for (ratio, values) in out.items(stack.count).iter_mut().zip(values) {
            let (most, least) = (values[0], values[values.len() - 1]);
            *ratio = if order == Some(-2.0) {
                least / most
            } else {
                most / least
            };
            if ratio.is_nan() {
                *ratio = f64::INFINITY;
            }
        }
        return out.array(code.real());
    }
    let mut options = Options::new().with("axis", Setting::Ints(vec![-2, -1]));
    match (word, order) {
        (Some(word), _) => options.set("ord", Setting::Text(word.to_owned())),
        (None, Some(order)) => options.set("ord", Setting::Float(order)),
        (None, None) => {}
    }
    Stack::square(NAME, &view)?;
    let sizes = norm(operand, &options)?;
    // Singular matrices have NaNs for an inverse, and no condition.
    let inverse = super::solve::inverse(NAME, operand, true)?;
    let inverse = norm(&Operand::from(&inverse), &options)?;
    let product = first(call(
        "multiply",
        &[Operand::from(&sizes), Operand::from(&inverse)],
        &Options::new(),
    ))?;
    let product = Feed::new(&product.view())?.to_vec::<f64>()?;
    let sizes = Feed::new(&sizes.view())?.to_vec::<f64>()?;
    for ((ratio, product), size) in out.items(stack.count).iter_mut().zip(product).zip(sizes) {
        *ratio = if product.is_nan() && !size.is_nan() {
            f64::INFINITY
        } else {
            product
        };
    }
    out.array(code.real())
}
