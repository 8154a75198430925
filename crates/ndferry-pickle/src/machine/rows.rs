//! Rows of opcodes that are done at once: a plain array, and a name that is memoized.
//!
//! In a list of small arrays, each is the same twenty-odd opcodes: what all share comes from the memo, and only shape,
//! elements and memo numbers differ. Where `_reconstruct` has come from the memo, this looks whether exactly that row of
//! opcodes follows, and if so makes the values that they would make, in the same order and at the same places of the
//! tree. It looks to the end before it changes anything. Whatever is not exactly so is left to the ordinary way: another
//! opcode, a memo number out of turn, text that is not UTF-8, a limit that is near, a frame or the end of the input in
//! between. So the tree, and every error, is the one of the ordinary way; the tests compare the two. The same holds of
//! names, which are the keys of every dict.

use super::*;

/// The most axes that an opcode of its own makes a tuple of.
const MAX_NDIM: usize = 3;

/// The most values that such an array pushes, and the most nodes that it makes.
const MAX_PUSHED: usize = 24;

/// What such an array says.
struct PlainArray {
    class: Id,
    /// What NumPy gives for the dtype before the state: `b'b'`.
    first_dtype: Id,
    shape: [i64; MAX_NDIM],
    ndim: usize,
    dtype: Id,
    is_fortran: Id,
    elements: Blob,
    /// How they are made of text, if they are text.
    encode: Option<Encode>,
    /// Byte where `_reconstruct` is called.
    reduced_at: u64,
}

/// `_codecs.encode(text, 'latin1')`
struct Encode {
    function: Id,
    encoding: Id,
    /// Byte where it is called.
    offset: u64,
}

impl Machine {
    /// Makes the array whose function was just fetched from the memo, if the opcodes of a plain one follow. If not,
    /// nothing is changed.
    pub(super) fn plain_array(&mut self, function: Id) -> bool {
        let is_deep = self.marks.is_empty() && self.stack.len() + MAX_PUSHED >= self.limits.depth;
        let is_near_limits = is_deep
            || self.marks.len() >= self.limits.depth
            || self.pushed + MAX_PUSHED >= self.limits.values
            || self.memo.len() + MAX_PUSHED as u64 >= self.limits.memo as u64
            || self.tree.nodes.len() + MAX_PUSHED >= Id::NOTHING.index();
        if is_near_limits || self.tree.whole.is_none() || !self.memo.is_in_a_row() {
            return false;
        }
        let mut row = Row {
            bytes: self.cursor.rest(),
            at: 0,
            start: self.cursor.offset(),
            memo: &self.memo,
            puts: 0,
            protocol: 2,
        };
        let Some(array) = row.plain_array() else {
            return false;
        };
        let (nbytes, protocol) = (row.at, row.protocol);
        #[cfg(test)]
        {
            let Some(count) = &mut self.rows else {
                return false;
            };
            *count += 1;
        }
        self.cursor.step_over(nbytes);
        self.tree.protocol = self.tree.protocol.max(protocol);
        self.push_plain_array(function, &array);
        true
    }

    /// Of `SHORT_BINUNICODE`, and the `MEMOIZE` that follows: what every key of a dict is. If they are not in memory, or
    /// the text is not ASCII, this does nothing, and says so.
    #[inline]
    pub(super) fn memoized_name(&mut self) -> Result<bool> {
        let Some((nbytes, rest)) = self.cursor.rest().split_first() else {
            return Ok(false);
        };
        let Some((text, [op::MEMOIZE, ..])) = rest.split_at_checked(usize::from(*nbytes)) else {
            return Ok(false);
        };
        let place = Place::Input(self.cursor.offset() + 1);
        let node = Node::short(Text::Str, place, u64::from(*nbytes));
        let (Some(node), true) = (node, text.is_ascii()) else {
            return Ok(false);
        };
        #[cfg(test)]
        if self.rows.is_none() {
            return Ok(false);
        }
        let is_usual = self.tree.whole.is_some()
            && self.memo.is_in_a_row()
            && self.memo.len() < self.limits.memo as u64;
        if !is_usual {
            return Ok(false);
        }
        let nbytes = 1 + text.len() + 1;
        self.push_node(node)?;
        self.memo.put_next(Id(self.tree.nodes.len() as u32 - 1));
        self.cursor.step_over(nbytes);
        Ok(true)
    }

    fn push_plain_array(&mut self, function: Id, array: &PlainArray) {
        let tree = &mut self.tree;
        let call = |function, args, offset| Call {
            kind: CallKind::Reduce,
            function,
            args,
            offset,
            first_state: Id::NOTHING,
            more: None,
        };
        let ndim = array.ndim as u16;

        // What it is made of, before it has a state.
        let first = tree.nodes.len() as u32;
        let [empty, args, object] = [0, 1, 2].map(|i| Id(first + i));
        let object_call = tree.calls.len();
        let run = tree
            .children
            .push_run(&[Id(ZERO), array.class, empty, array.first_dtype]);
        tree.nodes.extend([
            tuple(run.start, 1),
            tuple(run.start + 1, 3),
            Node::Call(object_call as u32).into(),
        ]);
        tree.calls.push(call(function, args, array.reduced_at));
        self.memo.put_row(first..first + 3);

        let mut extents = [EMPTY_TUPLE; MAX_NDIM];
        for (extent, value) in extents.iter_mut().zip(&array.shape[..array.ndim]) {
            *extent = match u32::try_from(*value) {
                Ok(value) if value < SHARED_INTS => Id(ZERO + value),
                _ => {
                    tree.nodes.push(Node::Int(*value).into());
                    Id(tree.nodes.len() as u32 - 1)
                }
            };
        }

        // From here on, each is memoized.
        let first = tree.nodes.len() as u32;
        let mut shape = EMPTY_TUPLE;
        if ndim > 0 {
            shape = Id(first);
            let run = tree.children.push_run(&extents[..array.ndim]);
            tree.nodes.push(tuple(run.start, ndim));
        }
        let mut elements = Id(tree.nodes.len() as u32);
        let node = match array.encode {
            Some(_) => tree.string(array.elements, Text::Str),
            None => tree.string(array.elements, Text::Bytes),
        };
        tree.nodes.push(node.into());
        if let Some(encode) = &array.encode {
            let run = tree.children.push_run(&[elements, encode.encoding]);
            let encode_call = Node::Call(tree.calls.len() as u32);
            tree.nodes.extend([tuple(run.start, 2), encode_call.into()]);
            let args = Id(elements.0 + 1);
            tree.calls.push(call(encode.function, args, encode.offset));
            elements = Id(elements.0 + 2);
        }
        let state = [Id(ZERO + 1), shape, array.dtype, array.is_fortran, elements];
        let run = tree.children.push_run(&state);
        let state = Id(tree.nodes.len() as u32);
        tree.nodes.push(tuple(run.start, 5));
        tree.calls[object_call].first_state = state;
        self.memo.put_row(first..state.0 + 1);

        self.stack.push(object);
        // `_reconstruct`, its arguments, what is made of them: 7. The state and its parts: 6, and the extents. To encode
        // the elements: 4 more.
        self.pushed += 13 + array.ndim + if array.encode.is_some() { 4 } else { 0 };
    }
}

fn tuple(start: u32, len: u16) -> Packed {
    Node::Tuple { start, len }.into()
}

/// Opcodes, looked at and not yet done.
struct Row<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offset of the first byte.
    start: u64,
    memo: &'a Memo,
    /// How many values were memoized.
    puts: u64,
    /// The highest protocol of an opcode.
    protocol: u8,
}

impl Row<'_> {
    fn plain_array(&mut self) -> Option<PlainArray> {
        let class = self.get()?;
        self.expect([op::BININT1, 0, op::TUPLE1])?;
        self.put()?;
        let first_dtype = self.get()?;
        self.expect([op::TUPLE3])?;
        self.put()?;
        let reduced_at = self.offset();
        self.expect([op::REDUCE])?;
        self.put()?;

        self.expect([op::MARK, op::BININT1, 1])?;
        let (shape, ndim) = self.shape()?;
        let dtype = self.get()?;
        let is_fortran = match self.byte()? {
            op::NEWFALSE => FALSE,
            op::NEWTRUE => TRUE,
            _ => return None,
        };
        let (elements, encode) = match *self.bytes.get(self.at)? {
            op::SHORT_BINBYTES | op::BINBYTES => (self.bytes()?, None),
            _ => self.encoded()?,
        };
        self.expect([op::TUPLE])?;
        self.put()?;
        self.expect([op::BUILD])?;
        Some(PlainArray {
            class,
            first_dtype,
            shape,
            ndim,
            dtype,
            is_fortran,
            elements,
            encode,
            reduced_at,
        })
    }

    /// Up to three extents, and how many they are.
    fn shape(&mut self) -> Option<([i64; MAX_NDIM], usize)> {
        let mut shape = [0; MAX_NDIM];
        for ndim in 0..=MAX_NDIM {
            let extent = match self.byte()? {
                op::BININT1 => i64::from(self.byte()?),
                op::BININT2 => i64::from(u16::from_le_bytes(self.array()?)),
                op::BININT => i64::from(i32::from_le_bytes(self.array()?)),
                op::EMPTY_TUPLE if ndim == 0 => return Some((shape, ndim)),
                op::TUPLE1 if ndim == 1 => return self.put().map(|()| (shape, ndim)),
                op::TUPLE2 if ndim == 2 => return self.put().map(|()| (shape, ndim)),
                op::TUPLE3 if ndim == 3 => return self.put().map(|()| (shape, ndim)),
                _ => return None,
            };
            *shape.get_mut(ndim)? = extent;
        }
        None
    }

    /// Elements since protocol 3.
    fn bytes(&mut self) -> Option<Blob> {
        let nbytes = match self.byte()? {
            op::SHORT_BINBYTES => u32::from(self.byte()?),
            _ => u32::from_le_bytes(self.array()?),
        };
        self.protocol = self.protocol.max(3);
        let place = Place::Input(self.offset());
        self.take(nbytes as usize)?;
        self.put()?;
        Some(Blob::plain(place, u64::from(nbytes)))
    }

    /// Elements as Python 3 spells them in protocol 2: `_codecs.encode(text, 'latin1')`.
    fn encoded(&mut self) -> Option<(Blob, Option<Encode>)> {
        let function = self.get()?;
        self.expect([op::BINUNICODE])?;
        let nbytes = u32::from_le_bytes(self.array()?);
        let place = Place::Input(self.offset());
        let mut scan = TextScan::default();
        scan.feed(self.take(nbytes as usize)?, true).ok()?;
        let text = with_scan(Blob::plain(place, u64::from(nbytes)), scan);
        self.put()?;
        let encoding = self.get()?;
        self.expect([op::TUPLE2])?;
        self.put()?;
        let offset = self.offset();
        self.expect([op::REDUCE])?;
        self.put()?;
        let encode = Encode {
            function,
            encoding,
            offset,
        };
        Some((text, Some(encode)))
    }

    /// What an opcode gets from the memo, as it was before these.
    fn get(&mut self) -> Option<Id> {
        let number = match self.byte()? {
            op::BINGET => u32::from(self.byte()?),
            op::LONG_BINGET => u32::from_le_bytes(self.array()?),
            _ => return None,
        };
        self.memo.get(u64::from(number))
    }

    /// That a value is memoized, with the number that is next.
    fn put(&mut self) -> Option<()> {
        let next = self.memo.len() + self.puts;
        let number = match self.byte()? {
            op::MEMOIZE => {
                self.protocol = 4;
                next
            }
            op::BINPUT => u64::from(self.byte()?),
            op::LONG_BINPUT => u64::from(u32::from_le_bytes(self.array()?)),
            _ => return None,
        };
        self.puts += 1;
        (number == next).then_some(())
    }

    fn expect<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        (self.array()? == bytes).then_some(())
    }

    fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(array)
    }

    fn take(&mut self, nbytes: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..)?.get(..nbytes)?;
        self.at += nbytes;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a machine is left with, whatever came out, and how many arrays it made at once.
    fn told(pickle: &[u8], at_once: bool, limits: &Limits) -> (String, usize) {
        let input: Arc<dyn ReadAt> = Arc::new(Bytes::copy_from_slice(pickle));
        let mut machine = Machine::open(input, 0, limits.clone(), Vec::new());
        machine.rows = at_once.then_some(0);
        let loaded = machine.load();
        let nodes = machine.tree.nodes.iter().map(|node| node.node());
        let memo = (0..400).map(|number| machine.memo.get(number));
        let told = format!(
            "{loaded:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {}",
            nodes.collect::<Vec<_>>(),
            machine.tree.blobs,
            machine.tree.children,
            machine.tree.globals,
            machine.tree.calls,
            machine.stack,
            machine.marks,
            (memo.collect::<Vec<_>>(), machine.memo.is_in_a_row()),
            machine.pushed,
            machine.tree.protocol,
        );
        (told, machine.rows.unwrap_or(0))
    }

    /// That both ways come to the same; gives how many arrays were made at once.
    fn compare(pickle: &[u8], limits: &Limits) -> usize {
        let (quick, count) = told(pickle, true, limits);
        let (ordinary, _) = told(pickle, false, limits);
        assert!(quick == ordinary, "{quick}\n{ordinary}\n{pickle:02x?}");
        count
    }

    /// Writes lists of arrays as `pickle` and NumPy do.
    struct Writer {
        protocol: u8,
        out: Vec<u8>,
        puts: u32,
    }

    impl Writer {
        fn put(&mut self) -> u32 {
            let number = self.puts;
            self.puts += 1;
            match (self.protocol, u8::try_from(number)) {
                (4.., _) => self.out.push(op::MEMOIZE),
                (_, Ok(number)) => self.out.extend([op::BINPUT, number]),
                _ => {
                    self.out.push(op::LONG_BINPUT);
                    self.out.extend(number.to_le_bytes());
                }
            }
            number
        }

        fn get(&mut self, number: u32) {
            match u8::try_from(number) {
                Ok(number) => self.out.extend([op::BINGET, number]),
                Err(_) => {
                    self.out.push(op::LONG_BINGET);
                    self.out.extend(number.to_le_bytes());
                }
            }
        }

        fn memoized(&mut self, opcodes: &[u8]) -> u32 {
            self.out.extend(opcodes);
            self.put()
        }

        /// A list of arrays of `u1`, of these shapes, each spelled as an opcode of ints and one that makes a tuple.
        fn list(protocol: u8, first_memo: u32, arrays: &[(&[u8], usize)]) -> Vec<u8> {
            let mut to = Self {
                protocol,
                out: vec![op::PROTO, protocol],
                puts: 0,
            };
            for _ in 0..first_memo {
                to.memoized(b"N");
                to.out.push(op::POP);
            }
            to.memoized(b"]");
            to.out.push(op::MARK);
            let shared = [
                &b"cnumpy.core.multiarray\n_reconstruct\n"[..],
                b"cnumpy\nndarray\n",
                b"U\x01b",
                b"c_codecs\nencode\n",
                b"X\x06\0\0\0latin1",
                b"cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
            ];
            let [function, class, first_dtype, encode, encoding, dtype] =
                shared.map(|opcodes| to.memoized(opcodes));
            to.out.extend([op::POP; 6]);
            for (shape, nbytes) in arrays {
                to.get(function);
                to.get(class);
                to.memoized(b"K\0\x85");
                to.get(first_dtype);
                to.memoized(b"\x87");
                to.memoized(b"R");
                to.out.extend(b"(K\x01");
                to.out.extend(*shape);
                if *shape != b")" {
                    to.put();
                }
                to.get(dtype);
                to.out.push(b'\x88' + (nbytes % 2) as u8);
                to.elements(*nbytes, encode, encoding);
                to.memoized(b"t");
                to.out.push(op::BUILD);
            }
            to.out.extend(b"e.");
            to.out
        }

        fn elements(&mut self, nbytes: usize, encode: u32, encoding: u32) {
            let bytes = (0..nbytes).map(|i| (i % 3) as u8);
            if self.protocol < 3 {
                let text: String = bytes.map(|byte| char::from(byte * 100)).collect();
                self.get(encode);
                self.out.push(op::BINUNICODE);
                self.out.extend((text.len() as u32).to_le_bytes());
                self.memoized(text.as_bytes());
                self.get(encoding);
                self.memoized(b"\x86");
                self.memoized(b"R");
                return;
            }
            match u8::try_from(nbytes) {
                Ok(nbytes) => self.out.extend([op::SHORT_BINBYTES, nbytes]),
                Err(_) => {
                    self.out.push(op::BINBYTES);
                    self.out.extend((nbytes as u32).to_le_bytes());
                }
            }
            self.memoized(&bytes.collect::<Vec<_>>());
        }
    }

    const ARRAYS: &[(&[u8], usize)] = &[
        (b"K\x05\x85", 5),
        (b")", 1),
        (b"K\x02K\x03\x86", 6),
        (b"M\x2c\x01\x85", 300),
        (b"K\x01J\0\0\x01\0K\0\x87", 0),
        (b"J\xff\xff\xff\xff\x85", 2),
        (b"K\x02\x85", 2),
    ];

    #[test]
    fn plain_arrays_of_each_shape_are_made_at_once() {
        for protocol in [2, 3, 4] {
            for first_memo in [0, 200, 300] {
                let pickle = Writer::list(protocol, first_memo, ARRAYS);
                let count = compare(&pickle, &Limits::default());
                assert_eq!(count, ARRAYS.len(), "protocol {protocol}");
            }
        }
    }

    #[test]
    fn what_is_nearly_a_plain_array_is_read_the_ordinary_way() {
        // Four axes; a tuple of fewer than there are; an extent of another type.
        for shape in [&b"(K\x01K\x01K\x01K\x01t"[..], b"K\x01K\x01\x85", b"N\x85"] {
            for protocol in [2, 4] {
                let pickle = Writer::list(protocol, 0, &[(shape, 1), (b"K\x01\x85", 1)]);
                assert_eq!(compare(&pickle, &Limits::default()), 1);
            }
        }
    }

    #[test]
    fn wherever_a_pickle_is_cut_or_spoilt_both_ways_come_to_the_same() {
        let limits = Limits::default();
        let mut counts = [0; ARRAYS.len() + 1];
        for protocol in [2, 3, 4] {
            let pickle = Writer::list(protocol, 0, ARRAYS);
            for at in 0..pickle.len() {
                compare(&pickle[..at], &limits);
                let others = [0, 1, 0xff, b'N', b'0', b'(', b'2', 0x95, pickle[at] ^ 1];
                for other in others {
                    let mut spoilt = pickle.clone();
                    spoilt[at] = other;
                    counts[compare(&spoilt, &limits)] += 1;
                    spoilt[at] = pickle[at];
                    spoilt.insert(at, other);
                    counts[compare(&spoilt, &limits)] += 1;
                }
            }
        }
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }

    #[test]
    fn names_at_once_come_to_the_same_wherever_a_pickle_is_cut_or_spoilt() {
        let long = "x".repeat(255);
        let mut pickle = b"\x80\x04}\x94(".to_vec();
        for name in ["a", "", "name", "n\u{e4}me", &long, "last"] {
            pickle.extend([op::SHORT_BINUNICODE, name.len() as u8]);
            pickle.extend(name.as_bytes());
            pickle.extend(b"\x94G?\xf0\0\0\0\0\0\0");
        }
        // One that is not memoized, and one from the memo.
        pickle.extend(b"\x8c\x01bKxh\x01Kyu.");
        compare(&pickle, &Limits::default());
        let mut loaded = Machine::new(pickle.clone());
        let root = loaded.load().unwrap();
        assert!(matches!(loaded.tree().get(root), Value::Dict(pairs) if pairs.len() == 8));
        for at in 0..pickle.len() {
            compare(&pickle[..at], &Limits::default());
            for other in [0, 1, 0xff, op::MEMOIZE, op::STOP, op::MARK] {
                let mut spoilt = pickle.clone();
                spoilt[at] = other;
                compare(&spoilt, &Limits::default());
            }
        }
        let mut limits = Limits::default();
        for limit in 0..30 {
            (limits.values, limits.memo) = (limit, 1 << 20);
            compare(&pickle, &limits);
            (limits.values, limits.memo) = (1 << 20, limit);
            compare(&pickle, &limits);
        }
    }

    #[test]
    fn at_each_limit_both_ways_come_to_the_same() {
        for protocol in [2, 4] {
            let pickle = Writer::list(protocol, 0, ARRAYS);
            let mut limits = Limits::default();
            let mut counts = Vec::new();
            for values in 0..250 {
                limits.values = values;
                counts.push(compare(&pickle, &limits));
            }
            assert!(counts.contains(&0) && counts.contains(&ARRAYS.len()));
            let mut limits = Limits::default();
            for memo in 0..100 {
                limits.memo = memo;
                compare(&pickle, &limits);
            }
            let mut limits = Limits::default();
            for depth in 0..60 {
                limits.depth = depth;
                compare(&pickle, &limits);
            }
        }
    }
}
