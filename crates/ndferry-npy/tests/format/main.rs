//! What the crate promises of whole files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod damage;
mod npz;
mod roundtrip;
mod zip;
