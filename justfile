# A menu: every line can be pasted without `just`.

# What ndferry does, on an image stack that is built in.
demo:
    cargo run --release -- demo

# Every test, or some: `just test rust oracle`.
test *sections:
    ./test {{sections}}

# Quick: does it compile, is it tidy?
check:
    cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

# Real NumPy decides.
oracle:
    ./test oracle

# One fuzz target for a minute: `just fuzz npy_header_survives_any_bytes`.
fuzz target seconds="60":
    fuzz/run {{target}} {{seconds}}

# Changed pickles, shown to real NumPy and to the libraries: where both read one, they read the same.
numpy-agrees minutes="10":
    cargo build --release -p ndferry-testkit && $(oracle/venv 2) -B oracle/numpy_agrees.py --minutes {{minutes}}

# The table ours / theirs.
compare *lines:
    compare/run {{lines}}

# API reference.
docs:
    cargo doc --workspace --no-deps --open

# The book, in a browser (needs mdbook).
book:
    mdbook serve docs --open
