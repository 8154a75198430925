//! States of dtypes and arrays that NumPy never writes and that crash it, or make it read what is not there, where it
//! does not refuse them. `check` has to stand before `numpy.load`: none passes, and each is told with its byte.
//!
//! Sources: NumPy's issues 2401, 2865, 10440, 13593, 14834, 21009, 28316, 30476, and reading `descriptor.c`,
//! `methods.c` and `multiarraymodule.c`.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{CheckOptions, Finding, Problem, check_bytes};

fn check(pickle: &str) -> Finding {
    // Text for most of it; bytes beyond ASCII are spelled as characters of Latin-1.
    let bytes: Vec<u8> = pickle.chars().map(|c| u8::try_from(c).unwrap()).collect();
    check_bytes("a.pkl", bytes.into(), &CheckOptions::default(), &()).unwrap()
}

/// `numpy.dtype(code)` with the state of version 3.
fn dtype(code: &str, state: &str) -> String {
    format!("cnumpy\ndtype\n(S'{code}'\nI0\nI1\ntR({state}tb")
}

/// Of a plain one; flags as NumPy has them.
fn plain(code: &str, flags: i64) -> String {
    dtype(code, &format!("I3\nS'<'\nNNNI-1\nI-1\nI{flags}\n"))
}

fn f8() -> String {
    plain("f8", 0)
}

fn object() -> String {
    dtype("O8", "I3\nS'|'\nNNNI-1\nI-1\nI63\n")
}

/// A struct of this many bytes; of each field the name, the dtype and the offset.
fn structured(fields: &[(&str, String, &str)], itemsize: &str, flags: i64) -> String {
    let names: String = fields
        .iter()
        .map(|(name, ..)| format!("S'{name}'\n"))
        .collect();
    let items: String = fields
        .iter()
        .map(|(name, dtype, offset)| format!("S'{name}'\n({dtype}I{offset}\nts"))
        .collect();
    dtype(
        "V8",
        &format!("I3\nS'|'\nN({names}t(d{items}I{itemsize}\nI1\nI{flags}\n"),
    )
}

/// An array as `_reconstruct` makes it.
fn array(shape: &str, dtype: &str, payload: &str) -> String {
    let head = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR";
    format!("{head}(I1\n({shape}t{dtype}I00\n{payload}tb.")
}

/// So many zero bytes, as a literal.
fn zeros(count: usize) -> String {
    format!("S'{}'\n", "\\x00".repeat(count))
}

fn of_dtype(dtype: &str) -> String {
    array("I1\n", dtype, &zeros(8))
}

fn frombuffer(dtype: &str, rest: &str) -> String {
    format!(
        "cnumpy.core.numeric\n_frombuffer\n({}{dtype}(I1\nt{rest}tR.",
        zeros(8)
    )
}

fn scalar(args: &str) -> String {
    format!("cnumpy.core.multiarray\nscalar\n({args}tR.")
}

fn masked(state: &str) -> String {
    let head = "cnumpy.ma.core\n_mareconstruct\n(cnumpy.ma.core\nMaskedArray\ncnumpy\nndarray\n(I0\ntS'b'\ntR";
    format!("{head}({state}tb.")
}

#[test]
fn what_numpy_writes_passes() {
    let good = [
        of_dtype(&f8()),
        array("", &f8(), &zeros(8)),
        array("I93049\nI0\n", &f8(), "S''\n"),
        array("I1\n", &object(), "(Nl"),
        of_dtype(&structured(
            &[("a", plain("i4", 0), "0"), ("b", plain("i4", 0), "4")],
            "8",
            16,
        )),
        of_dtype(&structured(
            &[("a", plain("i4", 0), "0"), ("b", plain("i4", 0), "0")],
            "8",
            16,
        )),
        of_dtype(&structured(&[("a", plain("i4", 0), "4")], "8", -112)),
        of_dtype(&structured(&[("a", plain("i4", 0), "4")], "8", 144)),
        array(
            "I1\n",
            &structured(&[("a", object(), "0")], "8", 27),
            "((Ntl",
        ),
        frombuffer(&f8(), "S'C'\n"),
        scalar(&format!("{}{}", f8(), zeros(8))),
        masked(&format!("I1\n(I1\nt{}I00\n{}S'\\x00'\nN", f8(), zeros(8))),
    ];
    for pickle in good {
        let finding = check(&pickle);
        assert!(finding.is_good(), "{pickle}\n{finding:?}");
    }
}

/// What is wrong, a word that the message has to say, and the pickle.
fn hostile() -> Vec<(&'static str, &'static str, String)> {
    let (f8, object) = (f8(), object());
    let i4 = || plain("i4", 0);
    let of_fields = |fields: &[(&str, String, &str)], itemsize: &str, flags| {
        of_dtype(&structured(fields, itemsize, flags))
    };
    let state = |state: &str| of_dtype(&dtype("f8", state));
    let void = |state: &str| of_dtype(&dtype("V8", state));
    let field = |value: &str| void(&format!("I3\nS'|'\nN(S'a'\nt(dS'a'\n{value}sI8\nI1\nI16\n"));
    let sub = |base: &str, shape: &str, elsize: &str| {
        void(&format!("I3\nS'|'\n({base}{shape}tNNI{elsize}\nI1\nI0\n"))
    };
    let objects = |items: &str| array("I2\n", &object, items);
    let raw = structured(&[("a", object.clone(), "0")], "8", 27);
    let pointers = zeros(8);
    vec![
        // Fields.
        (
            "a field behind the item",
            "\"a\"",
            of_fields(&[("a", i4(), "8")], "8", 16),
        ),
        (
            "a field that reaches out of it",
            "\"b\"",
            of_fields(&[("a", i4(), "0"), ("b", i4(), "6")], "8", 16),
        ),
        (
            "an offset below 0",
            "\"a\"",
            of_fields(&[("a", i4(), "-4")], "8", 16),
        ),
        (
            "an offset of 2^31",
            "\"a\"",
            of_fields(&[("a", i4(), "2147483648")], "8", 16),
        ),
        (
            "an offset of 2^63",
            "\"a\"",
            of_fields(&[("a", i4(), "9223372036854775808")], "8", 16),
        ),
        (
            "two fields of one name",
            "\"a\"",
            of_fields(&[("a", i4(), "0"), ("a", i4(), "4")], "8", 16),
        ),
        (
            "a number over an object",
            "\"a\"",
            of_fields(&[("o", object.clone(), "0"), ("a", i4(), "4")], "8", 27),
        ),
        (
            "an object over an object",
            "\"p\"",
            of_fields(
                &[("o", object.clone(), "0"), ("p", object.clone(), "4")],
                "12",
                27,
            ),
        ),
        (
            "an object in half an item",
            "\"o\"",
            of_fields(&[("o", object.clone(), "0")], "4", 27),
        ),
        (
            "a name without a field",
            "\"b\"",
            void("I3\nS'|'\nN(S'b'\nt(dI8\nI1\nI16\n"),
        ),
        ("a field that is a number", "\"a\"", field("I7\n")),
        (
            "a field of one part",
            "\"a\"",
            field(&format!("({}t", i4())),
        ),
        (
            "a field of four parts",
            "\"a\"",
            field(&format!("({}I0\nNNt", i4())),
        ),
        (
            "a field whose dtype is a number",
            "dtype",
            field("(I7\nI0\nt"),
        ),
        (
            "a field whose offset is text",
            "\"a\"",
            field(&format!("({}S'0'\nt", i4())),
        ),
        (
            "a name that is a number",
            "name",
            void("I3\nS'|'\nN(I7\nt(dI8\nI1\nI16\n"),
        ),
        (
            "fields without names",
            "names",
            void("I3\nS'|'\nNN(dI8\nI1\nI16\n"),
        ),
        (
            "fields that are a list",
            "dict",
            void("I3\nS'|'\nN(S'a'\nt(lI8\nI1\nI16\n"),
        ),
        // The item.
        (
            "an itemsize below -1",
            "-8",
            state("I3\nS'<'\nNNNI-8\nI-1\nI0\n"),
        ),
        (
            "an itemsize of 2^62",
            "4611686018427387904",
            void("I3\nS'|'\nNNNI4611686018427387904\nI1\nI0\n"),
        ),
        (
            "an itemsize that is none of f8's",
            "4 bytes",
            state("I3\nS'<'\nNNNI4\nI-1\nI0\n"),
        ),
        (
            "an itemsize that is text",
            "itemsize",
            state("I3\nS'<'\nNNNS'8'\nI-1\nI0\n"),
        ),
        (
            "a struct without itemsize",
            "itemsize",
            of_fields(&[("a", i4(), "0")], "-1", 16),
        ),
        (
            "a byte order that is none",
            "byte order",
            state("I3\nS'x'\nNNNI-1\nI-1\nI0\n"),
        ),
        (
            "a byte order that is a number",
            "byte order",
            state("I3\nI7\nNNNI-1\nI-1\nI0\n"),
        ),
        // The state itself (NumPy issue 30476).
        ("a state of no parts", "state", state("")),
        ("a state of three parts", "state", state("I3\nS'<'\nN")),
        (
            "a state of ten parts",
            "state",
            state("I4\nS'<'\nNNNI-1\nI-1\nI0\nNN"),
        ),
        (
            "a state of a version to come",
            "state",
            state("I5\nS'<'\nNNNI-1\nI-1\nI0\n"),
        ),
        (
            "a version that the length contradicts",
            "state",
            state("I1\nS'<'\nNNNI-1\nI-1\nI0\n"),
        ),
        (
            "a state that is a list",
            "state",
            of_dtype("cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(lb"),
        ),
        // What holds itself.
        (
            "a dtype in its own fields",
            "dtype",
            of_dtype(
                "cnumpy\ndtype\n(S'V8'\nI0\nI1\ntRp5\n(I3\nS'|'\nN(S'a'\nt(dS'a'\n(g5\nI0\ntsI8\nI1\nI16\ntb",
            ),
        ),
        (
            "a dtype as its own subarray",
            "dtype",
            of_dtype("cnumpy\ndtype\n(S'V8'\nI0\nI1\ntRp5\n(I3\nS'|'\n(g5\nI1\ntNNI8\nI1\nI0\ntb"),
        ),
        // Subarrays.
        ("a subarray of -1", "subarray", sub(&i4(), "(I-1\nt", "8")),
        (
            "a subarray of 2^40 elements",
            "2",
            sub(&i4(), "(I1099511627776\nt", "8"),
        ),
        (
            "a subarray that overflows",
            "",
            sub(&i4(), "(I4294967296\nI4294967296\nt", "8"),
        ),
        (
            "a subarray that does not fill the item",
            "subarray",
            sub(&i4(), "(I3\nt", "8"),
        ),
        (
            "a subarray without a shape",
            "subarray",
            void("I3\nS'|'\nI7\nNNI8\nI1\nI0\n"),
        ),
        // Flags that lie: NumPy believes them from version 3 on.
        (
            "objects whose flags say numbers",
            "flags",
            array(
                "I1\n",
                &dtype("O8", "I3\nS'|'\nNNNI-1\nI-1\nI0\n"),
                &pointers,
            ),
        ),
        (
            "the same, with a list",
            "flags",
            array("I1\n", &dtype("O8", "I3\nS'|'\nNNNI-1\nI-1\nI0\n"), "(Nl"),
        ),
        (
            "numbers whose flags say objects",
            "flags",
            array("I1\n", &plain("f8", 63), "(Nl"),
        ),
        (
            "numbers that are a list",
            "flags",
            array("I1\n", &plain("f8", 2), "(F1\nl"),
        ),
        (
            "numbers that are counted",
            "flags",
            array("I1\n", &plain("f8", 1), &pointers),
        ),
        (
            "a struct that hides an object",
            "flags",
            array(
                "I1\n",
                &structured(&[("a", object.clone(), "0")], "8", 16),
                &pointers,
            ),
        ),
        (
            "a struct that claims one",
            "flags",
            array(
                "I1\n",
                &structured(&[("a", f8.clone(), "0")], "8", 27),
                "((F1\ntl",
            ),
        ),
        // Elements.
        ("too few bytes", "8 bytes", array("I1\n", &f8, &zeros(7))),
        ("too many", "8 bytes", array("I1\n", &f8, &zeros(9))),
        ("none", "", array("I1000\n", &f8, "S''\n")),
        ("an extent below 0", "shape", array("I-1\n", &f8, &zeros(8))),
        (
            "an extent of 2^63",
            "",
            array("I9223372036854775808\n", &f8, &zeros(8)),
        ),
        (
            "extents whose product overflows",
            "",
            array("I4294967296\nI4294967296\n", &f8, "S''\n"),
        ),
        (
            "the same with a 0",
            "",
            array("I4294967296\nI4294967296\nI4294967296\nI0\n", &f8, "S''\n"),
        ),
        (
            "65 axes",
            "shape",
            array(&"I1\n".repeat(65), &f8, &zeros(8)),
        ),
        (
            "a shape that is a list",
            "state",
            array("I1\n", &f8, &zeros(8)).replace("(I1\nt", "(I1\nl"),
        ),
        ("elements that are a number", "", array("I1\n", &f8, "I8\n")),
        (
            "no state",
            "state",
            "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.".to_owned(),
        ),
        (
            "a first shape that allocates",
            "shape",
            of_dtype(&f8).replace("(I0\nt", "(I1099511627776\nt"),
        ),
        // Objects that are addresses (issues 13593 and 14834).
        ("addresses", "objects", array("I1\n", &object, &pointers)),
        (
            "addresses in a struct",
            "objects",
            array("I1\n", &raw, &pointers),
        ),
        (
            "addresses in a buffer",
            "objects",
            frombuffer(&object, "S'C'\n"),
        ),
        (
            "addresses of a struct in a buffer",
            "objects",
            frombuffer(&raw, "S'C'\n"),
        ),
        (
            "addresses given to the class",
            "objects",
            format!("cnumpy\nndarray\n((I1\nt{object}{pointers}tR."),
        ),
        (
            "an address as a scalar",
            "scalar",
            scalar(&format!("{object}{pointers}")),
        ),
        (
            "a struct of addresses as a scalar",
            "scalar",
            scalar(&format!("{raw}{pointers}")),
        ),
        ("no scalar at all (issue 28316)", "scalar", scalar(&object)),
        (
            "a string that is none (the same)",
            "",
            scalar("cnumpy._core._internal\n_convert_to_stringdtype_kwargs\n(I01\ntR"),
        ),
        (
            "a scalar that is too short",
            "8 bytes",
            scalar(&format!("{f8}{}", zeros(4))),
        ),
        ("one object too few", "2 elements", objects("(Nl")),
        ("one object too many", "2 elements", objects("(NNNl")),
        (
            "a struct's objects that are no tuple",
            "",
            array("I1\n", &raw, "(Nl"),
        ),
        (
            "a tuple with another count",
            "",
            array("I1\n", &raw, "((NNtl"),
        ),
        // Other ways to an array.
        ("an order that is none", "order", frombuffer(&f8, "S'X'\n")),
        (
            "axes that are none",
            "order",
            frombuffer(&f8, "S'K'\n(I5\nt"),
        ),
        ("an axis below 0", "order", frombuffer(&f8, "S'K'\n(I-1\nt")),
        (
            "an offset into the buffer",
            "offset",
            format!("cnumpy\nndarray\n((I1\nt{f8}{}I8\nNtR.", zeros(16)),
        ),
        (
            "strides beyond the buffer",
            "strides",
            format!("cnumpy\nndarray\n((I2\nt{f8}{}I0\n(I4096\nttR.", zeros(16)),
        ),
        (
            "a mask of another size",
            "",
            masked(&format!("I1\n(I1\nt{f8}I00\n{}S'\\x00\\x00'\nN", zeros(8))),
        ),
        (
            "a mask without elements",
            "",
            masked(&format!("I1\n(I1\nt{f8}I00\nS''\nS'\\x00'\nN")),
        ),
        (
            "text elements that are bytes",
            "",
            array(
                "I1\n",
                "cnumpy._core._internal\n_convert_to_stringdtype_kwargs\n(I01\ntR",
                &zeros(16),
            ),
        ),
        // Type strings and units.
        (
            "a dtype of dtypes (issue 10440)",
            "f8,i8,[f8,i8]",
            of_dtype("cnumpy\ndtype\n(S'f8,i8,[f8,i8]'\nI0\nI1\ntR"),
        ),
        (
            "a string of 2^33 bytes",
            "",
            of_dtype("cnumpy\ndtype\n(S'S8589934592'\nI0\nI1\ntR"),
        ),
        (
            "a void of -1",
            "",
            of_dtype("cnumpy\ndtype\n(S'V-1'\nI0\nI1\ntR"),
        ),
        (
            "a float of 3 bytes",
            "",
            of_dtype("cnumpy\ndtype\n(S'f3'\nI0\nI1\ntR"),
        ),
        (
            "a struct with one object for all (issue 2865)",
            "",
            of_dtype(&dtype(
                "O8",
                &format!(
                    "I3\nS'|'\nN(S'a'\nt(dS'a'\n({}I0\ntsI8\nI1\nI16\n",
                    plain("u8", 0)
                ),
            )),
        ),
        (
            "a time of 0 units",
            "time unit",
            of_dtype(&dtype(
                "M8",
                "I4\nS'<'\nNNNI-1\nI-1\nI0\n(N(S's'\nI0\nI1\nI1\ntt",
            )),
        ),
        (
            "a time of a unit that is none",
            "",
            of_dtype(&dtype(
                "M8",
                "I4\nS'<'\nNNNI-1\nI-1\nI0\n(N(S'parsec'\nI1\nI1\nI1\ntt",
            )),
        ),
        (
            "a time over 0",
            "time unit",
            of_dtype(&dtype(
                "M8",
                "I4\nS'<'\nNNNI-1\nI-1\nI0\n(N(S's'\nI1\nI0\nI1\ntt",
            )),
        ),
        // array.array.
        (
            "a machine format that is none",
            "",
            "carray\n_array_reconstructor\n(carray\narray\nS'd'\nI99\nS''\ntR.".to_owned(),
        ),
        (
            "half an element",
            "",
            "carray\n_array_reconstructor\n(carray\narray\nS'd'\nI16\nS'1234'\ntR.".to_owned(),
        ),
        // What only another program knows.
        ("a persistent id", "persistent_load", "Pid\n.".to_owned()),
        (
            "an extension code",
            "extension 7",
            "\u{80}\u{2}\u{82}\u{7}.".to_owned(),
        ),
    ]
}

#[test]
fn no_hostile_state_passes() {
    let mut wrong = Vec::new();
    let hostile = hostile();
    for (what, word, pickle) in &hostile {
        let finding = check(pickle);
        let told: Vec<String> = finding.problems.iter().map(Problem::to_string).collect();
        let needs_code = |text: &String| text.starts_with("needs code");
        let has_byte = told
            .iter()
            .any(|text| text.contains("byte ") || needs_code(text));
        let has_word = told.iter().any(|text| text.contains(word));
        if finding.is_good() || !has_byte || !has_word {
            wrong.push(format!("{what} ({word}): {told:?}"));
        }
    }
    println!(
        "{} states, {} not refused as they should be",
        hostile.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
