//! Lets real NumPy ask the libraries thousands of questions a second (`oracle/`): requests on stdin, answers on stdout.
//!
//! A frame is a `u32` and a `u64`, little endian: the bytes of a JSON object, the bytes that follow it; then both. A
//! request's object has `op`; an answer's has either what that operation gives or `error`, a text. A request that is
//! itself wrong, or a panic inside an operation, ends the process with a non-zero code.

mod array;
mod dtype;
mod files;
mod math;
mod npy;
mod steps;

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde_json::{Value, json};

/// What an operation says: an object, and bytes.
type Answer = (Value, Vec<u8>);

/// Why an operation was refused. The person who asked compares it with what NumPy said.
type Refusal = Box<dyn std::error::Error>;

fn main() -> io::Result<()> {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    while let Some((request, bytes)) = receive(&mut stdin)? {
        let (answer, bytes) = answer(&request, bytes)
            .unwrap_or_else(|refusal| (json!({ "error": refusal.to_string() }), Vec::new()));
        let text = answer.to_string();
        stdout.write_all(&(text.len() as u32).to_le_bytes())?;
        stdout.write_all(&(bytes.len() as u64).to_le_bytes())?;
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(&bytes)?;
        stdout.flush()?;
    }
    Ok(())
}

fn answer(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    match request["op"].as_str() {
        Some("dtype") => dtype::describe(request),
        Some("parse") => dtype::parse(request),
        Some("steps") => steps::run(request, bytes),
        Some("npy_write") => npy::write(request, bytes),
        Some("npy_read") => npy::read(&bytes),
        Some("npz_write") => npy::write_archive(request, bytes),
        Some("npz_read") => npy::read_archive(bytes),
        Some("open") => files::open(bytes),
        Some("save") => files::save(request, bytes),
        Some("pickle_again") => files::pickle_again(request, bytes),
        Some("part") => files::part(request, bytes),
        Some("text") => files::text(request, bytes),
        Some("math") => math::call(request, bytes),
        Some("functions") => Ok((math::functions(), Vec::new())),
        Some("stats") => files::stats(request, bytes),
        other => panic!("no operation {other:?}"),
    }
}

/// The next request, or `None` at the end of the input.
fn receive(from: &mut impl Read) -> io::Result<Option<(Value, Bytes)>> {
    let mut head = [0; 12];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let (text, bytes) = head.split_at(4);
    let size = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let (mut text, mut bytes) = (vec![0; size(text)], vec![0; size(bytes)]);
    from.read_exact(&mut text)?;
    from.read_exact(&mut bytes)?;
    Ok(Some((serde_json::from_slice(&text)?, bytes.into())))
}
