//! NPY files and NPZ archives in memory.

use std::io::Cursor;

use bytes::Bytes;
use ndferry_array::{Array, ArrayView, Order};
use ndferry_npy::{Contents, Header, Limits, Npz, NpzWriter, Packing, deflate};
use serde_json::{Value, json};

use crate::{Answer, Refusal, array, steps};

/// The NPY file of an array that went through `steps`.
pub(crate) fn write(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let array = steps::walked(request, bytes)?;
    let mut file = Vec::new();
    ndferry_npy::write(&mut file, &array.view())?;
    Ok((json!({}), file))
}

/// The array in an NPY file, read in memory and as a stream, and where it ends.
pub(crate) fn read(file: &Bytes) -> Result<Answer, Refusal> {
    let (array, end) = ndferry_npy::parse(file, &Limits::default())?;
    let streamed = ndferry_npy::read(&mut &file[..], &Limits::default())?;
    let (mut answer, bytes) = array::answer(&array)?;
    assert_eq!(array::answer(&streamed)?.1, bytes);
    answer["end"] = end.into();
    Ok((answer, bytes))
}

/// An archive of several arrays, whose bytes follow one another in the request.
pub(crate) fn write_archive(request: &Value, mut bytes: Bytes) -> Result<Answer, Refusal> {
    let mut arrays = Vec::new();
    for member in request["members"].as_array().expect("members") {
        let nbytes = member["nbytes"].as_u64().expect("nbytes") as usize;
        let name = member["name"].as_str().expect("a name");
        let array = array::from_request(member, bytes.split_to(nbytes))?;
        arrays.push((name.to_owned(), array));
    }
    let packing = match request["level"].as_u64().expect("a level") as u8 {
        0 => Packing::Stored,
        level => Packing::Deflated { level },
    };
    let file = match request["way"].as_str().expect("a way") {
        "seekable" => {
            let mut to = NpzWriter::seekable(Cursor::new(Vec::new()), packing);
            add_all(&mut to, &arrays, |to, name, view| to.add(name, view))?;
            to.finish()?.into_inner()
        }
        way => {
            let mut to = NpzWriter::new(Vec::new(), packing);
            match way {
                "plain" => add_all(&mut to, &arrays, |to, name, view| to.add(name, view))?,
                "streamed" => add_all(&mut to, &arrays, streamed)?,
                "packed" => add_all(&mut to, &arrays, packed)?,
                other => panic!("no way {other}"),
            }
            to.finish()?
        }
    };
    Ok((json!({}), file))
}

fn add_all<W>(
    to: &mut NpzWriter<W>,
    arrays: &[(String, Array)],
    add: impl Fn(&mut NpzWriter<W>, &str, &ArrayView<'_>) -> Result<(), ndferry_npy::Error>,
) -> Result<(), ndferry_npy::Error> {
    arrays
        .iter()
        .try_for_each(|(name, array)| add(to, name, &array.view()))
}

fn streamed(
    to: &mut NpzWriter<Vec<u8>>,
    name: &str,
    view: &ArrayView<'_>,
) -> Result<(), ndferry_npy::Error> {
    let order = view.order().unwrap_or(Order::C);
    let header = Header::new(view.dtype().clone(), view.shape(), order);
    let data = view.to_bytes(header.order).expect("no objects");
    to.add_reader(name, &header, &mut &data[..])
}

fn packed(
    to: &mut NpzWriter<Vec<u8>>,
    name: &str,
    view: &ArrayView<'_>,
) -> Result<(), ndferry_npy::Error> {
    let (said, bytes) = deflate(view, 9)?;
    to.add_packed(&format!("{name}.npy"), said, &mut &bytes[..])
}

/// All members of an archive, their elements one after another.
pub(crate) fn read_archive(file: Bytes) -> Result<Answer, Refusal> {
    let npz = Npz::open(file, &Limits::default())?;
    let (mut members, mut all) = (Vec::new(), Vec::new());
    for (i, member) in npz.members().iter().enumerate() {
        let (mut said, bytes) = match npz.read(i)? {
            Contents::Array(array) => array::answer(&array)?,
            Contents::Bytes(bytes) => (json!({ "dtype": null }), bytes.to_vec()),
            other => return Err(format!("{}: {other:?}", member.name()).into()),
        };
        said["name"] = member.name().into();
        said["nbytes"] = bytes.len().into();
        said["found"] = npz.find(member.name()).into();
        members.push(said);
        all.extend(bytes);
    }
    Ok((json!({ "members": members }), all))
}
