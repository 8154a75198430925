//! What real Pyros wrote, and what we make of it: `make_bodies.py` wrote the lines of `bodies.txt`.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use ndferry_array::{Array, ByteOrder, Order};
use ndferry_pyro::{
    ArraysAs, Decoding, Dialect, Encoding, ErrorKind, Exception, Limits, Serializer, Value,
};

struct Line {
    dialect: Dialect,
    is_python2: bool,
    serializer: Serializer,
    told: String,
    data: Bytes,
}

fn lines() -> Vec<Line> {
    let lines = include_str!("bodies.txt").lines();
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split(' ').collect();
            let [dialect, python, serializer, told, data] = parts[..] else {
                panic!("{line}");
            };
            Line {
                dialect: match dialect {
                    "pyro4" => Dialect::Pyro4,
                    _ => Dialect::Pyro5,
                },
                is_python2: python.starts_with('2'),
                serializer: Serializer::of_name(serializer).unwrap(),
                told: told.to_owned(),
                data: unhex(data),
            }
        })
        .collect()
}

fn unhex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn joined(items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(tell).collect();
    items.join(",")
}

fn pairs(pairs: &[(Value, Value)]) -> String {
    // Of equal keys the last counts.
    let mut told: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}:{}", tell(key), tell(value)))
        .collect();
    told.sort();
    format!("{{{}}}", told.join(","))
}

fn array(letter: char, array: &Array) -> String {
    let shape: Vec<String> = array.shape().iter().map(ToString::to_string).collect();
    let array = array.view().to_byteorder(ByteOrder::Little).unwrap();
    let bytes = array.view().to_bytes(Order::C).unwrap();
    let dtype = array.dtype().str();
    format!("{letter}{dtype}/{}/{}", shape.join("."), hex(bytes))
}

/// The same words as in `make_bodies.py`.
fn tell(value: &Value) -> String {
    match value {
        Value::None => "N".to_owned(),
        Value::Bool(value) => if *value { "T" } else { "F" }.to_owned(),
        Value::Int(value) => format!("i{value}"),
        Value::BigInt(value) => format!("i{value}"),
        Value::Float(value) if value.is_nan() => "fnan".to_owned(),
        Value::Float(value) => format!("f{}", hex(value.to_be_bytes())),
        Value::Complex(re, im) => format!("c{}{}", hex(re.to_be_bytes()), hex(im.to_be_bytes())),
        Value::Str(text) => format!("s{}", hex(text)),
        Value::Bytes(bytes) => format!("b{}", hex(bytes)),
        Value::Py2Str(bytes) => format!("p{}", hex(bytes)),
        Value::List(items) => format!("[{}]", joined(items)),
        Value::Tuple(items) => format!("({})", joined(items)),
        Value::Set(items) => {
            let mut items: Vec<String> = items.iter().map(tell).collect();
            items.sort();
            format!("<{}>", items.join(","))
        }
        Value::Dict(of) => pairs(of),
        Value::Array(of) => array('a', of),
        Value::Scalar(of) => array('n', of),
        Value::Uri(uri) => format!("u{uri}"),
        Value::Exception(of) => {
            format!(
                "x{}[{}]{}",
                of.class,
                joined(&of.args),
                pairs(&of.attributes)
            )
        }
        other => format!("?{other:?}"),
    }
}

fn read(line: &Line) -> Value {
    let mut decoding = Decoding::new(line.serializer, Limits::default());
    decoding.python2 = line.is_python2;
    let value = decoding.value(&line.data).unwrap();
    match (line.told.starts_with('x'), line.serializer) {
        // In pickles, only the message says that it is one.
        (true, Serializer::Pickle) => decoding.exception(&line.data).unwrap().into(),
        _ => value,
    }
}

#[test]
fn what_pyros_wrote_is_read_as_they_read_it() {
    let lines = lines();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(&lines) {
        let told = tell(&read(line));
        // Texts that serpent of Python 2 wrote as `str` are texts to us.
        let expected = match (line.is_python2, line.serializer) {
            (true, Serializer::Serpent) => line.told.replace('p', "s"),
            _ => line.told.clone(),
        };
        if told.replace('p', "s") != expected.replace('p', "s")
            || !line.is_python2 && told != expected
        {
            wrong.push(format!(
                "line {number}: {}\n  is   {told}\n  is not {expected}",
                line.serializer
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} bodies of real Pyros", lines.len());
    assert!(lines.len() > 200);
}

#[test]
fn what_we_write_of_it_means_the_same() {
    let mut done = 0;
    for line in lines() {
        let value = read(&line);
        let mut encoding = Encoding::new(line.dialect, line.serializer);
        encoding.learn(&line.data, &value);
        let body = encoding.value(&value).unwrap().to_bytes();
        let mut decoding = Decoding::new(line.serializer, Limits::default());
        decoding.python2 = line.is_python2;
        let back = match (line.told.starts_with('x'), line.serializer) {
            (true, Serializer::Pickle) => decoding.exception(&body).unwrap().into(),
            _ => decoding.value(&body).unwrap(),
        };
        let (told, expected) = (tell(&back), tell(&value));
        // A set that is empty has no literal.
        assert_eq!(
            told.replace('p', "s"),
            expected.replace('p', "s"),
            "{}",
            line.serializer
        );
        done += 1;
    }
    println!("{done} bodies written again");
}

#[test]
fn bodies_cut_or_changed_anywhere_are_errors_or_values() {
    let (mut errors, mut values) = (0, 0);
    for line in lines() {
        let decoding = Decoding::new(line.serializer, Limits::default());
        for end in 0..line.data.len() {
            match decoding.value(&line.data.slice(..end)) {
                Ok(_) => values += 1,
                Err(_) => errors += 1,
            }
        }
        for at in 0..line.data.len().min(400) {
            let mut data = line.data.to_vec();
            for bit in 0..8 {
                data[at] ^= 1 << bit;
                match decoding.value(&data.clone().into()) {
                    Ok(_) => values += 1,
                    Err(_) => errors += 1,
                }
                data[at] ^= 1 << bit;
            }
        }
    }
    println!("{errors} errors, {values} values, no panic");
    assert!(errors > 10_000);
}

const TEXTUAL: [(Dialect, Serializer); 5] = [
    (Dialect::Pyro4, Serializer::Pickle),
    (Dialect::Pyro5, Serializer::Serpent),
    (Dialect::Pyro5, Serializer::Marshal),
    (Dialect::Pyro5, Serializer::Msgpack),
    (Dialect::Pyro5, Serializer::Json),
];

#[test]
fn calls_come_back_with_their_arguments() {
    for (dialect, serializer) in TEXTUAL {
        let call = ndferry_pyro::Call {
            object: "camera".to_owned(),
            method: "snap".to_owned(),
            args: vec![1.into(), "x".into()],
            kwargs: vec![("exposure".to_owned(), 0.5.into())],
        };
        let body = Encoding::new(dialect, serializer).call(&call).unwrap();
        let decoding = Decoding::new(serializer, Limits::default());
        let back = decoding.call(&body.to_bytes()).unwrap();
        assert_eq!((back.object, back.method), (call.object, call.method));
        assert_eq!(joined(&back.args), joined(&call.args));
        assert_eq!((back.kwargs.len(), &*back.kwargs[0].0), (1, "exposure"));
    }
}

#[test]
fn arrays_go_as_npy_or_lists_where_they_are_not_known() {
    let array = Array::from_elements(&[2, 2], &[1u16, 2, 3, 4]).unwrap();
    for (dialect, serializer) in TEXTUAL {
        let mut encoding = Encoding::new(dialect, serializer);
        let decoding = Decoding::new(serializer, Limits::default());
        let body = encoding.value(&array.clone().into()).unwrap();
        let back = decoding.value(&body.to_bytes()).unwrap();
        match serializer {
            Serializer::Json => assert_eq!(tell(&back), "[[i1,i2],[i3,i4]]"),
            _ => {
                let back = back.to_array().unwrap().unwrap();
                assert_eq!(back.dtype().str(), "<u2");
                assert_eq!(back.to_elements::<u16>().unwrap(), [1, 2, 3, 4]);
            }
        }
        encoding.arrays = ArraysAs::Lists;
        if serializer != Serializer::Pickle {
            let body = encoding.value(&array.clone().into()).unwrap();
            let back = decoding.value(&body.to_bytes()).unwrap();
            assert_eq!(tell(&back), "[[i1,i2],[i3,i4]]");
        }
    }
}

#[test]
fn large_arrays_are_not_copied_on_their_way() {
    let array = Array::from_elements(&[1 << 20], &vec![7u16; 1 << 20]).unwrap();
    let start = array.bytes().as_ptr();
    let mut encoding = Encoding::new(Dialect::Pyro4, Serializer::Pickle);
    encoding.protocol = 4;
    let body = encoding.value(&array.into()).unwrap();
    let shared: usize = body
        .shared()
        .unwrap()
        .iter()
        .filter(|part| {
            let at = (part.as_ptr() as usize).wrapping_sub(start as usize);
            at < 2 << 20
        })
        .map(Bytes::len)
        .sum();
    assert_eq!(shared, 2 << 20);
    let data = body.to_bytes();
    let decoding = Decoding::new(Serializer::Pickle, Limits::default());
    let Value::Array(back) = decoding.value(&data).unwrap() else {
        panic!("no array");
    };
    assert!(data.as_ptr_range().contains(&back.bytes().as_ptr()));
}

#[test]
fn what_a_serializer_cannot_say_is_an_error() {
    let json = Encoding::new(Dialect::Pyro5, Serializer::Json);
    let odd_key = Value::Dict(vec![(1.into(), 2.into())]);
    let bytes = Value::Bytes(Bytes::from_static(b"x"));
    for value in [bytes, Value::Complex(1.0, 2.0), odd_key] {
        let error = json.value(&value).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unsayable { .. }), "{error}");
    }
    let global = Value::Global("os".into(), "system".into());
    for (dialect, serializer) in TEXTUAL.into_iter().skip(1) {
        assert!(Encoding::new(dialect, serializer).value(&global).is_err());
    }
}

#[test]
fn a_pickle_that_would_run_a_program_is_data() {
    let hostile = Bytes::from_static(b"cos\nsystem\n(S'touch /tmp/never'\ntR.");
    let decoding = Decoding::new(Serializer::Pickle, Limits::default());
    let Value::Object(object) = decoding.value(&hostile).unwrap() else {
        panic!("no object");
    };
    let Value::Global(module, name) = &object.function else {
        panic!("no name");
    };
    assert_eq!((&**module, &**name), ("os", "system"));
}

#[test]
fn bombs_are_limits() {
    let deep = |open: &[u8], close: &[u8], n: usize| {
        Bytes::from([open.repeat(n), close.repeat(n)].concat())
    };
    let bombs = [
        (Serializer::Json, deep(b"[", b"]", 100_000)),
        (Serializer::Serpent, deep(b"(", b",)", 100_000)),
        (Serializer::Serpent, deep(b"{1:", b"}", 100_000)),
        (Serializer::Msgpack, deep(b"\x91", b"", 100_000)),
        (Serializer::Marshal, deep(b"[\x01\0\0\0", b"", 100_000)),
        (
            Serializer::Pickle,
            deep(b"]", b"a", 100_000)
                .iter()
                .copied()
                .chain(*b".")
                .collect(),
        ),
        (Serializer::Json, "9".repeat(1 << 20).into()),
        (Serializer::Serpent, "9".repeat(1 << 20).into()),
        // Each list holds the one before twice.
        (Serializer::Pickle, {
            let mut doubling = b"]q\0".to_vec();
            for n in 0..40u8 {
                doubling.extend([b']', b'q', n + 1, b'(', b'h', n, b'h', n, b'e']);
            }
            doubling.push(b'.');
            doubling.into()
        }),
    ];
    for (number, (serializer, data)) in bombs.into_iter().enumerate() {
        let error = Decoding::new(serializer, Limits::default())
            .value(&data)
            .unwrap_err();
        let is_limit = matches!(error.kind, ErrorKind::Limit { .. });
        // The pickle leaves its lists on the stack, which is an error of its own.
        assert!(
            is_limit || matches!(error.kind, ErrorKind::Pickle(_)),
            "{number}: {error}"
        );
    }
    for lie in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xc6\xff\xff\xff\xffab",
        b"\xdf\x7f\0\0\0",
    ] {
        let decoding = Decoding::new(Serializer::Msgpack, Limits::default());
        let error = decoding.value(&Bytes::copy_from_slice(lie)).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Truncated { .. }), "{error}");
    }
    for lie in [
        &b"[\xff\xff\xff\x7f"[..],
        b"s\xff\xff\xff\x7fab",
        b"(\xff\xff\xff\xff",
        b"l\0\0\0\x80",
    ] {
        let decoding = Decoding::new(Serializer::Marshal, Limits::default());
        assert!(decoding.value(&Bytes::copy_from_slice(lie)).is_err());
    }
}

#[test]
fn exceptions_print_as_python_prints_them() {
    let error = Exception::new("builtins.ValueError", "wrong");
    assert_eq!(error.to_string(), "ValueError: wrong");
    let error = Exception {
        class: "Pyro4.errors.NamingError".to_owned(),
        ..Exception::default()
    };
    assert_eq!(error.to_string(), "Pyro4.errors.NamingError");
}
