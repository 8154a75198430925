//! Our side of the table that `compare/run` prints, and bare system calls to compare with.
//!
//! Each word does one task, measures it, and prints one line of JSON: `{"cpu", "wall", "peak", "result"}`, seconds and
//! bytes. `compare/theirs.py` has the same words with the same results, done with NumPy.
#![forbid(unsafe_code)]

#[cfg(unix)]
mod cost;
#[cfg(unix)]
mod math;
#[cfg(unix)]
mod npb;
#[cfg(unix)]
mod npy;
#[cfg(unix)]
mod npz;
#[cfg(unix)]
mod pickle;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod pyro;
#[cfg(unix)]
mod socket;

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["measure", report, repeat, "--", ref command @ ..] => {
            program::measure(report.as_ref(), repeat.parse()?, command)
        }
        ["math"] => math::serve(),
        ["npb-pack", path, codec, tile, threads] => npb::pack(path, codec, tile, threads.parse()?),
        ["npb-unpack", path, codec, tile, threads] => {
            npb::unpack(path, codec, tile, threads.parse()?)
        }
        ["npb-parts", path, parts] => npb::parts(path, parts),
        ["npy-read", path] => npy::read(path),
        ["npy-headers", path] => npy::headers(path),
        ["npy-small", folder] => npy::small(folder),
        ["open-pread", folder] => npy::open_pread(folder),
        ["npz-read", path, threads] => npz::read(path, threads.parse()?),
        ["npz-write", from, to, threads] => npz::write(from, to, threads.parse()?),
        ["pickle-read", path] => pickle::read(path),
        ["pickle-write", from, to, protocol] => pickle::write(from, to, protocol.parse()?),
        ["pickle-many", path] => pickle::many(path),
        ["pickle-many-lazy", path] => pickle::many_lazy(path),
        ["pickle-dict", path] => pickle::dict(path),
        ["pickle-scan", path] => pickle::scan(path),
        ["crc", nbytes] => socket::crc(nbytes.parse()?),
        ["pyro-serve", path] => pyro::serve(path),
        ["pyro-call", serializer, what, uri] => pyro::call(serializer, what, uri),
        ["copy-recv", to] => socket::recv(to),
        ["copy-send", from, address] => socket::send(from, address),
        _ => anyhow::bail!("unknown word; see compare/src/main.rs"),
    }
}

#[cfg(not(unix))]
fn main() {
    eprintln!("CPU time and peak memory are measured on Unix only");
    std::process::exit(2);
}
