//! Elements between Java and Rust: the memory of direct buffers is used where it is, that of Java's arrays is copied.
//!
//! # Safety notes
//!
//! * A direct buffer that Java gives is a parameter of the call, or an element of one: Java keeps it, and its memory, until
//!   the call returns, and views of it do not live longer. Another thread of Java that writes to it meanwhile gets the
//!   numbers wrong, as with any buffer that two threads share; nothing here trusts what it reads from there twice.
//! * A direct buffer that Java gets shows memory that is held in [`crate::handles`], which nobody else reads or writes.
//!   Java frees it when no buffer over it can be reached (`NativeMemory.java`), and not before.

use jni::Env;
use jni::objects::{JByteArray, JByteBuffer, JObject, JObjectArray};
use ndferry::{Array, Descr, Dtype, Order};

use crate::failure::Failure;
use crate::handles::{Held, free, hold};
use crate::packet::Packet;

/// Up to this size results are copied into arrays of Java, which costs less than to watch over them.
const SMALL: usize = 16 << 10;

/// `Bytes.PART`: so much one buffer shows.
const PART: usize = 1 << 30;

/// The bytes of an array of Java, copied.
pub(crate) fn of_array(env: &Env<'_>, array: &JByteArray<'_>) -> Result<Vec<u8>, Failure> {
    let nbytes = array.len(env)?;
    let mut bytes = Vec::new();
    append(env, array, 0, nbytes, &mut bytes)?;
    Ok(bytes)
}

/// So many bytes of an array of Java, behind those that are there.
pub(crate) fn append(
    env: &Env<'_>,
    array: &JByteArray<'_>,
    from: i32,
    nbytes: usize,
    to: &mut Vec<u8>,
) -> Result<(), Failure> {
    to.try_reserve_exact(nbytes)
        .map_err(|_| Failure::Memory(nbytes as u64))?;
    let start = to.len();
    to.resize(start + nbytes, 0);
    array.get_region(env, from, signed_mut(&mut to[start..]))?;
    Ok(())
}

/// A new array of Java.
pub(crate) fn to_array<'local>(
    env: &mut Env<'local>,
    bytes: &[u8],
) -> Result<JByteArray<'local>, Failure> {
    let array = JByteArray::new(env, bytes.len())?;
    array.set_region(env, 0, signed(bytes))?;
    Ok(array)
}

/// The same bytes as Java counts them.
pub(crate) fn signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: `u8` and `i8` have the same size and alignment, and all bits mean something in both.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

fn signed_mut(bytes: &mut [u8]) -> &mut [i8] {
    // SAFETY: as in `signed`; the borrow is passed on.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}

/// All bytes that a direct buffer shows, whatever its position and limit are.
pub(crate) fn of_buffer<'a>(
    env: &Env<'_>,
    buffer: &'a JByteBuffer<'_>,
) -> Result<&'a [u8], Failure> {
    let nbytes = env.get_direct_buffer_capacity(buffer)?;
    if nbytes == 0 {
        return Ok(&[]);
    }
    let start = env.get_direct_buffer_address(buffer)?;
    // SAFETY: Java says that so many bytes are there; they stay as long as the reference, see the module's notes.
    Ok(unsafe { std::slice::from_raw_parts(start, nbytes) })
}

/// The same to be written to.
#[expect(
    clippy::mut_from_ref,
    reason = "what is written to is Java's, not the reference"
)]
pub(crate) fn of_buffer_mut<'a>(
    env: &Env<'_>,
    buffer: &'a JByteBuffer<'_>,
) -> Result<&'a mut [u8], Failure> {
    let nbytes = env.get_direct_buffer_capacity(buffer)?;
    if nbytes == 0 {
        return Ok(&mut []);
    }
    let start = env.get_direct_buffer_address(buffer)?;
    // SAFETY: Java says that so many bytes are there; they stay as long as the reference, see the module's notes. A call asks for the one buffer that it writes to, once.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, nbytes) })
}

/// How a dtype is spelled on both sides: as in NPY headers.
pub(crate) fn spelled(dtype: &Dtype) -> Result<String, Failure> {
    Ok(match dtype.descr()? {
        Descr::Str(text) => text,
        descr => descr.to_string(),
    })
}

/// A dtype as `NativeArrays.spelled` has it: a type string, or a whole NPY header for those that have none.
pub(crate) fn dtype(spelled: &[u8]) -> Result<Dtype, Failure> {
    if spelled.starts_with(&ndferry_npy::MAGIC) {
        let header = ndferry_npy::Header::parse(spelled);
        let (header, _) = header.map_err(|_| Failure::bug("an NPY header that is none"))?;
        return Ok(header.dtype);
    }
    let text = std::str::from_utf8(spelled).map_err(|_| Failure::bug("a dtype that is no text"))?;
    Ok(Dtype::parse(text)?)
}

/// Arrays for `NativeArrays.read`: a packet that says what they are, the buffers of each, and what is said besides.
pub(crate) fn results<'local>(
    env: &mut Env<'local>,
    arrays: Vec<Array>,
    besides: Option<&[u8]>,
) -> Result<JObjectArray<'local>, Failure> {
    let mut held = Vec::new();
    let results = gathered(env, arrays, besides, &mut held);
    if results.is_err() {
        // Nobody else knows these numbers.
        for number in held {
            free(number);
        }
    }
    results
}

fn gathered<'local>(
    env: &mut Env<'local>,
    arrays: Vec<Array>,
    besides: Option<&[u8]>,
    held: &mut Vec<i64>,
) -> Result<JObjectArray<'local>, Failure> {
    let arrays = arrays.into_iter().map(|array| {
        let order = order_of(&array);
        array.into_order(order)
    });
    let arrays: Vec<Array> = arrays.collect::<Result<_, _>>()?;
    let buffers: usize = arrays
        .iter()
        .map(|array| run_of(array).chunks(PART).len())
        .sum();
    let all = 1 + buffers + usize::from(besides.is_some());
    let mut results = Results {
        all: JObjectArray::<JObject<'_>>::new(env, all, JObject::null())?,
        next: 1,
    };
    let mut packet = Packet::default();
    packet.count(arrays.len());
    for array in arrays {
        packet.text(&spelled(array.dtype())?);
        packet.u8(u8::from(order_of(&array) == Order::F));
        packet.count(array.ndim());
        array
            .shape()
            .iter()
            .for_each(|extent| packet.count(*extent));
        let before = results.next;
        let number = elements(env, &array, &mut results, held)?;
        packet.i64(number);
        packet.count(results.next - before);
    }
    if let Some(besides) = besides {
        let besides = to_array(env, besides)?;
        results.push(env, besides.into())?;
    }
    let packet = to_array(env, &packet.into_bytes())?;
    results.all.set_element(env, 0, &packet)?;
    Ok(results.all)
}

/// What Java gets. Each buffer is referred to from there alone: Java counts references of calls, and wants few.
struct Results<'local> {
    all: JObjectArray<'local>,
    next: usize,
}

impl<'local> Results<'local> {
    fn push(&mut self, env: &mut Env<'local>, buffer: JObject<'local>) -> Result<(), Failure> {
        self.all.set_element(env, self.next, &buffer)?;
        env.delete_local_ref(buffer);
        self.next += 1;
        Ok(())
    }
}

/// The order in which an array goes.
fn order_of(array: &Array) -> Order {
    match array.order() {
        Some(Order::F) => Order::F,
        _ => Order::C,
    }
}

/// The elements of an array without gaps.
fn run_of(array: &Array) -> &[u8] {
    array.view().run(order_of(array)).unwrap_or_default()
}

/// The elements of an array without gaps as buffers of Java; gives the number of their memory, 0 of none.
fn elements<'local>(
    env: &mut Env<'local>,
    array: &Array,
    results: &mut Results<'local>,
    held: &mut Vec<i64>,
) -> Result<i64, Failure> {
    let (run, bytes) = (run_of(array), array.bytes());
    if run.len() <= SMALL || !bytes.is_unique() {
        for part in run.chunks(PART) {
            let copied = to_array(env, part)?;
            results.push(env, copied.into())?;
        }
        return Ok(0);
    }
    let (start, nbytes) = (run.as_ptr(), run.len());
    let number = hold(Held::Memory {
        _bytes: bytes.clone(),
    });
    held.push(number);
    for at in (0..nbytes).step_by(PART) {
        let part = nbytes.min(at + PART) - at;
        // SAFETY: `at + part <= nbytes`, the length of the run, which is held from here on, and which `is_unique` says
        // that only `array` has, whose owner drops it unread: see the module's notes.
        let buffer = unsafe { env.new_direct_byte_buffer(start.add(at).cast_mut(), part)? };
        results.push(env, buffer.into())?;
    }
    Ok(number)
}
