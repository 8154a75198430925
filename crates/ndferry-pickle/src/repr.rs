//! Python's `repr` of small values, for keys and messages.

use std::fmt::Write;

use crate::elements::Payload;
use crate::standard::{Date, Standard, Time, TimeDelta};
use crate::value::{Call, Id, Tree, Value};

/// How deep tuples are followed, and after how many bytes the rest is left out.
const DEPTH: usize = 8;
const NBYTES: usize = 200;

impl Tree {
    /// What Python would print for a value, shortened where it is long, nested deeply, or an object.
    pub fn repr(&self, id: Id) -> String {
        let mut out = Out::up_to(NBYTES);
        self.write_repr(id, DEPTH, &mut out);
        out.text
    }

    /// What Python prints for a value that is made of builtins and of what [`Standard`] knows; `None` if there is anything
    /// else in it, if it is nested deeply, and if that takes more than about `nbytes` bytes.
    pub fn whole_repr(&self, id: Id, nbytes: usize) -> Option<String> {
        let mut out = Out::up_to(nbytes);
        self.write_repr(id, DEPTH, &mut out);
        (!out.is_cut && !out.is_foreign).then_some(out.text)
    }

    fn write_repr(&self, id: Id, depth: usize, out: &mut Out) {
        if depth == 0 || out.is_full() {
            out.cut();
            return;
        }
        match self.get(id) {
            Value::None => out.push_str("None"),
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Int(value) => drop(write!(out, "{value}")),
            // Printing takes quadratic time.
            Value::BigInt(value) if value.bits() < 4096 => drop(write!(out, "{value}")),
            Value::Float(value) => out.push_str(&float_repr(value)),
            Value::Str(blob) => {
                let text = self.short(&blob, out);
                quote(&String::from_utf8_lossy(&text), out);
            }
            Value::Bytes(blob) | Value::ByteArray(blob) | Value::Py2Str(blob) => {
                let bytes = self.short(&blob, out);
                match self.get(id) {
                    Value::Py2Str(_) => quote_bytes("", &bytes, out),
                    Value::ByteArray(_) => {
                        out.push_str("bytearray(");
                        quote_bytes("b", &bytes, out);
                        out.push(')');
                    }
                    _ => quote_bytes("b", &bytes, out),
                }
            }
            Value::Tuple(items) => {
                out.push('(');
                self.write_items(items, depth, out);
                out.push_str(if items.len() == 1 { ",)" } else { ")" });
            }
            Value::FrozenSet([]) => out.push_str("frozenset()"),
            Value::FrozenSet(items) => {
                out.push_str("frozenset({");
                self.write_items(items, depth, out);
                out.push_str("})");
            }
            Value::Set([]) => out.push_str("set()"),
            Value::Set(items) => {
                out.push('{');
                self.write_items(items, depth, out);
                out.push('}');
            }
            Value::List(items) => {
                out.push('[');
                self.write_items(items, depth, out);
                out.push(']');
            }
            Value::Global(global) if matches!(self.standard(id), Ok(Some(_))) => {
                out.push_str(&global.name);
            }
            Value::Global(global) => {
                out.is_foreign = true;
                let _ = write!(out, "{}.{}", global.module, global.name);
            }
            Value::Dict(pairs) => self.write_pairs(pairs, depth, out),
            Value::Call(call) => {
                if let Ok(Some(standard)) = self.standard(id) {
                    return self.write_standard(call, &standard, depth, out);
                }
                // Bytes as protocols 0 to 2 spell them.
                if let Ok(Some(payload)) = Payload::of(self, id) {
                    return self.write_payload(&payload, out);
                }
                out.is_foreign = true;
                match self.global(call.function) {
                    Some((module, name)) => drop(write!(out, "{module}.{name}")),
                    None => out.push_str("object"),
                }
                match self.sequence(call.args) {
                    Some(args) => {
                        out.push('(');
                        self.write_items(args, depth, out);
                        out.push(')');
                    }
                    None => out.push_str("(…)"),
                }
            }
            Value::Persistent(of) => {
                out.is_foreign = true;
                out.push_str("persistent_load(");
                self.write_repr(of, depth - 1, out);
                out.push(')');
            }
            other => {
                out.is_foreign = true;
                let _ = write!(out, "<{}>", other.type_name());
            }
        }
    }

    fn write_items(&self, items: &[Id], depth: usize, out: &mut Out) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if out.is_full() {
                out.cut();
                return;
            }
            self.write_repr(*item, depth - 1, out);
        }
    }

    fn write_pairs(&self, pairs: &[(Id, Id)], depth: usize, out: &mut Out) {
        out.push('{');
        for (i, (key, value)) in pairs.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if out.is_full() {
                out.cut();
                break;
            }
            self.write_repr(*key, depth - 1, out);
            out.push_str(": ");
            self.write_repr(*value, depth - 1, out);
        }
        out.push('}');
    }

    fn write_standard(&self, call: &Call, standard: &Standard<'_>, depth: usize, out: &mut Out) {
        let class = self.global(call.function).map_or("", |(_, name)| name);
        let mut between = |before: &str, items: &[Id], after: &str| {
            out.push_str(before);
            self.write_items(items, depth, out);
            out.push_str(after);
        };
        match standard {
            Standard::Complex { re, im } => out.push_str(&complex_repr(*re, *im)),
            Standard::Bytes(payload) => self.write_payload(payload, out),
            Standard::ByteArray(payload) => {
                out.push_str("bytearray(");
                self.write_payload(payload, out);
                out.push(')');
            }
            Standard::Set([]) => out.push_str("set()"),
            Standard::Set(items) => between("{", items, "}"),
            Standard::FrozenSet([]) => out.push_str("frozenset()"),
            Standard::FrozenSet(items) => between("frozenset({", items, "})"),
            Standard::Range(parts) if self.int(parts[2]) == Some(1) => {
                between("range(", &parts[..2], ")");
            }
            Standard::Range(parts) => between("range(", parts, ")"),
            Standard::Slice(parts) => between("slice(", parts, ")"),
            Standard::Ellipsis => out.push_str("Ellipsis"),
            Standard::NotImplemented => out.push_str("NotImplemented"),
            Standard::Date(date) => {
                out.push_str(&format!("datetime.date({})", date_parts(date)));
            }
            Standard::Time(time, zone) => {
                out.push_str(&format!("datetime.time({}", time_parts(time)));
                self.write_zone(*zone, depth, out);
            }
            Standard::DateTime(date, time, zone) => {
                let (date, time) = (date_parts(date), time_parts(time));
                out.push_str(&format!("datetime.datetime({date}, {time}"));
                self.write_zone(*zone, depth, out);
            }
            Standard::TimeDelta(delta) => out.push_str(&delta_repr(delta)),
            Standard::TimeZone(delta) if delta_repr(delta).ends_with("(0)") => {
                out.push_str("datetime.timezone.utc");
            }
            Standard::TimeZone(delta) => {
                out.push_str(&format!("datetime.timezone({})", delta_repr(delta)));
            }
            Standard::Decimal(text) => drop(write!(out, "Decimal('{text}')")),
            Standard::Fraction(text) => match text.split_once('/') {
                Some((above, below)) => drop(write!(out, "Fraction({above}, {below})")),
                None => drop(write!(out, "Fraction({text}, 1)")),
            },
            Standard::Uuid(value) => {
                let digits = format!("{value:032x}");
                let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
                out.push_str(&format!("UUID('{}')", parts.join("-")));
            }
            Standard::Path(path) => {
                out.push_str(&format!("{class}("));
                quote(path, out);
                out.push(')');
            }
            Standard::OrderedDict(pairs) => {
                out.push_str("OrderedDict(");
                self.write_pairs(pairs, depth, out);
                out.push(')');
            }
            Standard::DefaultDict(factory, pairs) => {
                out.push_str("defaultdict(");
                match factory {
                    Some(factory) => self.write_repr(*factory, depth - 1, out),
                    None => out.push_str("None"),
                }
                out.push_str(", ");
                self.write_pairs(pairs, depth, out);
                out.push(')');
            }
            Standard::Counter(pairs) => {
                out.push_str("Counter(");
                self.write_pairs(pairs, depth, out);
                out.push(')');
            }
            Standard::Deque(items, limit) => {
                between("deque([", items, "]");
                if let Some(limit) = limit {
                    out.push_str(", maxlen=");
                    self.write_repr(*limit, depth - 1, out);
                }
                out.push(')');
            }
        }
    }

    fn write_zone(&self, zone: Option<Id>, depth: usize, out: &mut Out) {
        if let Some(zone) = zone {
            out.push_str(", tzinfo=");
            self.write_repr(zone, depth - 1, out);
        }
        out.push(')');
    }

    fn write_payload(&self, payload: &Payload, out: &mut Out) {
        let is_long = payload.nbytes() > 1 << 16;
        let most = out.most;
        match payload.cow(self) {
            Ok(bytes) if !is_long => {
                out.is_cut |= bytes.len() > most;
                quote_bytes("b", &bytes[..bytes.len().min(most)], out);
            }
            _ => {
                out.is_cut = true;
                out.push_str("b'…'");
            }
        }
    }

    fn short(&self, blob: &crate::Blob, out: &mut Out) -> Vec<u8> {
        let nbytes = blob.nbytes().min(out.most as u64);
        out.is_cut |= nbytes < blob.nbytes();
        self.part(blob, 0..nbytes)
            .map(|bytes| bytes.into_owned())
            .unwrap_or_default()
    }
}

/// The text that is made, and whether it says all.
struct Out {
    text: String,
    /// Bytes after which the rest is left out.
    most: usize,
    is_cut: bool,
    /// Whether something in it is not printed as Python would.
    is_foreign: bool,
}

impl Out {
    fn up_to(most: usize) -> Self {
        Self {
            text: String::new(),
            most,
            is_cut: false,
            is_foreign: false,
        }
    }

    fn is_full(&self) -> bool {
        self.text.len() > self.most
    }

    fn cut(&mut self) {
        self.is_cut = true;
        self.text.push('…');
    }
}

impl std::ops::Deref for Out {
    type Target = String;

    fn deref(&self) -> &String {
        &self.text
    }
}

impl std::ops::DerefMut for Out {
    fn deref_mut(&mut self) -> &mut String {
        &mut self.text
    }
}

fn date_parts(date: &Date) -> String {
    format!("{}, {}, {}", date.year, date.month, date.day)
}

/// As Python prints them: seconds only if there are any.
fn time_parts(time: &Time) -> String {
    let mut out = format!("{}, {}", time.hour, time.minute);
    if time.second != 0 || time.microsecond != 0 {
        out.push_str(&format!(", {}", time.second));
    }
    if time.microsecond != 0 {
        out.push_str(&format!(", {}", time.microsecond));
    }
    if time.fold {
        out.push_str(", fold=1");
    }
    out
}

fn delta_repr(delta: &TimeDelta) -> String {
    let parts = [
        ("days", delta.days),
        ("seconds", delta.seconds),
        ("microseconds", delta.microseconds),
    ];
    let parts = parts.iter().filter(|(_, value)| *value != 0);
    let parts: Vec<String> = parts
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match &parts[..] {
        [] => "datetime.timedelta(0)".to_owned(),
        parts => format!("datetime.timedelta({})", parts.join(", ")),
    }
}

fn complex_repr(re: f64, im: f64) -> String {
    let part = |value: f64| {
        let text = float_repr(value);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(im));
    }
    let sign = if im.is_nan() || !part(im).starts_with('-') {
        "+"
    } else {
        ""
    };
    format!("({}{sign}{}j)", part(re), part(im))
}

fn quote_bytes(prefix: &str, bytes: &[u8], out: &mut String) {
    let has = |quote| bytes.contains(&quote);
    let quote = match has(b'\'') && !has(b'"') {
        true => b'"',
        false => b'\'',
    };
    out.push_str(prefix);
    out.push(char::from(quote));
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            byte if *byte == quote => out.extend(['\\', char::from(quote)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out.push(char::from(quote));
}

fn quote(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => drop(write!(out, "\\{c}")),
            c if c.is_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// As Python prints it: shortest digits that come back the same, exponents from 1e16 on and below 1e-4.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (value, expected) in [
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
            (3.0, "3.0"),
        ] {
            assert_eq!(float_repr(value), expected);
        }
    }

    #[test]
    fn what_is_not_said_whole_or_is_no_builtin_has_no_whole_text() {
        let whole = |pickle: &'static [u8], nbytes| {
            let mut machine = crate::Machine::new(bytes::Bytes::from_static(pickle));
            let root = machine.load().unwrap();
            machine.into_tree().whole_repr(root, nbytes)
        };
        let text = Some("['it', 2]".to_owned());
        assert_eq!(whole(b"(lVit\naI2\na.", 100), text);
        assert_eq!(whole(b"(lVit\naI2\na.", 1), None);
        assert_eq!(whole(b"(lcos\nsystem\na.", 100), None);
        let bytes = b"c_codecs\nencode\n(Vit's\nVlatin1\ntR.";
        assert_eq!(whole(bytes, 100), Some("b\"it's\"".to_owned()));
    }

    #[test]
    fn what_python_s_library_pickles_is_printed_as_python_does() {
        for (pickle, expected) in [
            (
                &b"\x80\x02cdatetime\ndatetime\nU\n\x07\xda\x0b\x18\x11\x008\x01\xe2@\x85R."[..],
                "datetime.datetime(2010, 11, 24, 17, 0, 56, 123456)",
            ),
            (
                b"\x80\x02cdatetime\ndate\nU\x04\x07\xda\x0b\x1d\x85R.",
                "datetime.date(2010, 11, 29)",
            ),
            (
                b"\x80\x02cdatetime\ntimedelta\nK\x03K\x00K\x05\x87R.",
                "datetime.timedelta(days=3, microseconds=5)",
            ),
            (b"cdecimal\nDecimal\n(V1.50\ntR.", "Decimal('1.50')"),
            (b"cfractions\nFraction\n(I1\nI3\ntR.", "Fraction(1, 3)"),
            (b"c__builtin__\ncomplex\n(F1.5\nF-2\ntR.", "(1.5-2j)"),
            (b"c__builtin__\nxrange\n(I1\nI9\nI1\ntR.", "range(1, 9)"),
            (b"c__builtin__\nset\n((lp0\nI4\naI5\natR.", "{4, 5}"),
            (b"c__builtin__\nEllipsis\n.", "Ellipsis"),
            (
                b"cpathlib\nPurePosixPath\n(V/\nVa\nVb.npy\ntR.",
                "PurePosixPath('/a/b.npy')",
            ),
            (
                b"ccollections\ndeque\n((lI5\ntRI1\naI2\na.",
                "deque([1, 2], maxlen=5)",
            ),
            (
                b"ccollections\nOrderedDict\n(tRVz\nI1\ns.",
                "OrderedDict({'z': 1})",
            ),
            (b"(dI1\nc_codecs\nencode\n(Va\nVlatin1\ntRs.", "{1: b'a'}"),
            // Not as Python writes it: what it was made of.
            (b"cdatetime\ndate\n(Vabcde\ntR.", "datetime.date('abcde')"),
            (b"cdatetime\ntimedelta\n(NtR.", "datetime.timedelta(None)"),
        ] {
            let mut machine = crate::Machine::new(pickle);
            let root = machine.load().unwrap();
            assert_eq!(machine.tree().repr(root), expected);
        }
    }

    #[test]
    fn reprs_are_short_whatever_is_in_them() {
        // 40 tuples, each holding the one before twice.
        let mut pickle = b"\x80\x02)".to_vec();
        for _ in 0..40 {
            pickle.extend_from_slice(b"2\x86");
        }
        pickle.push(b'.');
        let mut machine = crate::Machine::new(pickle);
        let root = machine.load().unwrap();
        assert!(machine.tree().repr(root).len() < 1000);
    }
}
