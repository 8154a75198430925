//! The opcodes that make values out of values, where what NumPy calls is changed.

use std::rc::Rc;

use super::names::{Era, Known, Renamed, rename};
use super::rewrite::{Rewriter, tag_of_global};
use super::tag::{DtypeTag, Tag};
use crate::opcode as op;
use crate::{ErrorKind, Result};

/// The flag of aligned structs, as NumPy 2 writes it and as NumPy 1 does, which takes flags for a signed byte.
const ALIGNED: [i64; 2] = [0x90, 0x90 - 0x100];

/// How deep pickles may lie between the opcodes of pickles, as joblib puts them.
const DEPTH: usize = 16;

impl Rewriter<'_> {
    pub(super) fn step_compound(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::EMPTY_TUPLE => self.push_op(opcode, &[], Tag::Tuple(Rc::from([])))?,
            op::EMPTY_LIST | op::EMPTY_SET => self.push_op(opcode, &[], Tag::Other)?,
            op::EMPTY_DICT => {
                let dict = self.new_dict();
                self.push_op(opcode, &[], dict)?;
            }
            op::TUPLE => {
                let start = self.pop_mark()?;
                self.tuple(opcode, start)?;
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let start = self.below(usize::from(opcode - op::TUPLE1) + 1)?;
                self.tuple(opcode, start)?;
            }
            op::LIST | op::FROZENSET => {
                let start = self.pop_mark()?;
                self.stack.truncate(start);
                self.push_op(opcode, &[], Tag::Other)?;
            }
            op::DICT => {
                let start = self.pop_mark()?;
                let pairs = self.stack.split_off(start);
                let dict = self.new_dict();
                self.push_op(opcode, &[], dict)?;
                self.set_items(&pairs)?;
            }
            op::APPEND => {
                let start = self.below(1)?;
                self.add(opcode, start)?;
            }
            op::APPENDS | op::ADDITEMS => {
                let start = self.pop_mark()?;
                self.add(opcode, start)?;
            }
            op::SETITEM => {
                let start = self.below(2)?;
                self.add(opcode, start)?;
            }
            op::SETITEMS => {
                let start = self.pop_mark()?;
                self.add(opcode, start)?;
            }

            op::GLOBAL => {
                let (module, name) = self.global_lines()?;
                let tag = tag_of_global(&module, &name);
                match self.renamed(&module, &name)? {
                    Some((module, name)) => self.out.global(&module, &name)?,
                    None => self.out.global(&module, &name)?,
                }
                self.push(tag)?;
            }
            op::STACK_GLOBAL => self.stack_global()?,
            op::INST => {
                let (module, name) = self.global_lines()?;
                let (module, name) = self.renamed(&module, &name)?.unwrap_or((module, name));
                let start = self.pop_mark()?;
                self.stack.truncate(start);
                self.out
                    .op(opcode, format!("{module}\n{name}\n").as_bytes())?;
                self.push(Tag::Other)?;
            }
            op::OBJ => {
                let start = self.pop_mark()?;
                if self.stack.len() == start {
                    return Err(self.error(ErrorKind::StackEmpty));
                }
                self.stack.truncate(start);
                self.push_op(opcode, &[], Tag::Other)?;
            }
            op::EXT1 => self.extension::<1>(opcode)?,
            op::EXT2 => self.extension::<2>(opcode)?,
            op::EXT4 => self.extension::<4>(opcode)?,
            op::PERSID => {
                self.out.line(opcode, &mut self.from, 0)?;
                self.push(Tag::Other)?;
            }
            op::BINPERSID => {
                self.pop()?;
                self.push_op(opcode, &[], Tag::Other)?;
            }

            op::REDUCE => self.reduce()?,
            op::NEWOBJ => {
                self.pop()?;
                let class = self.pop()?;
                self.push_op(opcode, &[], instance_of(&class))?;
            }
            op::NEWOBJ_EX => {
                self.pop()?;
                self.pop()?;
                let class = self.pop()?;
                self.push_op(opcode, &[], instance_of(&class))?;
            }
            op::BUILD => {
                let state = self.pop()?;
                let target = self.top()?.clone();
                self.out.op(opcode, &[])?;
                match (target, state) {
                    (Tag::Dtype(dtype), state) => dtype.set_state(&state),
                    (Tag::Wrapper, state) => self.raw_array(&state)?,
                    _ => {}
                }
            }
            _ => return Err(self.error(ErrorKind::Opcode { opcode })),
        }
        Ok(())
    }

    fn extension<const N: usize>(&mut self, opcode: u8) -> Result<()> {
        let code: [u8; N] = self.fixed()?;
        self.push_op(opcode, &code, Tag::Other)
    }

    /// Values from `start` on go into the one below them.
    fn add(&mut self, opcode: u8, start: usize) -> Result<()> {
        let values = self.stack.split_off(start);
        self.below(1)?;
        self.out.op(opcode, &[])?;
        match opcode {
            op::SETITEM | op::SETITEMS => self.set_items(&values),
            _ => Ok(()),
        }
    }

    fn set_items(&mut self, pairs: &[Tag]) -> Result<()> {
        if !pairs.len().is_multiple_of(2) {
            return Err(self.error(ErrorKind::OddPairs));
        }
        if let Tag::WrapperState(state) = self.top()? {
            for pair in pairs.chunks_exact(2) {
                state.borrow_mut().set(&pair[0], &pair[1]);
            }
        }
        Ok(())
    }

    /// Module and name from the stack. Both may be in the memo and be somebody's text as well, so they stay what they
    /// are, and the new ones are put beside them.
    fn stack_global(&mut self) -> Result<()> {
        let name = self.pop()?;
        let module = self.pop()?;
        match (&module, &name) {
            (Tag::Word(module), Tag::Word(name)) => {
                let (module, name) = (*module, *name);
                if let Some((module, name)) = self.renamed(module, name)? {
                    self.out.pop()?;
                    self.out.pop()?;
                    self.out.text(&module)?;
                    self.out.text(&name)?;
                }
                self.out.op(op::STACK_GLOBAL, &[])?;
                return self.push(tag_of_global(module, name));
            }
            (Tag::Word(module), _) => match rename(self.era, module, None) {
                Renamed::To(module, _) => {
                    self.told.globals += 1;
                    self.out.stash(&mut self.memo, 0)?;
                    self.out.pop()?;
                    self.out.text(&module)?;
                    self.out.unstash(&mut self.memo, 0)?;
                }
                Renamed::Unknown | Renamed::Same | Renamed::Lacking => {}
            },
            (Tag::Unknown(module), _) if rename(self.era, module, None) == Renamed::Unknown => {
                self.unknown(format!("{module}.…"));
            }
            _ => {}
        }
        self.push_op(op::STACK_GLOBAL, &[], Tag::AnyGlobal)
    }

    /// `None`, which in the metadata of a datetime NumPy before 2.3 takes for a dict.
    pub(super) fn none(&mut self) -> Result<()> {
        if self.is_metadata() {
            self.told.dtypes += 1;
            self.out.empty_dict()?;
            return self.push(Tag::None);
        }
        self.push_op(op::NONE, &[], Tag::None)
    }

    /// Whether the next value is the first of the pair after the flags in the state of a dtype.
    fn is_metadata(&self) -> bool {
        let is_next = |marks: &[usize]| {
            let Some(start) = marks.last() else {
                return false;
            };
            self.stack.len() == start + 8 && self.is_dtype_state(*start, &[4])
        };
        match self.marks.split_last() {
            // In a tuple of its own.
            Some((last, outer)) if *last == self.stack.len() => is_next(outer),
            _ => is_next(&self.marks),
        }
    }

    fn is_dtype_state(&self, start: usize, versions: &[i64]) -> bool {
        // The mark is still there.
        let target = start.checked_sub(1).map(|i| &self.stack[i]);
        let version = self.stack.get(start);
        matches!((target, version), (Some(Tag::Dtype(_)), Some(Tag::Int(n))) if versions.contains(n))
    }

    /// A number, which may be the flags of a dtype.
    pub(super) fn int(&mut self, opcode: u8, argument: &[u8], value: i64) -> Result<()> {
        let [from, to] = match self.era {
            Era::One => ALIGNED,
            Era::Two => [ALIGNED[1], ALIGNED[0]],
        };
        if value == from
            && let Some(start) = self.marks.last()
            && self.stack.len() == start + 7
            && self.is_dtype_state(*start, &[3, 4])
        {
            self.told.dtypes += 1;
            self.out.int(to)?;
            return self.push(Tag::Int(to));
        }
        self.push_op(opcode, argument, Tag::Int(value))
    }

    /// A tuple of the values from `start` on; of some calls, the arguments change.
    fn tuple(&mut self, opcode: u8, start: usize) -> Result<()> {
        let items = &self.stack[start..];
        let calls = |of| self.is_call(start, of);
        let mut tag = Tag::of_tuple(items);
        match items {
            [_, dtype, shape, Tag::Word("K"), axes] if calls(Known::FromBuffer) => {
                let Some((shape, strides)) = strided(dtype, shape, axes) else {
                    let what = "an array whose axes are not told where it is made".to_owned();
                    return Err(self.error(ErrorKind::Unsupported { what }));
                };
                return self.of_class(start, &shape, &strides);
            }
            [_, _, _, _, Tag::None] if self.era == Era::One && calls(Known::FromBuffer) => {
                self.out.pop()?;
            }
            [_, Tag::Global(Known::BitGenerator)]
                if self.era == Era::One
                    && (calls(Known::Generator) || calls(Known::RandomState)) =>
            {
                // NumPy 1.24 added what makes the bit generator; it is the default.
                self.out.pop()?;
                tag = Tag::of_tuple(&items[..1]);
                let opcode = if opcode == op::TUPLE2 {
                    op::TUPLE1
                } else {
                    opcode
                };
                self.told.generators += 1;
                self.stack.truncate(start);
                return self.push_op(opcode, &[], tag);
            }
            [class] if self.era == Era::One && calls(Known::BitGenerator) => match class {
                Tag::Global(Known::BitGeneratorClass(name)) => {
                    self.out.pop()?;
                    self.out.text(name)?;
                    self.told.generators += 1;
                }
                Tag::AnyGlobal => {
                    return Err(self.lacking("pickled bit generators of other classes".to_owned()));
                }
                _ => {}
            },
            [_, _] if self.era == Era::One && self.is_bit_generator_state(start) => {
                // The state alone; NumPy 1 does not pickle the seed sequence with it.
                self.out.pop()?;
                if opcode == op::TUPLE {
                    self.out.stash(&mut self.memo, 0)?;
                    self.out.pop()?;
                    self.out.unstash(&mut self.memo, 0)?;
                }
                self.stack.truncate(start);
                return self.push(Tag::Other);
            }
            [Tag::Word(module), _] if self.era == Era::Two && calls(Known::Ufunc) => {
                if let Renamed::To(module, _) = rename(self.era, module, None) {
                    self.out.stash(&mut self.memo, 0)?;
                    self.out.pop()?;
                    self.out.text(&module)?;
                    self.out.unstash(&mut self.memo, 0)?;
                }
            }
            _ => {}
        }
        self.stack.truncate(start);
        self.push_op(opcode, &[], tag)
    }

    fn is_bit_generator_state(&self, start: usize) -> bool {
        matches!(self.under(start), Some(Tag::BitGenerator))
    }

    /// Whether the values from `start` on are arguments for this function, which waits below them.
    fn is_call(&self, start: usize, of: Known) -> bool {
        matches!(self.under(start), Some(Tag::Global(known)) if *known == of)
    }

    /// The value right below those from `start` on, unless it belongs to something else.
    fn under(&self, start: usize) -> Option<&Tag> {
        let i = start.checked_sub(1)?;
        let is_free = self.marks.last().is_none_or(|mark| *mark <= i);
        is_free.then(|| &self.stack[i])
    }

    fn reduce(&mut self) -> Result<()> {
        let args = self.pop()?;
        let function = self.pop()?;
        let parts = match &args {
            Tag::Tuple(parts) => &parts[..],
            _ => &[],
        };
        let class = match (function, &args, parts) {
            (Tag::Global(Known::Dtype), ..) => {
                let dtype = Tag::Dtype(Rc::new(DtypeTag::of(parts.first())));
                return self.push_op(op::REDUCE, &[], dtype);
            }
            (Tag::Global(Known::BitGenerator), ..) => {
                return self.push_op(op::REDUCE, &[], Tag::BitGenerator);
            }
            (Tag::Global(Known::Reconstructor), _, [Tag::Global(Known::JoblibArray), ..]) => {
                return self.push_op(op::REDUCE, &[], Tag::Wrapper);
            }
            // NumPy 1 gives these functions the bit generator's name; but the classes take the object in both.
            (Tag::Global(Known::Generator), _, [Tag::BitGenerator]) => {
                ("numpy.random._generator", "Generator")
            }
            (Tag::Global(Known::RandomState), _, [Tag::BitGenerator]) => {
                ("numpy.random.mtrand", "RandomState")
            }
            _ => return self.push_op(op::REDUCE, &[], Tag::Other),
        };
        if self.era == Era::One {
            self.told.generators += 1;
            self.out.stash(&mut self.memo, 0)?;
            self.out.pop()?;
            self.out.global(class.0, class.1)?;
            self.out.unstash(&mut self.memo, 0)?;
        }
        self.push_op(op::REDUCE, &[], Tag::Other)
    }

    /// Instead of `_frombuffer(buffer, dtype, shape, 'K', axes)`, of which NumPy before 2.3 knows nothing:
    /// `numpy.ndarray(shape, dtype, buffer, 0, strides)`. The arguments are on the stack from `start` on.
    fn of_class(&mut self, start: usize, shape: &[u64], strides: &[u64]) -> Result<()> {
        self.told.arrays += 1;
        for _ in ["axes", "order", "shape"] {
            self.out.pop()?;
        }
        self.out.stash(&mut self.memo, 0)?;
        self.out.stash(&mut self.memo, 1)?;
        for _ in ["mark", "function"] {
            self.out.pop()?;
        }
        self.out.global("numpy", "ndarray")?;
        self.out.op(op::MARK, &[])?;
        self.out.ints(shape)?;
        self.out.unstash(&mut self.memo, 0)?;
        self.out.unstash(&mut self.memo, 1)?;
        self.out.int(0)?;
        self.out.ints(strides)?;
        self.stack.truncate(start - 1);
        self.push(Tag::AnyGlobal)?;
        self.push_op(op::TUPLE, &[], Tag::Other)
    }

    /// After the state of joblib's wrapper: the array's bytes, or of objects a whole pickle.
    fn raw_array(&mut self, state: &Tag) -> Result<()> {
        let wrong = |problem: &str| {
            let (what, problem) = ("joblib's array", problem.to_owned());
            ErrorKind::State { what, problem }
        };
        let Tag::WrapperState(state) = state else {
            return Err(self.error(wrong("its state is not a dict")));
        };
        let state = state.borrow();
        let (Some(shape), Some(dtype)) = (&state.shape, &state.dtype) else {
            return Err(self.error(wrong("it has no shape or no dtype")));
        };
        self.out.flush()?;
        if dtype.has_object.get() {
            return self.nested();
        }
        let nbytes = shape
            .iter()
            .try_fold(dtype.itemsize.get(), |nbytes, extent| {
                Some(nbytes?.checked_mul(*extent))
            });
        let Some(nbytes) = nbytes.flatten() else {
            return Err(self.error(wrong("its size is not known")));
        };
        if let Some(alignment) = state.alignment {
            let padding = self.from.byte()?;
            self.from.skip(u64::from(padding))?;
            self.out.pad(alignment)?;
            self.is_aligned = true;
        }
        self.out.raw(nbytes, &mut self.from)
    }

    /// A whole pickle with a stack and a memo of its own.
    fn nested(&mut self) -> Result<()> {
        if self.depth >= DEPTH {
            let (what, limit) = ("pickles inside pickles", DEPTH as u64);
            let found = limit + 1;
            return Err(self.error(ErrorKind::Limit { what, found, limit }));
        }
        let stack = std::mem::take(&mut self.stack);
        let marks = std::mem::take(&mut self.marks);
        let memo = std::mem::take(&mut self.memo);
        let outer = self.out.suspend();
        self.depth += 1;
        self.pickle()?;
        self.depth -= 1;
        self.out.resume(outer);
        (self.stack, self.marks, self.memo) = (stack, marks, memo);
        Ok(())
    }
}

/// Shape and strides of an array, from the shape of its buffer and the order in which the array has those axes.
fn strided(dtype: &Tag, stored: &Tag, axes: &Tag) -> Option<(Vec<u64>, Vec<u64>)> {
    let Tag::Dtype(dtype) = dtype else {
        return None;
    };
    let (stored, axes) = (stored.shape()?, axes.axes()?);
    let mut stride = dtype.itemsize.get()?;
    let mut strides = vec![0; stored.len()];
    for (axis, extent) in stored.iter().enumerate().rev() {
        strides[axis] = stride;
        stride = stride
            .checked_mul(*extent)
            .filter(|n| i64::try_from(*n).is_ok())?;
    }
    let turned = |of: &[u64]| {
        axes.iter()
            .map(|axis| of.get(*axis).copied())
            .collect::<Option<Vec<u64>>>()
    };
    Some((turned(&stored)?, turned(&strides)?))
}

/// What an object of that class is.
fn instance_of(class: &Tag) -> Tag {
    match class {
        Tag::Global(Known::JoblibArray) => Tag::Wrapper,
        _ => Tag::Other,
    }
}
