//! Sizes and rates for people: `1.5 MiB`, and back.

use std::time::Duration;

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// `0 B`, `48 B`, `187.5 KiB`, `2.0 GiB`.
pub(crate) fn text(nbytes: u64) -> String {
    if nbytes < 1024 {
        return format!("{nbytes} B");
    }
    let mut value = nbytes as f64;
    let mut unit = "";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

/// `1.9 GiB/s`.
pub(crate) fn rate(nbytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64().max(1e-9);
    format!("{}/s", text((nbytes as f64 / seconds) as u64))
}

/// `65536`, `64KiB`, `1 MiB`, `0.5G`; powers of 1024.
pub(crate) fn parse(written: &str) -> Result<u64, String> {
    let written = written.trim();
    let digits = written.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = written[digits.len()..].to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => {
            return Err(format!(
                "{unit:?} is no unit: expected B, KiB, MiB, GiB or TiB"
            ));
        }
    };
    let number: f64 = digits
        .trim()
        .parse()
        .map_err(|_| "expected a size such as 64KiB")?;
    let nbytes = number * 1024f64.powi(power);
    if nbytes < 1.0 || nbytes > 2f64.powi(53) {
        return Err("expected at least a byte and at most 8 PiB".to_owned());
    }
    Ok(nbytes as u64)
}

/// `1 block`, `1,048,576 blocks`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(n))
}

/// `1,048,576`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1024), "1.0 KiB");
        assert_eq!(text(8 << 30), "8.0 GiB");
        assert_eq!(parse("64KiB"), Ok(65536));
        assert_eq!(parse("1 MiB"), Ok(1 << 20));
        assert_eq!(parse("0.5g"), Ok(1 << 29));
        assert_eq!(parse("17"), Ok(17));
        for wrong in ["", "x", "-1", "0", "1XB", "nan", "inf"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn things_are_counted_as_people_do() {
        assert_eq!(counted(1, "block"), "1 block");
        assert_eq!(counted(0, "block"), "0 blocks");
        assert_eq!(counted(1234, "array"), "1,234 arrays");
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_048_576), "1,048,576");
    }
}
