//! [`Node`]: a value as the tree stores it; [`Packed`]: the same in 8 bytes.

use crate::value::{Id, Place};

/// A value as it is stored: itself, or an index into one of the tree's tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    None,
    Bool(bool),
    /// Within [`Node::INTS`].
    Int(i64),
    WideInt(u32),
    BigInt(u32),
    Float(f64),
    /// A string of ASCII or bytes that is short enough ([`Node::short`]).
    Short {
        kind: Text,
        place: Place,
        nbytes: u8,
    },
    String(Text, u32),
    Tuple {
        start: u32,
        len: u16,
    },
    FrozenSet {
        start: u32,
        len: u16,
    },
    LongTuple(u32),
    LongFrozenSet(u32),
    /// [`EMPTY`] until something is appended; so are sets and dicts.
    List(u32),
    Set(u32),
    Dict(u32),
    Global(u32),
    Call(u32),
    Persistent(Id),
    Extension(u32),
    /// A float that looks like none of those ([`Packed`]).
    OddFloat(u32),
}

/// Which type of string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Str,
    Bytes,
    ByteArray,
    Py2Str,
}

/// The index of the table entry that an empty list, set or dict does not need.
pub(crate) const EMPTY: u32 = u32::MAX;

impl Node {
    /// Integers that need no table.
    pub(crate) const INTS: std::ops::Range<i64> = -(1 << 46)..1 << 46;

    /// Elements of a tuple that needs no table.
    pub(crate) const SHORT_LEN: usize = (1 << 15) - 1;

    /// A string without an entry in the table, if it is so short and near.
    pub(crate) fn short(kind: Text, place: Place, nbytes: u64) -> Option<Self> {
        let nbytes = u8::try_from(nbytes).ok()?;
        let is_near = match place {
            Place::Input(start) | Place::Pool(start) => start < 1 << 38,
            Place::Buffer(_) => false,
        };
        is_near.then_some(Self::Short {
            kind,
            place,
            nbytes,
        })
    }
}

/// A [`Node`] in 8 bytes: a float as it is, anything else where the bits would be a negative NaN, with a tag in bits 47
/// to 51 and what the tag needs below. Those NaNs themselves are in a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed(u64);

/// The bits of minus infinity, which are the last that are a float.
const LAST_FLOAT: u64 = 0xfff << 52;

const TAG: u32 = 47;

const BELOW_TAG: u64 = (1 << TAG) - 1;

macro_rules! tags {
    ($($name:ident = $tag:literal;)*) => {
        $(const $name: u64 = LAST_FLOAT | $tag << TAG;)*
    };
}

tags! {
    // From 1 on, since 0 with nothing below is minus infinity.
    CONSTANT = 1;
    INT = 2;
    WIDE_INT = 3;
    BIG_INT = 4;
    SHORT_STR = 5;
    SHORT_BYTES = 6;
    SHORT_BYTE_ARRAY = 7;
    SHORT_PY2_STR = 8;
    STR = 9;
    BYTES = 10;
    BYTE_ARRAY = 11;
    PY2_STR = 12;
    TUPLE = 13;
    FROZEN_SET = 14;
    LONG_TUPLE = 15;
    LONG_FROZEN_SET = 16;
    LIST = 17;
    SET = 18;
    DICT = 19;
    GLOBAL = 20;
    CALL = 21;
    PERSISTENT = 22;
    EXTENSION = 23;
    ODD_FLOAT = 24;
}

impl Packed {
    /// `None` for a float that looks like something else.
    pub(crate) fn float(value: f64) -> Option<Self> {
        let bits = value.to_bits();
        (bits <= LAST_FLOAT).then_some(Self(bits))
    }

    #[inline]
    pub(crate) fn node(self) -> Node {
        if self.0 <= LAST_FLOAT {
            return Node::Float(f64::from_bits(self.0));
        }
        let low = self.0 as u32;
        let short = |kind| {
            let start = self.0 & ((1 << 38) - 1);
            Node::Short {
                kind,
                place: match self.0 >> 38 & 1 {
                    0 => Place::Input(start),
                    _ => Place::Pool(start),
                },
                nbytes: (self.0 >> 39) as u8,
            }
        };
        let len = (self.0 >> 32) as u16 & 0x7fff;
        match self.0 & !BELOW_TAG {
            CONSTANT if low == 0 => Node::None,
            CONSTANT => Node::Bool(low == 2),
            INT => Node::Int((self.0 << (64 - TAG)) as i64 >> (64 - TAG)),
            WIDE_INT => Node::WideInt(low),
            BIG_INT => Node::BigInt(low),
            SHORT_STR => short(Text::Str),
            SHORT_BYTES => short(Text::Bytes),
            SHORT_BYTE_ARRAY => short(Text::ByteArray),
            SHORT_PY2_STR => short(Text::Py2Str),
            STR => Node::String(Text::Str, low),
            BYTES => Node::String(Text::Bytes, low),
            BYTE_ARRAY => Node::String(Text::ByteArray, low),
            PY2_STR => Node::String(Text::Py2Str, low),
            TUPLE => Node::Tuple { start: low, len },
            FROZEN_SET => Node::FrozenSet { start: low, len },
            LONG_TUPLE => Node::LongTuple(low),
            LONG_FROZEN_SET => Node::LongFrozenSet(low),
            LIST => Node::List(low),
            SET => Node::Set(low),
            DICT => Node::Dict(low),
            GLOBAL => Node::Global(low),
            CALL => Node::Call(low),
            PERSISTENT => Node::Persistent(Id(low)),
            EXTENSION => Node::Extension(low),
            // Only `From` makes others.
            _ => Node::OddFloat(low),
        }
    }
}

impl From<Node> for Packed {
    /// Of a float only if [`Packed::float`] can.
    fn from(node: Node) -> Self {
        let indexed = |tag: u64, i: u32| tag | u64::from(i);
        let run = |tag: u64, start: u32, len: u16| indexed(tag, start) | u64::from(len) << 32;
        Self(match node {
            Node::None => CONSTANT,
            Node::Bool(value) => CONSTANT | (1 + u64::from(value)),
            Node::Int(value) => INT | value as u64 & BELOW_TAG,
            Node::WideInt(i) => indexed(WIDE_INT, i),
            Node::BigInt(i) => indexed(BIG_INT, i),
            Node::Float(value) => value.to_bits(),
            Node::Short {
                kind,
                place,
                nbytes,
            } => {
                let tag = match kind {
                    Text::Str => SHORT_STR,
                    Text::Bytes => SHORT_BYTES,
                    Text::ByteArray => SHORT_BYTE_ARRAY,
                    Text::Py2Str => SHORT_PY2_STR,
                };
                let place = match place {
                    Place::Input(start) => start,
                    Place::Pool(start) => start | 1 << 38,
                    Place::Buffer(i) => u64::from(i),
                };
                tag | u64::from(nbytes) << 39 | place
            }
            Node::String(kind, i) => match kind {
                Text::Str => indexed(STR, i),
                Text::Bytes => indexed(BYTES, i),
                Text::ByteArray => indexed(BYTE_ARRAY, i),
                Text::Py2Str => indexed(PY2_STR, i),
            },
            Node::Tuple { start, len } => run(TUPLE, start, len),
            Node::FrozenSet { start, len } => run(FROZEN_SET, start, len),
            Node::LongTuple(i) => indexed(LONG_TUPLE, i),
            Node::LongFrozenSet(i) => indexed(LONG_FROZEN_SET, i),
            Node::List(i) => indexed(LIST, i),
            Node::Set(i) => indexed(SET, i),
            Node::Dict(i) => indexed(DICT, i),
            Node::Global(i) => indexed(GLOBAL, i),
            Node::Call(i) => indexed(CALL, i),
            Node::Persistent(id) => indexed(PERSISTENT, id.0),
            Node::Extension(code) => indexed(EXTENSION, code),
            Node::OddFloat(i) => indexed(ODD_FLOAT, i),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_comes_back() {
        let short = |kind, place, nbytes| Node::Short {
            kind,
            place,
            nbytes,
        };
        let far = (1 << 38) - 1;
        let mut nodes = vec![
            Node::None,
            Node::Bool(false),
            Node::Bool(true),
            Node::Int(0),
            Node::Int(-1),
            Node::Int(Node::INTS.start),
            Node::Int(Node::INTS.end - 1),
            Node::Float(0.0),
            Node::Float(f64::INFINITY),
            Node::Float(f64::NEG_INFINITY),
            Node::Float(-1e300),
            short(Text::Str, Place::Pool(far), 255),
            short(Text::Bytes, Place::Input(far), 0),
            short(Text::ByteArray, Place::Input(0), 1),
            short(Text::Py2Str, Place::Pool(0), 128),
        ];
        for i in [0, 1, u32::MAX] {
            for kind in [Text::Str, Text::Bytes, Text::ByteArray, Text::Py2Str] {
                nodes.push(Node::String(kind, i));
            }
            for len in [0, 1, Node::SHORT_LEN as u16] {
                nodes.push(Node::Tuple { start: i, len });
                nodes.push(Node::FrozenSet { start: i, len });
            }
            nodes.extend([Node::WideInt(i), Node::BigInt(i), Node::OddFloat(i)]);
            nodes.extend([Node::LongTuple(i), Node::LongFrozenSet(i), Node::List(i)]);
            nodes.extend([Node::Set(i), Node::Dict(i), Node::Global(i), Node::Call(i)]);
            nodes.extend([Node::Persistent(Id(i)), Node::Extension(i)]);
        }
        for node in nodes {
            assert_eq!(Packed::from(node).node(), node);
        }
        assert_eq!(size_of::<Packed>(), 8);
    }

    #[test]
    fn floats_that_look_like_nodes_are_told() {
        for bits in [0xfff8_0000_0000_0000, 0xfff0_0000_0000_0001, u64::MAX] {
            assert!(Packed::float(f64::from_bits(bits)).is_none());
        }
        for bits in [0x7ff8_0000_0000_0001, 0x7ff0_0000_0000_0001, LAST_FLOAT] {
            let Some(Node::Float(value)) = Packed::float(f64::from_bits(bits)).map(Packed::node)
            else {
                panic!("{bits:x}");
            };
            assert_eq!(value.to_bits(), bits);
        }
    }
}
