//! Reading pickles.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Array, Layout, Order, Selection};
use ndferry_pickle::{Elements, Id, Machine, Payload, PickledArray, StoredOrder, Tree};

use crate::error::pickle;
use crate::input::Input;
use crate::lazy::{Backing, Stored};
use crate::pickle_walk::Walk;
use crate::source::Contents;
use crate::stored::plain::Plain;
use crate::units::Units;
use crate::{
    ErrorKind, Format, GlobalUse, Interrupt, Limits, MemberInfo, OpenOptions, PickleInfo, Result,
    Safety, Storage,
};

impl ndferry_pickle::ReadAt for Input {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Input::read_at(self, buf, offset)
    }

    fn len(&self) -> u64 {
        self.nbytes()
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        Input::shared(self, range.start, range.end.checked_sub(range.start)?)
    }
}

pub(crate) fn open(input: &Input, options: &OpenOptions) -> Result<Contents> {
    let limits = pickle_limits(&options.limits);
    let mut machine = Machine::open(Arc::new(input.clone()), 0, limits, Vec::new());
    let mut roots = vec![machine.load().map_err(pickle)?];
    let mut end = machine.offset();
    while end < input.nbytes() && roots.len() < options.limits.members {
        options.interrupt.check()?;
        let Some(root) = next(&mut machine, end) else {
            break;
        };
        roots.push(root);
        end = machine.offset();
    }

    let protocol = machine.protocol();
    let tree = Arc::new(machine.into_tree());
    let globals = global_uses(&tree);
    let mut contents = Contents::new(Format::Pickle);
    contents.end = Some(end);
    contents.safety = Safety::of(&globals, &[]);
    contents.pickle = Some(PickleInfo { protocol, globals });
    for (path, array) in arrays(&tree, &roots, &options.limits)? {
        let backing = backing(input, &tree, &array, &options.interrupt)?;
        contents.push(member(path, &array, &backing), backing);
    }
    Ok(contents)
}

/// One more pickle, if there is one: by itself, or of the same pickler as the one before.
fn next(machine: &mut Machine, start: u64) -> Option<Id> {
    match machine.load() {
        Ok(root) => Some(root),
        Err(_) => {
            machine.skip_to(start);
            None
        }
    }
}

fn pickle_limits(limits: &Limits) -> ndferry_pickle::Limits {
    let mut out = ndferry_pickle::Limits::default();
    out.values = limits.nodes;
    out
}

fn global_uses(tree: &Tree) -> Vec<GlobalUse> {
    let global_use = |global: &ndferry_pickle::Global| GlobalUse {
        module: global.module.to_string(),
        name: global.name.to_string(),
        offset: global.offset,
    };
    tree.globals().iter().map(global_use).collect()
}

/// The arrays below the roots, with their paths.
fn arrays(tree: &Tree, roots: &[Id], limits: &Limits) -> Result<Vec<(String, PickledArray)>> {
    let mut walk = Walk::new(tree, limits);
    for (i, root) in roots.iter().enumerate() {
        walk.walk(*root, (roots.len() > 1).then_some(i))?;
    }
    let found = walk.into_found().into_iter();
    Ok(found.map(|found| (found.path, found.array)).collect())
}

fn backing(
    input: &Input,
    tree: &Arc<Tree>,
    array: &PickledArray,
    interrupt: &Interrupt,
) -> Result<Backing> {
    let payload = match &array.elements {
        Elements::Bytes(payload) => *payload,
        Elements::Values(bytes) => {
            let made =
                Array::contiguous(array.dtype.clone(), &array.shape, Order::C, bytes.clone());
            return Ok(Backing::Memory(made?));
        }
        _ => return Ok(Backing::Objects),
    };
    if let StoredOrder::Permuted(axes) = &array.order {
        let mut stored = vec![0; axes.len()];
        for (extent, axis) in array.shape.iter().zip(axes) {
            stored[*axis] = *extent;
        }
        let bytes = payload.bytes(tree).map_err(pickle)?;
        let layout = Layout::contiguous(&stored, array.dtype.itemsize(), Order::C)?;
        let made = Array::new(array.dtype.clone(), layout, bytes)?;
        return Ok(Backing::Memory(made.transposed(axes)?));
    }
    let interrupt = interrupt.clone();
    Ok(Backing::Stored(match payload.offset() {
        Some(offset) => Arc::new(Plain {
            input: input.clone(),
            offset,
            nbytes: payload.nbytes(),
            interrupt,
        }),
        None => Arc::new(Spelled {
            tree: Arc::clone(tree),
            payload,
        }),
    }))
}

fn member(path: String, array: &PickledArray, backing: &Backing) -> MemberInfo {
    let storage = match (&array.elements, backing) {
        (Elements::Objects(_), _) => Storage::Objects,
        (Elements::Bytes(payload), Backing::Stored(_)) => match payload.offset() {
            Some(offset) => Storage::Plain { offset },
            None => Storage::Pickled,
        },
        _ => Storage::Pickled,
    };
    // The product was checked when the array was recognised.
    let size = if array.shape.contains(&0) {
        0
    } else {
        array.shape.iter().map(|extent| *extent as u64).product()
    };
    MemberInfo {
        path,
        dtype: array.dtype.clone(),
        shape: array.shape.clone(),
        order: match array.order {
            StoredOrder::F => Order::F,
            _ => Order::C,
        },
        nbytes: size * array.dtype.itemsize() as u64,
        storage,
    }
}

/// Elements that are spelled in another way than as bytes: Latin-1 text, escapes.
#[derive(Debug)]
struct Spelled {
    tree: Arc<Tree>,
    payload: Payload,
}

impl Spelled {
    fn bytes(&self) -> Result<Bytes> {
        self.payload.bytes(&self.tree).map_err(pickle)
    }
}

impl Stored for Spelled {
    fn read(&self, _: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        let bytes = self.bytes()?;
        let nbytes = units.nbytes as usize;
        for (offset, unit) in units.offsets().zip(out.chunks_mut(nbytes.max(1))) {
            unit.copy_from_slice(&bytes[offset as usize..][..nbytes]);
        }
        Ok(())
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(io::Cursor::new(self.bytes()?)))
    }

    fn whole(&self) -> Option<Result<Bytes>> {
        Some(self.bytes())
    }

    fn check_nbytes(&self, nbytes: u64) -> Result<()> {
        let found = self.payload.nbytes();
        if found < nbytes {
            let needed = nbytes;
            return Err(ErrorKind::Truncated { needed, found }.into());
        }
        Ok(())
    }
}
