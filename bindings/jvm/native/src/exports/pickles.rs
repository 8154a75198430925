//! Pickles, both ways.

use std::path::Path;

use bytes::Bytes;
use jni::objects::{JByteArray, JByteBuffer, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned};
use ndferry::{OpenOptions, Opened};

use super::run;
use crate::failure::Failure;
use crate::given::Buffers;
use crate::pickle::Written;
use crate::{given, handles, lazy, memory, pickle, pickle_write};

fn written<'local>(
    env: &mut Env<'local>,
    written: Written,
) -> Result<JObjectArray<'local>, Failure> {
    memory::results(env, written.arrays, Some(&written.records))
}

/// The value in a file, for `PickledValues.read`.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_unpickleFile<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    path: JString<'local>,
    opaque: jboolean,
) -> JObjectArray<'local> {
    run(env, &class, |env| {
        let path = path.try_to_string(env)?;
        let opened = Opened::open(Path::new(&path), &OpenOptions::default())?;
        written(env, pickle::of_file(opened, opaque)?)
    })
}

/// The value of a pickle in memory.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_unpickle<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    bytes: JByteArray<'local>,
    opaque: jboolean,
) -> JObjectArray<'local> {
    run(env, &class, |env| {
        let bytes = Bytes::from(memory::of_array(env, &bytes)?);
        let opened = Opened::from_bytes("", bytes, &OpenOptions::default())?;
        written(env, pickle::of_file(opened, opaque)?)
    })
}

/// The Python objects of an array in a file.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_objects<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    number: jlong,
    member: jint,
    opaque: jboolean,
) -> JObjectArray<'local> {
    run(env, &class, |env| {
        let held = handles::get(number)?;
        let objects = pickle::of_member(lazy::file(&held)?, member as usize, opaque)?;
        written(env, objects)
    })
}

/// A value as a pickle: records of `PickledValues.write`, the elements of arrays, the protocol.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_pickle<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    records: JByteArray<'local>,
    direct: JObjectArray<'local, JByteBuffer<'local>>,
    heap: JObjectArray<'local, JByteArray<'local>>,
    protocol: jint,
) -> JByteArray<'local> {
    run(env, &class, |env| {
        let records = memory::of_array(env, &records)?;
        let direct = given::direct(env, &direct)?;
        let buffers = Buffers::new(&direct, &heap);
        let [protocol, ..] = protocol.to_le_bytes();
        let pickle = pickle_write::pickle(env, &records, buffers, protocol)?;
        memory::to_array(env, &pickle)
    })
}
