//! Inputs for the fuzz bodies, from a seed: values as the commands make them, then damaged or not.

use crate::config::CoreConfig;
use crate::entry::Entry;
use crate::hash::splitmix64;
use crate::packed::intset::{self, IntSet};
use crate::packed::listpack;
use crate::rdb::{self, Crc64, Extensions, Loader, Style, file};
use crate::time::UnixMs;
use crate::types::hyperloglog::SketchBuf;
use crate::types::stream::{BlockLimits, Group, Pending, References, Stream, StreamId};

/// A source of inputs.
pub(super) struct Generator(u64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: usize) -> usize {
        let random = splitmix64(&mut self.0) % end as u64;
        usize::try_from(random).expect("below a usize")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn byte(&mut self) -> u8 {
        splitmix64(&mut self.0).to_le_bytes()[0]
    }

    pub(super) fn sketch(&mut self) -> Vec<u8> {
        let mut sketch = SketchBuf::new(3000);
        for _ in 0..self.below(60) {
            let element = splitmix64(&mut self.0).to_le_bytes();
            sketch.add(&element).expect("what adding makes is valid");
        }
        if self.one_in(10) {
            sketch.make_dense().expect("what adding makes is valid");
        }
        let mut bytes = sketch.bytes().to_vec();
        if self.one_in(4) {
            // Runs of any kind, behind a valid header.
            bytes.truncate(16);
            bytes.extend((0..self.below(60)).map(|_| 0).collect::<Vec<u8>>());
            bytes[16..].iter_mut().for_each(|byte| *byte = self.byte());
        }
        self.damage(&mut bytes, 16);
        bytes
    }

    pub(super) fn listpack(&mut self) -> Vec<u8> {
        let mut bytes = listpack::EMPTY.to_vec();
        for _ in 0..self.below(12) {
            let text = self.text();
            listpack::push_back(&mut bytes, &text);
        }
        self.damage(&mut bytes, 0);
        bytes
    }

    pub(super) fn intset(&mut self) -> Vec<u8> {
        let mut packed = intset::EMPTY.to_vec();
        let widest = self.below(64);
        for _ in 0..self.below(20) {
            intset::add(&mut packed, splitmix64(&mut self.0).cast_signed() >> widest);
        }
        let mut bytes = IntSet::new(&packed).to_redis();
        self.damage(&mut bytes, 0);
        bytes
    }

    pub(super) fn block(&mut self) -> Vec<u8> {
        let limits = BlockLimits { bytes_max: 0, entries_max: 0 };
        let (mut stream, mut id) =
            (Stream::default(), StreamId::new(1 << self.below(60), self.byte().into()));
        let first = id;
        for _ in 0..=self.below(20) {
            let pairs: Vec<_> = if self.one_in(2) {
                vec![b"field".to_vec(), self.text()]
            } else {
                (0..2 * (1 + self.below(3))).map(|_| self.text()).collect()
            };
            stream.log_mut().append(id, &pairs.iter().map(Vec::as_slice).collect::<Vec<_>>(), limits);
            id = StreamId::new(id.ms + u64::from(self.byte()), id.seq + 1 + u64::from(self.byte()));
        }
        if self.one_in(2) {
            let keep = |id: &StreamId| *id != first;
            let ids: Vec<_> = stream.log().range(first, id).map(|entry| entry.id).filter(keep).collect();
            for id in ids {
                if self.one_in(2) {
                    stream.delete(id, References::Keep);
                }
            }
        }
        let (base, bytes) = stream.log().blocks().next().expect("the first entry stays");
        let mut input = base.to_bytes().to_vec();
        input.extend_from_slice(bytes);
        self.damage(&mut input, 16 + 6);
        input
    }

    /// A value of any type: type byte and what follows, damaged or not.
    pub(super) fn value(&mut self) -> Vec<u8> {
        let entry = self.entry();
        let mut bytes = Vec::new();
        rdb::write_value(&entry, Style { compress: self.one_in(2) }, &mut bytes);
        if self.one_in(8) {
            bytes[0] = if self.one_in(16) { 128 } else { self.byte() % 28 };
        }
        self.damage(&mut bytes, 1);
        bytes
    }

    /// A file of a few keys, damaged or not.
    pub(super) fn file(&mut self) -> Vec<u8> {
        let config = CoreConfig::default();
        let style = Style { compress: self.one_in(2) };
        let mut bytes = Vec::new();
        file::write_header(rdb::VERSION_WITH_FIELD_DEADLINES, &mut bytes);
        file::write_aux(b"redis-bits", b"64", &mut bytes);
        file::write_function(b"#!lua name=a", true, &mut bytes);
        file::write_select_db(0, &mut bytes);
        file::write_resize_db(3, 1, &mut bytes);
        for _ in 0..self.below(4) {
            rdb::write_entry(&self.entry(), style, UnixMs(5), &config, &mut bytes);
        }
        file::write_end(&mut bytes);
        let mut checksum = Crc64::default();
        checksum.update(&bytes);
        file::write_checksum(&checksum, &mut bytes);
        self.damage(&mut bytes, file::HEADER_BYTES);
        bytes
    }

    fn entry(&mut self) -> Entry {
        let config = CoreConfig::default();
        let most = if self.one_in(6) { 600 } else { 12 };
        let (kind, count) = (self.below(9), 1 + self.below(most));
        let expiry = self.one_in(3).then_some(UnixMs(1_900_000_000_000));
        let mut out = Vec::new();
        // Written in the plainest of forms, and built as that is: so all encodings come about.
        let put = |generator: &mut Self, out: &mut Vec<u8>| rdb::put_text(out, &generator.text(), false);
        rdb::put_length(&mut out, count as u64);
        let kind_byte = match kind {
            0 => {
                out.clear();
                put(self, &mut out);
                0
            }
            1 | 2 => {
                (0..count).for_each(|_| put(self, &mut out));
                1
            }
            3 | 4 => {
                let base = splitmix64(&mut self.0).cast_signed() >> self.below(64);
                (0..count as i64).for_each(|more| {
                    rdb::put_text(&mut out, base.wrapping_add(more).to_string().as_bytes(), false);
                });
                2
            }
            5 => {
                for number in 0..count {
                    rdb::put_text(&mut out, number.to_string().as_bytes(), false);
                    let score = f64::from(self.byte()) / 4.0;
                    out.extend_from_slice(&score.to_le_bytes());
                }
                5
            }
            6 => {
                for number in 0..count {
                    rdb::put_text(&mut out, format!("f{number}").as_bytes(), false);
                    put(self, &mut out);
                }
                4
            }
            7 => {
                for number in 0..count {
                    rdb::put_length(&mut out, self.below(3) as u64);
                    rdb::put_text(&mut out, format!("f{number}").as_bytes(), false);
                    put(self, &mut out);
                }
                22
            }
            _ => return Entry::new_object(b"key", Box::new(self.stream()), expiry),
        };
        let loader = Loader { config: &config, seed: 7, extensions: Extensions::default() };
        rdb::build(kind_byte, &out, (b"key", expiry), &loader).expect("what was written is a value").0
    }

    fn stream(&mut self) -> Stream {
        let (mut stream, limits) = (Stream::default(), BlockLimits { bytes_max: 300, entries_max: 20 });
        for seq in 1..=self.below(60) as u64 {
            stream.log_mut().append(StreamId::new(7, seq), &[b"f", &self.text()], limits);
        }
        for name in 0..self.below(3) {
            let mut group = Group::new(StreamId::new(7, 3), Some(3));
            let consumers = [b"a", b"b"].map(|name| group.add_consumer(name, UnixMs(4)));
            for seq in 1..=self.below(6) as u64 {
                let consumer = consumers[self.below(2)];
                let pending = Pending { consumer, delivered: UnixMs(9), delivery_count: 1 };
                group.assign(StreamId::new(7, seq), pending);
            }
            stream.add_group(&name.to_le_bytes(), group);
        }
        stream
    }

    /// A text whose code is of any kind: integers of all widths, strings of all length classes.
    fn text(&mut self) -> Vec<u8> {
        if self.one_in(2) {
            let shift = self.below(64);
            let integer = splitmix64(&mut self.0).cast_signed() >> shift;
            return integer.to_string().into_bytes();
        }
        let len = match self.below(20) {
            0 => self.below(5000),
            1..4 => self.below(200),
            _ => self.below(20),
        };
        let byte = self.byte();
        vec![byte; len]
    }

    /// Changes a few bytes behind the first `spared`, cuts some off or adds some; one value in four stays whole.
    fn damage(&mut self, bytes: &mut Vec<u8>, spared: usize) {
        for _ in 0..self.below(4) {
            let from = if self.one_in(8) { 0 } else { spared.min(bytes.len()) };
            if from == bytes.len() {
                continue;
            }
            // Where lengths stand, at both ends, damage is of most interest.
            let at = match self.below(3) {
                0 => from + self.below(bytes.len() - from).min(10),
                1 => bytes.len() - 1 - self.below(bytes.len() - from).min(10),
                _ => from + self.below(bytes.len() - from),
            };
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 => bytes[at] ^= 1 << self.below(8),
                3 => bytes[at] = 0xFF,
                _ => bytes[at] = self.byte(),
            }
        }
    }
}
