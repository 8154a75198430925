//! [`repickle`]: a pickle of one NumPy becomes one of the other, opcode by opcode.
//!
//! NumPy 2 renamed the modules that its pickles name, and changed how generators, permuted arrays and aligned structs are
//! pickled. A pickle cannot be corrected by replacing text: lengths, frames and the numbers of the memo must stay right, and
//! a text that is a module's name in one place may be somebody's data in another, even the same object. So this follows
//! the opcodes with a stack that holds only the little that matters of each value ([`tag::Tag`]), copies everything else as
//! it comes, and puts in what is different. Memory does not grow with the arrays.

mod bytes;
mod compound;
mod memo;
mod names;
mod out;
mod rewrite;
mod tag;

use std::io::Write;
use std::sync::Arc;

pub use names::Era;

use crate::{Error, ErrorKind, Limits, ReadAt, Result};
use memo::Memo;
use out::Out;
use rewrite::Rewriter;

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repickled {
    /// Pickles one after another.
    pub pickles: u64,
    /// Names of NumPy's modules, classes and functions that are called otherwise.
    pub globals: u64,
    /// Arrays whose axes were in an order that only NumPy from 2.3 on understands.
    pub arrays: u64,
    /// Dtypes whose state the other NumPy refuses: aligned structs, times.
    pub dtypes: u64,
    /// Random generators and their states.
    pub generators: u64,
    /// Names in NumPy's private parts that this does not know, left as they are. At most 100.
    pub unknown: Vec<Unknown>,
    /// First byte after the last pickle; what follows was copied as it is.
    pub end: u64,
}

/// A name that nobody said what it is called in the other NumPy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unknown {
    /// Module and name.
    pub name: String,
    /// Byte of the opcode.
    pub offset: u64,
}

impl Repickled {
    /// Whether anything was.
    pub fn is_changed(&self) -> bool {
        self.globals + self.arrays + self.dtypes + self.generators > 0
    }

    /// Adds what was changed elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.pickles += other.pickles;
        self.globals += other.globals;
        self.arrays += other.arrays;
        self.dtypes += other.dtypes;
        self.generators += other.generators;
        for unknown in &other.unknown {
            if self.unknown.iter().all(|known| known.name != unknown.name) {
                self.unknown.push(unknown.clone());
            }
        }
    }
}

/// Copies the pickles in `input` from `offset` on, one or several after one another, so that NumPy of that era loads them,
/// and whatever follows them as it is. Nothing is imported and nothing is called. A pickle in which nothing is to be changed
/// is copied byte for byte; errors of the first pickle come before anything is written.
///
/// For NumPy 1: 1.17 to 1.26 where the protocol is 5, back to 1.6 where it is lower. For NumPy 2: all of it.
///
/// # Errors
/// [`ErrorKind::NotInNumpy`] at what the other NumPy has not; whatever is wrong with the opcodes; [`ErrorKind::Io`] of both
/// sides.
pub fn repickle(
    input: &Arc<dyn ReadAt>,
    offset: u64,
    out: &mut dyn Write,
    era: Era,
    limits: &Limits,
) -> Result<Repickled> {
    let mut rewriter = Rewriter {
        era,
        limits: limits.clone(),
        from: bytes::Bytes::new(Arc::clone(input), offset),
        out: Out::new(Some(out)),
        memo: Memo::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        depth: 0,
        offset,
        is_aligned: false,
        told: Repickled::default(),
    };
    loop {
        // A pickle by itself, or of the same pickler as the one before it, or none at all.
        let is_first = rewriter.told.pickles == 0;
        let mut memo = Memo::default();
        let mut ahead = rewriter.ahead(&memo);
        if ahead.is_err() && !is_first {
            memo = rewriter.memo.clone();
            ahead = rewriter.ahead(&memo);
        }
        let ahead = match ahead {
            Ok(ahead) => ahead,
            Err(error) if is_first || is_lacking(&error) => return Err(error),
            Err(_) => break,
        };
        let is_moved = rewriter.out.nbytes() != rewriter.from.offset() - offset;
        rewriter.memo = memo;
        if ahead.told.is_changed() || ahead.memo.has_spare() || (is_moved && ahead.is_aligned) {
            rewriter.pickle()?;
        } else {
            // Byte for byte as it is.
            rewriter.memo = ahead.memo;
            rewriter.told.add(&ahead.told);
            let nbytes = ahead.end - rewriter.from.offset();
            rewriter.out.raw(nbytes, &mut rewriter.from)?;
        }
        rewriter.told.pickles += 1;
        if rewriter.from.left() == 0 {
            break;
        }
    }
    rewriter.told.end = rewriter.from.offset();
    let left = rewriter.from.left();
    rewriter.out.raw(left, &mut rewriter.from)?;
    Ok(rewriter.told)
}

fn is_lacking(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::NotInNumpy { .. })
}

/// What rewriting the next pickle would do.
struct Ahead {
    memo: Memo,
    is_aligned: bool,
    told: Repickled,
    /// Its end.
    end: u64,
}

impl Rewriter<'_> {
    /// Rewrites the next pickle into nothing.
    fn ahead(&self, memo: &Memo) -> Result<Ahead> {
        let mut dry = Rewriter {
            era: self.era,
            limits: self.limits.clone(),
            from: self.from.again(),
            out: Out::new(None),
            memo: memo.clone(),
            stack: Vec::new(),
            marks: Vec::new(),
            depth: 0,
            offset: self.offset,
            is_aligned: false,
            told: Repickled::default(),
        };
        dry.pickle()?;
        Ok(Ahead {
            end: dry.from.offset(),
            memo: dry.memo,
            is_aligned: dry.is_aligned,
            told: dry.told,
        })
    }
}
