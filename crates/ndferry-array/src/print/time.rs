//! Dates and spans of time as NumPy writes them.

use crate::{DateUnit, NAT, TimeUnit};

/// One `datetime64` in ISO 8601, to the precision of its unit (`numpy.datetime_as_string`); `NaT`.
///
/// Exact also where NumPy's own arithmetic overflows, beyond the years ±10^16. Ticks without a unit, for which NumPy
/// raises, are the bare number.
pub(crate) fn date(ticks: i64, unit: TimeUnit) -> String {
    if ticks == NAT {
        return "NaT".to_owned();
    }
    let count = i128::from(ticks) * i128::from(unit.multiple);
    let days = |days: i128| {
        let (year, month, day) = civil(days);
        format!("{year:04}-{month:02}-{day:02}")
    };
    // Units in an hour, minute or second: the day, then what is left of it.
    let split = |per_day: i128| (days(count.div_euclid(per_day)), count.rem_euclid(per_day));
    let fraction_digits = match unit.unit {
        DateUnit::Generic => return count.to_string(),
        DateUnit::Year => return format!("{:04}", 1970 + count),
        DateUnit::Month => {
            let (year, month) = (1970 + count.div_euclid(12), count.rem_euclid(12) + 1);
            return format!("{year:04}-{month:02}");
        }
        DateUnit::Week => return days(count * 7),
        DateUnit::Day => return days(count),
        DateUnit::Hour => {
            let (day, hour) = split(24);
            return format!("{day}T{hour:02}");
        }
        DateUnit::Minute => {
            let (day, minute) = split(24 * 60);
            return format!("{day}T{:02}:{:02}", minute / 60, minute % 60);
        }
        DateUnit::Second => 0,
        DateUnit::Millisecond => 3,
        DateUnit::Microsecond => 6,
        DateUnit::Nanosecond => 9,
        DateUnit::Picosecond => 12,
        DateUnit::Femtosecond => 15,
        DateUnit::Attosecond => 18,
    };
    let per_second = 10i128.pow(fraction_digits);
    let (day, rest) = split(86_400 * per_second);
    let (second, fraction) = (rest / per_second, rest % per_second);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let time = format!("{day}T{hour:02}:{minute:02}:{:02}", second % 60);
    match fraction_digits as usize {
        0 => time,
        digits => format!("{time}.{fraction:0digits$}"),
    }
}

/// One `timedelta64` on its own (`str`), e.g. `5 days`.
pub(crate) fn span(ticks: i64, unit: TimeUnit) -> String {
    if ticks == NAT {
        return "NaT".to_owned();
    }
    let word = match unit.unit {
        DateUnit::Year => "years",
        DateUnit::Month => "months",
        DateUnit::Week => "weeks",
        DateUnit::Day => "days",
        DateUnit::Hour => "hours",
        DateUnit::Minute => "minutes",
        DateUnit::Second => "seconds",
        DateUnit::Millisecond => "milliseconds",
        DateUnit::Microsecond => "microseconds",
        DateUnit::Nanosecond => "nanoseconds",
        DateUnit::Picosecond => "picoseconds",
        DateUnit::Femtosecond => "femtoseconds",
        DateUnit::Attosecond => "attoseconds",
        DateUnit::Generic => "generic time units",
    };
    format!("{} {word}", i128::from(ticks) * i128::from(unit.multiple))
}

/// Year, month and day of a number of days since 1970, in the proleptic Gregorian calendar.
pub(crate) fn civil(days: i128) -> (i128, i128, i128) {
    // Howard Hinnant's algorithm: years begin in March, eras of 400 years have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i128::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(ticks: i64, unit: &str) -> String {
        date(ticks, TimeUnit::parse(unit).unwrap())
    }

    #[test]
    fn dates_before_1970_and_around_leap_days() {
        assert_eq!(iso(-1, "D"), "1969-12-31");
        assert_eq!(iso(11_016, "D"), "2000-02-29");
        assert_eq!(iso(-25_508, "D"), "1900-03-01");
        assert_eq!(iso(-719_529, "D"), "-001-12-31");
        assert_eq!(iso(-1, "25us"), "1969-12-31T23:59:59.999975");
        assert_eq!(iso(-1, "M"), "1969-12");
    }

    #[test]
    fn dates_beyond_a_64_bit_year_are_exact() {
        assert_eq!(iso(i64::MAX, "Y"), "9223372036854777777");
        assert_eq!(iso(i64::MIN + 1, "D"), "-25252734927764585-06-08");
    }
}
