use super::*;
use crate::{Field, NAT, Struct};

fn dtype(text: &str) -> Dtype {
    Dtype::parse(text).unwrap()
}

fn texts(from: &str, texts: &[&str]) -> Array {
    let from = dtype(from);
    let mut bytes = Vec::new();
    for text in texts {
        let mut item = text.as_bytes().to_vec();
        item.resize(from.itemsize(), 0);
        bytes.extend(item);
    }
    Array::contiguous(from, &[texts.len()], Order::C, bytes).unwrap()
}

fn ticks(from: &str, ticks: &[i64]) -> Array {
    let bytes: Vec<u8> = ticks.iter().flat_map(|n| n.to_le_bytes()).collect();
    Array::contiguous(dtype(from), &[ticks.len()], Order::C, bytes).unwrap()
}

fn cast(array: &Array, to: &str) -> Result<Array, Error> {
    array.view().to_dtype(&dtype(to), Casting::Unsafe)
}

fn as_ticks(array: &Array) -> Vec<i64> {
    array
        .bytes()
        .as_chunks()
        .0
        .iter()
        .map(|bytes| i64::from_le_bytes(*bytes))
        .collect()
}

#[test]
fn floats_that_do_not_fit_are_what_x86_makes_of_them() {
    let array = Array::from_elements(&[5], &[f64::NAN, 3e9, -1.5, 70000.7, 1e30]).unwrap();
    assert_eq!(
        cast(&array, "<i4").unwrap().to_elements::<i32>().unwrap(),
        [i32::MIN, i32::MIN, -1, 70000, i32::MIN]
    );
    assert_eq!(
        cast(&array, "|u1").unwrap().to_elements::<u8>().unwrap(),
        [0, 0, 255, 112, 0]
    );
    assert_eq!(
        cast(&array, "<u8").unwrap().to_elements::<u64>().unwrap(),
        [1 << 63, 3_000_000_000, u64::MAX, 70000, 0]
    );
}

#[test]
fn doubles_are_rounded_to_half_once() {
    // Just above the tie between 1 and the next half: single precision would make it the tie.
    let x = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
    let array = Array::from_elements(&[1], &[x]).unwrap();
    let half = cast(&array, "<f2").unwrap();
    assert_eq!(half.bytes()[..], 0x3c01u16.to_le_bytes());
}

#[test]
fn bytes_are_swapped_on_the_way() {
    let array = Array::from_elements(&[2], &[1i16, -2]).unwrap();
    assert_eq!(
        cast(&array, ">i4").unwrap().bytes()[..],
        [0, 0, 0, 1, 255, 255, 255, 254]
    );
    let big = cast(&array, ">i2").unwrap();
    assert_eq!(
        cast(&big, "<f8").unwrap().to_elements::<f64>().unwrap(),
        [1.0, -2.0]
    );
}

#[test]
fn times_change_their_unit_and_are_rounded_down() {
    let days = cast(&ticks("<M8[h]", &[-1, 25, -25, NAT]), "<M8[D]").unwrap();
    assert_eq!(as_ticks(&days), [-1, 1, -2, NAT]);
    let months = cast(&ticks("<M8[D]", &[-1, 25, 31]), "<M8[M]").unwrap();
    assert_eq!(as_ticks(&months), [-1, 0, 1]);
    let days = cast(&ticks("<M8[Y]", &[-1, 25]), "<M8[D]").unwrap();
    assert_eq!(as_ticks(&days), [-365, 9131]);
    let days = cast(&ticks("<m8[Y]", &[-1, 400]), "<m8[D]").unwrap();
    assert_eq!(as_ticks(&days), [-366, 146_097]);
    assert!(matches!(
        cast(&ticks("<M8[D]", &[1 << 62]), "<M8[s]"),
        Err(Error::TimeOverflow { .. })
    ));
}

#[test]
fn text_is_read_as_python_reads_it() {
    let array = texts("S8", &[" 12 ", "1_0", "-5"]);
    assert_eq!(
        cast(&array, "<i4").unwrap().to_elements::<i32>().unwrap(),
        [12, 10, -5]
    );
    let array = texts("S8", &["1e3", "-inf", " 2.5 ", "1_0.5"]);
    assert_eq!(
        cast(&array, "<f8").unwrap().to_elements::<f64>().unwrap(),
        [1000.0, f64::NEG_INFINITY, 2.5, 10.5]
    );
    let array = texts("S8", &["1+2j", "(3-1j)", " 4 ", "1e-2-j"]);
    assert_eq!(
        cast(&array, "<c16")
            .unwrap()
            .to_elements::<[f64; 2]>()
            .unwrap(),
        [[1.0, 2.0], [3.0, -1.0], [4.0, 0.0], [0.01, -1.0]]
    );
    for (text, to) in [
        ("300", "|u1"),
        ("-1", "<u4"),
        ("0x10", "<i4"),
        ("1__0", "<i4"),
        ("", "<f8"),
        ("2019-13", "<M8[D]"),
        ("2019-02-29", "<M8[D]"),
    ] {
        assert!(
            matches!(
                cast(&texts("S20", &[text]), to),
                Err(Error::CastText { .. })
            ),
            "{text}"
        );
    }
    let array = texts("S24", &["2020-01-01T01:02:03.5", "NaT", "2020", ""]);
    assert_eq!(
        as_ticks(&cast(&array, "<M8[ms]").unwrap()),
        [1_577_840_523_500, NAT, 1_577_836_800_000, NAT]
    );
}

#[test]
fn numbers_are_written_as_str_writes_them() {
    let array = Array::from_elements(&[3], &[1.5, 1e16, f64::NAN]).unwrap();
    assert_eq!(
        cast(&array, "S6").unwrap().bytes()[..],
        *b"1.5\0\0\x001e+16\0nan\0\0\0"
    );
    let array = Array::from_elements(&[1], &[123_456i32]).unwrap();
    assert_eq!(
        cast(&array, "<U3").unwrap().bytes()[..],
        *b"1\0\0\x002\0\0\x003\0\0\0"
    );
}

#[test]
fn only_ascii_goes_between_bytes_and_text() {
    let array = texts("S2", &["ab"]);
    let wide = cast(&array, ">U3").unwrap();
    assert_eq!(wide.bytes()[..], *b"\0\0\0a\0\0\0b\0\0\0\0");
    assert_eq!(cast(&wide, "S1").unwrap().bytes()[..], *b"a");
    let latin = Array::contiguous(dtype("S1"), &[1], Order::C, vec![0xff]).unwrap();
    assert!(matches!(
        cast(&latin, "<U1"),
        Err(Error::CastCharacter { code: 255, .. })
    ));
}

#[test]
fn fields_are_cast_by_position() {
    let array =
        Array::contiguous(dtype("|u1,(2,)<i2"), &[1], Order::C, vec![7, 1, 0, 2, 0]).unwrap();
    let cast = cast(&array, "<i2,(2,)>f4").unwrap();
    let mut expected = vec![7, 0];
    expected.extend(1f32.to_be_bytes());
    expected.extend(2f32.to_be_bytes());
    assert_eq!(cast.bytes()[..], expected);
}

#[test]
fn an_order_is_kept() {
    let array = Array::from_elements(&[2, 3], &[1u8, 2, 3, 4, 5, 6]).unwrap();
    let f = array.into_order(Order::F).unwrap();
    let wide = cast(&f, "<u2").unwrap();
    assert_eq!(wide.order(), Some(Order::F));
    assert_eq!(wide.to_elements::<u16>().unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn rules_are_numpys() {
    use Casting::{Safe, SameKind, Unsafe};
    for (from, to, least) in [
        ("<i8", "<f8", Safe),
        ("<i4", "<f4", SameKind),
        ("<i4", "<u8", Unsafe),
        ("<u4", "<i4", SameKind),
        ("<f8", "<i8", Unsafe),
        ("<c8", "<f8", Unsafe),
        ("|b1", "S5", Safe),
        ("<i8", "S20", SameKind),
        ("S3", "<U3", Safe),
        ("<U3", "S3", Unsafe),
        ("<M8[D]", "<M8[s]", Safe),
        ("<M8[s]", "<M8[D]", SameKind),
        ("<m8[Y]", "<m8[s]", Unsafe),
        ("<M8[Y]", "<M8[s]", Safe),
        ("<u8", "<m8[s]", SameKind),
        (">i2", "<i2", Safe),
    ] {
        let (from, to) = (dtype(from), dtype(to));
        for casting in [Safe, SameKind, Unsafe] {
            assert_eq!(
                can_cast(&from, &to, casting),
                least <= casting,
                "{from} {to}"
            );
        }
    }
}

#[test]
fn a_record_of_two_fields_is_none_of_one() {
    let record = |names: &[&str]| {
        let field = |(i, name): (usize, &&str)| Field {
            name: (*name).to_owned(),
            title: None,
            dtype: dtype("<i4"),
            offset: 4 * i,
        };
        let fields = names.iter().enumerate().map(field).collect();
        Dtype::structured(Struct::new(fields, 4 * names.len(), false).unwrap())
    };
    let (one, two) = (record(&["a"]), record(&["a", "b"]));
    for (from, to) in [(&two, &one), (&one, &two)] {
        let error = Cast::new(from, to, Casting::Unsafe).unwrap_err();
        assert!(matches!(error, Error::CannotCast { .. }));
    }
}
