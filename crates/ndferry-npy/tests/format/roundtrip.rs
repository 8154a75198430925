//! Whatever array is written comes back the same, and whatever bytes come in are survived.

use bytes::Bytes;
use ndferry_array::{Array, ArrayView, DateUnit, Dtype, Field, Kind, Order, Struct, TimeUnit};
use ndferry_npy::{Contents, Header, Limits, Npz, NpzWriter, Packing, deflate, grown_head, write};
use proptest::prelude::*;

/// A type string of plain elements.
fn plain() -> impl Strategy<Value = Dtype> {
    let number = prop::sample::select(vec![
        "|b1", "|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u8", ">i8", "<f2", ">f4", "<f8", "<f16",
        "<c8", ">c16", "<c32", "|S0", "|S5", "<U1", ">U3", "|V1", "|V9",
    ]);
    let number = number.prop_map(|text| Dtype::parse(text).unwrap());
    let unit = prop::sample::select(vec![DateUnit::Year, DateUnit::Day, DateUnit::Nanosecond]);
    let time = (unit, 1..100i32, any::<bool>()).prop_map(|(unit, multiple, date)| {
        let unit = TimeUnit::new(unit, multiple);
        let kind = if date {
            Kind::Datetime(unit)
        } else {
            Kind::Timedelta(unit)
        };
        Dtype::new(kind, ndferry_array::ByteOrder::Big, 8).unwrap()
    });
    prop_oneof![4 => number, 1 => time]
}

/// Any dtype without objects that a header can express.
fn dtypes() -> impl Strategy<Value = Dtype> {
    plain().prop_recursive(3, 12, 4, |inner| {
        let shape = prop::collection::vec(1..4usize, 0..3);
        let field = (
            inner,
            prop::option::of(shape),
            0..3usize,
            "\\PC{1,4}",
            prop::option::of("[A-Z]{5}"),
        );
        prop::collection::vec(field, 1..4).prop_map(|fields| {
            let (mut at, mut list) = (0, Vec::new());
            for (i, (dtype, shape, gap, name, title)) in fields.into_iter().enumerate() {
                let dtype = match shape {
                    Some(shape) => Dtype::subarray(dtype, &shape).unwrap(),
                    None => dtype,
                };
                at += gap;
                let nbytes = dtype.itemsize();
                let mut field = Field::new(format!("{i}{name}"), dtype, at);
                field.title = title.map(|title| format!("{title}{i}"));
                list.push(field);
                at += nbytes;
            }
            Dtype::structured(Struct::new(list, at + 1, false).unwrap())
        })
    })
}

prop_compose! {
    fn arrays()(
        dtype in dtypes(),
        shape in prop::collection::vec(0..5usize, 0..5),
        fortran in any::<bool>(),
        seed in any::<u64>(),
    ) -> Array {
        let order = if fortran { Order::F } else { Order::C };
        let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
        let mix = |i: u64| (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let bytes: Vec<u8> = (0..nbytes as u64).map(|i| mix(i) as u8).collect();
        Array::contiguous(dtype, &shape, order, bytes).unwrap()
    }
}

/// Whether both are the same array, stored in the order that NumPy would choose.
fn check(found: &Array, written: &ArrayView<'_>) {
    assert_eq!(
        (found.dtype(), found.shape()),
        (written.dtype(), written.shape())
    );
    let c = |view: &ArrayView<'_>| view.to_bytes(Order::C).unwrap();
    assert_eq!(c(&found.view()), c(written));
    if found.dtype().itemsize() > 0 {
        assert_eq!(found.order(), Some(written.order().unwrap_or(Order::C)));
    }
}

fn array(contents: Contents) -> Array {
    let Contents::Array(array) = contents else {
        panic!("{contents:?}");
    };
    array
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(array in arrays(), steps in any::<[bool; 4]>()) {
        let view = array.view();
        let texts: Vec<&str> = steps.iter().zip(array.shape()).map(|(back, _)| if *back { "::-1" } else { ":" }).collect();
        let turned = view.index(&texts.join(",").parse().unwrap()).unwrap();
        for view in [&view, &view.reversed(), &turned] {
            let mut file = Vec::new();
            write(&mut file, view).unwrap();
            prop_assert_eq!((file.len() - view.nbytes()) % 64, 0);
            let (header, start) = Header::parse(&file).unwrap();
            prop_assert_eq!(header.to_bytes().unwrap(), &file[..start]);
            let (contents, end) = Contents::parse(&file.clone().into(), &Limits::default()).unwrap();
            prop_assert_eq!(end, file.len());
            check(&self::array(contents), view);
            check(&ndferry_npy::read(&mut &file[..], &Limits::default()).unwrap(), view);
            let mut target = vec![1; view.nbytes()];
            ndferry_npy::read_into(&header, start, &mut &file[start..], &mut target).unwrap();
            prop_assert_eq!(&target, &file[start..]);
        }
    }

    #[test]
    fn archives_come_back_in_every_way_of_writing(
        arrays in prop::collection::btree_map("[a-z/é日 ]{1,8}[a-z]", arrays(), 0..4),
        level in 0..10u8,
    ) {
        let arrays: Vec<(String, Array)> = arrays.into_iter().filter(|(name, _)| !name.starts_with('/')).collect();
        let packing = match level {
            0 => Packing::Stored,
            level => Packing::Deflated { level },
        };
        let (mut plain, mut seekable) =
            (NpzWriter::new(Vec::new(), packing), NpzWriter::seekable(std::io::Cursor::new(Vec::new()), packing));
        let (mut streamed, mut packed) =
            (NpzWriter::new(Vec::new(), packing), NpzWriter::new(Vec::new(), packing));
        for (name, array) in &arrays {
            plain.add(name, &array.view()).unwrap();
            seekable.add(name, &array.view()).unwrap();
            let order = array.order().unwrap_or(Order::C);
            let header = Header::new(array.dtype().clone(), array.shape(), order);
            let data = array.view().to_bytes(header.order).unwrap();
            streamed.add_reader(name, &header, &mut &data[..]).unwrap();
            let (said, bytes) = deflate(&array.view(), level).unwrap();
            packed.add_packed(&format!("{name}.npy"), said, &mut &bytes[..]).unwrap();
        }
        let plain = plain.finish().unwrap();
        if packing == Packing::Stored {
            prop_assert_eq!(seekable.finish().unwrap().into_inner(), plain.clone());
        }
        for file in [plain, streamed.finish().unwrap(), packed.finish().unwrap()] {
            let npz = Npz::open(Bytes::from(file), &Limits::default()).unwrap();
            prop_assert_eq!(npz.members().len(), arrays.len());
            for (name, array) in &arrays {
                let i = npz.find(name).unwrap();
                check(&self::array(npz.read(i).unwrap()), &array.view());
            }
        }
    }

    #[test]
    fn members_are_copied_between_archives_unchanged(array in arrays(), deflated in any::<bool>()) {
        let packing = if deflated { Packing::DEFLATED } else { Packing::Stored };
        let mut writer = NpzWriter::new(Vec::new(), packing);
        writer.add("x", &array.view()).unwrap();
        let file = writer.finish().unwrap();
        let npz = Npz::open(&file[..], &Limits::default()).unwrap();
        let mut copy = NpzWriter::new(Vec::new(), Packing::Stored);
        copy.add_packed("x.npy", (&npz.members()[0]).into(), &mut npz.packed(0).unwrap()).unwrap();
        prop_assert_eq!(copy.finish().unwrap(), file);
    }

    #[test]
    fn a_file_grows_in_place(rows in 0..3000usize, more in 0..3000usize, dtype in plain()) {
        let head = |rows| Header::new(dtype.clone(), &[rows, 2], Order::C).to_bytes().unwrap();
        prop_assert_eq!(grown_head(&head(rows), more).unwrap(), head(more));
    }

    #[test]
    fn any_header_text_is_survived(text in "[\\[\\](){}'\":, 0-9a-zLTFN<>|\\\\#\n]{0,200}") {
        let text = format!("{{'descr': {text}, 'fortran_order': False, 'shape': (2,)}}");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((text.len() as u16).to_le_bytes());
        file.extend(text.as_bytes());
        if let Ok((header, end)) = Header::parse(&file) {
            prop_assert_eq!(end, file.len());
            let (again, _) = Header::parse(&header.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(again.dtype, header.dtype);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..4u8) {
        let start: &[u8] = [&b""[..], b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00\x50\x00\x00\x00", b"PK\x05\x06"][usize::from(kind)];
        let bytes = Bytes::from([start, &bytes].concat());
        let _ = Contents::parse(&bytes, &Limits::default());
        let _ = Npz::open(bytes, &Limits::default());
    }
}
