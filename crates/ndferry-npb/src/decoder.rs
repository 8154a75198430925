//! [`Decoder`]: messages in, events out.

use crate::session::parse_name;
use crate::{
    Ack, Block, Catalog, End, Error, ErrorKind, HEAD_NBYTES, Head, Hello, Kind, Limits, Manifest,
    Ranges, Refuse, Resume, TileGrid, What,
};

/// What a message meant.
#[derive(Debug)]
pub enum Event<'a> {
    /// An array begins.
    Manifest(&'a Manifest),
    /// One of its header blocks, by number; its bytes are not looked at here.
    Header(u64, &'a [u8]),
    /// One of its tiles, packed. Its place, its length and its checksum are right; whether it unpacks, only unpacking
    /// tells.
    Block(Block<'a>),
    /// The array is complete.
    End(End),
    /// All arrays are complete.
    Catalog(Catalog),
    /// The other side introduces itself.
    Hello(Hello),
    /// What the sender calls the transfer; to be trusted with nothing.
    Name(&'a str),
    /// The receiver holds some tiles already.
    Resume(Resume),
    /// The receiver takes this many bytes more.
    Credit(u64),
    /// The receiver has stored everything.
    Ack(Ack),
    /// The receiver refuses.
    Refuse(Refuse),
    /// Nothing that concerns a stream: INDEX, TAIL, PING, what may be skipped.
    Skipped,
}

/// What a tile that comes a second time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// A broken peer: an error.
    Refuse,
    /// It replaces the first, as in a file that was written to in place.
    Replace,
}

/// Follows a stream of messages and checks each against all before it.
///
/// Fed with whole messages, it does no I/O and copies no payload. Unpacking blocks is left to the caller, who may do it
/// on other threads.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    repeats: Repeats,
    state: State,
    /// Transfers that have ended: an array's number must not come back.
    ended: Vec<u64>,
}

/// Where in the stream we are.
#[derive(Debug)]
enum State {
    /// Between arrays.
    Idle { cataloged: bool },
    /// Inside one.
    Array(Box<Array>),
    /// After CATALOG, or after the END of an array that none follows.
    Done,
}

/// An array under way.
#[derive(Debug)]
struct Array {
    transfer: u64,
    manifest: Manifest,
    grid: TileGrid,
    headers: u64,
    tiles: Ranges,
    /// DATA messages, repeats counted.
    blocks: u64,
    /// Of a growing array: the last tile and its bytes if it was short.
    short: Option<(u64, u64)>,
    /// Of a live array: the first tile after those that have come.
    next: u64,
}

impl Decoder {
    /// At the start of a stream.
    pub fn new(limits: Limits, repeats: Repeats) -> Self {
        Self {
            limits,
            repeats,
            state: State::Idle { cataloged: false },
            ended: Vec::new(),
        }
    }

    /// Whether the transfer is complete: a single array, or all arrays and their CATALOG.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the stream may end here: nothing has begun, or everything is complete.
    pub fn may_end(&self) -> bool {
        matches!(self.state, State::Done | State::Idle { cataloged: false })
    }

    /// The manifest of the array under way.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            State::Array(array) => Some(&array.manifest),
            State::Idle { .. } | State::Done => None,
        }
    }

    /// Its transfer.
    pub fn transfer(&self) -> Option<u64> {
        match &self.state {
            State::Array(array) => Some(array.transfer),
            State::Idle { .. } | State::Done => None,
        }
    }

    /// Its tiles that have come.
    pub fn tiles(&self) -> Option<&Ranges> {
        match &self.state {
            State::Array(array) => Some(&array.tiles),
            State::Idle { .. } | State::Done => None,
        }
    }

    /// Counts these tiles of the array under way as if they had come: they did, in an earlier transfer that broke off.
    ///
    /// # Errors
    /// A tile that the array does not have, or that has come.
    pub fn hold(&mut self, held: &Ranges) -> Result<(), Error> {
        let State::Array(array) = &mut self.state else {
            return Ok(());
        };
        for (first, count) in held.runs() {
            for number in first..first + count {
                if number >= array.grid.len() || !array.tiles.insert(number) {
                    return Err(ErrorKind::Duplicate { number }.into());
                }
                array.blocks += 1;
            }
        }
        Ok(())
    }

    /// Takes one whole message.
    ///
    /// # Errors
    /// A damaged message, one that contradicts those before it, or one beyond the limits. The decoder must not be fed
    /// further then.
    pub fn feed<'a>(&'a mut self, frame: &'a [u8]) -> Result<Event<'a>, Error> {
        let head = Head::parse(frame)?;
        self.is_allowed(&head)?;
        self.feed_parts(&head, &frame[HEAD_NBYTES..])
    }

    /// As [`Self::feed`], for a message that lies in memory which its sender has lent; its head was copied out of there
    /// and parsed. If it is DATA and its checksum is 0, that is not compared: nobody has moved the bytes.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn feed_lent<'a>(&'a mut self, head: &Head, body: &'a [u8]) -> Result<Event<'a>, Error> {
        self.is_allowed(head)?;
        if (head.kind, head.body_crc) != (Kind::Data, 0) {
            return self.feed_parts(head, body);
        }
        head.check_nbytes(body)?;
        self.inside(head, body)
    }

    fn is_allowed(&self, head: &Head) -> Result<(), Error> {
        if head.body_nbytes > self.limits.body_nbytes() {
            let (what, nbytes, limit) = (head.what(), head.body_nbytes, self.limits.body_nbytes());
            return Err(ErrorKind::TooLarge {
                what,
                nbytes,
                limit,
            }
            .at(24));
        }
        Ok(())
    }

    /// Takes one message whose head has been parsed.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn feed_parts<'a>(&'a mut self, head: &Head, body: &'a [u8]) -> Result<Event<'a>, Error> {
        head.check(body)?;
        match head.kind {
            Kind::Manifest => self.begin(head, body),
            Kind::Header | Kind::Data | Kind::End => self.inside(head, body),
            Kind::Catalog => {
                let catalog = Catalog::parse(body, &self.limits)?;
                self.catalog(head.what(), &catalog)?;
                Ok(Event::Catalog(catalog))
            }
            Kind::Hello => Hello::parse(body).map(Event::Hello),
            Kind::Name => parse_name(body).map(Event::Name),
            Kind::Resume => Resume::parse(body).map(Event::Resume),
            Kind::Ack => Ack::parse(body).map(Event::Ack),
            Kind::Refuse => Refuse::parse(body).map(Event::Refuse),
            Kind::Credit => match <[u8; 8]>::try_from(body) {
                Ok(bytes) => Ok(Event::Credit(u64::from_le_bytes(bytes))),
                Err(_) => {
                    let (what, problem) = (head.what(), "it is not one number");
                    Err(ErrorKind::Body { what, problem }.at(HEAD_NBYTES as u64))
                }
            },
            Kind::Index | Kind::Tail | Kind::Auth | Kind::Ping | Kind::Skippable(_) => {
                Ok(Event::Skipped)
            }
        }
    }

    fn begin<'a>(&'a mut self, head: &Head, body: &'a [u8]) -> Result<Event<'a>, Error> {
        match &self.state {
            State::Idle { .. } => {}
            State::Array(_) => return Err(unexpected(head.what(), "the rest of an array")),
            State::Done => return Err(unexpected(head.what(), "the end")),
        }
        if self.ended.contains(&head.transfer) {
            return Err(ErrorKind::Field {
                field: "transfer",
                found: head.transfer,
            }
            .at(8));
        }
        if self.ended.len() >= self.limits.arrays as usize {
            return Err(ErrorKind::Field {
                field: "number of arrays",
                found: self.ended.len() as u64 + 1,
            }
            .into());
        }
        let manifest = Manifest::parse(body, &self.limits).map_err(in_body)?;
        let array = Array {
            transfer: head.transfer,
            grid: manifest.grid()?,
            manifest,
            headers: 0,
            tiles: Ranges::default(),
            blocks: 0,
            short: None,
            next: 0,
        };
        self.state = State::Array(Box::new(array));
        match &self.state {
            State::Array(array) => Ok(Event::Manifest(&array.manifest)),
            State::Idle { .. } | State::Done => Ok(Event::Skipped),
        }
    }

    fn inside<'a>(&'a mut self, head: &Head, body: &'a [u8]) -> Result<Event<'a>, Error> {
        let what = head.what();
        let State::Array(array) = &mut self.state else {
            return Err(unexpected(what, "a MANIFEST"));
        };
        if head.transfer != array.transfer {
            let (found, expected) = (head.transfer, array.transfer);
            return Err(ErrorKind::Transfer {
                what,
                found,
                expected,
            }
            .at(8));
        }
        if head.kind == Kind::Header {
            array.header(what, body, &self.limits)?;
            return Ok(Event::Header(head.sequence, body));
        }
        if array.headers < array.manifest.header_blocks.into() {
            return Err(unexpected(what, "a HEADER"));
        }
        if head.kind == Kind::Data {
            let block = Block::parse(head.sequence, body)?;
            array.block(&block, self.repeats)?;
            return Ok(Event::Block(block));
        }
        let end = End::parse(body)?;
        array.end(&end)?;
        let cataloged = array.manifest.cataloged;
        self.ended.push(array.transfer);
        self.state = if cataloged {
            State::Idle { cataloged }
        } else {
            State::Done
        };
        Ok(Event::End(end))
    }

    fn catalog(&mut self, what: What, catalog: &Catalog) -> Result<(), Error> {
        if !matches!(self.state, State::Idle { .. }) {
            return Err(unexpected(what, "the rest of an array"));
        }
        let same = catalog
            .entries
            .iter()
            .map(|entry| entry.transfer)
            .eq(self.ended.iter().copied());
        if !same {
            let problem = "it does not list the arrays that came";
            return Err(ErrorKind::Body { what, problem }.at(HEAD_NBYTES as u64));
        }
        self.state = State::Done;
        Ok(())
    }
}

impl Array {
    fn header(&mut self, what: What, body: &[u8], limits: &Limits) -> Result<(), Error> {
        if self.headers == self.manifest.header_blocks.into() {
            return Err(unexpected(what, "DATA or END"));
        }
        if what.sequence != self.headers {
            return Err(unexpected(what, "the next HEADER"));
        }
        if body.len() as u64 > limits.header_nbytes {
            let (nbytes, limit) = (body.len() as u64, limits.header_nbytes);
            return Err(ErrorKind::TooLarge {
                what,
                nbytes,
                limit,
            }
            .at(24));
        }
        self.headers += 1;
        Ok(())
    }

    /// Of a live array, whose gaps are not counted one by one: there may be any number of them.
    fn live_block(&mut self, block: &Block<'_>) -> Result<(), Error> {
        let (number, found) = (block.number, u64::from(block.raw_nbytes));
        let expected = self
            .grid
            .nbytes(number)
            .map_err(|error| error.kind.at(16))?;
        if found != expected {
            return Err(ErrorKind::TileLength {
                number,
                found,
                expected,
            }
            .at(HEAD_NBYTES as u64 + 4));
        }
        let row = self.grid.tiles_per_row();
        // A row that has begun comes whole; after it, any later one may.
        let is_next = match self.next % row {
            0 => number >= self.next && number % row == 0,
            _ => number == self.next,
        };
        let Some(next) = number.checked_add(1).filter(|_| is_next) else {
            return Err(ErrorKind::Field {
                field: "tile of a live array",
                found: number,
            }
            .at(16));
        };
        self.next = next;
        self.blocks += 1;
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>, repeats: Repeats) -> Result<(), Error> {
        if self.manifest.live {
            return self.live_block(block);
        }
        let (number, found) = (block.number, u64::from(block.raw_nbytes));
        let expected = self
            .grid
            .nbytes(number)
            .map_err(|error| error.kind.at(16))?;
        // Only the last tile of a growing array may be short, and holds whole rows.
        let row = expected / self.grid.tile_shape().first().copied().unwrap_or(1).max(1);
        let short =
            self.manifest.growing && found < expected && found > 0 && row > 0 && found % row == 0;
        if found != expected && !short {
            return Err(ErrorKind::TileLength {
                number,
                found,
                expected,
            }
            .at(HEAD_NBYTES as u64 + 4));
        }
        let is_new = self.tiles.insert(number);
        let completes = self
            .short
            .is_some_and(|(last, nbytes)| last == number && nbytes < found);
        if !is_new && !completes && repeats == Repeats::Refuse {
            return Err(ErrorKind::Duplicate { number }.at(16));
        }
        if self.manifest.growing && is_new && self.short.is_some_and(|(last, _)| last < number) {
            let (number, nbytes) = self.short.unwrap_or_default();
            return Err(ErrorKind::TileLength {
                number,
                found: nbytes,
                expected,
            }
            .into());
        }
        if short || completes {
            self.short = short.then_some((number, found));
        }
        self.blocks += 1;
        match self.manifest.data_blocks {
            Some(expected) if self.blocks > expected => Err(ErrorKind::Count {
                expected,
                found: self.blocks,
            }
            .at(16)),
            _ => Ok(()),
        }
    }

    fn end(&mut self, end: &End) -> Result<(), Error> {
        let promised = self.manifest.data_blocks.unwrap_or(end.blocks);
        for expected in [end.blocks, promised] {
            if expected != self.blocks {
                return Err(ErrorKind::Count {
                    expected,
                    found: self.blocks,
                }
                .at(HEAD_NBYTES as u64));
            }
        }
        let fixed = self.manifest.shape.first().copied().unwrap_or(0);
        if !self.manifest.growing && end.extent != fixed {
            return Err(ErrorKind::Field {
                field: "final extent",
                found: end.extent,
            }
            .at(HEAD_NBYTES as u64 + 8));
        }
        if self.manifest.live {
            let row = self.grid.tiles_per_row();
            let is_whole = self.next.is_multiple_of(row) && self.next / row <= end.extent;
            self.grid.grown_to(end.extent)?;
            return is_whole.then_some(()).ok_or_else(|| {
                let field = "final extent";
                let found = end.extent;
                ErrorKind::Field { field, found }.at(HEAD_NBYTES as u64 + 8)
            });
        }
        let grid = match self.manifest.growing {
            true => self.grid.grown_to(end.extent)?,
            false => self.grid.clone(),
        };
        let (tiles, first) = (grid.len(), self.tiles.first_gap());
        if self.tiles.count() != tiles || first < tiles {
            let missing = tiles.saturating_sub(self.tiles.count());
            return Err(ErrorKind::Missing {
                missing,
                tiles,
                first,
            }
            .into());
        }
        // The tiles along the end must be exactly as short as the final extent says.
        let last = tiles
            .checked_sub(1)
            .map(|last| Ok::<_, Error>((last, grid.nbytes(last)?)))
            .transpose()?;
        match (self.short, last) {
            (Some((number, found)), Some((last, expected)))
                if number != last || found != expected =>
            {
                Err(ErrorKind::TileLength {
                    number,
                    found,
                    expected,
                }
                .into())
            }
            (None, Some((number, expected)))
                if self.manifest.growing && self.grid.nbytes(number)? != expected =>
            {
                Err(ErrorKind::TileLength {
                    number,
                    found: self.grid.nbytes(number)?,
                    expected,
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}

fn unexpected(what: What, expected: &'static str) -> Error {
    ErrorKind::Unexpected { what, expected }.at(5)
}

/// Offsets of fields, counted from the start of the message.
fn in_body(error: Error) -> Error {
    Error {
        offset: error.offset + HEAD_NBYTES as u64,
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CatalogEntry, Codec, ElementType, Extent, Filter, message};

    fn manifest(rows: u64, growing: bool, cataloged: bool) -> Manifest {
        Manifest {
            header_blocks: 1,
            data_blocks: (!growing).then(|| rows.div_ceil(2)),
            codec: Codec::Raw,
            filter: Filter::None,
            level: 0,
            element: ElementType::BYTES,
            shape: vec![if growing { 0 } else { rows }, 3],
            tile: vec![2, 3],
            growing,
            bytes: false,
            cataloged,
            live: false,
        }
    }

    fn block(transfer: u64, number: u64, payload: &[u8]) -> Vec<u8> {
        let (codec, filter, raw_nbytes) = (Codec::Raw, Filter::None, payload.len() as u32);
        let head = Block {
            number,
            codec,
            filter,
            raw_nbytes,
            payload,
        }
        .head(transfer);
        [&head[..], payload].concat()
    }

    fn lent<'a>(decoder: &'a mut Decoder, frame: &'a [u8]) -> Result<Event<'a>, Error> {
        decoder.feed_lent(&Head::parse(frame)?, &frame[HEAD_NBYTES..])
    }

    #[test]
    fn a_checksum_that_is_left_out_is_missed_unless_the_message_was_lent() {
        let frames = array(3, 2, false, false);
        let begun = || {
            let mut decoder = Decoder::new(Limits::PEER, Repeats::Refuse);
            for frame in &frames[..2] {
                lent(&mut decoder, frame).unwrap();
            }
            decoder
        };
        let payload = [7; 6];
        let unchecked = Block {
            number: 0,
            codec: Codec::Raw,
            filter: Filter::None,
            raw_nbytes: 6,
            payload: &payload,
        };
        let unchecked = [&unchecked.head_of_lent(3)[..], &payload].concat();
        let error = begun().feed(&unchecked).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::BodyCrc { .. }));
        let mut decoder = begun();
        let event = lent(&mut decoder, &unchecked).unwrap();
        assert!(matches!(event, Event::Block(block) if block.payload == payload));
        // One that is there counts, as does the length, and whatever is not DATA.
        let mut damaged = block(3, 0, &payload);
        *damaged.last_mut().unwrap() ^= 1;
        let error = lent(&mut begun(), &damaged).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::BodyCrc { .. }));
        let cut = &unchecked[..unchecked.len() - 1];
        let error = lent(&mut begun(), cut).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Truncated { .. }));
        let head = Head {
            body_crc: 0,
            ..Head::new(Kind::Header, 3, 0, &[b"header"])
        };
        let header = [&head.encode()[..], b"header"].concat();
        let mut decoder = Decoder::new(Limits::PEER, Repeats::Refuse);
        lent(&mut decoder, &frames[0]).unwrap();
        let error = lent(&mut decoder, &header).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::BodyCrc { .. }));
    }

    fn array(transfer: u64, rows: u64, growing: bool, cataloged: bool) -> Vec<Vec<u8>> {
        let mut frames = vec![
            message(
                Kind::Manifest,
                transfer,
                0,
                &manifest(rows, growing, cataloged).encode(),
            ),
            message(Kind::Header, transfer, 0, b"header"),
        ];
        for number in 0..rows.div_ceil(2) {
            let nbytes = 3 * (rows - 2 * number).min(2);
            frames.push(block(
                transfer,
                number,
                &vec![number as u8; nbytes as usize],
            ));
        }
        frames.push(
            End {
                blocks: rows.div_ceil(2),
                extent: rows,
            }
            .message(transfer),
        );
        frames
    }

    fn run(frames: &[Vec<u8>]) -> Result<bool, Error> {
        let mut decoder = Decoder::new(Limits::PEER, Repeats::Refuse);
        for frame in frames {
            decoder.feed(frame)?;
        }
        Ok(decoder.is_done())
    }

    #[test]
    fn whole_streams_are_done_and_others_are_not() {
        for growing in [false, true] {
            for rows in [0, 1, 2, 5] {
                let frames = array(7, rows, growing, false);
                assert_eq!(run(&frames), Ok(true), "{rows} {growing}");
                for n in 0..frames.len() {
                    assert_eq!(run(&frames[..n]), Ok(false));
                    let mut without = frames.clone();
                    without.remove(n);
                    assert!(
                        run(&without).is_err() || n == frames.len() - 1,
                        "{rows} {growing} without {n}"
                    );
                    let mut twice = frames.clone();
                    twice.insert(n, frames[n].clone());
                    assert!(run(&twice).is_err(), "{rows} {growing} twice {n}");
                }
            }
        }
    }

    #[test]
    fn several_arrays_end_with_their_catalog() {
        let mut frames = [array(1, 3, false, true), array(2, 0, false, true)].concat();
        assert_eq!(run(&frames), Ok(false));
        let root = Extent {
            offset: 0,
            nbytes: 0,
        };
        let entry = |transfer, name: &str| CatalogEntry {
            name: name.into(),
            transfer,
            manifest: 0,
            root,
        };
        let wrong = Catalog {
            entries: vec![entry(1, "a")],
        };
        assert!(run(&[frames.clone(), vec![wrong.message()]].concat()).is_err());
        frames.push(
            Catalog {
                entries: vec![entry(1, "a"), entry(2, "b")],
            }
            .message(),
        );
        assert_eq!(run(&frames), Ok(true));
    }

    /// Tiles of a live array of two tiles a row, then its end.
    fn live(tiles: &[u64], blocks: u64, rows: u64) -> Vec<Vec<u8>> {
        let mut manifest = manifest(0, true, false);
        (manifest.live, manifest.tile) = (true, vec![1, 2]);
        let mut frames = vec![
            message(Kind::Manifest, 7, 0, &manifest.encode()),
            message(Kind::Header, 7, 0, b"header"),
        ];
        let tile = |number: &u64| block(7, *number, &b"ab"[..2 - (*number % 2) as usize]);
        frames.extend(tiles.iter().map(tile));
        let extent = rows;
        frames.push(End { blocks, extent }.message(7));
        frames
    }

    #[test]
    fn a_live_array_may_lack_rows_but_no_parts_of_rows() {
        for (tiles, rows) in [
            (&[][..], 0),
            (&[], 9),
            (&[0, 1], 1),
            (&[6, 7], 4),
            (&[0, 1, 6, 7, 1 << 40, (1 << 40) + 1], 1 << 50),
        ] {
            assert_eq!(
                run(&live(tiles, tiles.len() as u64, rows)),
                Ok(true),
                "{tiles:?}"
            );
        }
        for (tiles, rows) in [
            (&[0][..], 1),
            (&[1], 1),
            (&[0, 2], 2),
            (&[0, 1, 3], 2),
            (&[0, 1, 0, 1], 2),
            (&[2, 3, 0, 1], 2),
            (&[0, 1, 2, 3], 1),
            (&[u64::MAX - 1, u64::MAX], u64::MAX),
        ] {
            assert!(
                run(&live(tiles, tiles.len() as u64, rows)).is_err(),
                "{tiles:?}"
            );
        }
        assert!(run(&live(&[0, 1], 1, 1)).is_err());
        assert!(run(&live(&[0, 1], 2, u64::MAX)).is_err());
    }

    #[test]
    fn a_name_may_come_before_an_array() {
        let mut decoder = Decoder::new(Limits::PEER, Repeats::Refuse);
        let long = "ä".repeat(1000);
        let message = crate::name(&long);
        let Event::Name(name) = decoder.feed(&message).unwrap() else {
            panic!("another message");
        };
        assert_eq!(name, "ä".repeat(512));
        let wrong = crate::message(Kind::Name, 0, 0, b"\xff");
        assert!(decoder.feed(&wrong).is_err());
    }

    #[test]
    fn tiles_of_another_place_or_transfer_are_refused() {
        let frames = array(7, 5, false, false);
        for wrong in [
            block(7, 0, b"12345"),
            block(7, 3, b"123456"),
            block(8, 0, b"123456"),
            block(7, u64::MAX, b"123456"),
        ] {
            let mut frames = frames.clone();
            frames[2] = wrong;
            assert!(run(&frames).is_err());
        }
        let mut reordered = frames.clone();
        reordered.swap(2, 4);
        assert_eq!(run(&reordered), Ok(true));
    }

    #[test]
    fn tiles_that_are_held_need_not_come_and_must_not() {
        let frames = array(7, 5, false, false);
        let held = |numbers: &[u64]| {
            let mut held = Ranges::default();
            for number in numbers {
                held.insert(*number);
            }
            held
        };
        let run = |held: &Ranges, left_out: &[usize]| {
            let mut decoder = Decoder::new(Limits::PEER, Repeats::Refuse);
            for (i, frame) in frames.iter().enumerate() {
                if i == 2 {
                    decoder.hold(held)?;
                }
                if !left_out.contains(&i) {
                    decoder.feed(frame)?;
                }
            }
            Ok::<_, Error>(decoder.is_done())
        };
        assert_eq!(run(&held(&[0, 2]), &[2, 4]), Ok(true));
        assert_eq!(run(&held(&[0, 1, 2]), &[2, 3, 4]), Ok(true));
        assert!(run(&held(&[0, 2]), &[2]).is_err());
        assert!(run(&held(&[0]), &[2, 4]).is_err());
        assert!(run(&held(&[3]), &[]).is_err());
    }

    #[test]
    fn every_flip_of_a_stream_is_found() {
        let frames = array(7, 3, false, false);
        for (i, frame) in frames.iter().enumerate() {
            for bit in 0..frame.len() * 8 {
                let mut flipped = frames.clone();
                flipped[i][bit / 8] ^= 1 << (bit % 8);
                assert!(run(&flipped).is_err(), "message {i} bit {bit}");
            }
        }
    }
}
