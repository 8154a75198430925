//! Text as numbers, as Python's `int`, `float` and `complex` read it, and as times.

use super::number::{Target, put};
use super::text::{characters, shown};
use super::time::{Scale, days_from_civil};
use crate::{DateUnit, Dtype, Error, Kind, NAT, TimeUnit};

/// Appends what each text says.
pub(super) fn parse(
    source: &Dtype,
    target: &Dtype,
    values: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let target_kind = Target::of(target);
    let swapped = !target.is_native();
    for bytes in values.chunks_exact(source.itemsize().max(1)) {
        let codes = characters(source, bytes);
        let text: String = codes.iter().map(|code| shown(*code)).collect();
        let text = text.trim_end_matches('\0');
        let wrong = || Error::CastText {
            text: text.chars().take(80).collect(),
            to: target.str(),
        };
        let Some(kind) = target_kind else {
            super::long::parse(text, target, out).ok_or_else(wrong)?;
            continue;
        };
        match (target.kind(), kind) {
            (Kind::Datetime(unit), _) => {
                let ticks = date(text, *unit).ok_or_else(wrong)?;
                put(ticks, kind, swapped, out);
            }
            (Kind::Timedelta(_), _) => {
                put(span(text).ok_or_else(wrong)?, kind, swapped, out);
            }
            (_, Target::Bool) => put(u64::from(!text.is_empty()), kind, swapped, out),
            (_, Target::Int(nbytes)) => {
                let n = integer(text).ok_or_else(wrong)?;
                let unused = 64 - 8 * nbytes as u32;
                let n = i64::try_from(n)
                    .ok()
                    .filter(|n| n << unused >> unused == *n);
                put(n.ok_or_else(wrong)?, kind, swapped, out);
            }
            (_, Target::Uint(nbytes)) => {
                let n = integer(text).ok_or_else(wrong)?;
                let n = u64::try_from(n)
                    .ok()
                    .filter(|n| *n <= u64::MAX >> (64 - 8 * nbytes));
                put(n.ok_or_else(wrong)?, kind, swapped, out);
            }
            (_, Target::Float(_)) => {
                put(float(text.trim()).ok_or_else(wrong)?, kind, swapped, out);
            }
            (_, Target::Complex(_)) => {
                put(complex(text.trim()).ok_or_else(wrong)?, kind, swapped, out);
            }
        }
    }
    Ok(())
}

/// Underscores between digits, and nowhere else, are left out.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let mut underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores
        .all(|(i, _)| is_digit(i.checked_sub(1)) && is_digit(Some(i + 1)))
        .then(|| text.replace('_', ""))
}

fn integer(text: &str) -> Option<i128> {
    without_underscores(text.trim())?.parse().ok()
}

/// Ticks, as `strtoll` reads them; `NaT` and nothing are no time.
fn span(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("nat") {
        return Some(NAT);
    }
    text.trim_start().parse().ok()
}

/// Without spaces around it.
fn float(text: &str) -> Option<f64> {
    without_underscores(text)?.parse().ok()
}

/// Without spaces around it: `a`, `bj`, `a+bj`, each perhaps in parentheses.
pub(super) fn complex(text: &str) -> Option<[f64; 2]> {
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let text = inner.map_or(text, str::trim);
    let Some(front) = text.strip_suffix(['j', 'J']) else {
        return Some([float(text)?, 0.0]);
    };
    // The sign of the imaginary part is the last one that is not an exponent's.
    let bytes = front.as_bytes();
    let is_sign = |i: &usize| {
        matches!(bytes[*i], b'+' | b'-') && (*i == 0 || !matches!(bytes[*i - 1], b'e' | b'E'))
    };
    let at = (0..bytes.len()).rev().find(is_sign).unwrap_or(0);
    let (re, im) = front.split_at(at);
    let im = match im {
        "" | "+" => 1.0,
        "-" => -1.0,
        im => float(im)?,
    };
    Some([if re.is_empty() { 0.0 } else { float(re)? }, im])
}

/// ISO 8601 as NumPy takes it, rounded down to the unit; `NaT` and nothing are no time.
fn date(text: &str, unit: TimeUnit) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("nat") {
        return Some(NAT);
    }
    let text = text.trim_start();
    let mut rest = Rest(text);
    let negative = rest.take('-');
    let _ = !negative && rest.take('+');
    let (year, _) = rest.digits(19)?;
    let year = if negative { -year } else { year };
    let (mut month, mut day, mut seconds, mut attoseconds) = (1, 1, 0, 0);
    if rest.take('-') {
        month = rest.two(1, 12)?;
        if rest.take('-') {
            day = rest.two(1, month_days(year, month))?;
            if rest.take('T') || rest.take(' ') {
                (seconds, attoseconds) = rest.time()?;
                seconds -= rest.zone()?;
            }
        }
    }
    if !rest.0.is_empty() {
        return None;
    }
    match unit.unit {
        DateUnit::Generic => None,
        DateUnit::Year | DateUnit::Month => {
            let months = (year - 1970) * 12 + month - 1;
            let per = if unit.unit == DateUnit::Year { 12 } else { 1 };
            i64::try_from(months.div_euclid(per * i128::from(unit.multiple))).ok()
        }
        _ => {
            let seconds = days_from_civil(year, month, day) * 86_400 + seconds;
            let second = TimeUnit::new(DateUnit::Second, 1);
            if unit.unit <= DateUnit::Second {
                return Scale::spans(second, unit).apply(i64::try_from(seconds).ok()?);
            }
            let all = seconds
                .checked_mul(10i128.pow(18))?
                .checked_add(attoseconds)?;
            let Scale::By(up, down) = Scale::spans(TimeUnit::new(DateUnit::Attosecond, 1), unit)
            else {
                return None;
            };
            i64::try_from(all.checked_mul(up)?.div_euclid(down)).ok()
        }
    }
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// One digit to `most`, and how many.
    fn digits(&mut self, most: usize) -> Option<(i128, usize)> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(count);
        if count > most {
            return None;
        }
        self.0 = rest;
        Some((digits.parse().ok()?, count))
    }

    /// Two digits within a range.
    fn two(&mut self, least: i128, most: i128) -> Option<i128> {
        let (n, count) = self.digits(2)?;
        (count == 2 && (least..=most).contains(&n)).then_some(n)
    }

    /// `hh[:mm[:ss[.fraction]]]`, as seconds and attoseconds.
    fn time(&mut self) -> Option<(i128, i128)> {
        let mut seconds = self.two(0, 23)? * 3600;
        if !self.take(':') {
            return Some((seconds, 0));
        }
        seconds += self.two(0, 59)? * 60;
        if !self.take(':') {
            return Some((seconds, 0));
        }
        seconds += self.two(0, 59)?;
        if !self.take('.') {
            return Some((seconds, 0));
        }
        let (fraction, count) = self.digits(18)?;
        Some((seconds, fraction * 10i128.pow(18 - count as u32)))
    }

    /// Nothing, `Z`, or `±hh`, `±hhmm`, `±hh:mm`: seconds ahead of UTC.
    fn zone(&mut self) -> Option<i128> {
        let sign = match self.0.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => {
                let _ = self.take('Z');
                return Some(0);
            }
        };
        self.0 = &self.0[1..];
        let (hours, minutes) = match self.digits(4)? {
            (n, 4) => (n / 100, n % 100),
            (n, 2) if self.take(':') => (n, self.two(0, 59)?),
            (n, 2) => (n, 0),
            _ => return None,
        };
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn month_days(year: i128, month: i128) -> i128 {
    let next = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    days_from_civil(next.0, next.1, 1) - days_from_civil(year, month, 1)
}
