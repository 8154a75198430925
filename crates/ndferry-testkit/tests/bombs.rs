//! Small files that ask for much get nothing, at once.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_testkit::{Agent, Outcome, bombs};

#[test]
fn bombs_are_refused_before_they_cost_anything() {
    let mut agent = Agent::start(env!("CARGO_BIN_EXE_ndferry-agent")).unwrap();
    let mut wrong = Vec::new();
    for bomb in bombs() {
        let outcome = agent.examine(&bomb.bytes, true).unwrap();
        let Outcome::Verdict(examined) = outcome else {
            wrong.push(format!("{}: {outcome:?}", bomb.name));
            continue;
        };
        let verdict = examined.verdict;
        println!(
            "{:<26} {:>7} bytes {:>8.1} ms {:>4} MiB  {}",
            bomb.name,
            bomb.bytes.len(),
            examined.took.as_secs_f64() * 1e3,
            examined.growth >> 20,
            verdict.refused.as_deref().unwrap_or("opened"),
        );
        let refused = verdict.refused.is_some() || verdict.unreadable > 0;
        if bomb.refused && !(refused && verdict.arrays.is_empty() && !verdict.good) {
            wrong.push(format!("{}: {verdict:?}", bomb.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
