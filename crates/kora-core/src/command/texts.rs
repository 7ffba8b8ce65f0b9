//! Many short byte strings in one buffer: what a command collects before it can write a reply's length.

use crate::reply::{Bulks, Reply};

/// Byte strings, one behind the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    /// Number of strings.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all strings.
    pub(crate) fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a string.
    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// The string at `index`, which must be one of them.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// All strings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Keeps only the strings that `is_wanted`.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&[u8]) -> bool) {
        let (mut start, mut kept_bytes, mut kept) = (0, 0, 0);
        for index in 0..self.ends.len() {
            let end = self.ends[index];
            if is_wanted(&self.bytes[start..end]) {
                self.bytes.copy_within(start..end, kept_bytes);
                kept_bytes += end - start;
                self.ends[kept] = kept_bytes;
                kept += 1;
            }
            start = end;
        }
        self.bytes.truncate(kept_bytes);
        self.ends.truncate(kept);
    }

    /// Forgets all strings but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn write(&self, out: &mut dyn Reply) {
        Bulks::write(out, |bulks| self.iter().for_each(|text| bulks.push(text)));
    }

    /// Writes them as an array.
    pub(crate) fn write_array(&self, out: &mut dyn Reply) {
        out.array(self.len());
        self.write(out);
    }

    /// Writes them as an unordered collection.
    pub(crate) fn write_set(&self, out: &mut dyn Reply) {
        out.set(self.len());
        self.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn texts_are_kept_and_dropped() {
        let mut texts = Texts::default();
        for text in ["one", "", "three", "four", ""] {
            texts.push(text.as_bytes());
        }
        texts.retain(|text| text.len() != 4 && text != b"one");
        assert!(texts.iter().eq([&b""[..], b"three", b""]));
        texts.clear();
        assert!(texts.is_empty());
        texts.push(b"again");
        assert_eq!((texts.len(), texts.get(0)), (1, &b"again"[..]));
    }
}
