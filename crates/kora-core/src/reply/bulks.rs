//! Many strings of one reply, handed to the sink some at a time.
//!
//! A sink is called through a table of functions, and makes room for what it is given. For an element of a few bytes that costs more
//! than the bytes do: so those who write many gather some first, and the sink makes room once for all of them.

use super::Reply;

/// Strings that a sink is given at once.
const GATHERED_MAX: usize = 16;

/// Strings on their way to a sink.
pub(crate) struct Bulks<'a, 'out> {
    out: &'out mut dyn Reply,
    gathered: [&'a [u8]; GATHERED_MAX],
    count: usize,
}

impl<'a, 'out> Bulks<'a, 'out> {
    /// Has `write` write strings to `out`.
    #[inline]
    pub(crate) fn write(out: &'out mut dyn Reply, write: impl FnOnce(&mut Self)) {
        let mut bulks = Self { out, gathered: [&[]; GATHERED_MAX], count: 0 };
        write(&mut bulks);
        bulks.flush();
    }

    /// Writes a string.
    #[inline]
    pub(crate) fn push(&mut self, text: &'a [u8]) {
        if self.count == GATHERED_MAX {
            self.flush();
        }
        self.gathered[self.count] = text;
        self.count += 1;
    }

    /// Writes an integer's text, which lies nowhere until it is asked for.
    pub(crate) fn push_integer(&mut self, value: i64) {
        self.flush();
        self.out.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    fn flush(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count > 0 {
            self.out.bulks(&self.gathered[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::TreeSink;
    use super::super::{Reply as _, Value};
    use super::{Bulks, GATHERED_MAX};

    #[test]
    fn strings_and_integers_keep_their_order() {
        let texts: Vec<String> = (0..GATHERED_MAX * 3 + 1).map(|number| format!("text {number}")).collect();
        let mut sink = TreeSink::new(true);
        sink.array(texts.len() + texts.len().div_ceil(7));
        let mut expected = Vec::new();
        Bulks::write(&mut sink, |bulks| {
            for (number, text) in texts.iter().enumerate() {
                if number % 7 == 0 {
                    bulks.push_integer(-5);
                    expected.push(Value::Bulk(b"-5".to_vec()));
                }
                bulks.push(text.as_bytes());
                expected.push(Value::Bulk(text.as_bytes().to_vec()));
            }
        });
        assert_eq!(sink.into_values(), [Value::Array(expected)]);
    }
}
