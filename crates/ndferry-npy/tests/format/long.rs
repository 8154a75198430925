//! Archives beyond 4 GiB, without so much memory or disk.

use std::io::{self, Read, Write};

use ndferry_array::Array;
use ndferry_npy::{Contents, Limits, Method, Npz, NpzWriter, Packed, Packing, ReadAt};

/// Keeps what is written to it, but of long runs, which are zeros here, only how long they are.
#[derive(Default)]
struct Sparse {
    kept: Vec<(u64, Vec<u8>)>,
    len: u64,
}

/// Runs from this length on are not kept.
const LONG: usize = 1 << 16;

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() < LONG {
            self.kept.push((self.len, bytes.to_vec()));
        }
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Sparse {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = (self.len.saturating_sub(offset)).min(buf.len() as u64) as usize;
        buf[..n].fill(0);
        for (at, bytes) in &self.kept {
            for (i, byte) in bytes.iter().enumerate() {
                let place = (at + i as u64).checked_sub(offset);
                if let Some(place) = place.filter(|place| *place < n as u64) {
                    buf[place as usize] = *byte;
                }
            }
        }
        Ok(n)
    }

    fn len(&self) -> u64 {
        self.len
    }
}

#[test]
fn members_beyond_4_gib_are_found() {
    const LENGTH: u64 = (4 << 30) + (3 << 20);
    let mut writer = NpzWriter::new(Sparse::default(), Packing::Stored);
    let zeros = Packed {
        method: Method::Stored,
        crc: 0,
        packed_nbytes: LENGTH,
        nbytes: LENGTH,
    };
    let mut from = io::repeat(0).take(LENGTH);
    writer.add_packed("zeros", zeros, &mut from).unwrap();
    // What deflate makes of zeros is short, but no shorter than this.
    let short = Packed {
        method: Method::Deflated,
        packed_nbytes: LENGTH / 1032 + 1,
        ..zeros
    };
    let mut from = io::repeat(0).take(short.packed_nbytes);
    writer.add_packed("short", short, &mut from).unwrap();
    let array = Array::from_elements(&[3], &[1u8, 2, 3]).unwrap();
    writer.add("x", &array.view()).unwrap();
    let npz = Npz::open(writer.finish().unwrap(), &Limits::default()).unwrap();
    let said: Vec<Packed> = npz.members().iter().map(Packed::from).collect();
    assert_eq!(said[..2], [zeros, short]);
    let range = npz.stored_range(0).unwrap().unwrap();
    assert_eq!(range.end - range.start, LENGTH);
    let Contents::Array(x) = npz.read(2).unwrap() else {
        panic!("not an array");
    };
    assert_eq!(x.bytes(), array.bytes());
}
