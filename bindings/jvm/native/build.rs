//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // ImageJ drops class loaders and Java then unloads their libraries, below threads that may still be in them.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
