//! [`Standard`]: what Python's standard library pickles as calls, as what it is.

use std::borrow::Cow;
use std::fmt;

use crate::Result;
use crate::elements::Payload;
use crate::value::{Call, Id, Tree, Value};

/// An object of Python's standard library. What does not look as Python writes it stays a [`Call`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Standard<'t> {
    /// `complex`
    Complex {
        /// Its real part.
        re: f64,
        /// Its imaginary part.
        im: f64,
    },
    /// `bytes`, as Python 3 spells them before protocol 3.
    Bytes(Payload),
    /// `bytearray`, before protocol 5.
    ByteArray(Payload),
    /// `set`, before protocol 4.
    Set(&'t [Id]),
    /// `frozenset`, before protocol 4.
    FrozenSet(&'t [Id]),
    /// `range`, of Python 2 `xrange`: start, stop, step.
    Range([Id; 3]),
    /// `slice`: start, stop, step.
    Slice([Id; 3]),
    /// `Ellipsis`
    Ellipsis,
    /// `NotImplemented`
    NotImplemented,
    /// `datetime.date`
    Date(Date),
    /// `datetime.time`, and its `tzinfo`.
    Time(Time, Option<Id>),
    /// `datetime.datetime`, and its `tzinfo`.
    DateTime(Date, Time, Option<Id>),
    /// `datetime.timedelta`
    TimeDelta(TimeDelta),
    /// `datetime.timezone`: how far it is from UTC.
    TimeZone(TimeDelta),
    /// `decimal.Decimal`, as Python prints it.
    Decimal(Cow<'t, str>),
    /// `fractions.Fraction`: `1/3`, or `3` for whole numbers.
    Fraction(String),
    /// `uuid.UUID`
    Uuid(u128),
    /// A path of `pathlib`, its parts joined.
    Path(String),
    /// `collections.OrderedDict`, in its order.
    OrderedDict(Cow<'t, [(Id, Id)]>),
    /// `collections.defaultdict`: what makes new values, and the pairs.
    DefaultDict(Option<Id>, &'t [(Id, Id)]),
    /// `collections.Counter`
    Counter(&'t [(Id, Id)]),
    /// `collections.deque`, and how many items it may have.
    Deque(&'t [Id], Option<Id>),
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Time {
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
    /// Whether it is the second of two equal ones, when clocks are put back.
    pub fold: bool,
}

/// A span of time: the sum of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct TimeDelta {
    pub days: i64,
    pub seconds: i64,
    pub microseconds: i64,
}

impl fmt::Display for Date {
    /// As `isoformat()`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Time {
    /// As `isoformat()`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        match self.microsecond {
            0 => Ok(()),
            n => write!(f, ".{n:06}"),
        }
    }
}

impl TimeDelta {
    /// An offset from UTC, as `isoformat()` appends it.
    pub fn utc_offset(&self) -> Option<String> {
        let seconds = self.days.checked_mul(86_400)?.checked_add(self.seconds)?;
        let (sign, n) = if seconds < 0 {
            ('-', -seconds)
        } else {
            ('+', seconds)
        };
        if n >= 86_400 || self.microseconds != 0 {
            return None;
        }
        let text = format!("{sign}{:02}:{:02}", n / 3600, n / 60 % 60);
        Some(match n % 60 {
            0 => text,
            s => format!("{text}:{s:02}"),
        })
    }
}

impl Tree {
    /// The object of the standard library that a value is, if it is one that Python pickles as a call or by name.
    ///
    /// # Errors
    /// Reading the input.
    pub fn standard(&self, id: Id) -> Result<Option<Standard<'_>>> {
        if let Some((module, name)) = self.global(id) {
            return Ok(match (module, name) {
                ("builtins" | "__builtin__", "Ellipsis") => Some(Standard::Ellipsis),
                ("builtins" | "__builtin__", "NotImplemented") => Some(Standard::NotImplemented),
                _ => None,
            });
        }
        let Some((call, (module, name), args)) = self.call(id) else {
            return Ok(None);
        };
        match module {
            "builtins" | "__builtin__" => self.builtin(id, name, args),
            "datetime" => self.time(name, args),
            "collections" => Ok(self.collection(call, name, args)),
            "decimal" | "_decimal" | "_pydecimal" if name == "Decimal" => {
                let [text] = args else { return Ok(None) };
                Ok(self.name(*text)?.map(Standard::Decimal))
            }
            "fractions" if name == "Fraction" => self.fraction(args),
            "uuid" | "copyreg" | "copy_reg" => self.uuid(call, module, name, args),
            "pathlib" | "pathlib._local" => self.path(name, args),
            _ => Ok(None),
        }
    }

    fn builtin(&self, id: Id, name: &str, args: &[Id]) -> Result<Option<Standard<'_>>> {
        Ok(match (name, args) {
            ("complex", [re, im]) => match (self.get(*re), self.get(*im)) {
                (Value::Float(re), Value::Float(im)) => Some(Standard::Complex { re, im }),
                _ => None,
            },
            ("bytes", _) => Payload::of(self, id)?.map(Standard::Bytes),
            ("bytearray", _) => Payload::of(self, id)?.map(Standard::ByteArray),
            ("set", [items]) => self.sequence(*items).map(Standard::Set),
            ("set", []) => Some(Standard::Set(&[])),
            ("frozenset", [items]) => self.sequence(*items).map(Standard::FrozenSet),
            ("frozenset", []) => Some(Standard::FrozenSet(&[])),
            ("range" | "xrange", [start, stop, step]) => {
                Some(Standard::Range([*start, *stop, *step]))
            }
            ("slice", [start, stop, step]) => Some(Standard::Slice([*start, *stop, *step])),
            _ => None,
        })
    }

    /// `Modules/_datetimemodule.c`: the parts of dates and times are bytes, most significant first.
    fn time(&self, name: &str, args: &[Id]) -> Result<Option<Standard<'_>>> {
        if let ("timedelta", [days, seconds, microseconds]) = (name, args) {
            let parts = (self.int(*days), self.int(*seconds), self.int(*microseconds));
            let (Some(days), Some(seconds), Some(microseconds)) = parts else {
                return Ok(None);
            };
            return Ok(Some(Standard::TimeDelta(TimeDelta {
                days,
                seconds,
                microseconds,
            })));
        }
        let [first, rest @ ..] = args else {
            return Ok(None);
        };
        if name == "timezone" {
            return Ok(match self.standard(*first)? {
                Some(Standard::TimeDelta(offset)) => Some(Standard::TimeZone(offset)),
                _ => None,
            });
        }
        let payload = Payload::of(self, *first)?.filter(|payload| payload.nbytes() <= 10);
        let (Some(payload), [] | [_]) = (payload, rest) else {
            return Ok(None);
        };
        let zone = rest.first().copied();
        let bytes = payload.cow(self)?;
        Ok(match (name, &*bytes) {
            ("date", [y0, y1, month, day]) => date([*y0, *y1, *month, *day]).map(Standard::Date),
            // The second of two equal times is told by a bit of the first byte, or of the month.
            ("time", [hour, rest @ ..]) => {
                clock(*hour & 0x7f, rest, *hour >= 0x80).map(|time| Standard::Time(time, zone))
            }
            ("datetime", [y0, y1, month, day, hour, rest @ ..]) => {
                let date = date([*y0, *y1, *month & 0x7f, *day]);
                let time = clock(*hour, rest, *month >= 0x80);
                date.zip(time)
                    .map(|(date, time)| Standard::DateTime(date, time, zone))
            }
            _ => None,
        })
    }

    fn collection<'t>(&'t self, call: &'t Call, name: &str, args: &[Id]) -> Option<Standard<'t>> {
        match (name, args) {
            ("OrderedDict", []) => Some(Standard::OrderedDict(Cow::Borrowed(call.pairs()))),
            // Python 2: a list of lists of two.
            ("OrderedDict", [pairs]) => {
                let pairs =
                    self.sequence(*pairs)?
                        .iter()
                        .map(|pair| match self.sequence(*pair)? {
                            [key, value] => Some((*key, *value)),
                            _ => None,
                        });
                let pairs: Option<Vec<_>> = pairs.collect();
                pairs.map(|pairs| Standard::OrderedDict(Cow::Owned(pairs)))
            }
            ("defaultdict", []) => Some(Standard::DefaultDict(None, call.pairs())),
            ("defaultdict", [factory]) => Some(Standard::DefaultDict(Some(*factory), call.pairs())),
            ("Counter", [counts]) => match self.get(*counts) {
                Value::Dict(pairs) => Some(Standard::Counter(pairs)),
                _ => None,
            },
            ("deque", []) => Some(Standard::Deque(call.items(), None)),
            ("deque", [items, rest @ ..]) if rest.len() < 2 => {
                let given = match self.get(*items) {
                    Value::List(items) | Value::Tuple(items) => items,
                    _ => return None,
                };
                let items = if given.is_empty() {
                    call.items()
                } else {
                    given
                };
                let limit = rest.first().copied();
                let limit = limit.filter(|limit| !matches!(self.get(*limit), Value::None));
                Some(Standard::Deque(items, limit))
            }
            _ => None,
        }
    }

    fn fraction(&self, args: &[Id]) -> Result<Option<Standard<'_>>> {
        Ok(match args {
            [text] => self
                .name(*text)?
                .map(|text| Standard::Fraction(text.into_owned())),
            [numerator, denominator] => {
                let is_int = |id: Id| matches!(self.get(id), Value::Int(_) | Value::BigInt(_));
                let parts = [*numerator, *denominator];
                let text = parts.map(|part| self.repr(part));
                let text = match self.int(*denominator) {
                    Some(1) => text[0].clone(),
                    _ => text.join("/"),
                };
                parts
                    .into_iter()
                    .all(is_int)
                    .then_some(Standard::Fraction(text))
            }
            _ => None,
        })
    }

    /// An object without arguments, whose state has a number.
    fn uuid(
        &self,
        call: &Call,
        module: &str,
        name: &str,
        args: &[Id],
    ) -> Result<Option<Standard<'_>>> {
        let class = match (module, name, args) {
            ("uuid", "UUID", []) => Some((module, name)),
            (_, "_reconstructor", [class, ..]) => self.global(*class),
            _ => None,
        };
        let (Some(("uuid", "UUID")), Some(state)) = (class, call.state()) else {
            return Ok(None);
        };
        let Value::Dict(pairs) = self.get(state) else {
            return Ok(None);
        };
        for (key, value) in pairs.iter().take(8) {
            if self.name(*key)?.as_deref() == Some("int") {
                let number = match self.get(*value) {
                    Value::BigInt(value) => u128::try_from(value).ok(),
                    Value::Int(value) => u128::try_from(value).ok(),
                    _ => None,
                };
                return Ok(number.map(Standard::Uuid));
            }
        }
        Ok(None)
    }

    fn path(&self, name: &str, args: &[Id]) -> Result<Option<Standard<'_>>> {
        let separator = match name {
            "PurePosixPath" | "PosixPath" | "PurePath" | "Path" => '/',
            "PureWindowsPath" | "WindowsPath" => '\\',
            _ => return Ok(None),
        };
        let mut out = String::new();
        for part in args {
            let Some(part) = self.name(*part)? else {
                return Ok(None);
            };
            if !out.is_empty() && !out.ends_with(separator) {
                out.push(separator);
            }
            out.push_str(&part);
        }
        Ok(Some(Standard::Path(if out.is_empty() {
            ".".to_owned()
        } else {
            out
        })))
    }
}

fn date([y0, y1, month, day]: [u8; 4]) -> Option<Date> {
    let year = u16::from_be_bytes([y0, y1]);
    let fits = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then_some(Date { year, month, day })
}

fn clock(hour: u8, rest: &[u8], fold: bool) -> Option<Time> {
    let [minute, second, u0, u1, u2] = *rest else {
        return None;
    };
    let microsecond = u32::from_be_bytes([0, u0, u1, u2]);
    let fits = hour < 24 && minute < 60 && second < 60 && microsecond < 1_000_000;
    fits.then_some(Time {
        hour,
        minute,
        second,
        microsecond,
        fold,
    })
}
