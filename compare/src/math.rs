//! Functions of `ndferry-math`, as they are asked for on standard input: one process for all of them, which keeps operands.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use crc32fast::hash;
use ndferry::{Array, Casting, Dtype, Order};
use ndferry_math::{Operand, Options, call};
use serde_json::{Value, json};

use crate::cost::Cost;

/// A function is called until it took so long in sum, or so often; the cheapest call counts.
const ENOUGH: Duration = Duration::from_millis(120);
const MOST: u32 = 5;

/// Elements of a result that are told.
const TOLD: usize = 64;

/// Answers each line of JSON, `{"name", "operands", "options", "each", "result"}`, with one like those of all other words.
///
/// Operands are numbers, or `[dtype, shape, way]`: elements by [`element`]; `way` is `transposed`, `halved` (every other
/// element of twice as many) or nothing. `each`: what was measured is so many calls.
pub(crate) fn serve() -> anyhow::Result<()> {
    let mut kept = (Value::Null, Vec::new());
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        if kept.0 != request["operands"] {
            // Not both at once.
            drop(std::mem::take(&mut kept));
            let given = request["operands"].as_array().context("operands")?;
            let arrays: Vec<Option<Array>> = (0..)
                .zip(given)
                .map(|(nth, operand)| array(nth, operand))
                .collect::<anyhow::Result<_>>()?;
            kept = (request["operands"].clone(), arrays);
        }
        let answer = answer(&request, &kept.1)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: &Value, arrays: &[Option<Array>]) -> anyhow::Result<Value> {
    let name = request["name"].as_str().context("a name")?;
    let given = request["operands"].as_array().context("operands")?;
    let operands: Vec<Operand<'_>> = given
        .iter()
        .zip(arrays)
        .map(|(given, array)| match (array, given.as_i64()) {
            (Some(array), _) => Operand::from(array),
            (None, Some(int)) => Operand::Int(int.into()),
            (None, None) => Operand::Float(given.as_f64().unwrap_or(f64::NAN)),
        })
        .collect();
    let options = Options::from_json(&request["options"].to_string())?;
    let run = || call(name, &operands, &options);
    let each = request["each"].as_u64().unwrap_or(1) as u32;
    forget_peak();
    let mut best: Option<Cost> = None;
    let mut all = Duration::ZERO;
    let mut first = None;
    for _ in 0..MOST {
        let mut results = None;
        let cost = Cost::of(1, || {
            for _ in 0..each {
                results = Some(std::hint::black_box(run()?));
            }
            Ok(())
        })?;
        first = first.or(results);
        all += cost.wall;
        best = Some(match best {
            None => cost,
            Some(best) => Cost {
                cpu: best.cpu.min(cost.cpu),
                wall: best.wall.min(cost.wall),
            },
        });
        if all >= ENOUGH {
            break;
        }
    }
    let peak = ndferry::peak_memory();
    let result = match (request["result"].as_u64(), &first) {
        (Some(nth), Some(arrays)) => told(arrays.get(nth as usize).context("a result")?)?,
        _ => Value::Null,
    };
    Ok(best.unwrap_or_default().each(each).line(peak, result))
}

/// Peak memory is counted anew from now on, where the system can do that.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn array(seed: u64, operand: &Value) -> anyhow::Result<Option<Array>> {
    let Some(spec) = operand.as_array() else {
        return Ok(None);
    };
    let dtype = spec[0].as_str().context("a dtype")?;
    let mut shape: Vec<usize> = serde_json::from_value(spec[1].clone())?;
    let way = spec[2].as_str().context("a way")?;
    if way == "halved" {
        *shape.last_mut().context("an axis")? *= 2;
    }
    let size: usize = shape.iter().product();
    let hashes = (0..size as u64).map(|at| element(at, seed));
    let unit = |hash: u64| (hash >> 11) as f64 / (1u64 << 53) as f64;
    let array = match (dtype, way.strip_prefix("below ")) {
        ("i8", Some(limit)) => {
            let limit: u64 = limit.parse()?;
            let items: Vec<i64> = hashes.map(|hash| ((hash >> 20) % limit) as i64).collect();
            Array::from_elements(&shape, &items)?
        }
        ("?", _) => {
            let items: Vec<bool> = hashes.map(|hash| hash >> 63 == 1).collect();
            Array::from_elements(&shape, &items)?
        }
        ("f8", _) => {
            let items: Vec<f64> = hashes.map(|hash| 8.0 * unit(hash)).collect();
            Array::from_elements(&shape, &items)?
        }
        _ => {
            let whole = dtype.starts_with(['i', 'u']);
            let items: Vec<f64> = hashes
                .map(|hash| {
                    if whole {
                        (100.0 * unit(hash)).floor()
                    } else {
                        8.0 * unit(hash)
                    }
                })
                .collect();
            let wide = Array::from_elements(&shape, &items)?;
            wide.view()
                .to_dtype(&Dtype::parse(dtype)?, Casting::Unsafe)?
        }
    };
    Ok(Some(match way {
        "transposed" => array.reversed(),
        "halved" => array.index(&"..., ::2".parse()?)?,
        _ => array,
    }))
}

/// The bits that element `at` of operand `seed` is made of; NumPy's side has the same.
fn element(at: u64, seed: u64) -> u64 {
    let mixed = (at + (seed << 40) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// A result: dtype, shape, a checksum, the sum and some of the elements; complex ones as their sizes, in order.
fn told(array: &Array) -> anyhow::Result<Value> {
    let bytes = array.view().to_bytes(Order::C)?;
    let size = Operand::from(array);
    let (mut array, dtype) = (array.clone(), array.dtype().str());
    if dtype.contains('c') {
        let sizes = call("absolute", &[size], &Options::new())?;
        array = call("sort", &[Operand::from(&sizes[0])], &Options::new())?.swap_remove(0);
    }
    let shape = array.shape().to_vec();
    let numbers = array
        .view()
        .to_dtype(&Dtype::parse("<f8")?, Casting::Unsafe)?;
    let numbers = numbers.to_elements::<f64>()?;
    if numbers.iter().any(|number| !number.is_finite()) {
        bail!("what is compared is finite");
    }
    let step = numbers.len().div_ceil(TOLD).max(1);
    let some: Vec<f64> = numbers.iter().copied().step_by(step).collect();
    let sum: f64 = numbers.iter().sum();
    Ok(json!([dtype, shape, hash(&bytes), sum, some]))
}
