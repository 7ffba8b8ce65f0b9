//! The form of a block that takes no more entries: what a search reads of all entries lies apart from what it reads of few.
//!
//! A byte with the bits of a distance and [`HAS_SEVERAL`], [`HAS_FIELDS`]; two bytes: how many there are from there to the details, and [`HAS_STOPS`]; if there
//! are some, a bit for each entry that is not a single occurrence, and one for each whose fields are not those of the entry before it; a stop behind each 32
//! entries, unless the block ends there; the distances, of so many bits each; those fields; the details: frequency and length of positions, unless the entry
//! is a single occurrence, and positions. Distances of as many bits as the greatest of them are read without a branch for their lengths, in no more bytes.
//!
//! A stop has the number of the entry before it, from that of the first one on, in four bytes, and where the details of the one behind it begin, in two. Who
//! looks for an entry begins at the last stop before it.

use smallvec::SmallVec;

use super::{BLOCK_NUMBERS, FLAG_BITS, IS_SIMPLE, Layout, Marks, Occurrences, SAME_FIELDS};
use crate::varint::{self, Reader};

/// Flags of the first byte.
const HAS_SEVERAL: u8 = 0x40;
const HAS_FIELDS: u8 = 0x80;
/// Bits of a distance, in the first byte.
const WIDTH_MASK: u8 = 0x3f;
/// In the two bytes behind it.
const HAS_STOPS: u16 = 0x8000;
/// Entries between two stops.
const STRIDE: usize = 32;
/// Bytes of a stop: [`Stop`].
const STOP_BYTES: usize = 6;
/// Entries that are read at once,
const AHEAD: usize = 4;
/// if their distances are in what one load gives.
const AHEAD_WIDTH_MAX: usize = 14;
/// Bytes before all else.
const FRONT: usize = 3;

/// Parts of a block on their way.
type Bytes = SmallVec<[u8; 512]>;

/// See the module. It stands between two entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full<'a> {
    /// The number of the first entry.
    first: u32,
    stops: &'a [u8],
    /// The distances, and what follows them.
    distances: &'a [u8],
    /// Bits of a distance.
    width: usize,
    count: usize,
    /// Entries passed.
    at: usize,
    /// Entries that are more than a single occurrence, one bit each.
    several: u128,
    /// Entries whose fields are written.
    changes: u128,
    fields: Reader<'a>,
    all_details: &'a [u8],
    details: Reader<'a>,
    /// Entries whose details are passed.
    details_at: usize,
}

/// The distances of a block, if several of them are in what one load gives.
#[derive(Clone, Copy)]
struct Ahead<'a> {
    distances: &'a [u8],
    width: usize,
    mask: u64,
    count: usize,
}

impl Ahead<'_> {
    /// The numbers of the next entries behind `document`, from this entry on, if there are so many.
    #[inline]
    fn read(&self, document: u32, at: usize) -> Option<[u32; AHEAD]> {
        if at + AHEAD > self.count {
            return None;
        }
        let (mut word, mut document) = (load(self.distances, at * self.width), document);
        let mut next = || {
            document = document.wrapping_add(low(word & self.mask));
            word >>= self.width;
            document
        };
        Some([next(), next(), next(), next()])
    }
}

/// How many of some ascending numbers are less than a limit.
#[inline]
fn below(four: [u32; AHEAD], limit: u32) -> usize {
    four.iter().map(|number| usize::from(*number < limit)).sum()
}

/// What stands before the positions of an entry.
struct Front {
    frequency: u32,
    /// Bytes of positions; none: it is one position.
    length: Option<usize>,
}

impl Front {
    #[inline]
    fn read(reader: &mut Reader<'_>, layout: Layout, is_simple: bool) -> Self {
        let frequency = if layout.frequencies && !is_simple { reader.read32() } else { 1 };
        let length = if layout.positions && !is_simple { Some(reader.read_length()) } else { None };
        Self { frequency, length }
    }

    #[inline]
    fn positions<'a>(&self, reader: &mut Reader<'a>, layout: Layout) -> &'a [u8] {
        match self.length {
            Some(length) => reader.take(length),
            None if layout.positions => reader.take_one(),
            None => &[],
        }
    }
}

/// Reads an entry of a block that is not full: its distance, whether it is a single occurrence, its fields, if they are not those before, and its occurrences.
#[inline]
pub(super) fn read_open<'a>(
    reader: &mut Reader<'a>,
    layout: Layout,
) -> (u32, bool, Option<u128>, Occurrences<'a>) {
    if layout == Layout::BARE {
        return (u32::try_from(reader.read_even()).unwrap_or(0), true, None, (1, &[]));
    }
    let head = reader.read_even();
    if let Some(position) = take_usual(reader, layout, head) {
        return (low(head >> FLAG_BITS), true, None, (1, position));
    }
    let is_simple = head & IS_SIMPLE != 0;
    let front = Front::read(reader, layout, is_simple);
    let fields = (head & SAME_FIELDS == 0).then(|| reader.read_wide());
    let distance = u32::try_from(head >> FLAG_BITS).unwrap_or(0);
    (distance, is_simple, fields, (front.frequency, front.positions(reader, layout)))
}

/// The next number of a block that is not full, whether it is a single occurrence, and what comes behind it.
#[inline]
pub(super) fn next_number(
    mut reader: Reader<'_>,
    layout: Layout,
    document: u32,
) -> Option<(u32, bool, Reader<'_>)> {
    if reader.is_done() {
        return None;
    }
    let head = reader.read_even();
    if layout == Layout::BARE {
        return Some((document.wrapping_add(low(head)), true, reader));
    }
    if take_usual(&mut reader, layout, head).is_some() {
        return Some((document.wrapping_add(low(head >> FLAG_BITS)), true, reader));
    }
    let is_simple = head & IS_SIMPLE != 0;
    let front = Front::read(&mut reader, layout, is_simple);
    if head & SAME_FIELDS == 0 {
        reader.take_one();
    }
    front.positions(&mut reader, layout);
    Some((document.wrapping_add(low(head >> FLAG_BITS)), is_simple, reader))
}

/// The position of an entry as most are, whose head was read: a single occurrence in the fields of the one before it, at a place that one byte tells.
#[inline]
fn take_usual<'a>(reader: &mut Reader<'a>, layout: Layout, head: u64) -> Option<&'a [u8]> {
    let is_usual = layout.positions && head & (IS_SIMPLE | SAME_FIELDS) == IS_SIMPLE | SAME_FIELDS;
    let (position, rest) = reader.rest.split_at_checked(1).filter(|_| is_usual)?;
    (position[0] < 0x80).then(|| {
        reader.rest = rest;
        position
    })
}

/// The bytes of a full block, from those of one that was not: its first entries, as many as there are numbers in a block at most.
pub(super) fn write(open: &[u8], layout: Layout) -> SmallVec<[u8; 16]> {
    let mut distances = [0_u32; BLOCK_NUMBERS];
    let (mut count, mut all, mut several, mut changes) = (0, 0, 0_u128, 0_u128);
    let (mut fields, mut details) = (Bytes::new(), Bytes::new());
    let mut stops = Stops::default();
    let mut reader = Reader::new(open);
    while !reader.is_done() && count < BLOCK_NUMBERS {
        if count > 0 && count % STRIDE == 0 {
            stops.push(&distances[count - STRIDE..count], details.len());
        }
        let mut ahead = reader;
        let head = ahead.read_even();
        if let Some(position) = take_usual(&mut ahead, layout, head) {
            distances[count] = low(head >> FLAG_BITS);
            all |= distances[count];
            details.push(position[0]);
            reader = ahead;
            count += 1;
            continue;
        }
        let (distance, is_simple, own_fields, (frequency, positions)) = read_open(&mut reader, layout);
        distances[count] = distance;
        all |= distance;
        if let Some(own_fields) = own_fields {
            changes |= 1 << count;
            varint::write(&mut fields, own_fields);
        }
        if !is_simple {
            several |= 1 << count;
            if layout.frequencies {
                varint::write_short(&mut details, frequency.into());
            }
            if layout.positions {
                varint::write_short(&mut details, positions.len() as u64);
            }
        }
        match positions {
            [one] => details.push(*one),
            _ => details.extend_from_slice(positions),
        }
        count += 1;
    }
    let width = u32::BITS - all.leading_zeros();
    let flags = if several == 0 { 0 } else { HAS_SEVERAL } | if changes == 0 { 0 } else { HAS_FIELDS };
    let bits = count.div_ceil(8);
    let maps: usize = [several, changes].iter().filter(|map| **map != 0).count() * bits;
    let stops = stops.finish();
    let before = maps + stops.len() + (count * width as usize).div_ceil(8) + fields.len();
    let mut bytes = SmallVec::with_capacity(FRONT + before + details.len());
    bytes.push(u8::try_from(width).unwrap_or(0) | flags);
    let has_stops = if stops.is_empty() { 0 } else { HAS_STOPS };
    let before = u16::try_from(before).expect("so few entries take less than half of it");
    bytes.extend_from_slice(&(before | has_stops).to_le_bytes());
    for map in [several, changes] {
        if map != 0 {
            bytes.extend_from_slice(&map.to_le_bytes()[..bits]);
        }
    }
    bytes.extend_from_slice(&stops);
    pack(&mut bytes, &distances[..count], width);
    bytes.extend_from_slice(&fields);
    bytes.extend_from_slice(&details);
    bytes
}

/// A place between two entries of a block.
struct Stop {
    /// The number of the entry before it, from that of the first one on.
    passed: u32,
    /// Where the details of the entry behind it begin.
    details_at: usize,
}

impl Stop {
    /// The one behind so many times as many entries as there are between two.
    #[inline]
    fn read(stops: &[u8], at: usize) -> Option<Self> {
        let bytes = stops.get(at.checked_sub(1)? * STOP_BYTES..)?.first_chunk::<STOP_BYTES>()?;
        let [one, two, three, four, low, high] = *bytes;
        let passed = u32::from_le_bytes([one, two, three, four]);
        Some(Self { passed, details_at: u16::from_le_bytes([low, high]).into() })
    }
}

/// The stops of a block on its way.
#[derive(Default)]
struct Stops {
    bytes: SmallVec<[u8; (BLOCK_NUMBERS / STRIDE - 1) * STOP_BYTES]>,
    passed: u32,
    has_failed: bool,
}

impl Stops {
    /// Adds the one behind these entries.
    fn push(&mut self, distances: &[u32], details_at: usize) {
        self.passed += distances.iter().sum::<u32>();
        self.bytes.extend_from_slice(&self.passed.to_le_bytes());
        match u16::try_from(details_at) {
            Ok(details_at) => self.bytes.extend_from_slice(&details_at.to_le_bytes()),
            Err(_) => self.has_failed = true,
        }
    }

    /// All of them, or none if details are too long.
    fn finish(mut self) -> SmallVec<[u8; (BLOCK_NUMBERS / STRIDE - 1) * STOP_BYTES]> {
        if self.has_failed {
            self.bytes.clear();
        }
        self.bytes
    }
}

/// Appends numbers of so many bits each, the least significant first.
fn pack(bytes: &mut SmallVec<[u8; 16]>, numbers: &[u32], width: u32) {
    let (mut held, mut held_bits) = (0_u64, 0);
    for number in numbers {
        held |= u64::from(*number) << held_bits;
        held_bits += width;
        if held_bits >= u32::BITS {
            bytes.extend_from_slice(&held.to_le_bytes()[..4]);
            held >>= u32::BITS;
            held_bits -= u32::BITS;
        }
    }
    bytes.extend_from_slice(&held.to_le_bytes()[..held_bits.div_ceil(8) as usize]);
}

/// 57 bits or more from one on; zeros behind the end.
#[inline]
fn load(bytes: &[u8], bit: usize) -> u64 {
    let at = bit / 8;
    let word = match bytes.get(at..at + 8) {
        Some(&[one, two, three, four, five, six, seven, eight]) => {
            u64::from_le_bytes([one, two, three, four, five, six, seven, eight])
        }
        _ => load_last(bytes, at),
    };
    word >> (bit % 8)
}

#[cold]
fn load_last(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn map(bytes: &[u8], length: usize, is_there: bool) -> (u128, &[u8]) {
    if !is_there {
        return (0, bytes);
    }
    let (map, rest) = bytes.split_at(length.min(bytes.len()));
    if let Ok(whole) = map.try_into() {
        return (u128::from_le_bytes(whole), rest);
    }
    (map.iter().rev().fold(0, |bits, byte| bits << 8 | u128::from(*byte)), rest)
}

impl<'a> Full<'a> {
    /// The entries of a full block, of which there are so many, and which begins with this number.
    pub(super) fn new(bytes: &'a [u8], count: u8, first: u32) -> Self {
        let count = usize::from(count);
        let (front, rest) = bytes.split_first_chunk::<FRONT>().unwrap_or((&[0; FRONT], &[]));
        let width = usize::from(front[0] & WIDTH_MASK);
        let behind = u16::from_le_bytes([front[1], front[2]]);
        let all_details = rest.get(usize::from(behind & !HAS_STOPS)..).unwrap_or_default();
        let bits = count.div_ceil(8);
        let (several, rest) = map(rest, bits, front[0] & HAS_SEVERAL != 0);
        let (changes, rest) = map(rest, bits, front[0] & HAS_FIELDS != 0);
        let stops = if behind & HAS_STOPS == 0 { 0 } else { count.saturating_sub(1) / STRIDE * STOP_BYTES };
        let (stops, distances) = rest.split_at(stops.min(rest.len()));
        let fields = distances.get((count * width).div_ceil(8)..).unwrap_or_default();
        Self {
            first,
            stops,
            distances,
            width,
            count,
            at: 0,
            several,
            changes,
            fields: Reader::new(fields),
            all_details,
            details: Reader::new(all_details),
            details_at: 0,
        }
    }

    /// Goes past the next entry, and returns its distance.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u32> {
        let distance = self.peek()?;
        self.at += 1;
        Some(distance)
    }

    #[inline]
    fn mask(&self) -> u64 {
        (1 << self.width) - 1
    }

    /// The fields of the entry that was passed, unless they are those of the one before it.
    #[inline]
    pub(super) fn changed_fields(&mut self) -> Option<u128> {
        (self.changes >> (self.at - 1) & 1 == 1).then(|| self.fields.read_wide())
    }

    /// Goes on behind `document` to the first entry from `target` on, and returns its number.
    #[inline]
    pub(super) fn seek(&mut self, document: u32, target: u32) -> Option<u32> {
        let before = self.pass(document, target);
        self.next().map(|distance| before.wrapping_add(distance))
    }

    /// Goes on behind `document` to the last stop before the first entry from `target` on, and returns the number of the entry before it.
    #[inline]
    fn jump(&mut self, document: u32, target: u32) -> u32 {
        let mut stop = self.stops.len() / STOP_BYTES;
        while stop * STRIDE > self.at {
            if let Some(passed) = Stop::read(self.stops, stop).map(|stop| self.first + stop.passed)
                && passed < target
            {
                self.at = stop * STRIDE;
                return passed;
            }
            stop -= 1;
        }
        document
    }

    /// What reads several distances at once.
    #[inline]
    fn ahead(&self) -> Ahead<'a> {
        let is_short = self.width <= AHEAD_WIDTH_MAX;
        let count = if is_short { self.count } else { 0 };
        Ahead { distances: self.distances, width: self.width, mask: self.mask(), count }
    }

    /// Marks the entries behind `document` that are in the window, in whichever fields, and returns the number of the last one that was passed. Those
    /// behind the window are still to come.
    pub(super) fn mark(&mut self, document: u32, window: &mut impl Marks) -> u32 {
        let (base, end) = (window.base(), window.end() - window.base());
        let document = if document < base { self.pass(document, base) } else { document };
        // Places count from the window's base on; the last one that was passed may stand before it.
        let mut place = document.wrapping_sub(base);
        let mut several = self.several.checked_shr(bits_of(self.at)).unwrap_or(0);
        let ahead = self.ahead();
        let mut at = self.at;
        while let Some(four) = ahead.read(place, at)
            && four[3] < end
        {
            four.iter().for_each(|place| window.mark(*place));
            let own = low_bits(several, 0);
            if own & 0xf != 0 {
                let marked = (0..).zip(four).filter(|(at, _)| own >> at & 1 == 1);
                marked.for_each(|(_, place)| window.mark_several(place));
            }
            several >>= AHEAD;
            (place, at) = (four[3], at + AHEAD);
        }
        self.at = at;
        while self.at < self.count {
            let next = place.wrapping_add(low(load(self.distances, self.at * self.width) & self.mask()));
            if next >= end {
                break;
            }
            window.mark(next);
            if low_bits(self.several, self.at) & 1 == 1 {
                window.mark_several(next);
            }
            (place, self.at) = (next, self.at + 1);
        }
        base.wrapping_add(place)
    }

    /// Goes past the entries behind `document` that are before `target`, and returns the number of the last one that is passed then.
    fn pass(&mut self, document: u32, target: u32) -> u32 {
        let mut document = self.jump(document, target);
        let ahead = self.ahead();
        while let Some(four) = ahead.read(document, self.at) {
            // How many of them are before it is found out without a branch for each.
            let passed = below(four, target);
            self.at += passed;
            if passed < AHEAD {
                return [document, four[0], four[1], four[2]][passed];
            }
            document = four[AHEAD - 1];
        }
        while let Some(next) = self.peek().map(|distance| document.wrapping_add(distance))
            && next < target
        {
            (document, self.at) = (next, self.at + 1);
        }
        document
    }

    /// Whether an entry is left, and its distance.
    #[inline]
    pub(super) fn peek(&self) -> Option<u32> {
        let distance =
            (self.at < self.count).then(|| load(self.distances, self.at * self.width) & self.mask());
        distance.map(low)
    }

    /// Entries passed.
    pub(super) fn passed(&self) -> usize {
        self.at
    }

    /// Whether the entry that was passed is a single occurrence.
    #[inline]
    pub(super) fn is_simple(&self) -> bool {
        self.several >> self.at.saturating_sub(1) & 1 == 0
    }

    /// The frequency and positions of the entry that was passed. It tells them once. Complexity: O(entries since the last one that was asked for).
    pub(super) fn occurrences(&mut self, layout: Layout) -> Occurrences<'a> {
        let Some(own) = self.at.checked_sub(1) else { return (1, &[]) };
        let stop = own / STRIDE;
        if stop * STRIDE > self.details_at
            && let Some(Stop { details_at, .. }) = Stop::read(self.stops, stop)
        {
            let details = self.all_details.get(details_at..).unwrap_or_default();
            (self.details, self.details_at) = (Reader::new(details), stop * STRIDE);
        }
        while self.details_at < own {
            let run =
                ((self.several >> self.details_at).trailing_zeros() as usize).min(own - self.details_at);
            if layout.positions {
                self.details.skip(run);
            }
            self.details_at += run;
            if self.details_at < own {
                Front::read(&mut self.details, layout, false).positions(&mut self.details, layout);
                self.details_at += 1;
            }
        }
        self.details_at = self.at;
        let is_simple = self.is_simple();
        let front = Front::read(&mut self.details, layout, is_simple);
        (front.frequency, front.positions(&mut self.details, layout))
    }
}

/// A place in a map.
fn bits_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Some bits of a map from one on.
#[expect(clippy::cast_possible_truncation, reason = "the upper ones are not asked for")]
#[inline]
fn low_bits(map: u128, at: usize) -> u8 {
    (map >> (at % BLOCK_NUMBERS)) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "a distance has 32 bits at most")]
#[inline]
fn low(distance: u64) -> u32 {
    distance as u32
}
