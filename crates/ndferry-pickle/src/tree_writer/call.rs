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
            if self.array(id, call, module, name, args)? {
                return Ok(());
            }
        }
        let (args_role, state_role) = match name {
            Some((module, name)) => roles(module, name),
            None => (Role::AsIs, Role::AsIs),
        };
        self.plain(id, call, args, args_role, state_role)
    }

    /// As it is, apart from the roles of its parts.
    pub(super) fn plain(
        &mut self,
        id: Id,
        call: &'t Call,
        args: Option<&'t [Id]>,
        args_role: Role,
        state_role: Role,
    ) -> Result<()> {
        let key = (id, Role::AsIs);
        let function = Part::Node(call.function, Role::AsIs);
        let as_args = Part::Node(call.args, args_role);
        self.open(key)?;
        let mut parts = Vec::with_capacity(8);
        match (call.kind, call.kwargs(), args) {
            (CallKind::Reduce, ..) | (CallKind::New, None, None) => {
                parts.extend([function, as_args, Part::Called(op::REDUCE, key)]);
            }
            (CallKind::New, None, Some(_)) if self.protocol() >= 2 => {
                parts.extend([function, as_args, Part::Called(op::NEWOBJ, key)]);
            }
            (CallKind::New, Some(kwargs), _) if self.protocol() >= 4 => {
                parts.extend([function, as_args, Part::Node(kwargs, Role::AsIs)]);
                parts.push(Part::Called(op::NEWOBJ_EX, key));
            }
            // What the opcodes stand for, which older protocols lack.
            (CallKind::New, None, Some(args)) => {
                let len = args.len() + 1;
                parts.extend([Part::Global(self.copyreg(), "__newobj__")]);
                parts.extend([Part::BeginTuple(len), function]);
                parts.extend([
                    Part::Children(args, 0, args_role),
                    Part::EndTuple(len, None),
                ]);
                parts.push(Part::Called(op::REDUCE, key));
            }
            (CallKind::New, Some(kwargs), _) => {
                parts.extend([
                    Part::Global(self.copyreg(), "__newobj_ex__"),
                    Part::BeginTuple(3),
                ]);
                parts.extend([function, as_args, Part::Node(kwargs, Role::AsIs)]);
                parts.extend([Part::EndTuple(3, None), Part::Called(op::REDUCE, key)]);
            }
            (CallKind::Instance, ..) => {
                self.emit.boundary().map_err(system)?;
                self.emit.opcode(op::MARK);
                let args = args.unwrap_or_default();
                parts.extend([function, Part::Children(args, 0, Role::AsIs)]);
                parts.push(Part::Called(op::OBJ, key));
            }
        }
        parts.push(Part::Append(call.items(), 0, Adding::Object));
        parts.push(Part::Set(call.pairs(), 0, Adding::Object));
        for state in call.states() {
            parts.extend([Part::Node(*state, state_role), Part::Op(op::BUILD)]);
        }
        self.then(parts);
        Ok(())
    }

    /// What has an opcode of its own in this protocol, and was a call in an older one. Whether it was one of those.
    fn builtin(&mut self, id: Id, module: &str, name: &str, args: &'t [Id]) -> Result<bool> {
        let key = (id, Role::AsIs);
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

/// The roles of the arguments and of the state of what these names call.
fn roles(module: &str, name: &str) -> (Role, Role) {
    match (module, name) {
        (_, "_reconstruct") if is_numpy(module) => (Role::AsIs, Role::ArrayState),
        ("numpy.ma.core", "_mareconstruct") | ("numpy.ma.mrecords", "_mrreconstruct") => {
            (Role::AsIs, Role::MaskedState)
        }
        (_, "scalar") if is_numpy(module) => (Role::ScalarArgs, Role::AsIs),
        ("numpy", "dtype") => (Role::DtypeArgs, Role::DtypeState),
        ("datetime", "datetime" | "date" | "time") => (Role::BytesArgs, Role::AsIs),
        _ => (Role::AsIs, Role::AsIs),
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
