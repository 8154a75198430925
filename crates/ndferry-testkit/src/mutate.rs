//! Mutants: files that were cut, flipped, spliced and lied in.

use crate::Rng;

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutation {
    /// Cut off.
    Cut,
    /// One bit flipped.
    Flip,
    /// One byte is another one.
    Byte,
    /// A 1, 2, 4 or 8 byte integer, either byte order, is one that programs trip over.
    Integer,
    /// A decimal number in text is another one.
    Decimal,
    /// An integer that holds a length or an offset within the file is a little off, doubled or huge.
    Length,
    /// A run of bytes comes twice.
    Duplicate,
    /// A run of bytes is missing.
    Delete,
    /// A run of bytes is somewhere else's, in this file or in another.
    Splice,
    /// Two to six of the others.
    Several,
}

impl Mutation {
    /// Those that [`mutant`] makes.
    pub const SAMPLED: [Self; 10] = [
        Self::Cut,
        Self::Flip,
        Self::Byte,
        Self::Integer,
        Self::Decimal,
        Self::Length,
        Self::Duplicate,
        Self::Delete,
        Self::Splice,
        Self::Several,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Flip => "flip",
            Self::Byte => "byte",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Length => "length",
            Self::Duplicate => "duplicate",
            Self::Delete => "delete",
            Self::Splice => "splice",
            Self::Several => "several",
        }
    }
}

/// The file cut at every byte, shortest first; not the whole file.
pub fn cuts(file: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..file.len()).map(|n| file[..n].to_vec())
}

/// The file with each bit flipped, one at a time.
pub fn flips(file: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..file.len() * 8).map(|bit| {
        let mut flipped = file.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// One mutant of `file`; `donor` is another file, for [`Mutation::Splice`].
pub fn mutant(rng: &mut Rng, file: &[u8], donor: &[u8], mutation: Mutation) -> Vec<u8> {
    let mut out = file.to_vec();
    if mutation == Mutation::Several {
        let single = &Mutation::SAMPLED[..Mutation::SAMPLED.len() - 1];
        for _ in 0..2 + rng.below(5) {
            let one = *rng.pick(single);
            apply(rng, &mut out, donor, one);
        }
    } else {
        apply(rng, &mut out, donor, mutation);
    }
    out
}

fn apply(rng: &mut Rng, file: &mut Vec<u8>, donor: &[u8], mutation: Mutation) {
    if file.is_empty() {
        return;
    }
    let at = rng.below(file.len());
    match mutation {
        Mutation::Cut => file.truncate(at),
        Mutation::Flip => file[at] ^= 1 << rng.below(8),
        Mutation::Byte => file[at] = rng.bits() as u8,
        Mutation::Integer => {
            let value = *rng.pick(&INTEGERS);
            write_integer(rng, file, at, value);
        }
        Mutation::Decimal => decimal(rng, file),
        Mutation::Length => length(rng, file, at),
        Mutation::Duplicate => {
            let run = file[at..at + run_nbytes(rng, file.len() - at)].to_vec();
            let times = 1 + rng.below(3);
            file.splice(at..at, run.repeat(times));
        }
        Mutation::Delete => {
            let n = run_nbytes(rng, file.len() - at);
            file.drain(at..at + n);
        }
        Mutation::Splice => {
            let own = file.clone();
            let from = if rng.below(2) == 0 { donor } else { &own };
            if from.is_empty() {
                return;
            }
            let start = rng.below(from.len());
            let run = &from[start..start + run_nbytes(rng, from.len() - start)];
            // Instead of as many bytes, or between them.
            let replaced = run.len().min(file.len() - at) * rng.below(2);
            file.splice(at..at + replaced, run.iter().copied());
        }
        // `Several` is taken apart before.
        Mutation::Several => {}
    }
}

/// Numbers at which comparisons, casts and products go wrong.
const INTEGERS: [u64; 24] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    1 << 60,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// Short runs mostly, long ones sometimes.
fn run_nbytes(rng: &mut Rng, most: usize) -> usize {
    let wanted = match rng.below(4) {
        0 => 1 + rng.below(4),
        1 | 2 => 1 + rng.below(40),
        _ => 1 + rng.below(most.max(1)),
    };
    wanted.min(most)
}

/// Overwrites 1, 2, 4 or 8 bytes, as far as they are there.
fn write_integer(rng: &mut Rng, file: &mut [u8], at: usize, value: u64) {
    let width = *rng.pick(&[1, 2, 4, 8]);
    let little = value.to_le_bytes();
    let mut bytes = little[..width].to_vec();
    if rng.below(2) == 0 {
        bytes.reverse();
    }
    let n = width.min(file.len() - at);
    file[at..at + n].copy_from_slice(&bytes[..n]);
}

/// Another number where digits stand, as in the shapes of headers and in text pickles.
fn decimal(rng: &mut Rng, file: &mut Vec<u8>) {
    let is_start = |i: &usize| {
        let before = i.checked_sub(1).map(|before| file[before]);
        file[*i].is_ascii_digit() && !before.is_some_and(|byte| byte.is_ascii_digit())
    };
    let starts: Vec<usize> = (0..file.len()).filter(is_start).collect();
    if starts.is_empty() {
        return;
    }
    let start = *rng.pick(&starts);
    let digits = file[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let number = match rng.below(4) {
        0 => rng.pick(&INTEGERS).to_string(),
        1 => format!("-{}", rng.pick(&INTEGERS)),
        2 => "9".repeat(1 + rng.below(40)),
        _ => rng.below(100).to_string(),
    };
    let room = rng.below(2) == 0;
    if room && number.len() >= digits {
        // Over the padding that follows, so that lengths stay true.
        let n = number.len().min(file.len() - start);
        file[start..start + n].copy_from_slice(&number.as_bytes()[..n]);
    } else {
        file.splice(start..start + digits, number.bytes());
    }
}

/// Finds an integer that could be a length or an offset, the next one after `at`, and makes it a lie.
fn length(rng: &mut Rng, file: &mut [u8], at: usize) {
    let width = *rng.pick(&[2, 4, 8]);
    let little = rng.below(4) != 0;
    let value_at = |i: usize| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(&file[i..i + width]);
        if !little {
            bytes[..width].reverse();
        }
        u64::from_le_bytes(bytes)
    };
    let most = file.len() as u64;
    let end = (file.len() + 1).saturating_sub(width);
    let from = at.min(end);
    let found = (from..end)
        .chain(0..from)
        .find(|i| (1..=most).contains(&value_at(*i)));
    let Some(i) = found else { return };
    let value = value_at(i);
    let lie = match rng.below(8) {
        0 => value - 1,
        1 => value + 1,
        2 => value * 2,
        3 => value / 2,
        4 => value + 1 + rng.below(64) as u64,
        5 => most,
        6 => 0,
        _ => *rng.pick(&INTEGERS),
    };
    let mut bytes = lie.to_le_bytes();
    if !little {
        bytes[..width].reverse();
    }
    file[i..i + width].copy_from_slice(&bytes[..width]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_and_flips_are_all_there_and_differ() {
        let file = b"ab";
        let cut: Vec<_> = cuts(file).collect();
        assert_eq!(cut, [&b""[..], b"a"]);
        let mut flipped: Vec<_> = flips(file).collect();
        flipped.sort();
        flipped.dedup();
        assert_eq!(flipped.len(), 16);
        assert!(flipped.iter().all(|flipped| flipped != file));
    }

    #[test]
    fn a_seed_names_a_mutant_and_most_mutants_differ_from_the_file() {
        let file = b"{'shape': (12, 3), } \x20\0\0\0 and some more bytes after the header";
        for mutation in Mutation::SAMPLED {
            let make = |seed| mutant(&mut Rng::new(seed), file, b"the donor's bytes", mutation);
            assert_eq!(make(5), make(5));
            let changed = (0..100).filter(|seed| make(*seed) != file).count();
            assert!(changed > 50, "{mutation:?} {changed}");
        }
    }

    #[test]
    fn files_of_any_length_can_be_mutated() {
        let mut rng = Rng::new(0);
        for n in 0..12 {
            for mutation in Mutation::SAMPLED {
                for _ in 0..200 {
                    mutant(&mut rng, &vec![0x31; n], &[], mutation);
                }
            }
        }
    }
}
