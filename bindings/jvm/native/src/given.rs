//! [`Given`]: an array of Java, as `NativeArrays.write` describes it.

use jni::Env;
use jni::objects::{JByteArray, JByteBuffer, JObjectArray};
use ndferry::{ArrayView, Dtype, Layout};

use crate::failure::Failure;
use crate::memory;
use crate::packet::Unpacket;

/// References of a call that are not to direct buffers.
const OTHERS: usize = 32;

/// An array, whose elements are Java's or a copy of them.
pub(crate) struct Given<'a> {
    dtype: Dtype,
    layout: Layout,
    elements: Elements<'a>,
}

enum Elements<'a> {
    /// Java's, where they are.
    Shared(&'a [u8]),
    Copied(Vec<u8>),
}

/// The buffers of all arrays, in order: those that are direct, and those that are arrays of Java.
pub(crate) struct Buffers<'a, 'local> {
    direct: std::slice::Iter<'a, JByteBuffer<'local>>,
    heap: &'a JObjectArray<'local, JByteArray<'local>>,
    next: usize,
}

/// References to direct buffers, which have to stay as long as what is in them is used.
pub(crate) fn direct<'local>(
    env: &mut Env<'local>,
    array: &JObjectArray<'local, JByteBuffer<'local>>,
) -> Result<Vec<JByteBuffer<'local>>, Failure> {
    let count = array.len(env)?;
    // Java is told that there will be many references, and may refuse: then it only says more under `-Xcheck:jni`.
    let _ = env.ensure_local_capacity(count + OTHERS);
    let all = (0..count).map(|i| array.get_element(env, i));
    Ok(all.collect::<Result<_, _>>()?)
}

impl<'a, 'local> Buffers<'a, 'local> {
    pub(crate) fn new(
        direct: &'a [JByteBuffer<'local>],
        heap: &'a JObjectArray<'local, JByteArray<'local>>,
    ) -> Self {
        Self {
            direct: direct.iter(),
            heap,
            next: 0,
        }
    }

    /// The next array.
    pub(crate) fn array(
        &mut self,
        env: &mut Env<'local>,
        packet: &mut Unpacket<'_>,
    ) -> Result<Given<'a>, Failure> {
        let dtype = memory::dtype(packet.bytes()?)?;
        let shape = packet.all(Unpacket::count)?;
        let strides = packet.all(Unpacket::isize)?;
        let offset = packet.count()?;
        let layout = Layout::strided(&shape, &strides, offset)?;
        let segments = packet.count()?;
        let mut elements = Elements::Copied(Vec::new());
        for _ in 0..segments {
            let shared = packet.u8()? == 1;
            let (from, nbytes) = (packet.count()?, packet.count()?);
            if shared {
                let buffer = self.direct.next().ok_or_else(few)?;
                elements.add(memory::of_buffer(env, buffer)?, segments == 1)?;
                continue;
            }
            let array = self.heap.get_element(env, self.next)?;
            self.next += 1;
            let Elements::Copied(to) = &mut elements else {
                return Err(few());
            };
            let from = i32::try_from(from).map_err(|_| few())?;
            memory::append(env, &array, from, nbytes, to)?;
            env.delete_local_ref(array);
        }
        Ok(Given {
            dtype,
            layout,
            elements,
        })
    }
}

fn few() -> Failure {
    Failure::bug("operands that are not there")
}

impl<'a> Elements<'a> {
    /// More of them; alone, they stay where they are.
    fn add(&mut self, bytes: &'a [u8], alone: bool) -> Result<(), Failure> {
        match self {
            Self::Copied(to) if !alone => {
                to.try_reserve_exact(bytes.len())
                    .map_err(|_| Failure::Memory(bytes.len() as u64))?;
                to.extend_from_slice(bytes);
            }
            _ => *self = Self::Shared(bytes),
        }
        Ok(())
    }
}

impl Given<'_> {
    /// It, compared with the bytes that are there.
    pub(crate) fn view(&self) -> Result<ArrayView<'_>, Failure> {
        let bytes = match &self.elements {
            Elements::Shared(bytes) => bytes,
            Elements::Copied(bytes) => bytes.as_slice(),
        };
        Ok(ArrayView::new(
            self.dtype.clone(),
            self.layout.clone(),
            bytes,
        )?)
    }
}
