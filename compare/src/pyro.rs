//! One end of the lines about Pyro; `compare/pyro.py` has the same words.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use ndferry::{OpenOptions, Source};
use ndferry_pyro::{
    Array, Daemon, DaemonOptions, Exception, Metadata, Outcome, Proxy, ProxyOptions, Returned,
    Serializer, Served, Value,
};
use serde_json::json;

use crate::cost::{self, Cost, sha256};

/// Large arrays go both ways so often, of which the fastest time counts.
const READINGS: u32 = 5;

/// Small calls in one go.
const CALLS: u32 = 3000;

fn load(path: &str) -> anyhow::Result<Array> {
    Ok(Source::open(path, &OpenOptions::default())?
        .array(None)?
        .load()?)
}

/// An object with an array, until it is killed. Tells the address on standard output.
pub(crate) fn serve(path: &str) -> anyhow::Result<()> {
    let array = load(path)?;
    let mut options = DaemonOptions::default();
    options.limits.message_nbytes = 1 << 31;
    let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse()?, options)?;
    println!("{}", daemon.register("store", Arc::new(Store { array })));
    Ok(daemon.serve()?)
}

struct Store {
    array: Array,
}

/// CPU seconds and peak memory of this process.
fn took() -> anyhow::Result<Value> {
    let cpu = cost::cpu()?.as_secs_f64();
    let peak = ndferry::peak_memory().unwrap_or(0);
    Ok(Value::Tuple(vec![
        cpu.into(),
        i64::try_from(peak).unwrap_or(i64::MAX).into(),
    ]))
}

impl Served for Store {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["array", "data", "put", "add", "took"], &[])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        let wrong = |error: String| Exception::new("builtins.ValueError", error);
        Ok(match (method, &args[..]) {
            ("array", []) => Value::from(self.array.clone()).into(),
            // Raw elements, as programs without NumPy on the other side pass them.
            ("data", []) => Value::Bytes(self.array.bytes().clone()).into(),
            ("put", [value]) => nbytes(value).into(),
            ("add", [Value::Int(a), Value::Int(b)]) => (a + b).into(),
            ("took", []) => took().map_err(|error| wrong(error.to_string()))?.into(),
            _ => return Err(wrong(format!("{method} with {} arguments", args.len()))),
        })
    }
}

fn nbytes(value: &Value) -> i64 {
    match value {
        Value::Array(array) => array.nbytes() as i64,
        Value::Bytes(bytes) => bytes.len() as i64,
        _ => -1,
    }
}

/// Calls the object: an `array` or `data` both ways, or `small` values.
pub(crate) fn call(serializer: &str, what: &str, uri: &str) -> anyhow::Result<()> {
    let mut options = ProxyOptions::default();
    options.serializer = Serializer::of_name(serializer);
    options.limits.message_nbytes = 1 << 31;
    let mut store = Proxy::connect(&uri.parse()?, &options)?;
    let of_server = |store: &mut Proxy| -> anyhow::Result<(f64, u64)> {
        match store.call("took", Vec::new())?.as_items() {
            Some([Value::Float(cpu), Value::Int(peak)]) => Ok((*cpu, *peak as u64)),
            _ => bail!("no costs"),
        }
    };
    let (before, _) = of_server(&mut store)?;
    let (mut cost, readings, result) = match what {
        "small" => {
            let cost = Cost::of(CALLS, || {
                let sum = store.call("add", vec![2.into(), 3.into()])?;
                match sum.as_int() {
                    Some(5) => Ok(()),
                    _ => bail!("{sum}"),
                }
            })?;
            (cost.each(CALLS), CALLS, json!(5))
        }
        method => {
            let mut last = Value::None;
            let cost = Cost::least(READINGS, || {
                last = store.call(method, Vec::new())?;
                let put = store.call("put", vec![last.clone()])?;
                match put.as_int() == Some(nbytes(&last)) {
                    true => Ok(()),
                    false => bail!("{put} bytes were put"),
                }
            })?;
            let bytes = match &last {
                Value::Array(array) => array.bytes(),
                Value::Bytes(bytes) => bytes,
                other => bail!("{other}"),
            };
            (cost, READINGS, json!(sha256([bytes.as_ref()])))
        }
    };
    let (after, peak) = of_server(&mut store)?;
    let each = (after - before) / f64::from(readings);
    cost.cpu += Duration::try_from_secs_f64(each).context("the clock of the server went back")?;
    let peak = peak.max(ndferry::peak_memory().unwrap_or(0));
    println!("{}", cost.line(Some(peak), result));
    Ok(())
}
