//! The native methods of `org.ndferry.NativeCalls`.
//!
//! `unsafe` stands for the names alone: Java finds each function by its name and calls it with what `NativeCalls`
//! declares, whose types are those below.

mod functions;
mod pickles;

use jni::objects::{JByteArray, JByteBuffer, JClass, JObjectArray, JString};
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned};

use crate::failure::{Failure, Throw, hear_panics};
use crate::{codec, handles, lazy, memory};

/// Grows when what is declared here changes. `NativeCalls.ABI` is the same in a core that fits.
const ABI: jint = 1;

/// Runs a call; what fails, or panics, is thrown.
fn run<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    class: &JClass<'local>,
    work: impl FnOnce(&mut Env<'local>) -> Result<T, Failure>,
) -> T {
    env.with_env(work).resolve_with::<Throw, _>(|| class)
}

/// Which calls there are. The first that is made.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_abi<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
) -> jint {
    run(env, &class, |_| {
        hear_panics();
        Ok(ABI)
    })
}

/// The version of the library.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_version<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
) -> JString<'local> {
    run(env, &class, |env| {
        Ok(JString::from_str(env, env!("CARGO_PKG_VERSION"))?)
    })
}

/// One more: what a call costs.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_successor<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jint,
) -> jint {
    run(env, &class, |_| Ok(number.wrapping_add(1)))
}

/// Panics, with this text, for the test of what becomes of it.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_panic<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    text: JString<'local>,
) {
    run(env, &class, |env| {
        let text = text.try_to_string(env)?;
        panic!("{text}");
    })
}

/// Forgets what a number stands for; freed twice, it does nothing.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_free<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jlong,
) {
    run(env, &class, |_| {
        handles::free(number);
        Ok(())
    })
}

/// How many numbers stand for something.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_held<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
) -> jlong {
    run(env, &class, |_| Ok(handles::count() as jlong))
}

/// One block of an NPB file: codec, filter, what the elements are, the payload from `from` on, bytes of the tile.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_unpack<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    how: jint,
    element: jlong,
    itemsize: jlong,
    body: JByteArray<'local>,
    from: jint,
    nbytes: jint,
) -> JByteArray<'local> {
    run(env, &class, |env| {
        let [codec, filter, ..] = how.to_le_bytes();
        let element = codec::element(element, itemsize)?;
        let body = memory::of_array(env, &body)?;
        let payload = usize::try_from(from).ok().and_then(|from| body.get(from..));
        let payload = payload.ok_or_else(|| Failure::bug("a block that begins behind its end"))?;
        let nbytes = usize::try_from(nbytes).map_err(|_| Failure::bug("a block of no size"))?;
        let out = codec::block(codec, filter, &element, payload, nbytes)?;
        memory::to_array(env, &out)
    })
}

/// A number for a file.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_open<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    path: JString<'local>,
) -> jlong {
    run(env, &class, |env| lazy::open(&path.try_to_string(env)?))
}

/// What arrays are in a file, for `LazyFile`.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_members<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jlong,
) -> JByteArray<'local> {
    run(env, &class, |env| {
        let members = lazy::members(number)?;
        memory::to_array(env, &members)
    })
}

/// A part of an array in a file, for `NativeArrays.read`.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_read<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jlong,
    member: jint,
    index: JString<'local>,
) -> JObjectArray<'local> {
    run(env, &class, |env| {
        let array = lazy::part(number, member as usize, &index.try_to_string(env)?)?;
        memory::results(env, vec![array.load()?], None)
    })
}

/// The same in C order into a part of a direct buffer; gives how many bytes there are.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_readInto<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jlong,
    member: jint,
    index: JString<'local>,
    buffer: JByteBuffer<'local>,
    from: jint,
    to: jint,
) -> jlong {
    run(env, &class, |env| {
        let array = lazy::part(number, member as usize, &index.try_to_string(env)?)?;
        let out = memory::of_buffer_mut(env, &buffer)?;
        let out = out.get_mut(from as usize..to as usize);
        let out = out.ok_or_else(|| Failure::bug("a part of a buffer that it has not"))?;
        let (needed, there) = (array.nbytes(), out.len() as u64);
        if there < needed {
            return Err(Failure::Usage(format!(
                "the part has {needed} bytes, but the buffer has room for {there}"
            )));
        }
        // `needed` is not more than a length, so it fits.
        lazy::read_into(&array, &mut out[..needed as usize])?;
        Ok(needed as jlong)
    })
}
