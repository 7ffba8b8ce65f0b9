//! Values as text: JSON as it is answered, dumped and indented.

use crate::packed::{Container, Node, Value};

/// How a text is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout<'a> {
    /// What stands before elements and members, once for each container that they are in.
    pub indent: &'a [u8],
    /// What ends a line.
    pub newline: &'a [u8],
    /// What stands behind the colon.
    pub space: &'a [u8],
}

/// The text of a value, without any space. Complexity: O(bytes).
#[must_use]
pub fn of(value: Value<'_>) -> Vec<u8> {
    // A text is longer than its run by what stands between values, unless numbers are short.
    let len = value.bytes().len();
    let mut out = Vec::with_capacity(len + len / 4 + 16);
    write(value, &mut out);
    out
}

/// Adds the text of a value, without any space. Complexity: O(bytes).
pub fn write(value: Value<'_>, out: &mut Vec<u8>) {
    Layout::default().write(value, 0, out);
}

impl Layout<'_> {
    /// Adds the text of a value that stands in so many containers.
    pub fn write(&self, value: Value<'_>, depth: usize, out: &mut Vec<u8>) {
        match value.node() {
            Node::Null => out.extend_from_slice(b"null"),
            Node::Bool(true) => out.extend_from_slice(b"true"),
            Node::Bool(false) => out.extend_from_slice(b"false"),
            Node::Number(number) => number.write(out),
            Node::Text(text) => write_text(text, out),
            Node::Array(elements) => self.write_array(elements.len(), elements.elements(), depth, out),
            Node::Object(members) => self.write_object(members, depth, out),
        }
    }

    /// Adds an array of values.
    pub(crate) fn write_array<'v>(
        &self,
        count: usize,
        values: impl Iterator<Item = Value<'v>>,
        depth: usize,
        out: &mut Vec<u8>,
    ) {
        if count == 0 {
            out.extend_from_slice(b"[]");
            return;
        }
        out.push(b'[');
        for (place, value) in values.enumerate() {
            self.next_line(place > 0, depth + 1, out);
            self.write(value, depth + 1, out);
        }
        self.next_line(false, depth, out);
        out.push(b']');
    }

    fn write_object(&self, members: Container<'_>, depth: usize, out: &mut Vec<u8>) {
        if members.is_empty() {
            out.extend_from_slice(b"{}");
            return;
        }
        out.push(b'{');
        for (place, (name, value)) in members.members().enumerate() {
            self.begin_member(place > 0, name, depth, out);
            self.write(value, depth + 1, out);
        }
        self.next_line(false, depth, out);
        out.push(b'}');
    }

    /// Adds what stands before the value of a member of an object that is in so many containers.
    pub(crate) fn begin_member(&self, is_further: bool, name: &[u8], depth: usize, out: &mut Vec<u8>) {
        self.next_line(is_further, depth + 1, out);
        write_text(name, out);
        out.push(b':');
        out.extend_from_slice(self.space);
    }

    /// Goes to the next line.
    pub(crate) fn next_line(&self, is_further: bool, depth: usize, out: &mut Vec<u8>) {
        if is_further {
            out.push(b',');
        }
        out.extend_from_slice(self.newline);
        (0..depth).for_each(|_| out.extend_from_slice(self.indent));
    }
}

/// Adds a text in quotes.
pub(crate) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = first_escaped(rest) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The first byte that does not stand for itself. Eight are looked at at once.
fn first_escaped(text: &[u8]) -> Option<usize> {
    let is_escaped = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    let (words, _) = text.as_chunks::<8>();
    let plain = words.iter().take_while(|word| !has_escaped(u64::from_le_bytes(**word))).count() * 8;
    let found = text[plain..].iter().position(is_escaped);
    found.map(|behind| plain + behind)
}

/// Whether one of eight bytes does not stand for itself.
fn has_escaped(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    // The top bit of a byte is set in one of these if it is less than a number, the first such byte at least.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & TOPS != 0
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0C => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xF)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_stand_for_itself_is_found_wherever_it_stands() {
        let escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        for byte in 0..=u8::MAX {
            for others in [b'a', 0x20, 0x21, 0x5b, 0x80, 0xff] {
                for at in 0..20 {
                    let mut text = [others; 20];
                    text[at] = byte;
                    assert_eq!(first_escaped(&text), escaped(byte).then_some(at), "{byte} at {at}");
                }
            }
        }
    }
}
