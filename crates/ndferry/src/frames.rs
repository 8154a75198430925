//! [`to_frames`], [`from_frames`]: one array as byte strings, for transports that are not ours (ZeroMQ, queues, buckets).

use bytes::Bytes;
use ndferry_array::{Array, Layout};
use ndferry_npb::{
    Block, Codec as BlockCodec, End, Filter as BlockFilter, HEAD_NBYTES, Head, Kind, Limits,
    Manifest, SUBHEAD_NBYTES, Unpacker, message,
};

use crate::error::npb;
use crate::npb_plan::Plan;
use crate::recv::Incoming;
use crate::{Codec, ErrorKind, Filter, Interrupt, LazyArray, Packing, Result};

/// How to make frames.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FrameOptions {
    /// How blocks are packed: not at all by default.
    pub packing: Packing,
    /// Raw bytes of one block; if not given, 1 MiB where blocks are packed, otherwise all in one as far as that goes.
    pub block_nbytes: Option<u64>,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Stops the work.
    pub interrupt: Interrupt,
}

/// The largest block: its length is written in 32 bits.
const MAX_BLOCK: u64 = u32::MAX as u64;

/// A block that is packed.
const PACKED_BLOCK: u64 = 1 << 20;

/// An array as frames that, joined, are an NPB stream: all that comes before the first elements; the elements of the first
/// block; what stands between; the elements of the second; …; the end.
///
/// Elements are not copied if they lie in memory, contiguous in C or F order, and are not packed.
///
/// # Errors
/// Whatever reading the array brings; [`ErrorKind::Objects`].
pub fn to_frames(array: &LazyArray, options: &FrameOptions) -> Result<Vec<Bytes>> {
    if array.dtype().has_object() {
        return Err(array.place(ErrorKind::Objects));
    }
    let packing = match options.packing.codec {
        Codec::Default => Packing {
            codec: Codec::None,
            filter: Filter::None,
        },
        _ => options.packing,
    };
    let default = match packing.codec {
        Codec::None => MAX_BLOCK,
        _ => PACKED_BLOCK,
    };
    let most = options.block_nbytes.unwrap_or(default).clamp(1, MAX_BLOCK);
    let plan = Plan::flat(array, "", false, most, packing)?;
    let transfer = plan.transfer;
    let mut between = message(Kind::Manifest, transfer, 0, &plan.manifest.encode());
    for (number, header) in (0..).zip(&plan.headers) {
        between.extend(message(Kind::Header, transfer, number, header));
    }
    let mut frames = Vec::new();
    let memory = array.in_memory().map(Array::bytes);
    plan.blocks(array, options.threads, &options.interrupt, &mut |block| {
        between.extend(block.head(transfer));
        frames.push(Bytes::from(std::mem::take(&mut between)));
        frames.push(match memory.filter(|memory| holds(memory, block.payload)) {
            Some(memory) => memory.slice_ref(block.payload),
            None => Bytes::copy_from_slice(block.payload),
        });
        Ok(())
    })?;
    let end = End {
        blocks: plan.grid.len(),
        extent: plan.manifest.shape.first().copied().unwrap_or(0),
    };
    between.extend(end.message(transfer));
    frames.push(between.into());
    Ok(frames)
}

/// Whether these bytes are some of those.
fn holds(all: &Bytes, part: &[u8]) -> bool {
    let (all, part) = (all.as_ptr_range(), part.as_ptr_range());
    all.start <= part.start && part.end <= all.end
}

/// The array that frames are, however they were cut. Checksums are compared.
///
/// Elements are not copied if they are one block that is not packed and lies in one frame.
///
/// # Errors
/// [`crate::ErrorClass::Malformed`], with the byte of the joined frames; [`crate::ErrorClass::Limit`].
pub fn from_frames(frames: &[Bytes]) -> Result<Array> {
    let mut reader = Reader {
        frames,
        number: 0,
        at: 0,
        offset: 0,
    };
    let expected = "its end";
    let (first, body) = reader.message()?.ok_or(ErrorKind::Empty.at(0))?;
    if first.kind != Kind::Manifest {
        return Err(wrong_message(&first, "MANIFEST"));
    }
    let limits = Limits {
        block_nbytes: MAX_BLOCK,
        ..Limits::FILE
    };
    let manifest = Manifest::parse(&body.joined(), &limits).map_err(npb)?;
    let mut incoming = Incoming {
        grid: manifest.grid().map_err(npb)?,
        manifest,
        headers: Vec::new(),
    };
    let mut assembly: Option<Assembly> = None;
    loop {
        let start = reader.offset;
        let Some((head, body)) = reader.message()? else {
            return Err(ErrorKind::BrokenOff { expected }.into());
        };
        if head.transfer != first.transfer {
            return Err(wrong_message(&head, "a message of the same array"));
        }
        match (head.kind, &mut assembly) {
            (Kind::Header, None) => {
                incoming.headers.push(body.joined().to_vec());
                if incoming.headers.len() == incoming.manifest.header_blocks as usize {
                    assembly = Some(Assembly::new(&incoming)?);
                }
            }
            (Kind::Data, Some(assembly)) => {
                let placed = assembly.block(&head, &body, &incoming);
                placed.map_err(|error| ErrorKind::Npb(error).at(start))?;
            }
            (Kind::End, Some(_)) => {
                let end = End::parse(&body.joined()).map_err(npb)?;
                let assembly = assembly.take().ok_or(ErrorKind::BrokenOff { expected })?;
                return assembly.finish(&end, &incoming);
            }
            (Kind::Skippable(_), _) => {}
            _ => return Err(wrong_message(&head, "DATA")),
        }
    }
}

fn wrong_message(head: &Head, expected: &'static str) -> crate::Error {
    ErrorKind::WrongMessage {
        found: head.kind.name(),
        expected,
    }
    .into()
}

/// An array that is being put together.
struct Assembly {
    header: ndferry_npy::Header,
    /// The only block, as it is.
    whole: Option<Bytes>,
    /// The elements so far, where there are several blocks or packed ones.
    out: Vec<u8>,
    blocks: u64,
    unpacker: Unpacker,
}

impl Assembly {
    fn new(incoming: &Incoming) -> Result<Self> {
        let header = incoming.header(&crate::Limits::default())?;
        if header.dtype.has_object() {
            return Err(ErrorKind::Objects.into());
        }
        if incoming.manifest.growing || !incoming.grid.is_flat() {
            let what =
                "an array in frames that grows, or whose blocks are no runs of it,".to_owned();
            return Err(ErrorKind::Unsupported { what }.into());
        }
        Ok(Self {
            header,
            whole: None,
            out: Vec::new(),
            blocks: 0,
            unpacker: Unpacker::new(),
        })
    }

    fn block(
        &mut self,
        head: &Head,
        body: &Body,
        incoming: &Incoming,
    ) -> std::result::Result<(), ndferry_npb::ErrorKind> {
        let at = |error: ndferry_npb::Error| error.kind;
        let number = head.sequence;
        let fields = Block::parse(number, &body.sub).map_err(at)?;
        let block = Block {
            payload: &body.rest,
            ..fields
        };
        // One after another, so that nothing is allocated for what does not come.
        if number != self.blocks {
            let (what, expected) = (head.what(), "the next tile");
            return Err(ndferry_npb::ErrorKind::Unexpected { what, expected });
        }
        self.blocks += 1;
        let expected = incoming.grid.nbytes(number).map_err(at)?;
        let is_plain = (block.codec, block.filter) == (BlockCodec::Raw, BlockFilter::None);
        let found = match is_plain {
            true => block.payload.len() as u64,
            false => u64::from(block.raw_nbytes),
        };
        if found != expected || u64::from(block.raw_nbytes) != expected {
            return Err(ndferry_npb::ErrorKind::TileLength {
                number,
                found,
                expected,
            });
        }
        if is_plain && incoming.grid.len() == 1 {
            self.whole = Some(body.rest.clone());
            return Ok(());
        }
        if is_plain {
            self.out.extend_from_slice(block.payload);
            return Ok(());
        }
        let limit = Limits::FILE.block_nbytes;
        if found > limit {
            let (what, nbytes) = (head.what(), found);
            return Err(ndferry_npb::ErrorKind::TooLarge {
                what,
                nbytes,
                limit,
            });
        }
        let start = self.out.len();
        self.out.resize(start + found as usize, 0);
        let out = &mut self.out[start..];
        let element = &incoming.manifest.element;
        let (codec, filter) = (block.codec, block.filter);
        self.unpacker
            .unpack(codec, filter, element, block.payload, out)
    }

    fn finish(self, end: &End, incoming: &Incoming) -> Result<Array> {
        let tiles = incoming.grid.len();
        if self.blocks != tiles || end.blocks != tiles {
            let expected = "all of its blocks";
            return Err(ErrorKind::BrokenOff { expected }.into());
        }
        let header = self.header;
        let bytes = self.whole.unwrap_or_else(|| self.out.into());
        let layout = Layout::contiguous(&header.shape, header.dtype.itemsize(), header.order)?;
        Ok(Array::new(header.dtype, layout, bytes)?)
    }
}

/// The body of a message; of DATA in two parts, so that elements need not be joined with what stands before them.
struct Body {
    sub: Bytes,
    rest: Bytes,
}

impl Body {
    fn joined(&self) -> Bytes {
        match self.sub.is_empty() {
            true => self.rest.clone(),
            false => [&self.sub[..], &self.rest[..]].concat().into(),
        }
    }
}

/// Reads across frames.
struct Reader<'a> {
    frames: &'a [Bytes],
    number: usize,
    /// Bytes of the current frame that were read.
    at: usize,
    /// Of the joined frames.
    offset: u64,
}

impl Reader<'_> {
    /// The next message; `None` at the end.
    fn message(&mut self) -> Result<Option<(Head, Body)>> {
        if self.left() == 0 {
            return Ok(None);
        }
        let start = self.offset;
        let head = Head::parse(&self.take(HEAD_NBYTES as u64)?);
        let place = |error: ndferry_npb::Error| ErrorKind::Npb(error.kind).at(start);
        let head = head.map_err(place)?;
        let sub = match head.kind {
            Kind::Data => self.take(head.body_nbytes.min(SUBHEAD_NBYTES as u64))?,
            _ => Bytes::new(),
        };
        let rest = self.take(head.body_nbytes - sub.len() as u64)?;
        let (kind, sequence) = (head.kind, head.sequence);
        let found = Head::new(kind, head.transfer, sequence, &[&sub, &rest]).body_crc;
        if found != head.body_crc {
            let (what, expected) = (head.what(), head.body_crc);
            let kind = ndferry_npb::ErrorKind::BodyCrc {
                what,
                found,
                expected,
            };
            return Err(ErrorKind::Npb(kind).at(start));
        }
        Ok(Some((head, Body { sub, rest })))
    }

    fn left(&self) -> u64 {
        let rest = self.frames.get(self.number..).unwrap_or_default();
        rest.iter().map(|frame| frame.len() as u64).sum::<u64>() - self.at as u64
    }

    /// So many bytes; shared, if one frame has them.
    fn take(&mut self, nbytes: u64) -> Result<Bytes> {
        let found = self.left();
        if found < nbytes {
            let needed = nbytes;
            return Err(ErrorKind::Truncated { needed, found }.at(self.offset));
        }
        self.offset += nbytes;
        // There are so many, in memory.
        let nbytes = nbytes as usize;
        let mut joined = Vec::new();
        loop {
            let Some(frame) = self.frames.get(self.number) else {
                return Ok(joined.into());
            };
            let here = (frame.len() - self.at).min(nbytes - joined.len());
            let part = frame.slice(self.at..self.at + here);
            self.at += here;
            if self.at == frame.len() {
                self.number += 1;
                self.at = 0;
            }
            if here == nbytes {
                return Ok(part);
            }
            joined.extend_from_slice(&part);
            if joined.len() == nbytes {
                return Ok(joined.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndferry_array::{Dtype, Order};

    fn array(order: Order) -> Array {
        let elements: Vec<i16> = (0..24).collect();
        let made = Array::from_elements(&[2, 3, 4], &elements);
        made.and_then(|made| made.into_order(order)).unwrap()
    }

    #[test]
    fn frames_come_back_however_they_are_cut() {
        let lazy = LazyArray::from(array(Order::F));
        for packing in ["none", "lz4", "zstd"] {
            let mut options = FrameOptions::default();
            options.packing.codec = packing.parse().unwrap();
            options.block_nbytes = Some(10);
            let joined = to_frames(&lazy, &options).unwrap().concat();
            for nbytes in [1, 7, 40, joined.len()] {
                let cut: Vec<Bytes> = joined.chunks(nbytes).map(Bytes::copy_from_slice).collect();
                let back = from_frames(&cut).unwrap();
                assert_eq!(back.order(), Some(Order::F));
                assert_eq!(
                    back.to_elements::<i16>().unwrap(),
                    array(Order::C).to_elements::<i16>().unwrap()
                );
            }
        }
    }

    #[test]
    fn elements_are_shared_on_both_sides() {
        let array = array(Order::C);
        let frames = to_frames(&array.clone().into(), &FrameOptions::default()).unwrap();
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1].as_ptr(), array.bytes().as_ptr());
        let back = from_frames(&frames).unwrap();
        assert_eq!(back.bytes().as_ptr(), array.bytes().as_ptr());
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let lazy = LazyArray::from(array(Order::C));
        let joined = to_frames(&lazy, &FrameOptions::default()).unwrap().concat();
        for end in 0..joined.len() {
            assert!(
                from_frames(&[joined[..end].to_vec().into()]).is_err(),
                "{end}"
            );
        }
        for bit in 0..joined.len() * 8 {
            let mut flipped = joined.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let back = from_frames(&[flipped.into()]);
            assert!(back.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn arrays_without_elements_have_frames_too() {
        let dtype = Dtype::parse("<f8").unwrap();
        let empty = Array::contiguous(dtype, &[0, 3], Order::C, Vec::new()).unwrap();
        let frames = to_frames(&empty.into(), &FrameOptions::default()).unwrap();
        assert_eq!(from_frames(&frames).unwrap().shape(), [0, 3]);
    }
}
