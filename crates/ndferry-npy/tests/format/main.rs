//! What the crate promises of whole files.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod damage;
mod long;
mod npz;
mod roundtrip;
mod writing;
mod zip;
