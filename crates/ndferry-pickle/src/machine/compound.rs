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
                let (start, len) = self.move_children(start);
                self.push_node(Node::FrozenSet { start, len })?;
            }
            op::EMPTY_LIST => self.push_node(Node::List(EMPTY))?,
            op::EMPTY_SET => self.push_node(Node::Set(EMPTY))?,
            op::EMPTY_DICT => self.push_node(Node::Dict(EMPTY))?,
            op::LIST => {
                let start = self.pop_mark()?;
                let items = self.stack.split_off(start);
                let i = self.tree.lists.len() as u32;
                self.tree.lists.push(items);
                self.push_node(Node::List(i))?;
            }
            op::DICT => {
                let start = self.pop_mark()?;
                let pairs = self.pairs(start)?;
                let i = self.tree.dicts.len() as u32;
                self.tree.dicts.push(pairs);
                self.push_node(Node::Dict(i))?;
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
                self.tree.extensions.push((code, self.offset));
                self.push_node(Node::Extension(code))?;
            }
            op::PERSID => {
                let line = self.cursor.line("bytes of a persistent id", 4096)?.to_vec();
                let blob = self.pooled(&line);
                self.push_blob(blob, Node::Py2Str)?;
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
                match self.tree.nodes[target.index()] {
                    Node::Call(i) => {
                        let more = &mut self.tree.calls[i as usize].more;
                        more.get_or_insert_default().states.push(state);
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
        match self.tree.nodes[target.index()] {
            Node::List(i) if !as_set => {
                let i = self.list_index(target, i, Node::List);
                self.tree.lists[i].extend(self.stack.drain(start..));
            }
            Node::Set(i) if as_set => {
                let i = self.list_index(target, i, Node::Set);
                self.tree.lists[i].extend(self.stack.drain(start..));
            }
            Node::Call(i) => {
                let more = self.tree.calls[i as usize].more.get_or_insert_default();
                more.items.extend(self.stack.drain(start..));
            }
            _ => {
                let expected = if as_set { "a set" } else { "a list" };
                return Err(self.kind_error(expected, target));
            }
        }
        Ok(())
    }

    fn list_index(&mut self, target: Id, i: u32, node: fn(u32) -> Node) -> usize {
        if i != EMPTY {
            return i as usize;
        }
        let i = self.tree.lists.len();
        self.tree.lists.push(Vec::new());
        self.tree.nodes[target.index()] = node(i as u32);
        i
    }

    fn set_items(&mut self, start: usize) -> Result<()> {
        let Some(target) = self.target(start) else {
            return Err(self.error(ErrorKind::StackEmpty));
        };
        let pairs = self.pairs(start)?;
        match self.tree.nodes[target.index()] {
            Node::Dict(EMPTY) => {
                self.tree.nodes[target.index()] = Node::Dict(self.tree.dicts.len() as u32);
                self.tree.dicts.push(pairs);
            }
            Node::Dict(i) => self.tree.dicts[i as usize].extend(pairs),
            Node::Call(i) => {
                let more = self.tree.calls[i as usize].more.get_or_insert_default();
                more.pairs.extend(pairs);
            }
            _ => return Err(self.kind_error("a dict", target)),
        }
        Ok(())
    }

    /// What the values from `start` on are for: the one below them, unless a mark is in between.
    fn target(&self, start: usize) -> Option<Id> {
        let i = start.checked_sub(1)?;
        (self.marks.last().is_none_or(|mark| *mark <= i)).then(|| self.stack[i])
    }

    fn pairs(&mut self, start: usize) -> Result<Vec<(Id, Id)>> {
        let flat = &self.stack[start..];
        if !flat.len().is_multiple_of(2) {
            return Err(self.error(ErrorKind::OddPairs));
        }
        let pairs = flat
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect();
        self.stack.truncate(start);
        Ok(pairs)
    }

    fn tuple(&mut self, start: usize) -> Node {
        let (start, len) = self.move_children(start);
        Node::Tuple { start, len }
    }

    fn move_children(&mut self, start: usize) -> (u32, u32) {
        let at = self.tree.children.len() as u32;
        self.tree.children.extend(self.stack.drain(start..));
        (at, self.tree.children.len() as u32 - at)
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
        let i = self.tree.globals.len() as u32;
        self.tree.spelled.push(spelled);
        let offset = self.offset;
        self.tree.globals.push(Global {
            module,
            name,
            offset,
        });
        self.push_node(Node::Global(i))
    }

    fn global_lines(&mut self) -> Result<(Arc<str>, Arc<str>)> {
        let limit = self.limits.name_nbytes;
        let mut line = || -> Result<Arc<str>> {
            let offset = self.cursor.offset();
            let line = self.cursor.line("bytes of a name", limit)?;
            match std::str::from_utf8(line) {
                Ok(name) => Ok(name.into()),
                Err(_) => Err(ErrorKind::Text { expected: "UTF-8" }.at(offset)),
            }
        };
        Ok((line()?, line()?))
    }

    fn name_of(&mut self, id: Id) -> Result<Arc<str>> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
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
        let Some(name) = self.tree.name(id)? else {
            return Err(self.error(ErrorKind::Text { expected: "a name" }));
        };
        let name: Arc<str> = name.into();
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }
}
