//! The native half of `ndferry-core`: what is too much for pure Java. `NativeCalls.java` declares what is here.
//!
//! It converts in, calls one library function, converts out. Nothing unwinds into Java: see [`failure`].

mod call;
mod codec;
#[expect(
    unsafe_code,
    reason = "names that Java looks up; see the module's notes"
)]
mod exports;
mod failure;
mod given;
mod handles;
mod lazy;
#[expect(unsafe_code, reason = "buffers of Java; see the module's notes")]
mod memory;
mod packet;
mod pickle;
mod pickle_write;
