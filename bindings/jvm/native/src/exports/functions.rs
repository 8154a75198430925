//! Functions of arrays.

use jni::EnvUnowned;
use jni::objects::{JByteArray, JByteBuffer, JClass, JObjectArray, JString};

use super::run;
use crate::given::Buffers;
use crate::packet::Packet;
use crate::{call, given, memory};

/// Calls a function of arrays: its name, what the operands are (`NativeArrays.write`), their buffers, options as JSON.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_call<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
    name: JString<'local>,
    operands: JByteArray<'local>,
    direct: JObjectArray<'local, JByteBuffer<'local>>,
    heap: JObjectArray<'local, JByteArray<'local>>,
    options: JString<'local>,
) -> JObjectArray<'local> {
    run(env, &class, |env| {
        let name = name.try_to_string(env)?;
        let options = options.try_to_string(env)?;
        let operands = memory::of_array(env, &operands)?;
        let direct = given::direct(env, &direct)?;
        let buffers = Buffers::new(&direct, &heap);
        let arrays = call::call(env, &name, &operands, buffers, &options)?;
        memory::results(env, arrays, None)
    })
}

/// The names of all functions for `Functions.names`.
#[unsafe(no_mangle)]
extern "system" fn Java_org_ndferry_NativeCalls_functions<'local>(
    env: EnvUnowned<'local>,
    class: JClass<'local>,
) -> JByteArray<'local> {
    run(env, &class, |env| {
        let mut packet = Packet::default();
        let all: Vec<_> = ndferry_math::functions().collect();
        packet.count(all.len());
        all.iter().for_each(|function| packet.text(function.name()));
        memory::to_array(env, &packet.into_bytes())
    })
}
