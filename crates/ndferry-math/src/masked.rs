//! Reductions of some elements only (`where=`), and from some number on (`initial=`).

use ndferry_array::{Array, Order};

use crate::astype::cast;
use crate::binary::{Binary, binary};
use crate::code::{Code, no_loop};
use crate::operand::broadcast;
use crate::options::{Options, Setting};
use crate::reduce::{Nans, Reduce, ddof, reduce, spread_code};
use crate::select::choose;
use crate::unary::{Unary, unary};
use crate::{MathError, Operand};

/// [`reduce`] of the elements for which the second operand is true, if there is one, and of the option `initial`.
///
/// Takes up to four copies of the elements.
pub(crate) fn reduce_some(
    name: &'static str,
    what: Reduce,
    nans: Nans,
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<Array, MathError> {
    let held = operands[0].own()?;
    let view = held.view();
    let own = Code::of(view.dtype()).ok_or_else(|| no_loop(name, &operands[..1]))?;
    let mask = match operands.get(1) {
        None | Some(Operand::Bool(true)) => None,
        Some(mask) => Some(whole_mask(mask, view.shape())?),
    };
    let masked = Masked {
        name,
        what,
        nans,
        own,
        array: Operand::Array(view),
        options,
    };
    match (what, &mask) {
        (Reduce::Sum | Reduce::Prod, mask) => masked.total(mask.as_ref()),
        (Reduce::Min | Reduce::Max, mask) => masked.extreme(mask.as_ref()),
        (Reduce::Mean, Some(mask)) => masked.mean(mask),
        (Reduce::Var | Reduce::Std, Some(mask)) => masked.var(mask),
        (_, mask) => masked.reduce(mask.as_ref(), Operand::Bool(what == Reduce::All)),
    }
}

/// The mask in the shape of what it masks.
fn whole_mask(mask: &Operand<'_>, shape: &[usize]) -> Result<Array, MathError> {
    let held = mask.own()?;
    let view = held.view();
    if Code::of(view.dtype()) != Some(Code::Bool) {
        return Err(MathError::CannotCast {
            from: mask.type_name(),
            to: Code::Bool.name(),
        });
    }
    Ok(broadcast(&view, shape)?.to_array(Order::C)?)
}

/// The elements, with another one in place of those that do not count.
fn picked(mask: &Array, array: &Operand<'_>, other: Operand<'_>) -> Result<Array, MathError> {
    choose(&[Operand::from(mask), array.clone(), other])
}

fn of_one(f: Unary, array: &Array) -> Result<Array, MathError> {
    unary("where", f, &Operand::from(array), &Options::new())
}

fn of_two<'a>(f: Binary, a: &'a Array, b: impl Into<Operand<'a>>) -> Result<Array, MathError> {
    binary("where", f, &[Operand::from(a), b.into()], &Options::new())
}

struct Masked<'a> {
    name: &'static str,
    what: Reduce,
    nans: Nans,
    own: Code,
    array: Operand<'a>,
    options: &'a Options,
}

impl Masked<'_> {
    /// With `other` in place of elements that do not count.
    fn reduce(&self, mask: Option<&Array>, other: Operand<'_>) -> Result<Array, MathError> {
        let picked = mask.map(|mask| picked(mask, &self.array, other));
        let picked = picked.transpose()?;
        let operand = picked.as_ref().map_or(self.array.clone(), Operand::from);
        reduce(self.name, self.what, self.nans, &operand, self.options)
    }

    /// The option `initial`, as the dtype of the result: what is behind the point of a float is no part of an int.
    fn initial(&self, code: Code) -> Result<Option<Array>, MathError> {
        let operand = match self.options.number("initial")? {
            None => return Ok(None),
            Some(Operand::Float(value)) if code.is_int() => {
                return Ok(Some(cast(&Operand::Float(value).own()?.view(), code)?));
            }
            Some(operand) => operand,
        };
        Ok(Some(operand.held(code)?.view().to_array(Order::C)?))
    }

    fn total(&self, mask: Option<&Array>) -> Result<Array, MathError> {
        let (identity, join) = match self.what {
            Reduce::Sum => (false, Binary::Add),
            _ => (true, Binary::Multiply),
        };
        let total = self.reduce(mask, Operand::Bool(identity))?;
        match self.initial(Code::of(total.dtype()).unwrap_or(self.own))? {
            None => Ok(total),
            Some(initial) => of_two(join, &total, &initial),
        }
    }

    fn extreme(&self, mask: Option<&Array>) -> Result<Array, MathError> {
        let Some(initial) = self.initial(self.own)? else {
            if mask.is_none() {
                return self.reduce(None, Operand::Bool(true));
            }
            return Err(MathError::Value {
                function: self.name,
                problem: "has no value of its own, so a mask needs 'initial' as well",
            });
        };
        let found = match self.reduce(mask, Operand::from(&initial)) {
            // Of nothing it is where it began.
            Err(MathError::Empty { .. }) => {
                let any = reduce(
                    self.name,
                    Reduce::Any,
                    Nans::Kept,
                    &self.array,
                    self.options,
                )?;
                choose(&[(&any).into(), (&initial).into(), (&initial).into()])?
            }
            found => found?,
        };
        let join = match (self.what, self.nans) {
            (Reduce::Min, Nans::Kept) => Binary::Minimum,
            (Reduce::Min, Nans::Skipped) => Binary::Fmin,
            (_, Nans::Kept) => Binary::Maximum,
            (_, Nans::Skipped) => Binary::Fmax,
        };
        of_two(join, &found, &initial)
    }

    fn mean(&self, mask: &Array) -> Result<Array, MathError> {
        let spread = self.spread(mask)?;
        let total = spread.sum(&spread.items, self.options)?;
        let counts = spread.count(self.options)?;
        let mean = of_two(Binary::Divide, &total, &counts)?;
        cast(&mean.view(), spread.code)
    }

    fn var(&self, mask: &Array) -> Result<Array, MathError> {
        let spread = self.spread(mask)?;
        let kept = self.options.clone().with("keepdims", Setting::Bool(true));
        let total = spread.sum(&spread.items, &kept)?;
        let counts = spread.count(&kept)?;
        let mean = of_two(Binary::Divide, &total, &counts)?;
        let mean = cast(&mean.view(), spread.computed)?;
        let apart = of_two(Binary::Subtract, &spread.items, &mean)?;
        let squares = of_two(Binary::Multiply, &apart, &of_one(Unary::Conjugate, &apart)?)?;
        let total = spread.sum(&of_one(Unary::Real, &squares)?, self.options)?;
        let counts = spread.count(self.options)?;
        let free = of_two(Binary::Subtract, &counts, ddof(self.options)?)?;
        // Too few elements give NaN or infinity, as in NumPy; where NaNs are skipped always NaN.
        let too_few = match self.nans {
            Nans::Kept => 0.0,
            Nans::Skipped => f64::NAN,
        };
        let enough = of_two(Binary::Greater, &free, 0.0)?;
        let free = choose(&[(&enough).into(), (&free).into(), too_few.into()])?;
        let var = of_two(Binary::Divide, &total, &free)?;
        let found = match self.what {
            Reduce::Std => of_one(Unary::Sqrt, &var)?,
            _ => var,
        };
        let asked = self.options.dtype("dtype")?.is_some();
        let code = if asked {
            spread.code
        } else {
            spread.code.real()
        };
        cast(&found.view(), code)
    }

    /// What means and variances are made of.
    fn spread(&self, mask: &Array) -> Result<Spread, MathError> {
        let code = spread_code(self.name, self.own, &self.array, self.options)?;
        let computed = if code == Code::F16 { Code::F32 } else { code };
        let items = cast(&self.array.own()?.view(), computed)?;
        let mask = match self.nans {
            Nans::Kept => mask.clone(),
            Nans::Skipped => {
                let numbers = of_two(Binary::Equal, &items, &items)?;
                of_two(Binary::LogicalAnd, mask, &numbers)?
            }
        };
        Ok(Spread {
            name: self.name,
            code,
            computed,
            items,
            mask,
        })
    }
}

/// Elements of which some count.
struct Spread {
    name: &'static str,
    /// Of the result.
    code: Code,
    /// Of `items`: halves are too narrow to compute with.
    computed: Code,
    items: Array,
    mask: Array,
}

impl Spread {
    /// Of what counts.
    fn sum(&self, items: &Array, options: &Options) -> Result<Array, MathError> {
        let picked = picked(&self.mask, &Operand::from(items), Operand::Bool(false))?;
        self.total(&picked, options)
    }

    /// How many count.
    fn count(&self, options: &Options) -> Result<Array, MathError> {
        self.total(&self.mask, options)
    }

    fn total(&self, items: &Array, options: &Options) -> Result<Array, MathError> {
        // Of the options the axes alone: the dtype is right.
        let options = options.clone().with("dtype", Setting::None);
        let operand = Operand::from(items);
        reduce(self.name, Reduce::Sum, Nans::Kept, &operand, &options)
    }
}
