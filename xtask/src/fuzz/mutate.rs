//! Inputs made of inputs: words put together, and samples that are changed in a few places.

use kora_testkit::simulation::random::Random;

/// Words of an input that is put together, at most.
const WORDS_MAX: usize = 14;
/// Changes of a sample, at most.
const CHANGES_MAX: usize = 4;
/// Bytes of an input, about, at most.
const BYTES_MAX: usize = 4096;

/// What inputs are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material<'a> {
    /// Whole inputs.
    pub(super) samples: &'a [Vec<u8>],
    /// Parts of some.
    pub(super) words: &'a [&'a str],
}

impl Material<'_> {
    /// The next input.
    pub(super) fn input(&self, random: &mut Random) -> Vec<u8> {
        if self.samples.is_empty() || random.one_in(3) && !self.words.is_empty() {
            let count = random.below(WORDS_MAX);
            return (0..count).flat_map(|_| random.choose(self.words).bytes()).collect();
        }
        let mut input = random.choose(self.samples).clone();
        for _ in 0..1 + random.below(CHANGES_MAX) {
            self.change(&mut input, random);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(8)).min(input.len());
        match random.below(8) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = *random.choose(&[0, 1, 0x7f, 0x80, 0xff, b'(', b'"', b'9']),
            2 => drop(input.drain(at.min(end)..end)),
            3 => {
                // A part many times over.
                let part = input[at.min(end)..end].repeat(1 + random.below(64));
                input.splice(at..at, part);
            }
            4 => {
                let other = random.choose(self.samples);
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => input.truncate(at),
            _ if self.words.is_empty() => input.insert(at, u8::try_from(random.below(256)).unwrap_or(0)),
            _ => {
                let word = random.choose(self.words).bytes();
                input.splice(at..at, word);
            }
        }
    }
}
