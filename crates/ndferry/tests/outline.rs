//! The values of a pickle as a tree of lines.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{ErrorKind, OpenOptions, Opened, OutlineOptions, Values};

/// `numpy.arange(3, dtype='u1')`, in the memo as 9.
const ARRAY: &str = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntRp9\n\
    (I1\n(I3\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x01\\x02'\ntb";

fn values(pickle: &str) -> Values {
    let bytes = pickle.as_bytes().to_vec();
    match Opened::from_bytes("a.pkl", bytes.into(), &OpenOptions::default()).unwrap() {
        Opened::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

fn outline(pickle: &str, path: &str, change: impl Fn(&mut OutlineOptions)) -> String {
    let mut options = OutlineOptions::default();
    change(&mut options);
    let mut out = Vec::new();
    values(pickle)
        .write_outline(path, &mut out, &options)
        .unwrap();
    String::from_utf8(out).unwrap()
}

fn sample() -> String {
    format!(
        "(dS'a'\n{ARRAY}sS'b.c'\n(I1\nI2\nlsS'd'\n(dS'e'\ng9\nssS'f'\ncmylab\nScan\n)R}}S'x'\nNsbs."
    )
}

#[test]
fn containers_objects_and_arrays_are_shown_with_their_names() {
    let expected = "dict of 4\n\
        ├ a  uint8 (3,)  [0 1 2]\n\
        ├ b\\.c  [1, 2]\n\
        ├ d  dict of 1\n\
        │ └ e  uint8 (3,)  [0 1 2], shown above\n\
        └ f  mylab.Scan\n  └ x  None\n";
    assert_eq!(outline(&sample(), "", |_| {}), expected);
}

#[test]
fn a_path_leads_to_a_part() {
    assert_eq!(outline(&sample(), "b\\.c", |_| {}), "[1, 2]\n");
    assert_eq!(outline(&sample(), "d.e", |_| {}), "uint8 (3,)  [0 1 2]\n");
    assert_eq!(outline(&sample(), "f.x", |_| {}), "None\n");
    assert_eq!(outline("I1\n.I2\n.", "[1]", |_| {}), "2\n");
    assert_eq!(outline("I1\n.I2\n.", "", |_| {}), "[0]  1\n[1]  2\n");
    let mut out = Vec::new();
    let nowhere = values(&sample()).write_outline("d.x", &mut out, &OutlineOptions::default());
    assert!(matches!(
        nowhere.unwrap_err().kind(),
        ErrorKind::NoMember { .. }
    ));
}

#[test]
fn what_is_long_or_deep_is_left_out() {
    let long = format!("({}l.", "(I1\nl".repeat(50));
    let shown = outline(&long, "", |options| options.items = 3);
    assert_eq!(
        shown,
        "list of 50\n├ 0  [1]\n├ 1  [1]\n├ 2  [1]\n└ … and 47 more\n"
    );
    let shown = outline(&long, "", |options| options.lines = 2);
    assert_eq!(shown, "list of 50\n├ 0  [1]\n└ … and more\n");
    let deep = format!("{}{}.", "(".repeat(100_000), "l".repeat(100_000));
    assert!(outline(&deep, "", |_| {}).lines().count() < 20);
    let wide = outline(&format!("(lS'{}'\na.", "x".repeat(150)), "", |_| {});
    let line = wide.lines().nth(1).unwrap();
    assert_eq!(line.chars().count(), "└ 0  ".chars().count() + 60 + 1);
    assert!(line.ends_with('…'));
}

#[test]
fn what_holds_itself_is_shown_once() {
    assert_eq!(
        outline("(lp0\ng0\na.", "", |_| {}),
        "list of 1\n└ 0  list of 1, shown above\n"
    );
}

#[test]
fn control_characters_are_spelled_out() {
    let shown = outline("(dS'\\x1b[31m'\nS'\\x1b'\ns.", "", |_| {});
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
