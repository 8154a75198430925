//! Times in other units.

use crate::{DateUnit, NAT, TimeUnit};

/// How ticks of one unit become ticks of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// By a fraction, rounded down.
    By(i128, i128),
    /// Through the calendar: to or from months, and the ticks of the other unit.
    Calendar(TimeUnit, TimeUnit),
}

impl Scale {
    /// Of `timedelta64`: years and months have their mean length.
    pub(super) fn spans(from: TimeUnit, to: TimeUnit) -> Self {
        if from.unit == DateUnit::Generic || to.unit == DateUnit::Generic {
            return Self::By(1, 1);
        }
        let ((a, b), (c, d)) = (length(from), length(to));
        let common = gcd(a * d, b * c);
        Self::By(a * d / common, b * c / common)
    }

    /// Of `datetime64`.
    pub(super) fn dates(from: TimeUnit, to: TimeUnit) -> Self {
        let is_calendar = |unit: TimeUnit| unit.unit <= DateUnit::Month;
        let generic = [from.unit, to.unit].contains(&DateUnit::Generic);
        if generic || is_calendar(from) == is_calendar(to) {
            Self::spans(from, to)
        } else {
            Self::Calendar(from, to)
        }
    }

    /// `None` where the new unit cannot count as far.
    pub(super) fn apply(self, ticks: i64) -> Option<i64> {
        if ticks == NAT {
            return Some(NAT);
        }
        let new = match self {
            Self::By(up, down) => i128::from(ticks).checked_mul(up)?.div_euclid(down),
            Self::Calendar(from, to) if from.unit <= DateUnit::Month => {
                let count = i128::from(ticks) * i128::from(from.multiple);
                let months = if from.unit == DateUnit::Year {
                    count * 12
                } else {
                    count
                };
                let days =
                    days_from_civil(1970 + months.div_euclid(12), months.rem_euclid(12) + 1, 1);
                let (up, down) = length(DAY);
                let (c, d) = length(to);
                days.checked_mul(up)?.checked_mul(d)?.div_euclid(down * c)
            }
            Self::Calendar(from, to) => {
                let (a, b) = length(from);
                let days = i128::from(ticks)
                    .checked_mul(a)?
                    .div_euclid(b * length(DAY).0);
                let months = months_of(days);
                let per = if to.unit == DateUnit::Year { 12 } else { 1 };
                months.div_euclid(per * i128::from(to.multiple))
            }
        };
        i64::try_from(new).ok().filter(|new| *new != NAT)
    }
}

const DAY: TimeUnit = TimeUnit {
    unit: DateUnit::Day,
    multiple: 1,
};

/// One tick as a fraction: of attoseconds from hours on, otherwise the same; a year is 365.2425 days.
fn length(unit: TimeUnit) -> (i128, i128) {
    const SECOND: i128 = 1_000_000_000_000_000_000;
    const DAY: i128 = 86_400 * SECOND;
    let one = match unit.unit {
        DateUnit::Year => DAY / 400 * 146_097,
        DateUnit::Month => DAY / 4800 * 146_097,
        DateUnit::Week => 7 * DAY,
        DateUnit::Day => DAY,
        DateUnit::Hour => 3600 * SECOND,
        DateUnit::Minute => 60 * SECOND,
        DateUnit::Second => SECOND,
        DateUnit::Millisecond => SECOND / 1000,
        DateUnit::Microsecond => SECOND / 1_000_000,
        DateUnit::Nanosecond => SECOND / 1_000_000_000,
        DateUnit::Picosecond => 1_000_000,
        DateUnit::Femtosecond => 1000,
        DateUnit::Attosecond | DateUnit::Generic => 1,
    };
    (one * i128::from(unit.multiple), 1)
}

/// Whether every tick of `from` is a whole number of ticks of `to`, as NumPy sees it: years and months are taken for
/// whole numbers of anything finer.
pub(super) fn divides(from: TimeUnit, to: TimeUnit) -> bool {
    let is_calendar = |unit: TimeUnit| unit.unit <= DateUnit::Month;
    if is_calendar(from) != is_calendar(to) {
        return true;
    }
    length(from).0 % length(to).0 == 0
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Days since 1970 (Howard Hinnant's algorithm).
pub(super) fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Months since 1970 of a number of days.
fn months_of(days: i128) -> i128 {
    let (year, month, _) = crate::print::civil(days);
    (year - 1970) * 12 + month - 1
}
