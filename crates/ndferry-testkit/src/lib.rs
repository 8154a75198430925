//! What the tests of all crates share: awkward readers, mutants, fuzz bodies, a proxy that does what wires do, and the agent
//! that opens hostile files in a process of its own. Not published.
#![forbid(unsafe_code)]

mod agent;
mod awkward;
mod bombs;
mod fault;
mod mutate;
mod pickle_same;
pub mod properties;
mod proxy;
mod rng;
mod seeds;
mod tally;
mod verdict;

pub use agent::{Agent, Examined, GROWTH, Outcome, PATIENCE, serve};
pub use awkward::{Awkward, Habit};
pub use bombs::{Bomb, bombs};
pub use fault::{Action, Crossing, Fault, Place};
pub use mutate::{Mutation, cuts, flips, mutant};
pub use pickle_same::same_values;
pub use properties::{PROPERTIES, Property};
pub use proxy::{Direction, Proxy};
pub use rng::Rng;
pub use seeds::{Seed, more_seeds, seeds};
pub use tally::{Counts, Tally};
pub use verdict::{Fingerprint, Verdict};
