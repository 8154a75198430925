//! Writes the named seeds of every format to a folder: `cargo run -p ndferry-testkit --example save_seeds -- FOLDER`.

use ndferry_testkit::{more_seeds, seeds};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    for seed in seeds().into_iter().chain(more_seeds()) {
        std::fs::write(std::path::Path::new(&folder).join(seed.name), &seed.bytes)?;
    }
    Ok(())
}
