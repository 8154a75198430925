//! Opens the files that come through standard input; see `ndferry_testkit::Agent`.

fn main() -> std::io::Result<()> {
    // The stack that threads have who did not ask for more.
    let serving = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(ndferry_testkit::serve)?;
    serving
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("panicked")))
}
