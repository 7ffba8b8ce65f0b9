//! LZF, the compression of strings in RDB files.
//!
//! ```text
//! 000LLLLL                 the next L + 1 bytes as they are
//! LLLooooo oooooooo        L + 2 bytes from o + 1 bytes back
//! 111ooooo LLLLLLLL oooooooo   L + 9 bytes from there
//! ```
//!
//! The compressor takes the matches that Redis's takes, so that payloads are equal to the byte. It finds them in a table
//! of 65,536 places; the table is kept from string to string, and never cleared: positions go on counting, so that what
//! earlier strings left lies before the beginning of the present one. Most strings are short, and clearing the table
//! would cost more than all else.
//!
//! Source: Marc Lehmann, LibLZF.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest run of bytes as they are.
const LITERALS_MAX: usize = 1 << 5;
/// Furthest way back.
const DISTANCE_MAX: usize = 1 << 13;
/// Longest match.
const MATCH_MAX: usize = (1 << 8) + (1 << 3);
/// Bytes that no input is made more of by each of its own: three bytes stand for a match.
const EXPANSION_MAX: usize = MATCH_MAX / 3;
/// The table has two to the power of this many places.
const TABLE_BITS: u32 = 16;
/// Bytes of the table.
const TABLE_BYTES: usize = size_of::<u32>() << TABLE_BITS;
/// Longer inputs are not compressed: positions are counted in 32 bits.
const INPUT_MAX: usize = 1 << 30;
/// A compressed string is shorter by more than this.
const SAVED_MIN: usize = 4;
/// Matches longer than this are compared in steps, which may end a few bytes beyond what the length allows.
const STEP: usize = 16;
/// Where such a step ends at least.
const STEP_END: usize = 19;

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table { places: None, base: 0 }) };
}

/// Positions by their three bytes, counted over all inputs since the table was cleared.
type Places = [u32; 1 << TABLE_BITS];

/// Bytes of all threads' tables.
static TABLES_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Where three bytes were seen last.
struct Table {
    places: Option<Box<Places>>,
    /// Position of the present input's first byte.
    base: u32,
}

impl Table {
    /// Begins another input of `len` bytes: where it stands, and the places.
    fn begin(&mut self, len: usize) -> (u32, &mut Places) {
        let len = u32::try_from(len).expect("longer inputs are not compressed");
        if self.places.is_none() {
            TABLES_BYTES.fetch_add(TABLE_BYTES, Ordering::Relaxed);
        }
        let next = self.base.checked_add(len);
        if self.places.is_none() || next.is_none() {
            self.base = 1;
            self.places = vec![0; 1 << TABLE_BITS].into_boxed_slice().try_into().ok();
        }
        let places = self.places.as_deref_mut();
        let base = self.base;
        self.base += len;
        (base, places.expect("a table has its places"))
    }

    /// Frees the table if there is one, and calls `freed` before it counts as gone.
    fn release(&mut self, freed: impl FnOnce()) {
        if self.places.take().is_some() {
            freed();
            TABLES_BYTES.fetch_sub(TABLE_BYTES, Ordering::Relaxed);
        }
    }
}

/// Notes that `bytes` begin at `position`, and returns where their like was before.
#[inline]
fn exchange(places: &mut Places, bytes: [u8; 3], position: u32) -> u32 {
    let word = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    let mixed = (word >> (24 - TABLE_BITS)).wrapping_sub(word.wrapping_mul(5));
    std::mem::replace(&mut places[(mixed & ((1 << TABLE_BITS) - 1)) as usize], position)
}

impl Drop for Table {
    fn drop(&mut self) {
        self.release(|| ());
    }
}

/// Output that never grows beyond what makes it worth while. Literals stand for themselves in the input until their run ends.
struct Output<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    /// Where the present run of literals begins in the input.
    run_from: usize,
    /// Where the output has to end.
    end: usize,
}

impl Output<'_> {
    /// How long the output is with a run that ends before `at`.
    #[inline]
    fn len_at(&self, at: usize) -> usize {
        self.out.len() + 1 + (at - self.run_from)
    }

    /// Ends the run before `at`, where another begins; an empty one was never there.
    fn end_run(&mut self, at: usize) {
        let literals = &self.text[self.run_from..at];
        if let Some(count) = literals.len().checked_sub(1) {
            self.out.push(count.to_le_bytes()[0]);
            self.out.extend_from_slice(literals);
        }
        self.run_from = at;
    }

    /// Adds the byte before `at` to the run, which ends if it is full.
    #[inline]
    fn literal(&mut self, at: usize) {
        if at - self.run_from == LITERALS_MAX {
            self.end_run(at);
        }
    }

    /// Ends the run before `at`, and adds a reference for the `len` bytes from there on.
    fn reference(&mut self, at: usize, distance: usize, len: usize) {
        self.end_run(at);
        let [low, high, ..] = (distance - 1).to_le_bytes();
        match len - 2 {
            short @ 0..7 => self.out.extend_from_slice(&[high | short.to_le_bytes()[0] << 5, low]),
            long => self.out.extend_from_slice(&[high | 7 << 5, (long - 7).to_le_bytes()[0], low]),
        }
        self.run_from = at + len;
    }
}

/// Frees this thread's table until something is compressed again; calls `freed` before [`tables_bytes`] leaves it out.
pub(crate) fn release_table(freed: impl FnOnce()) {
    TABLE.with_borrow_mut(|table| table.release(freed));
}

/// Bytes of the tables that threads have.
pub(crate) fn tables_bytes() -> usize {
    TABLES_BYTES.load(Ordering::Relaxed)
}

/// Adds `text`, compressed, to `out`; `false`, and `out` as it was, if it does not become shorter.
pub(crate) fn compress(text: &[u8], out: &mut Vec<u8>) -> bool {
    if text.len() <= SAVED_MIN || text.len() > INPUT_MAX {
        return false;
    }
    let start = out.len();
    let mut output = Output { text, run_from: 0, end: start + text.len() - SAVED_MIN, out };
    let is_shorter = TABLE.with_borrow_mut(|table| compress_with(table, text, &mut output)).is_some();
    if !is_shorter {
        out.truncate(start);
    }
    is_shorter
}

fn compress_with(table: &mut Table, text: &[u8], output: &mut Output<'_>) -> Option<()> {
    let (base, places) = table.begin(text.len());
    let mut at = 0;
    let mut position = base;
    while let Some(&bytes) = text.get(at..).and_then(<[u8]>::first_chunk::<3>) {
        let before = exchange(places, bytes, position);
        let Some(from) = match_at(text, (at, bytes), before.checked_sub(base)) else {
            if output.len_at(at) >= output.end {
                return None;
            }
            at += 1;
            position += 1;
            output.literal(at);
            continue;
        };
        let empty_run = usize::from(output.run_from == at);
        if output.len_at(at) - empty_run + 3 + 1 >= output.end {
            return None;
        }
        let len = match_len(text, from, at);
        output.reference(at, at - from, len);
        at += len;
        position = base + u32::try_from(at).expect("within the input");
        if at + 2 >= text.len() {
            break;
        }
        for back in [2, 1] {
            if let Some(&bytes) = text[at - back..].first_chunk::<3>() {
                exchange(places, bytes, position - u32::try_from(back).expect("two or one"));
            }
        }
    }
    if output.len_at(at) + 3 > output.end {
        return None;
    }
    for end in at + 1..=text.len() {
        output.literal(end);
    }
    output.end_run(text.len());
    Some(())
}

/// Where the three bytes at `at` stand already, given where their like was last. The first byte of the input is none of
/// those looked at.
#[inline]
fn match_at(text: &[u8], (at, bytes): (usize, [u8; 3]), before: Option<u32>) -> Option<usize> {
    let from = before? as usize;
    let is_near = from > 0 && from < at && at - from <= DISTANCE_MAX;
    (is_near && text[from..].first_chunk::<3>() == Some(&bytes)).then_some(from)
}

/// How many bytes from `from` on are those from `at` on, as far as a match may go.
fn match_len(text: &[u8], from: usize, at: usize) -> usize {
    let most = (text.len() - at - 2).min(MATCH_MAX);
    let most = if most > STEP { most.max(STEP_END) } else { most.max(3) };
    let more = text[from + 3..].iter().zip(&text[at + 3..at + most]).take_while(|(one, other)| one == other);
    3 + more.count()
}

/// The `len` bytes that `packed` stands for; `None` if it does not stand for so many. Memory grows as it is filled.
pub(crate) fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > packed.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(len.min(packed.len().saturating_mul(2)));
    let mut rest = packed;
    while let Some((&head, behind)) = rest.split_first() {
        if usize::from(head) < LITERALS_MAX {
            let (literals, behind) = behind.split_at_checked(usize::from(head) + 1)?;
            out.extend_from_slice(literals);
            rest = behind;
        } else {
            let (count, behind) = match head >> 5 {
                7 => behind.split_first().map(|(&more, behind)| (usize::from(more) + 9, behind))?,
                short => (usize::from(short) + 2, behind),
            };
            let (&low, behind) = behind.split_first()?;
            let distance = (usize::from(head & 0x1F) << 8 | usize::from(low)) + 1;
            repeat(&mut out, distance, count)?;
            rest = behind;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Adds `count` bytes from `distance` bytes back, some of which may be among those added.
fn repeat(out: &mut Vec<u8>, distance: usize, count: usize) -> Option<()> {
    let from = out.len().checked_sub(distance)?;
    if distance >= count {
        out.extend_from_within(from..from + count);
    } else {
        (from..from + count).for_each(|at| out.push(out[at]));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{compress, decompress};
    use crate::hash::splitmix64;

    /// Texts that compress more or less, from a seed.
    fn texts(count: usize) -> impl Iterator<Item = Vec<u8>> {
        let mut state = 11;
        (0..count).map(move |_| {
            let (len, letters) = (splitmix64(&mut state) % 400, splitmix64(&mut state) % 6 + 1);
            (0..len).map(|_| b'a' + (splitmix64(&mut state) % letters).to_le_bytes()[0]).collect()
        })
    }

    #[test]
    fn what_was_compressed_is_got_back() {
        let mut compressed = 0;
        for text in texts(3000) {
            let mut packed = b"before".to_vec();
            if compress(&text, &mut packed) {
                assert!(packed.len() - 6 < text.len() - 3, "{} of {}", packed.len(), text.len());
                assert_eq!(decompress(&packed[6..], text.len()).as_deref(), Some(&text[..]));
                compressed += 1;
            } else {
                assert_eq!(packed, b"before");
            }
        }
        assert!((1000..2900).contains(&compressed), "{compressed}");
    }

    #[test]
    fn long_runs() {
        for len in [22, 23, 24, 263, 264, 265, 266, 300, 10_000, 1 << 20] {
            let mut packed = Vec::new();
            assert!(compress(&vec![b'x'; len], &mut packed));
            assert!(packed.len() <= len / 80 + 10, "{len}: {}", packed.len());
            assert_eq!(decompress(&packed, len), Some(vec![b'x'; len]));
        }
    }

    #[test]
    fn anything_may_be_decompressed() {
        let mut state = 3;
        for _ in 0..50_000 {
            let len = splitmix64(&mut state) % 30;
            let packed: Vec<u8> = (0..len).map(|_| splitmix64(&mut state).to_le_bytes()[0] & 0x3F).collect();
            let wanted = usize::try_from(splitmix64(&mut state) % 200).expect("small");
            if let Some(text) = decompress(&packed, wanted) {
                assert_eq!(text.len(), wanted);
            }
        }
        assert_eq!(decompress(b"\0a", usize::MAX), None);
    }
}
