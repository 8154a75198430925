//! The `ndferry` command.

fn main() {}
