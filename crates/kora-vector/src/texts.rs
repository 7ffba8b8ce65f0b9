//! Texts by number, in chunks that never move, so that no insertion pays for all and they are freed in pieces.

/// Texts in a chunk.
const CHUNK: usize = 1024;

/// Texts by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    chunks: Vec<Vec<Option<Box<[u8]>>>>,
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
            self.chunks.resize_with(chunk + 1, Vec::new);
        }
        let slots = &mut self.chunks[chunk];
        if slots.len() <= at {
            let before = slots.capacity();
            slots.resize(at + 1, None);
            self.slots += slots.capacity() - before;
        }
        self.bytes += text.len();
        self.count += 1;
        slots[at] = Some(text);
    }

    /// Takes a number's text away. Complexity: O(1).
    pub(crate) fn take(&mut self, number: u32) -> Option<Box<[u8]>> {
        let (chunk, at) = place(number);
        let text = self.chunks.get_mut(chunk)?.get_mut(at)?.take()?;
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
            + self.chunks.capacity() * size_of::<Vec<Option<Box<[u8]>>>>()
            + self.bytes
    }
}
