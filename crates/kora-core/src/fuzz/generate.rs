//! Inputs for the fuzz bodies, from a seed: values as the commands make them, then damaged or not.

use crate::hash::splitmix64;
use crate::types::hyperloglog::SketchBuf;
use crate::types::stream::{BlockLimits, References, Stream, StreamId};
use crate::types::{intset, listpack};

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
        let mut bytes = intset::EMPTY.to_vec();
        let widest = self.below(64);
        for _ in 0..self.below(20) {
            intset::add(&mut bytes, splitmix64(&mut self.0).cast_signed() >> widest);
        }
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
