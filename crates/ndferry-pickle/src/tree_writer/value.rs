//! Values that are no calls: atoms, strings, containers, names.

use super::*;
use crate::numpy_names::name_for;
use crate::python_names::{to_python2, to_python3};
use crate::value::Value;

/// What is longer is not written as decimal text, which takes quadratic time, both ways.
const MAX_BITS: u64 = 32_768;

/// What an item is to the tuple that it is in.
pub(super) fn position_of_child(
    tree: &Tree,
    position: Position,
    items: &[Id],
    at: usize,
) -> Position {
    let has_version = || {
        let first = items.first().and_then(|id| tree.int(*id));
        usize::from(first.is_some() && (position != Position::DtypeState || items.len() > 5))
    };
    match (position, at) {
        // pandas before 0.14 put the array's state before its own.
        (Position::ArrayState, 0)
            if tree
                .sequence(items[0])
                .is_some_and(|state| state.len() >= 4) =>
        {
            Position::ArrayState
        }
        (Position::ArrayState, _) if at == 3 + has_version() => Position::Bytes,
        (Position::MaskedState, 4 | 5) => Position::Bytes,
        (Position::ScalarArgs, 1) | (Position::BytesArgs, 0) => Position::Bytes,
        (Position::DtypeArgs, 0) => Position::Text,
        (Position::DtypeState, _) if at == has_version() => Position::Text,
        (Position::DtypeState, 7) => Position::DtypeFlags,
        (Position::DtypeState, 8) => Position::TimeMetadata,
        (Position::TimeMetadata, 0) => Position::NoMetadata,
        _ => Position::AsIs,
    }
}

/// Whether it can stand in a line and come out the same.
pub(super) fn is_line(text: &str) -> bool {
    !text.contains('\n') && !text.ends_with('\r')
}

impl<'t, W: Write> Writing<'_, 't, W> {
    pub(super) fn node(&mut self, id: Id, position: Position) -> Result<()> {
        let tree = self.tree;
        let value = tree.get(id);
        match value {
            Value::None if position == Position::NoMetadata && self.options.numpy != Numpy::Two => {
                // Each time another, as NumPy makes it.
                self.emit.begin_dict().map_err(system)?;
                return Ok(());
            }
            Value::None => return self.emit.none().map_err(system),
            Value::Bool(value) => return self.emit.bool(value).map_err(system),
            Value::Int(flags) if position == Position::DtypeFlags => {
                let flags = match self.options.numpy {
                    // NumPy 1 knows no flags beyond a signed byte; it wrote these negative.
                    Numpy::Any | Numpy::One if (0x80..0x100).contains(&flags) => flags - 0x100,
                    Numpy::Two if (-0x80..0).contains(&flags) => flags + 0x100,
                    _ => flags,
                };
                return self.emit.int(flags).map_err(system);
            }
            Value::Int(value) => return self.emit.int(value).map_err(system),
            Value::BigInt(value) if self.protocol() < 2 && value.bits() > MAX_BITS => {
                let what = format!("an int of {} bits", value.bits());
                return Err(self.unsupported(id, what));
            }
            Value::BigInt(value) => return self.emit.big_int(value).map_err(system),
            Value::ByteArray(blob) if let Some(index) = tree.missing_buffer(&blob) => {
                return Err(ErrorKind::NoBuffer { index }.at(0));
            }
            Value::Float(value) => return self.emit.float(value).map_err(system),
            _ => {}
        }
        let position = self.effective(value, position)?;
        let key = (id, position);
        if let Some(number) = self.number(key) {
            return self.emit.get_number(number).map_err(system);
        }
        match value {
            Value::Str(blob) if position == Position::Bytes => {
                self.then([Part::Payload(Payload::latin1(blob)), Part::Put(Some(key))]);
            }
            Value::Py2Str(blob) if position == Position::Text => {
                self.text(id, blob)?;
                self.parts.push(Part::Put(Some(key)));
            }
            Value::Bytes(blob) => self.bytes(key, blob),
            Value::Py2Str(blob) | Value::ByteArray(blob) if position == Position::Bytes => {
                self.bytes(key, blob);
            }
            Value::Str(blob) => {
                self.text(id, blob)?;
                self.parts.push(Part::Put(Some(key)));
            }
            Value::Py2Str(blob) => {
                self.py2_str(id, Payload::of_blob(blob))?;
                self.parts.push(Part::Put(Some(key)));
            }
            Value::ByteArray(blob) => self.bytearray(id, blob),
            Value::Tuple([]) => {
                self.emit.begin_tuple(0).map_err(system)?;
                self.emit.end_tuple(0);
            }
            Value::Tuple(items) => {
                self.open(key)?;
                self.emit.begin_tuple(items.len()).map_err(system)?;
                self.then([
                    Part::Children(items, 0, position),
                    Part::EndTuple(items.len(), Some(key)),
                ]);
            }
            Value::List(items) => {
                self.emit.begin_list().map_err(system)?;
                let number = self.emit.put();
                self.set_number(key, number);
                self.parts.push(Part::Append(items, 0, Adding::Exact));
            }
            Value::Dict([])
                if position == Position::NoMetadata && self.options.numpy == Numpy::Two =>
            {
                self.emit.none().map_err(system)?;
            }
            Value::Dict(pairs) => {
                let number = self.emit.begin_dict().map_err(system)?;
                self.set_number(key, number);
                self.parts.push(Part::Set(pairs, 0, Adding::Exact));
            }
            Value::Set(items) => self.write_set(id, items, false)?,
            Value::FrozenSet(items) => self.write_set(id, items, true)?,
            Value::Global(_) => self.global(id)?,
            Value::Call(call) => self.call(id, call)?,
            Value::Persistent(of) => self.persistent(id, of)?,
            Value::Extension(code) => self.extension(id, code)?,
            _ => {
                let what = format!("{} ", value.type_name());
                return Err(self.unsupported(id, what));
            }
        }
        Ok(())
    }

    /// The position, if a value of this kind would be written differently in it.
    fn effective(&self, value: Value<'_>, position: Position) -> Result<Position> {
        Ok(match (position, value) {
            (Position::Text, Value::Py2Str(blob)) if self.is_ascii(&blob)? => Position::Text,
            (Position::Bytes, Value::Str(blob)) if blob.latin1_nbytes().is_some() => {
                Position::Bytes
            }
            (Position::Bytes, Value::Py2Str(_)) if !self.options.python2 => Position::Bytes,
            (Position::Bytes, Value::ByteArray(_)) => Position::Bytes,
            (Position::Text | Position::Bytes | Position::DtypeFlags, _) => Position::AsIs,
            (Position::NoMetadata, Value::Dict(_)) => position,
            (position, Value::Tuple(_)) => position,
            _ => Position::AsIs,
        })
    }

    fn is_ascii(&self, blob: &Blob) -> Result<bool> {
        // What is longer is no name.
        Ok(blob.nbytes() < 1000 && self.tree.blob(blob)?.is_ascii())
    }

    /// As a set, or the call that makes one, for protocols without an opcode for that.
    pub(super) fn write_set(&mut self, id: Id, items: &'t [Id], is_frozen: bool) -> Result<()> {
        let key = (id, Position::AsIs);
        if self.protocol() < 4 {
            self.open(key)?;
            let name = if is_frozen { "frozenset" } else { "set" };
            self.emit.global(self.builtins(), name).map_err(system)?;
            self.emit.begin_tuple(1).map_err(system)?;
            self.emit.begin_list().map_err(system)?;
            self.emit.put();
            self.then([
                Part::Append(items, 0, Adding::Exact),
                Part::EndTuple(1, None),
                Part::Called(op::REDUCE, key),
            ]);
            return Ok(());
        }
        self.emit.boundary().map_err(system)?;
        if is_frozen {
            self.open(key)?;
            self.emit.opcode(op::MARK);
            self.then([
                Part::Children(items, 0, Position::AsIs),
                Part::EndFrozenSet(id),
            ]);
        } else {
            self.emit.opcode(op::EMPTY_SET);
            let number = self.emit.put();
            self.set_number(key, number);
            self.parts.push(Part::Append(items, 0, Adding::Set));
        }
        Ok(())
    }

    /// What the module is called by the Python that this protocol is for.
    pub(super) fn builtins(&self) -> &'static str {
        if self.protocol() < 3 {
            "__builtin__"
        } else {
            "builtins"
        }
    }

    pub(super) fn copyreg(&self) -> &'static str {
        if self.protocol() < 3 {
            "copy_reg"
        } else {
            "copyreg"
        }
    }

    /// The module and name that a class or function has in the Python that the protocol is for, and in the wanted NumPy.
    pub(super) fn written_name(&self, id: Id) -> Result<Option<(Cow<'t, str>, &'t str)>> {
        let Some((module, name)) = self.tree.global(id) else {
            return Ok(None);
        };
        let (module, name) = match self.protocol() {
            0..=2 => to_python2(module, name),
            _ => to_python3(module, name),
        };
        match name_for(module, name, self.options.numpy) {
            Some(written) => Ok(Some(written)),
            None => {
                let what = format!("{module}.{name}, which NumPy 1 does not have,");
                Err(self.unsupported(id, what))
            }
        }
    }

    /// A class or function, by that name.
    fn global(&mut self, id: Id) -> Result<()> {
        let key = (id, Position::AsIs);
        let tree = self.tree;
        let (Some((old_module, old_name)), Some((module, name))) =
            (tree.global(id), self.written_name(id)?)
        else {
            return Ok(());
        };
        let shared = Shared::Global(module.clone().into_owned().into(), name.to_owned().into());
        if let Some(number) = self.emit.number_of(&shared) {
            self.set_number(key, number);
            return self.emit.get_number(number).map_err(system);
        }
        if self.protocol() < 4 {
            if self.protocol() < 3 && !(module.is_ascii() && name.is_ascii()) {
                let what = format!("{module}.{name}, which is not ASCII,");
                return Err(self.unsupported(id, what));
            }
            if !is_line(&module) || !is_line(name) {
                let what = "a name that is no line".to_owned();
                return Err(self.unsupported(id, what));
            }
            if let Some((outer, inner)) = name.rsplit_once('.') {
                return self.nested_name(id, &module, outer, inner);
            }
            self.emit
                .global(module.into_owned(), name.to_owned())
                .map_err(system)?;
            if let Some(number) = self.emit.number_of(&shared) {
                self.set_number(key, number);
            }
            return Ok(());
        }
        self.emit.boundary().map_err(system)?;
        // Where the names were values, they may be those of other places too.
        let spelled = tree
            .spelled_of(id)
            .filter(|_| (&*module, name) == (old_module, old_name));
        let steps = match spelled {
            Some((module_id, name_id)) => [
                Part::Name(module_id, module.into_owned()),
                Part::Name(name_id, name.to_owned()),
            ],
            None => [
                Part::Interned(module.into_owned()),
                Part::Interned(name.to_owned()),
            ],
        };
        let [module, name] = steps;
        self.then([
            module,
            name,
            Part::Op(op::STACK_GLOBAL),
            Part::PutShared(shared, key),
        ]);
        Ok(())
    }

    /// Part of a name that was a value: that value, which what this writer adds shares with it.
    pub(super) fn name(&mut self, id: Id, text: String) -> Result<()> {
        let position = self.effective(self.tree.get(id), Position::Text)?;
        let key = (id, position);
        let shared = Shared::Text(text.into());
        if let Some(number) = self.number(key) {
            return self.emit.get_number(number).map_err(system);
        }
        // Two values may have the same text; only what this writer added is the same as any of them.
        if let Some(number) = self.emit.number_of(&shared)
            && !self.named.contains(&number)
        {
            self.set_number(key, number);
            return self.emit.get_number(number).map_err(system);
        }
        let Shared::Text(text) = &shared else {
            return Ok(());
        };
        self.emit
            .text_from(text.len() as u64, &mut text.as_bytes())
            .map_err(system)?;
        let number = self.emit.put_shared(shared);
        self.named.insert(number);
        self.set_number(key, number);
        Ok(())
    }

    /// `getattr(outer, inner)`: only protocol 4 knows names with dots.
    fn nested_name(&mut self, id: Id, module: &str, outer: &str, inner: &str) -> Result<()> {
        self.emit
            .global(self.builtins(), "getattr")
            .map_err(system)?;
        self.emit.begin_tuple(2).map_err(system)?;
        let mut names = outer.split('.');
        let first = names.next().unwrap_or_default().to_owned();
        let rest: Vec<&str> = names.collect();
        // As deep as there are dots.
        for _ in &rest {
            self.emit
                .global(self.builtins(), "getattr")
                .map_err(system)?;
            self.emit.begin_tuple(2).map_err(system)?;
        }
        self.emit.global(module.to_owned(), first).map_err(system)?;
        for name in rest {
            self.emit.interned(name.to_owned()).map_err(system)?;
            self.emit.end_tuple(2);
            self.emit.opcode(op::REDUCE);
            self.emit.put();
        }
        self.emit.interned(inner.to_owned()).map_err(system)?;
        self.emit.end_tuple(2);
        self.emit.opcode(op::REDUCE);
        let number = self.emit.put();
        self.set_number((id, Position::AsIs), number);
        Ok(())
    }

    fn persistent(&mut self, id: Id, of: Id) -> Result<()> {
        if self.protocol() > 0 {
            self.then([Part::Node(of, Position::AsIs), Part::Op(op::BINPERSID)]);
            return Ok(());
        }
        match self.tree.name(of)? {
            Some(line) if line.is_ascii() && is_line(&line) && line.len() < 4096 => {
                self.emit.boundary().map_err(system)?;
                self.emit.persistent_line(&line);
                Ok(())
            }
            _ => {
                let what = "a persistent id that is no line of ASCII".to_owned();
                Err(self.unsupported(id, what))
            }
        }
    }

    fn extension(&mut self, id: Id, code: u32) -> Result<()> {
        if self.protocol() < 2 {
            let what = "a code of the extension registry".to_owned();
            return Err(self.unsupported(id, what));
        }
        self.emit.boundary().map_err(system)?;
        match code {
            0..=0xff => self.emit.numbered(op::EXT1, code, 1),
            0x100..=0xffff => self.emit.numbered(op::EXT2, code, 2),
            _ => self.emit.numbered(op::EXT4, code, 4),
        }
        Ok(())
    }
}
