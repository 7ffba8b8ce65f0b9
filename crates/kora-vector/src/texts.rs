//! Texts by number, in chunks that never move, so that no insertion pays for all and they are freed in pieces. A copy shares the chunks, each
//! until either side changes it.

use std::sync::Arc;

/// Texts in a chunk.
const CHUNK: usize = 256;
/// What a chunk takes besides its texts: a list, and counts of those who share it.
const CHUNK_BYTES: usize = size_of::<Slots>() + 16;

type Slots = Vec<Option<Box<[u8]>>>;

/// Texts by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    chunks: Vec<Arc<Slots>>,
    count: usize,
    bytes: usize,
    slots: usize,
}

fn place(number: u32) -> (usize, usize) {
    let number = number as usize;
    (number / CHUNK, number % CHUNK)
}

impl Texts {
    /// How many there are. Complexity: O(1).
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The text of a number. Complexity: O(1).
    pub(crate) fn get(&self, number: u32) -> Option<&[u8]> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.get(at)?.as_deref()
    }

    /// Gives a number a text, in the place of the one that it may have. Complexity: O(1).
    pub(crate) fn set(&mut self, number: u32, text: Box<[u8]>) {
        self.take(number);
        let (chunk, at) = place(number);
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Arc::default);
        }
        self.bytes += text.len();
        self.count += 1;
        self.with_slots(chunk, |slots| {
            if slots.len() <= at {
                slots.resize(at + 1, None);
            }
            slots[at] = Some(text);
        });
    }

    /// Changes a chunk, which a copy may have less room in.
    fn with_slots<T>(&mut self, chunk: usize, change: impl FnOnce(&mut Slots) -> T) -> T {
        let before = self.chunks[chunk].capacity();
        let slots = Arc::make_mut(&mut self.chunks[chunk]);
        let result = change(slots);
        self.slots = self.slots + slots.capacity() - before;
        result
    }

    /// Takes a number's text away. Complexity: O(1).
    pub(crate) fn take(&mut self, number: u32) -> Option<Box<[u8]>> {
        let (chunk, at) = place(number);
        self.get(number)?;
        let text = self.with_slots(chunk, |slots| slots[at].take())?;
        self.bytes -= text.len();
        self.count -= 1;
        Some(text)
    }

    /// Numbers and texts, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.chunks.iter().zip(0..).flat_map(|(slots, chunk): (_, u32)| {
            let first = chunk * u32::try_from(CHUNK).expect("a chunk is small");
            slots.iter().zip(first..).filter_map(|(text, number)| Some((number, text.as_deref()?)))
        })
    }

    /// Frees about `budget` texts of what is not used any more, and says how many.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget {
            let Some(chunk) = self.chunks.pop() else { break };
            let texts = || chunk.iter().flatten();
            self.bytes -= texts().map(|text| text.len()).sum::<usize>();
            self.count -= texts().count();
            self.slots -= chunk.capacity();
            freed += chunk.len();
        }
        freed
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots * size_of::<Option<Box<[u8]>>>()
            + self.chunks.capacity() * size_of::<Arc<Slots>>()
            + self.chunks.len() * CHUNK_BYTES
            + self.bytes
    }
}
