//! Where joblib puts an array's bytes: between the opcodes, after the state of a `NumpyArrayWrapper`.

use super::*;
use crate::numpy::wrapper_attributes;
use crate::value::Raw;

/// How deep pickles may lie between the opcodes of pickles: joblib puts one there for each array of objects.
const DEPTH: usize = 16;

impl Machine {
    /// After `BUILD`: steps over what joblib has put there, if this object is such a wrapper (`joblib.numpy_pickle`,
    /// `NumpyArrayWrapper.read_array`).
    pub(super) fn skip_raw(&mut self, target: Id) -> Result<()> {
        let Some(attributes) = wrapper_attributes(&self.tree, target)? else {
            return Ok(());
        };
        // joblib has put an array in its place, which gets its state otherwise.
        if let Node::Call(i) = self.tree.node(target)
            && let Some(more) = &self.tree.calls[i as usize].more
            && more.raw.is_some()
        {
            let (what, problem) = ("joblib's array", "it has two states".to_owned());
            return Err(self.error(ErrorKind::State { what, problem }));
        }
        let known = self
            .dtypes
            .read(&self.tree, &self.limits, attributes.dtype)?;
        let start = self.cursor.offset();
        let raw = if known.has_object {
            self.between.push(Between::Pickle(start));
            Raw::Object(self.nested()?)
        } else {
            if attributes.is_aligned {
                let padding = self.cursor.byte()?;
                self.cursor.skip(u64::from(padding))?;
            }
            let itemsize = known.dtype.itemsize();
            let layout = ndferry_array::Layout::contiguous(
                &attributes.shape,
                itemsize,
                ndferry_array::Order::C,
            )
            .map_err(|e| self.error(ErrorKind::Array(e)))?;
            let blob = self.bytes((layout.size() * itemsize) as u64)?;
            self.between
                .push(Between::Bytes(start..self.cursor.offset()));
            Raw::Bytes(blob)
        };
        if let Node::Call(i) = self.tree.node(target) {
            self.tree.calls[i as usize].more.get_or_insert_default().raw = Some(Box::new(raw));
        }
        Ok(())
    }

    /// A whole pickle with a stack and a memo of its own.
    fn nested(&mut self) -> Result<Id> {
        if self.depth >= DEPTH {
            return Err(self.error(ErrorKind::Limit {
                what: "pickles inside pickles",
                found: self.depth as u64 + 1,
                limit: DEPTH as u64,
            }));
        }
        let stack = std::mem::take(&mut self.stack);
        let marks = std::mem::take(&mut self.marks);
        let memo = std::mem::take(&mut self.memo);
        self.depth += 1;
        let root = self.load_on();
        self.depth -= 1;
        self.stack = stack;
        self.marks = marks;
        self.memo = memo;
        root
    }
}
