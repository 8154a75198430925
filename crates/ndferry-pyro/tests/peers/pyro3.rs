//! Pyro 3 on Python 2: its daemons are called, and its name server is asked where they are.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use ndferry_array::{Array, Dtype, Order};
use ndferry_pyro::{ErrorKind, ProxyOptions, Pyro3, Uri, Value};

use crate::{Running, same, script, with_our_daemon};

/// One that has Pyro 3.
fn python() -> Option<String> {
    let named = std::env::var("NDFERRY_PYRO_PEERS").unwrap_or_default();
    let mut named = named.split_whitespace();
    let python = named.find_map(|peer| peer.strip_prefix("pyro3="));
    if python.is_none() {
        println!("skipped: NDFERRY_PYRO_PEERS names no Python with Pyro 3");
    }
    python.map(str::to_owned)
}

/// A program that runs until the test is over; its first line that has this in it.
fn started(mut command: Command, says: &str) -> (Running, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let line = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains(says));
    // Nobody reads the rest, which is little.
    std::thread::spawn(move || lines.for_each(drop));
    (running, line.unwrap_or_else(|| panic!("{command:?}")))
}

fn daemon(python: &str, words: &[&str]) -> (Running, String) {
    let mut command = Command::new(python);
    command.arg(script("daemon3")).args(words);
    started(command, "PYRO://")
}

#[test]
fn objects_of_pyro_3_are_called() {
    let Some(python) = python() else {
        return;
    };
    for words in [&[][..], &["packed"], &["secret"]] {
        let (_running, said) = daemon(&python, words);
        let (uri, port) = said.split_once(' ').unwrap();
        let local = format!("PYROLOC://127.0.0.1:{port}/thing");
        let mut options = ProxyOptions::default();
        if words == ["secret"] {
            let refused = Pyro3::connect(&local.parse().unwrap(), &options).unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Refused(_)), "{refused}");
            options.key = Some(b"secret".to_vec());
        }
        let mut n = 0;
        for uri in [uri, &local] {
            let mut thing = Pyro3::connect(&uri.parse().unwrap(), &options).unwrap();
            n += checks(&mut thing);
        }
        let unknown = format!("PYROLOC://127.0.0.1:{port}/nothing");
        let unknown = Pyro3::connect(&unknown.parse().unwrap(), &options).unwrap_err();
        assert!(unknown.is_remote(), "{unknown}");
        println!("we call Pyro 3, {words:?}: {} checks", n + 1);
    }
    // A newer Pyro is told from it, and a name server is asked.
    let (mut options, name) = (
        ProxyOptions::default(),
        "PYRONAME://127.0.0.1:PORT/lab.thing",
    );
    options.exchange.timeout = Duration::from_secs(5);
    with_our_daemon(None, |place| {
        let Uri::Tcp { port, .. } = place() else {
            panic!("no port");
        };
        let name = name.replace("PORT", &port.to_string());
        assert!(Pyro3::connect(&name.parse().unwrap(), &options).is_err());
    });
}

#[test]
fn a_name_server_of_pyro_3_says_where_objects_are() {
    let Some(python) = python() else {
        return;
    };
    // It writes a file where it is started.
    let folder = tempfile::tempdir().unwrap();
    for ident in [None, Some("secret")] {
        let mut command = Command::new(&python);
        let words = "-u -m Pyro.naming -n 127.0.0.1 -p 0 -x -r";
        command.args(words.split(' ')).current_dir(folder.path());
        command.args(ident.map(|ident| ["-i", ident]).iter().flatten());
        let (_names, said) = started(command, "PYRO://");
        let place = said.split('/').nth(2).unwrap();
        let names = format!("names={place}");
        let mut words = vec![names.as_str()];
        words.extend(ident);
        let (_running, _) = daemon(&python, &words);

        let mut options = ProxyOptions::default();
        let connect = |name: &str, options: &ProxyOptions| {
            let uri = format!("PYRONAME://{place}/{name}");
            Pyro3::connect(&uri.parse().unwrap(), options)
        };
        if let Some(ident) = ident {
            let refused = connect("thing", &options).unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Refused(_)), "{refused}");
            options.key = Some(ident.into());
        }
        // In the group that names are in which say none, and in another.
        let mut n = 0;
        for name in ["thing", ":Default.thing", ":lab.thing"] {
            n += checks(&mut connect(name, &options).unwrap());
        }
        for name in ["nobody", ":lab.nobody", ":nowhere.thing"] {
            let unknown = connect(name, &options).unwrap_err();
            let ErrorKind::Remote(exception) = &unknown.kind else {
                panic!("{name}: {unknown}");
            };
            assert!(exception.is("NamingError"), "{name}: {unknown}");
            n += 1;
        }
        println!("we ask a name server of Pyro 3, identification {ident:?}: {n} checks");
    }
}

fn checks(thing: &mut Pyro3) -> usize {
    let mut done = 0;
    let mut echo = |value: Value| {
        let back = thing.call("echo", vec![value.clone()], Vec::new()).unwrap();
        assert!(same(&value, &back), "{value:?} {back:?}");
        done += 1;
    };
    for value in [
        Value::None,
        true.into(),
        1.into(),
        i64::MIN.into(),
        1.5.into(),
        "text \u{e4}\u{20ac}".into(),
        Value::Tuple(vec![
            "x".into(),
            Value::List(vec![Value::dict([("a", Value::None)])]),
        ]),
    ] {
        echo(value);
    }
    for dtype in [
        "?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "M8[s]", "V4",
    ] {
        let dtype = Dtype::parse(dtype).unwrap();
        let bytes: Vec<u8> = (0..6 * dtype.itemsize()).map(|i| (i % 2) as u8).collect();
        let array = Array::contiguous(dtype, &[2, 3], Order::C, bytes).unwrap();
        echo(array.clone().into());
        echo(array.reversed().into());
    }
    let large: Vec<u16> = (0..1 << 20).map(|i| (i % 1000) as u16).collect();
    let sum = large.iter().map(|n| i64::from(*n)).sum::<i64>();
    let large = Array::from_elements(&[1 << 20], &large).unwrap();
    let total = thing.call("total", vec![large.into()], Vec::new()).unwrap();
    assert_eq!(total.as_int(), Some(sum));
    let array = thing.call("array", vec!["<u2".into()], Vec::new()).unwrap();
    let array = array.to_array().unwrap().unwrap();
    assert_eq!(array.to_elements::<u16>().unwrap(), [0, 1, 2, 3, 4, 5]);
    let named = vec![("b".to_owned(), 5.into())];
    let sum = thing.call("add", vec![1.into()], named).unwrap();
    assert_eq!(sum.as_int(), Some(6));
    let error = thing
        .call("fail", vec!["wrong".into()], Vec::new())
        .unwrap_err();
    let ErrorKind::Remote(exception) = error.kind else {
        panic!("{error}");
    };
    assert!(exception.is("ValueError"));
    assert_eq!(exception.message(), "wrong, 7");
    assert!(exception.traceback().unwrap().contains("ValueError"));
    assert!(
        thing
            .call("missing", Vec::new(), Vec::new())
            .unwrap_err()
            .is_remote()
    );
    thing.set("value", 9.into()).unwrap();
    assert_eq!(thing.get("value").unwrap().as_int(), Some(9));
    done + 8
}
