//! Values of Java as a pickle: records in, in an order in which parts come before what they are in, lists and dicts first
//! and their contents later.

use jni::Env;
use ndferry::Order;
use ndferry::pickle::CallKind;
use ndferry_pickle::{ArrayHead, Built, Numpy, TreeBuilder, TreeWriter, WriteOptions};
use num_bigint::BigInt;

use crate::failure::Failure;
use crate::given::Buffers;
use crate::packet::Unpacket;
use crate::pickle::Tag;

/// Records that are no values: the contents of a list or a dict, at the end of the table of tags.
const FILL_LIST: u8 = 100;
const FILL_DICT: u8 = 101;
/// Which value is meant, and the last.
const ROOT: u8 = 102;

/// The pickle.
pub(crate) fn pickle<'local>(
    env: &mut Env<'local>,
    records: &[u8],
    mut buffers: Buffers<'_, 'local>,
    protocol: u8,
) -> Result<Vec<u8>, Failure> {
    let mut packet = Unpacket::new(records);
    let mut building = Building {
        builder: TreeBuilder::new(),
        built: Vec::new(),
    };
    let root = loop {
        match packet.u8()? {
            FILL_LIST => {
                let (list, items) = (building.one(&mut packet)?, building.all(&mut packet)?);
                building.builder.append(list, &items);
            }
            FILL_DICT => {
                let (dict, pairs) = (building.one(&mut packet)?, building.pairs(&mut packet)?);
                building.builder.insert(dict, &pairs);
            }
            ROOT => break building.one(&mut packet)?,
            tag => {
                let value = building.value(env, tag, &mut packet, &mut buffers)?;
                building.built.push(value);
            }
        }
    };
    let (tree, root) = building.builder.finish(root).map_err(of_pickle)?;
    let options = WriteOptions {
        protocol,
        numpy: Numpy::Any,
        python2: false,
    };
    let mut writer = TreeWriter::new(&tree, options).map_err(of_pickle)?;
    writer.write(root, Vec::new()).map_err(of_pickle)
}

struct Building {
    builder: TreeBuilder,
    /// Values by their number.
    built: Vec<Built>,
}

impl Building {
    fn one(&self, packet: &mut Unpacket<'_>) -> Result<Built, Failure> {
        let number = packet.count()?;
        let value = self.built.get(number);
        value
            .copied()
            .ok_or_else(|| Failure::bug("a value that is not there yet"))
    }

    fn all(&self, packet: &mut Unpacket<'_>) -> Result<Vec<Built>, Failure> {
        packet.all(|packet| self.one(packet))
    }

    fn pairs(&self, packet: &mut Unpacket<'_>) -> Result<Vec<(Built, Built)>, Failure> {
        let flat = self.all(packet)?;
        let (pairs, _) = flat.as_chunks();
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    fn value<'local>(
        &mut self,
        env: &mut Env<'local>,
        tag: u8,
        packet: &mut Unpacket<'_>,
        buffers: &mut Buffers<'_, 'local>,
    ) -> Result<Built, Failure> {
        const NONE: u8 = Tag::None as u8;
        const FALSE: u8 = Tag::False as u8;
        const TRUE: u8 = Tag::True as u8;
        const INT: u8 = Tag::Int as u8;
        const BIG_INT: u8 = Tag::BigInt as u8;
        const FLOAT: u8 = Tag::Float as u8;
        const COMPLEX: u8 = Tag::Complex as u8;
        const TEXT: u8 = Tag::Text as u8;
        const BYTES: u8 = Tag::Bytes as u8;
        const BYTE_ARRAY: u8 = Tag::ByteArray as u8;
        const TUPLE: u8 = Tag::Tuple as u8;
        const LIST: u8 = Tag::List as u8;
        const SET: u8 = Tag::Set as u8;
        const FROZEN_SET: u8 = Tag::FrozenSet as u8;
        const DICT: u8 = Tag::Dict as u8;
        const ARRAY: u8 = Tag::Array as u8;
        const OBJECTS: u8 = Tag::Objects as u8;
        const DECIMAL: u8 = Tag::Decimal as u8;
        const DATE: u8 = Tag::Date as u8;
        const DATE_TIME: u8 = Tag::DateTime as u8;
        const OPAQUE: u8 = Tag::Opaque as u8;
        Ok(match tag {
            NONE => self.builder.none(),
            FALSE => self.builder.bool(false),
            TRUE => self.builder.bool(true),
            INT => self.builder.int(packet.i64()?),
            BIG_INT => {
                let value = BigInt::from_signed_bytes_be(packet.bytes()?);
                self.builder.big_int(&value)
            }
            FLOAT => self.builder.float(packet.f64()?),
            COMPLEX => {
                let parts = [packet.f64()?, packet.f64()?];
                let parts = parts.map(|part| self.builder.float(part));
                self.call("builtins", "complex", &parts)
            }
            TEXT => self.builder.text(packet.text()?),
            BYTES => self.builder.bytes(packet.bytes()?),
            BYTE_ARRAY => self.builder.bytearray(packet.bytes()?.to_vec()),
            TUPLE => {
                let items = self.all(packet)?;
                self.builder.tuple(&items)
            }
            SET => {
                let items = self.all(packet)?;
                self.builder.set(&items)
            }
            FROZEN_SET => {
                let items = self.all(packet)?;
                self.builder.frozenset(&items)
            }
            LIST => self.builder.list(&[]),
            DICT => self.builder.dict(&[]),
            ARRAY => {
                let given = buffers.array(env, packet)?;
                let view = given.view()?;
                let order = match view.order() {
                    Some(Order::F) => Order::F,
                    _ => Order::C,
                };
                let head = ArrayHead {
                    dtype: view.dtype(),
                    shape: view.shape(),
                    order,
                };
                let bytes = view.to_bytes(order)?;
                self.builder.array(&head, bytes).map_err(of_pickle)?
            }
            OBJECTS => {
                let shape = packet.all(Unpacket::count)?;
                let items = self.all(packet)?;
                self.builder
                    .object_array(&shape, &items)
                    .map_err(of_pickle)?
            }
            DECIMAL => {
                let text = self.builder.text(packet.text()?);
                self.call("decimal", "Decimal", &[text])
            }
            DATE => {
                let bytes = self.builder.bytes(packet.bytes()?);
                self.call("datetime", "date", &[bytes])
            }
            DATE_TIME => {
                let bytes = self.builder.bytes(packet.bytes()?);
                self.call("datetime", "datetime", &[bytes])
            }
            OPAQUE => self.opaque(packet)?,
            _ => return Err(Failure::bug("a value of no kind")),
        })
    }

    fn call(&mut self, module: &str, name: &str, args: &[Built]) -> Built {
        let (function, args) = (self.builder.global(module, name), self.builder.tuple(args));
        self.builder.call(CallKind::Reduce, function, args)
    }

    fn opaque(&mut self, packet: &mut Unpacket<'_>) -> Result<Built, Failure> {
        let (kind, module, name) = (packet.text()?, packet.text()?, packet.text()?);
        let args = self.all(packet)?;
        let kwargs = self.all(packet)?;
        let states = self.all(packet)?;
        let items = self.all(packet)?;
        let pairs = self.pairs(packet)?;
        let object = match (kind, args.as_slice(), kwargs.as_slice()) {
            ("persistent", [id], _) => return Ok(self.builder.persistent(*id)),
            ("global", ..) => return Ok(self.builder.global(module, name)),
            (_, [args], []) => {
                let function = self.builder.global(module, name);
                let kind = if kind == "new" {
                    CallKind::New
                } else {
                    CallKind::Reduce
                };
                self.builder.call(kind, function, *args)
            }
            (_, [args], [kwargs]) => {
                let function = self.builder.global(module, name);
                self.builder.call_with(function, *args, *kwargs)
            }
            _ => return Err(Failure::bug("an object without arguments")),
        };
        if !items.is_empty() {
            self.builder.append(object, &items);
        }
        if !pairs.is_empty() {
            self.builder.insert(object, &pairs);
        }
        for state in states {
            self.builder.state(object, state);
        }
        Ok(object)
    }
}

fn of_pickle(error: ndferry_pickle::Error) -> Failure {
    Failure::Ours(ndferry::ErrorKind::Pickle(error.kind).at(error.offset))
}
