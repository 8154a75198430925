//! The unit of `datetime64` and `timedelta64`.

use std::fmt;

use crate::Error;

/// The value that means *not a time*, in both dtypes.
pub const NAT: i64 = i64::MIN;

/// One tick of a `datetime64` or `timedelta64` (`numpy.datetime_data`): `multiple` times `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    /// The unit.
    pub unit: DateUnit,
    /// How many of it a tick is; at least 1.
    pub multiple: i32,
}

/// NumPy's date and time units, coarsest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DateUnit {
    /// `Y`
    Year,
    /// `M`
    Month,
    /// `W`
    Week,
    /// `D`
    Day,
    /// `h`
    Hour,
    /// `m`
    Minute,
    /// `s`
    Second,
    /// `ms`
    Millisecond,
    /// `us`
    Microsecond,
    /// `ns`
    Nanosecond,
    /// `ps`
    Picosecond,
    /// `fs`
    Femtosecond,
    /// `as`
    Attosecond,
    /// No unit: a bare `datetime64`.
    Generic,
}

impl DateUnit {
    /// All units and their NumPy codes; `generic` is the last.
    pub const ALL: [(DateUnit, &'static str); 14] = [
        (DateUnit::Year, "Y"),
        (DateUnit::Month, "M"),
        (DateUnit::Week, "W"),
        (DateUnit::Day, "D"),
        (DateUnit::Hour, "h"),
        (DateUnit::Minute, "m"),
        (DateUnit::Second, "s"),
        (DateUnit::Millisecond, "ms"),
        (DateUnit::Microsecond, "us"),
        (DateUnit::Nanosecond, "ns"),
        (DateUnit::Picosecond, "ps"),
        (DateUnit::Femtosecond, "fs"),
        (DateUnit::Attosecond, "as"),
        (DateUnit::Generic, "generic"),
    ];

    /// NumPy's code, e.g. `us`.
    pub fn code(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The unit with this code.
    ///
    /// # Errors
    /// [`Error::TimeUnit`] for any other text.
    pub fn parse(code: &str) -> Result<Self, Error> {
        let code = if code == "μs" || code == "µs" {
            "us"
        } else {
            code
        };
        Self::ALL
            .iter()
            .find(|(_, known)| *known == code)
            .map(|(unit, _)| *unit)
            .ok_or_else(|| Error::TimeUnit {
                text: code.to_owned(),
            })
    }
}

impl TimeUnit {
    /// No unit at all, as in a bare `datetime64`.
    pub const GENERIC: Self = Self {
        unit: DateUnit::Generic,
        multiple: 1,
    };

    /// `multiple` times `unit`.
    pub fn new(unit: DateUnit, multiple: i32) -> Self {
        Self { unit, multiple }
    }

    /// Parses what stands between the brackets of `M8[25us]`; `s/10` is turned to `100ms` as NumPy does.
    ///
    /// # Errors
    /// [`Error::TimeUnit`] if NumPy has no such unit.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error::TimeUnit {
            text: text.to_owned(),
        };
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = text.split_at(digits);
        let (code, divisor) = match rest.split_once('/') {
            Some((code, divisor)) => (code, divisor.parse::<i32>().map_err(|_| wrong())?),
            None => (rest, 1),
        };
        let multiple = if number.is_empty() {
            1
        } else {
            number.parse().map_err(|_| wrong())?
        };
        let unit = DateUnit::parse(code)?;
        if multiple < 1 || divisor < 1 || (unit == DateUnit::Generic && (digits > 0 || divisor > 1))
        {
            return Err(wrong());
        }
        Self { unit, multiple }.divided(divisor).ok_or_else(wrong)
    }

    /// A unit fine enough that `self / divisor` is a whole multiple of it.
    fn divided(self, divisor: i32) -> Option<Self> {
        if divisor == 1 {
            return Some(self);
        }
        // (unit, finer unit, how many), as numpy/_core/src/multiarray/datetime.c tries them.
        const STEPS: [(DateUnit, &[(DateUnit, i32)]); 12] = {
            use DateUnit::*;
            [
                (Year, &[(Month, 12), (Week, 52), (Day, 365)]),
                (Month, &[(Week, 4), (Day, 30), (Hour, 720)]),
                (Week, &[(Day, 7), (Hour, 168), (Minute, 10_080)]),
                (Day, &[(Hour, 24), (Minute, 1440), (Second, 86_400)]),
                (Hour, &[(Minute, 60), (Second, 3600)]),
                (Minute, &[(Second, 60), (Millisecond, 60_000)]),
                (Second, &[(Millisecond, 1000), (Microsecond, 1_000_000)]),
                (Millisecond, &[(Microsecond, 1000), (Nanosecond, 1_000_000)]),
                (Microsecond, &[(Nanosecond, 1000), (Picosecond, 1_000_000)]),
                (Nanosecond, &[(Picosecond, 1000), (Femtosecond, 1_000_000)]),
                (Picosecond, &[(Femtosecond, 1000), (Attosecond, 1_000_000)]),
                (Femtosecond, &[(Attosecond, 1000)]),
            ]
        };
        let (_, finer) = STEPS.iter().find(|(unit, _)| *unit == self.unit)?;
        let (unit, count) = finer.iter().find(|(_, count)| count % divisor == 0)?;
        Some(Self {
            unit: *unit,
            multiple: self.multiple.checked_mul(count / divisor)?,
        })
    }
}

impl fmt::Display for TimeUnit {
    /// With its brackets, as in `dtype.str`: `[25us]`; nothing for the generic unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.unit, self.multiple) {
            (DateUnit::Generic, _) => Ok(()),
            (unit, 1) => write!(f, "[{}]", unit.code()),
            (unit, multiple) => write!(f, "[{multiple}{}]", unit.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_print_as_numpy_prints_them() {
        for text in ["ns", "25us", "D", "7Y"] {
            assert_eq!(
                TimeUnit::parse(text).unwrap().to_string(),
                format!("[{text}]")
            );
        }
        assert_eq!(TimeUnit::parse("generic").unwrap().to_string(), "");
    }

    #[test]
    fn a_divisor_becomes_a_finer_unit() {
        assert_eq!(TimeUnit::parse("s/10").unwrap().to_string(), "[100ms]");
        assert_eq!(TimeUnit::parse("Y/4").unwrap().to_string(), "[3M]");
        assert_eq!(TimeUnit::parse("3D/48").unwrap().to_string(), "[90m]");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "x",
            "0s",
            "-1s",
            "s/0",
            "10generic",
            "s/7777",
            "99999999999s",
        ] {
            assert!(TimeUnit::parse(text).is_err(), "{text}");
        }
    }
}
