//! [`Verdict`]: what came of opening a file, and reading all that is in it.

use std::path::Path;

use bytes::Bytes;
use ndferry::{
    CheckOptions, ErrorClass, Format, Interrupt, Item, LazyArray, OpenOptions, Order, SaveOptions,
    Source, check_bytes, save_to,
};
use sha2::{Digest, Sha256};

/// What came of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It could not be opened, for a reason of this class.
    pub refused: Option<String>,
    /// The arrays that could be read.
    pub arrays: Vec<Fingerprint>,
    /// How many there are that could not.
    pub unreadable: usize,
    /// Whether a check finds nothing wrong.
    pub good: bool,
}

/// What tells arrays apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its path, hashed.
    pub path: u64,
    /// Its dtype, shape and elements, hashed.
    pub array: u64,
}

impl Fingerprint {
    /// The hash of the empty path.
    pub const NO_PATH: u64 = 0xe3b0_c442_98fc_1c14;
}

impl Verdict {
    /// Opens the bytes as a file of arrays and does everything with it that there is: reads each array at once and in
    /// runs, checks the file, writes the arrays again.
    ///
    /// # Panics
    /// Two ways to read the same bytes disagree. Anything else that panics is a bug, too.
    pub fn of_bytes(bytes: &Bytes) -> Self {
        let options = OpenOptions::default();
        let mut verdict = match Source::from_bytes("mutant", bytes.clone(), &options) {
            Ok(source) => Self::of_source(&source),
            Err(error) => Self::refusal(&error),
        };
        let found = check_bytes("mutant", bytes.clone(), &CheckOptions::default(), &());
        let found = found.expect("only an interrupt makes a check of bytes fail");
        for problem in &found.problems {
            assert!(!problem.to_string().is_empty());
        }
        verdict.good = found.is_good();
        let unharmed = verdict.refused.is_none() && verdict.unreadable == 0;
        assert!(
            unharmed || !verdict.good,
            "a check must find what reading finds"
        );
        verdict
    }

    /// The same through a file, without the check.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn of_file(path: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        std::fs::write(path, bytes)?;
        Ok(match Source::open(path, &OpenOptions::default()) {
            Ok(source) => Self::of_source(&source),
            Err(error) => Self::refusal(&error),
        })
    }

    fn refusal(error: &ndferry::Error) -> Self {
        // Messages are made as they will be for people.
        assert!(!error.to_string().is_empty());
        let _ = error.hint();
        Self {
            refused: Some(word(error.class()).to_owned()),
            ..Self::default()
        }
    }

    fn of_source(source: &Source) -> Self {
        let mut verdict = Self::default();
        let _ = (source.pickle(), source.safety().word(), source.touched());
        for array in source.arrays() {
            match fingerprint(&array) {
                Ok(fingerprint) => verdict.arrays.push(fingerprint),
                // What objects are is not read as an array.
                Err(_) if array.dtype().has_object() => {}
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    verdict.unreadable += 1;
                }
            }
        }
        verdict
    }

    /// As one line, for [`Self::from_line`].
    pub fn to_line(&self) -> String {
        let arrays: Vec<String> = self
            .arrays
            .iter()
            .map(|one| format!("{:x}:{:x}", one.path, one.array))
            .collect();
        let refused = self.refused.as_deref().unwrap_or("-");
        let (good, unreadable) = (u8::from(self.good), self.unreadable);
        format!("{refused} {good} {unreadable} {}", arrays.join(","))
    }

    /// What [`Self::to_line`] wrote; `None` for any other text.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let refused = words.next().filter(|word| *word != "-");
        let good = words.next()? == "1";
        let unreadable = words.next()?.parse().ok()?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let fingerprint = |text: &str| {
            let (path, array) = text.split_once(':')?;
            let (path, array) = (hex(path)?, hex(array)?);
            Some(Fingerprint { path, array })
        };
        let arrays = words.next()?.split(',').filter(|text| !text.is_empty());
        Some(Self {
            refused: refused.map(str::to_owned),
            arrays: arrays.map(fingerprint).collect::<Option<_>>()?,
            unreadable,
            good,
        })
    }
}

fn word(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Malformed => "malformed",
        ErrorClass::Unsupported => "unsupported",
        ErrorClass::Unsafe => "unsafe",
        ErrorClass::Protocol => "protocol",
        ErrorClass::Limit => "limit",
        ErrorClass::Usage => "usage",
        ErrorClass::System => "system",
        ErrorClass::Interrupted => "interrupted",
        _ => "other",
    }
}

/// Reads all elements in both ways there are.
fn fingerprint(array: &LazyArray) -> ndferry::Result<Fingerprint> {
    let streamed = array.sha256(&Interrupt::new(), &());
    let loaded = array.load();
    match (&streamed, &loaded) {
        (Ok(streamed), Ok(loaded)) => {
            let elements = loaded.view().to_bytes(Order::C)?;
            let digest: [u8; 32] = Sha256::digest(&elements).into();
            assert_eq!(digest, *streamed, "read in runs and at once");
            assert_eq!(loaded.shape(), array.shape());
        }
        (Err(_), Err(_)) => {}
        (streamed, loaded) => panic!("in runs {streamed:?}, at once {:?}", loaded.is_ok()),
    }
    let elements = streamed?;
    rewrite(array);
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {:?}", array.dtype(), array.shape()));
    hash.update(elements);
    Ok(Fingerprint {
        path: first_bytes(&Sha256::digest(array.path()).into()),
        array: first_bytes(&hash.finalize().into()),
    })
}

fn first_bytes(hash: &[u8; 32]) -> u64 {
    hash[..8]
        .iter()
        .fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// What was read can be written, or is refused with an error.
fn rewrite(array: &LazyArray) {
    for format in [Format::Npy, Format::Npb] {
        let mut options = SaveOptions::default();
        options.format = Some(format);
        options.threads = 1;
        let item = Item { name: "", array };
        if let Err(error) = save_to(&mut std::io::sink(), &[item], &options, &()) {
            assert!(!error.to_string().is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{more_seeds, seeds};

    #[test]
    fn a_verdict_comes_back_from_its_line() {
        let refused = Verdict {
            refused: Some("malformed".to_owned()),
            ..Verdict::default()
        };
        let read = Verdict {
            arrays: vec![
                Fingerprint {
                    path: 0,
                    array: u64::MAX,
                },
                Fingerprint { path: 7, array: 0 },
            ],
            unreadable: 2,
            good: true,
            refused: None,
        };
        for verdict in [refused, read, Verdict::default()] {
            assert_eq!(Verdict::from_line(&verdict.to_line()), Some(verdict));
        }
        assert_eq!(Verdict::from_line("thread main panicked"), None);
    }

    #[test]
    fn every_seed_is_good_and_the_same_from_memory_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for seed in seeds().into_iter().chain(more_seeds()) {
            let verdict = Verdict::of_bytes(&seed.bytes);
            assert!(
                verdict.good && verdict.arrays.is_empty() == (seed.name == "npy-objects"),
                "{} {verdict:?}",
                seed.name
            );
            let path = folder.path().join(seed.name);
            let file = Verdict::of_file(&path, &seed.bytes).unwrap();
            assert_eq!(file.arrays, verdict.arrays, "{}", seed.name);
        }
    }
}
