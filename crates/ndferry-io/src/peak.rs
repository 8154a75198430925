//! How much memory this process has used.

/// The most memory that was resident, in bytes (`VmHWM`); `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    status("VmHWM:")
}

/// Memory that is resident now, in bytes (`VmRSS`); `None` where the system does not tell.
pub fn current_memory() -> Option<u64> {
    status("VmRSS:")
}

/// A line of Linux's `/proc/self/status`, which counts in KiB.
fn status(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}
