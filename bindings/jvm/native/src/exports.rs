//! The native methods of `org.ndferry.NativeCalls`.
//!
//! `unsafe` stands for the names alone: Java finds each function by its name and calls it with what `NativeCalls`
//! declares, whose types are those below.

use jni::objects::{JClass, JString};
use jni::sys::jint;
use jni::{Env, EnvUnowned};

use crate::failure::{Failure, Throw, hear_panics};

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
