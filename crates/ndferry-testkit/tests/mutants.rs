//! Every cut and every flipped bit of the named seeds, and 20,000 sampled mutants of all formats: each is opened in a
//! process of its own, and nothing breaks.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndferry::Format;
use ndferry_testkit::{
    Agent, Fingerprint, Mutation, Outcome, Rng, Seed, Tally, cuts, flips, more_seeds, mutant, seeds,
};

const AGENT: &str = env!("CARGO_BIN_EXE_ndferry-agent");

/// Sampled mutants, and how many of them one piece of work has.
const SAMPLED: usize = 20_000;
const PIECE: usize = 500;

/// A piece of work.
enum Work {
    Cuts(usize),
    Flips(usize),
    /// Mutants from this number on.
    Sample(usize),
}

#[test]
fn no_mutant_breaks_anything() {
    let all: Vec<Seed> = seeds().into_iter().chain(more_seeds()).collect();
    let truths: Vec<Vec<Fingerprint>> = truths(&all);
    let named = seeds().len();
    let mut work: Vec<Work> = (0..named)
        .flat_map(|i| [Work::Cuts(i), Work::Flips(i)])
        .collect();
    work.extend((0..SAMPLED).step_by(PIECE).map(Work::Sample));
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let examine = || {
        let mut counted = Counted {
            agent: Agent::start(AGENT).unwrap(),
            tally: Tally::default(),
            truths: &truths,
            told: &told,
        };
        while let Some(work) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            counted.work(&all, work);
        }
        counted.tally
    };
    let tally = std::thread::scope(|scope| {
        let threads = [scope.spawn(examine), scope.spawn(examine)];
        let mut tally = Tally::default();
        for thread in threads {
            tally.merge(&thread.join().unwrap());
        }
        tally
    });
    println!("{named} seeds, every cut and every flipped bit; {SAMPLED} sampled mutants\n{tally}");
    let told = told.into_inner().unwrap();
    for (name, what) in told.iter().take(10) {
        println!("{name}: {what}");
    }
    let total = tally.total();
    assert_eq!(total.bad(), 0, "inputs are in {}", kept().display());
    assert!(
        total.read > 1000 && total.refused > 1000,
        "too tame to mean anything"
    );
}

/// One thread's share.
struct Counted<'a> {
    agent: Agent,
    tally: Tally,
    truths: &'a [Vec<Fingerprint>],
    told: &'a Mutex<Vec<(String, String)>>,
}

impl Counted<'_> {
    fn work(&mut self, all: &[Seed], work: &Work) {
        match *work {
            Work::Cuts(i) => {
                for (n, cut) in cuts(&all[i].bytes).enumerate() {
                    self.one(all, i, Mutation::Cut, n, &cut, n % 8 == 0);
                }
            }
            Work::Flips(i) => {
                for (n, flipped) in flips(&all[i].bytes).enumerate() {
                    self.one(all, i, Mutation::Flip, n, &flipped, n % 64 == 0);
                }
            }
            Work::Sample(from) => {
                for number in from..from + PIECE {
                    let mut rng = Rng::new(number as u64);
                    let (i, donor) = (rng.below(all.len()), rng.below(all.len()));
                    let mutation = *rng.pick(&Mutation::SAMPLED);
                    let file = mutant(&mut rng, &all[i].bytes, &all[donor].bytes, mutation);
                    self.one(all, i, mutation, number, &file, true);
                }
            }
        }
    }

    fn one(
        &mut self,
        all: &[Seed],
        i: usize,
        mutation: Mutation,
        number: usize,
        file: &[u8],
        as_file: bool,
    ) {
        let outcome = self.agent.examine(file, as_file).unwrap();
        let seed = &all[i];
        let wrong = file != seed.bytes && is_wrong(seed, mutation, &outcome, &self.truths[i]);
        self.tally
            .count(seed.format.name(), mutation, &outcome, wrong);
        let what = match &outcome {
            Outcome::Verdict(_) if !wrong => return,
            Outcome::Verdict(examined) => format!("wrong elements: {:?}", examined.verdict),
            other => format!("{other:?}"),
        };
        let name = format!("{}-{}-{number}", seed.name, mutation.name());
        std::fs::write(kept().join(&name), file).unwrap();
        self.told.lock().unwrap().push((name, what));
    }
}

/// Whether there are arrays that the seed does not have, though the format has checksums; or any arrays in what is
/// certainly not whole.
fn is_wrong(seed: &Seed, mutation: Mutation, outcome: &Outcome, truth: &[Fingerprint]) -> bool {
    let Outcome::Verdict(examined) = outcome else {
        return false;
    };
    let arrays = &examined.verdict.arrays;
    let small = [
        Mutation::Cut,
        Mutation::Flip,
        Mutation::Byte,
        Mutation::Integer,
    ];
    match seed.format {
        // A name may be lost, but is not another one.
        Format::Npb if small.contains(&mutation) => arrays.iter().any(|one| {
            let same = |true_one: &Fingerprint| {
                let path = one.path == true_one.path || one.path == Fingerprint::NO_PATH;
                path && one.array == true_one.array
            };
            !truth.iter().any(same)
        }),
        // Names have no checksum in a ZIP.
        Format::Npz if small.contains(&mutation) => arrays
            .iter()
            .any(|one| truth.iter().all(|true_one| true_one.array != one.array)),
        Format::Npy | Format::Pickle | Format::Joblib if mutation == Mutation::Cut => {
            !arrays.is_empty() || examined.verdict.good
        }
        _ => false,
    }
}

/// What is in the seeds.
fn truths(all: &[Seed]) -> Vec<Vec<Fingerprint>> {
    let mut agent = Agent::start(AGENT).unwrap();
    let arrays = |seed: &Seed| match agent.examine(&seed.bytes, true).unwrap() {
        Outcome::Verdict(examined) => examined.verdict.arrays,
        other => panic!("{}: {other:?}", seed.name),
    };
    all.iter().map(arrays).collect()
}

/// Where inputs that break something are kept.
fn kept() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
