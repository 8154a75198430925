//! The opcodes of [`Machine`] that make values out of values.

use super::*;

impl Machine {
    pub(super) fn step_compound(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::EMPTY_TUPLE => self.push(EMPTY_TUPLE)?,
            op::TUPLE => {
                let start = self.pop_mark()?;
                let tuple = self.tuple(start);
                self.push_node(tuple)?;
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let len = usize::from(opcode - op::TUPLE1) + 1;
                let start = self.below(len)?;
                let tuple = self.tuple(start);
                self.push_node(tuple)?;
            }
            op::FROZENSET => {
                let start = self.pop_mark()?;
                let node = match self.move_children(start) {
                    Ok((start, len)) => Node::FrozenSet { start, len },
                    Err(i) => Node::LongFrozenSet(i),
                };
                self.push_node(node)?;
            }
            op::EMPTY_LIST => self.push_node(Node::List(EMPTY))?,
            op::EMPTY_SET => self.push_node(Node::Set(EMPTY))?,
            op::EMPTY_DICT => self.push_node(Node::Dict(EMPTY))?,
            op::LIST => {
                let start = self.pop_mark()?;
                let list = self.new_node(Node::List(EMPTY))?;
                self.append_to(list, start, false)?;
                self.push(list)?;
            }
            op::DICT => {
                let start = self.pop_mark()?;
                let dict = self.new_node(Node::Dict(EMPTY))?;
                self.set_items_of(dict, start)?;
                self.push(dict)?;
            }
            op::APPEND => {
                let start = self.below(1)?;
                self.append(start, false)?;
            }
            op::APPENDS => {
                let start = self.pop_mark()?;
                self.append(start, false)?;
            }
            op::ADDITEMS => {
                let start = self.pop_mark()?;
                self.append(start, true)?;
            }
            op::SETITEM => {
                let start = self.below(2)?;
                self.set_items(start)?;
            }
            op::SETITEMS => {
                let start = self.pop_mark()?;
                self.set_items(start)?;
            }

            op::GLOBAL => {
                let (module, name) = self.global_lines()?;
                self.push_global(module, name, None)?;
            }
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                let spelled = Some((module, name));
                let (module, name) = (self.name_of(module)?, self.name_of(name)?);
                self.push_global(module, name, spelled)?;
            }
            op::EXT1 | op::EXT2 | op::EXT4 => {
                let code = match opcode {
                    op::EXT1 => u32::from(self.cursor.byte()?),
                    op::EXT2 => u32::from(u16::from_le_bytes(self.cursor.array()?)),
                    _ => u32::from_le_bytes(self.cursor.array()?),
                };
                if let Some((module, name)) = self.extensions.get(&code).cloned() {
                    return self.push_global(module, name, None);
                }
                self.count_name()?;
                self.tree.extensions.push((code, self.offset));
                self.push_node(Node::Extension(code))?;
            }
            op::PERSID => {
                let line = self.cursor.line("bytes of a persistent id", 4096)?.to_vec();
                let blob = self.pooled(&line);
                self.push_blob(blob, Text::Py2Str)?;
                let id = self.pop()?;
                self.tree.persistent.get_or_insert(self.offset);
                self.push_node(Node::Persistent(id))?;
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.tree.persistent.get_or_insert(self.offset);
                self.push_node(Node::Persistent(id))?;
            }

            op::REDUCE | op::NEWOBJ => {
                let args = self.pop()?;
                let function = self.pop()?;
                let kind = match opcode {
                    op::REDUCE => CallKind::Reduce,
                    _ => CallKind::New,
                };
                self.push_call(kind, function, args, None)?;
            }
            op::NEWOBJ_EX => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let function = self.pop()?;
                self.push_call(CallKind::New, function, args, Some(kwargs))?;
            }
            op::OBJ => {
                let start = self.pop_mark()?;
                if self.stack.len() == start {
                    return Err(self.error(ErrorKind::StackEmpty));
                }
                let args = self.tuple(start + 1);
                let function = self.pop()?;
                let args = self.new_node(args)?;
                self.push_call(CallKind::Instance, function, args, None)?;
            }
            op::INST => {
                let (module, name) = self.global_lines()?;
                let start = self.pop_mark()?;
                let args = self.tuple(start);
                let args = self.new_node(args)?;
                self.push_global(module, name, None)?;
                let function = self.pop()?;
                self.push_call(CallKind::Instance, function, args, None)?;
            }
            op::BUILD => {
                let state = self.pop()?;
                let target = self.top()?;
                match self.tree.node(target) {
                    Node::Call(i) => {
                        self.tree.calls[i as usize].push_state(state);
                        self.skip_raw(target)?;
                    }
                    _ => return Err(self.kind_error("an object whose state can be set", target)),
                }
            }
            _ => return Err(self.error(ErrorKind::Opcode { opcode })),
        }
        Ok(())
    }

    fn append(&mut self, start: usize, as_set: bool) -> Result<()> {
        let Some(target) = self.target(start) else {
            return Err(self.error(ErrorKind::StackEmpty));
        };
        self.append_to(target, start, as_set)
    }

    fn append_to(&mut self, target: Id, start: usize, as_set: bool) -> Result<()> {
        let items = &self.stack[start..];
        let children = &mut self.tree.children;
        match self.tree.nodes[target.index()].node() {
            Node::List(EMPTY) if !as_set => {
                let i = children.push(items);
                self.tree.nodes[target.index()] = Node::List(i).into();
            }
            Node::Set(EMPTY) if as_set => {
                let i = children.push(items);
                self.tree.nodes[target.index()] = Node::Set(i).into();
            }
            Node::List(i) if !as_set => children.extend(i, items),
            Node::Set(i) if as_set => children.extend(i, items),
            Node::Call(i) => {
                let more = self.tree.calls[i as usize].more.get_or_insert_default();
                more.items.extend_from_slice(items);
            }
            _ => {
                let expected = if as_set { "a set" } else { "a list" };
                return Err(self.kind_error(expected, target));
            }
        }
        self.stack.truncate(start);
        Ok(())
    }

    fn set_items(&mut self, start: usize) -> Result<()> {
        let Some(target) = self.target(start) else {
            return Err(self.error(ErrorKind::StackEmpty));
        };
        self.set_items_of(target, start)
    }

    fn set_items_of(&mut self, target: Id, start: usize) -> Result<()> {
        let flat = &self.stack[start..];
        if !flat.len().is_multiple_of(2) {
            return Err(self.error(ErrorKind::OddPairs));
        }
        self.pairs.clear();
        let pairs = flat.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.pairs.extend(pairs);
        match self.tree.node(target) {
            Node::Dict(EMPTY) => {
                let i = self.tree.dicts.push(&self.pairs);
                self.tree.nodes[target.index()] = Node::Dict(i).into();
            }
            Node::Dict(i) => self.tree.dicts.extend(i, &self.pairs),
            Node::Call(i) => {
                let more = self.tree.calls[i as usize].more.get_or_insert_default();
                more.pairs.extend_from_slice(&self.pairs);
            }
            _ => return Err(self.kind_error("a dict", target)),
        }
        self.stack.truncate(start);
        Ok(())
    }

    /// What the values from `start` on are for: the one below them, unless a mark is in between.
    fn target(&self, start: usize) -> Option<Id> {
        let i = start.checked_sub(1)?;
        (self.marks.last().is_none_or(|mark| *mark <= i)).then(|| self.stack[i])
    }

    fn tuple(&mut self, start: usize) -> Node {
        match self.move_children(start) {
            Ok((start, len)) => Node::Tuple { start, len },
            Err(i) => Node::LongTuple(i),
        }
    }

    /// Where the values from `start` on are kept: where they begin and how many they are, or the number of a list if
    /// they are very many.
    fn move_children(&mut self, start: usize) -> std::result::Result<(u32, u16), u32> {
        let items = &self.stack[start..];
        let children = &mut self.tree.children;
        let kept = if items.len() > Node::SHORT_LEN {
            Err(children.push(items))
        } else {
            Ok((children.push_run(items).start, items.len() as u16))
        };
        self.stack.truncate(start);
        kept
    }

    fn push_call(
        &mut self,
        kind: CallKind,
        function: Id,
        args: Id,
        kwargs: Option<Id>,
    ) -> Result<()> {
        let i = self.tree.calls.len() as u32;
        let more = kwargs.map(|id| {
            Box::new(More {
                kwargs: Some(id),
                ..More::default()
            })
        });
        self.tree.calls.push(Call {
            kind,
            function,
            args,
            offset: self.offset,
            first_state: Id::NOTHING,
            more,
        });
        self.push_node(Node::Call(i))
    }

    fn push_global(
        &mut self,
        module: Arc<str>,
        name: Arc<str>,
        spelled: Option<(Id, Id)>,
    ) -> Result<()> {
        self.count_name()?;
        let i = self.tree.globals.len() as u32;
        self.tree.spelled.push(spelled);
        let offset = self.offset;
        let role = Role::of(&module, &name);
        if role == Role::Reconstruct {
            self.reconstruct = Id(self.tree.nodes.len() as u32);
        }
        self.tree.roles.push(role);
        self.tree.globals.push(Global {
            module,
            name,
            offset,
        });
        self.push_node(Node::Global(i))
    }

    /// That there may be one more name or code.
    fn count_name(&self) -> Result<()> {
        let found = self.tree.globals.len() + self.tree.extensions.len() + 1;
        let limit = self.limits.globals;
        if found > limit {
            let (what, found, limit) = ("names in a pickle", found as u64, limit as u64);
            return Err(self.error(ErrorKind::Limit { what, found, limit }));
        }
        Ok(())
    }

    fn global_lines(&mut self) -> Result<(Arc<str>, Arc<str>)> {
        Ok((self.name_line()?, self.name_line()?))
    }

    fn name_line(&mut self) -> Result<Arc<str>> {
        let offset = self.cursor.offset();
        let line = self
            .cursor
            .line("bytes of a name", self.limits.name_nbytes)?;
        match std::str::from_utf8(line) {
            Ok(name) => Ok(interned(&mut self.names, name)),
            Err(_) => Err(ErrorKind::Text { expected: "UTF-8" }.at(offset)),
        }
    }

    fn name_of(&mut self, id: Id) -> Result<Arc<str>> {
        let (Value::Str(blob) | Value::Py2Str(blob)) = self.tree.get(id) else {
            return Err(self.kind_error("a name", id));
        };
        let limit = self.limits.name_nbytes as u64;
        if blob.nbytes > limit {
            return Err(self.error(ErrorKind::Limit {
                what: "bytes of a name",
                found: blob.nbytes,
                limit,
            }));
        }
        match self.tree.name(id)? {
            Some(name) => Ok(interned(&mut self.names, &name)),
            None => Err(self.error(ErrorKind::Text { expected: "a name" })),
        }
    }
}

/// The one copy of a name.
fn interned(names: &mut HashSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return Arc::clone(known);
    }
    let name: Arc<str> = name.into();
    names.insert(Arc::clone(&name));
    name
}
