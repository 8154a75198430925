//! Calls: as they are, or as another protocol, Python or NumPy spells them.

use super::*;
use crate::value::{Call, CallKind, Value};

impl<'t, W: Write> Writing<'_, 't, W> {
    pub(super) fn call(&mut self, id: Id, call: &'t Call) -> Result<()> {
        let name = self.tree.global(call.function);
        let args = match self.tree.get(call.args) {
            Value::Tuple(args) => Some(args),
            _ => None,
        };
        if let (Some((module, name)), Some(args)) = (name, args) {
            let is_bare = call.kind == CallKind::Reduce
                && call.states().is_empty()
                && call.items().is_empty()
                && call.pairs().is_empty();
            if is_bare && self.builtin(id, module, name, args)? {
                return Ok(());
            }
            if call.items().is_empty()
                && call.pairs().is_empty()
                && self.array(id, call, module, name, args)?
            {
                return Ok(());
            }
        }
        let (args_position, state_position) = match name {
            // One that is no dtype has no parts that are known.
            Some(("numpy", "dtype")) if self.reader.dtype(id).is_err() => {
                (Position::AsIs, Position::AsIs)
            }
            Some((module, name)) => positions(module, name),
            None => (Position::AsIs, Position::AsIs),
        };
        if call.raw().is_some() {
            let what = "an array of joblib's that is none".to_owned();
            return Err(self.unsupported(id, what));
        }
        self.plain(id, call, args, args_position, state_position)
    }

    /// As it is, apart from the positions of its parts.
    pub(super) fn plain(
        &mut self,
        id: Id,
        call: &'t Call,
        args: Option<&'t [Id]>,
        args_position: Position,
        state_position: Position,
    ) -> Result<()> {
        let key = (id, Position::AsIs);
        let function = Part::Node(call.function, Position::AsIs);
        let as_args = Part::Node(call.args, args_position);
        self.open(key)?;
        let mut parts = Vec::with_capacity(8);
        match (call.kind, call.kwargs(), args) {
            (CallKind::Reduce, ..) => {
                parts.extend([function, as_args, Part::Called(op::REDUCE, key)]);
            }
            (CallKind::New, None, Some(_)) if self.protocol() >= 2 => {
                parts.extend([function, as_args, Part::Called(op::NEWOBJ, key)]);
            }
            (CallKind::New, Some(kwargs), _) if self.protocol() >= 4 => {
                parts.extend([function, as_args, Part::Node(kwargs, Position::AsIs)]);
                parts.push(Part::Called(op::NEWOBJ_EX, key));
            }
            // What the opcodes stand for, which older protocols lack.
            (CallKind::New, None, Some(args)) => {
                let len = args.len() + 1;
                parts.extend([Part::Global(self.copyreg(), "__newobj__")]);
                parts.extend([Part::BeginTuple(len), function]);
                parts.extend([
                    Part::Children(args, 0, args_position),
                    Part::EndTuple(len, None),
                ]);
                parts.push(Part::Called(op::REDUCE, key));
            }
            (CallKind::New, _, None) => {
                let what = "an object made of what is no tuple".to_owned();
                return Err(self.unsupported(id, what));
            }
            (CallKind::New, Some(kwargs), Some(_)) => {
                parts.extend([
                    Part::Global(self.copyreg(), "__newobj_ex__"),
                    Part::BeginTuple(3),
                ]);
                parts.extend([function, as_args, Part::Node(kwargs, Position::AsIs)]);
                parts.extend([Part::EndTuple(3, None), Part::Called(op::REDUCE, key)]);
            }
            (CallKind::Instance, ..) => {
                self.emit.boundary().map_err(system)?;
                self.emit.opcode(op::MARK);
                let args = Part::Children(args.unwrap_or_default(), 0, Position::AsIs);
                match self.line_name(call.function)? {
                    Some(name) => parts.extend([args, Part::Instance(name, key)]),
                    None => parts.extend([function, args, Part::Called(op::OBJ, key)]),
                }
            }
        }
        parts.push(Part::Append(call.items(), 0, Adding::Object));
        parts.push(Part::Set(call.pairs(), 0, Adding::Object));
        for state in call.states() {
            parts.extend([Part::Node(*state, state_position), Part::Op(op::BUILD)]);
        }
        self.then(parts);
        Ok(())
    }

    /// The name of a class as `INST` has it, which protocol 0 uses instead of `OBJ`: two lines, and one class.
    fn line_name(&self, class: Id) -> Result<Option<String>> {
        if self.protocol() > 0 {
            return Ok(None);
        }
        let written = self.written_name(class)?.filter(|(module, name)| {
            let is_plain = |text: &str| text.is_ascii() && super::value::is_line(text);
            is_plain(module) && is_plain(name) && !name.contains('.')
        });
        Ok(written.map(|(module, name)| format!("{module}\n{name}")))
    }

    /// What has an opcode of its own in this protocol, and was a call in an older one. Whether it was one of those.
    fn builtin(&mut self, id: Id, module: &str, name: &str, args: &'t [Id]) -> Result<bool> {
        let key = (id, Position::AsIs);
        let is_builtin = matches!(module, "builtins" | "__builtin__");
        match (name, args) {
            ("encode", [_, _]) if module == "_codecs" => {}
            ("bytes", []) if is_builtin => {}
            ("bytearray", _) if is_builtin && self.protocol() >= 5 => {
                let Some(payload) = Payload::of(self.tree, id)? else {
                    return Ok(false);
                };
                self.then([Part::Buffer(payload, false), Part::Put(Some(key))]);
                return Ok(true);
            }
            ("set" | "frozenset", [list]) if is_builtin && self.protocol() >= 4 => {
                let Value::List(items) = self.tree.get(*list) else {
                    return Ok(false);
                };
                self.write_set(id, items, name == "frozenset")?;
                return Ok(true);
            }
            _ => return Ok(false),
        }
        if self.protocol() < 3 && !self.options.python2 {
            return Ok(false);
        }
        let Some(payload) = Payload::of(self.tree, id)? else {
            return Ok(false);
        };
        self.then([Part::Payload(payload), Part::Put(Some(key))]);
        Ok(true)
    }
}

/// The positions of the arguments and of the state of what these names call.
fn positions(module: &str, name: &str) -> (Position, Position) {
    match (module, name) {
        (_, "_reconstruct") if is_numpy(module) => (Position::AsIs, Position::ArrayState),
        ("numpy.ma.core", "_mareconstruct") | ("numpy.ma.mrecords", "_mrreconstruct") => {
            (Position::AsIs, Position::MaskedState)
        }
        (_, "scalar") if is_numpy(module) => (Position::ScalarArgs, Position::AsIs),
        ("numpy", "dtype") => (Position::DtypeArgs, Position::DtypeState),
        ("datetime", "datetime" | "date" | "time") => (Position::BytesArgs, Position::AsIs),
        _ => (Position::AsIs, Position::AsIs),
    }
}

fn is_numpy(module: &str) -> bool {
    matches!(
        module,
        "numpy.core.multiarray"
            | "numpy._core.multiarray"
            | "numpy.core._multiarray_umath"
            | "numpy.core._internal"
            | "numpy._core._internal"
    )
}
