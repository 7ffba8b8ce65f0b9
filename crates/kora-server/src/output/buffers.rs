//! Buffers that a worker keeps for the outputs of its connections.

use super::Output;

/// Buffers with more room than this are given back once they are empty.
pub(crate) const BUFFER_BYTES_KEPT: usize = 64 * 1024;

/// Empty buffers kept for the next replies.
const SPARE_BUFFERS_MAX: usize = 256;

/// Bytes of them: once in a while every buffer is in the hands of somebody who asks for much.
const SPARE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    spare: Vec<Vec<u8>>,
    /// The sum of their capacities.
    spare_bytes: usize,
    /// The fewest that were spare since [`Buffers::give_back_unused`]: those have been of no use since.
    fewest: usize,
    /// Most bytes that may wait in the output of a subscriber; 0 for no limit.
    message_limit_bytes: u64,
}

impl Buffers {
    /// Takes up `client-output-buffer-limit` of subscribers.
    pub(crate) fn set_message_limit(&mut self, bytes: u64) {
        self.message_limit_bytes = bytes;
    }

    /// Gives an output a buffer to write to if it has none.
    #[inline]
    pub(crate) fn fill(&mut self, output: &mut Output) {
        if !output.has_buffer()
            && let Some(buffer) = self.spare.pop()
        {
            self.spare_bytes -= buffer.capacity();
            self.fewest = self.fewest.min(self.spare.len());
            output.set_buffer(buffer);
        }
    }

    /// Frees the buffers that nobody has needed since it was called last: what a burst has left behind is no memory of anybody's.
    pub(crate) fn give_back_unused(&mut self) {
        let unused = self.spare.drain(..self.fewest);
        self.spare_bytes -= unused.map(|buffer| buffer.capacity()).sum::<usize>();
        self.fewest = self.spare.len();
    }

    /// Prepares the output of a subscriber for messages.
    pub(crate) fn fill_for_messages(&mut self, output: &mut Output) {
        output.set_limit(self.message_limit_bytes);
        self.fill(output);
    }

    /// Takes the buffer of an output of which all is sent; whether it had grown so large that it is given up.
    pub(crate) fn take_back(&mut self, output: &mut Output) -> bool {
        let buffer = output.take_buffer();
        if buffer.capacity() > BUFFER_BYTES_KEPT {
            return true;
        }
        if self.spare.len() < SPARE_BUFFERS_MAX && self.spare_bytes + buffer.capacity() <= SPARE_BYTES_MAX {
            self.spare_bytes += buffer.capacity();
            self.spare.push(buffer);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output_of(bytes: usize) -> Output {
        let mut output = Output::default();
        output.set_buffer(Vec::with_capacity(bytes));
        output
    }

    #[test]
    fn what_nobody_needs_is_given_back() {
        let mut buffers = Buffers::default();
        for _ in 0..4 {
            assert!(!buffers.take_back(&mut output_of(1000)));
        }
        buffers.give_back_unused();
        assert_eq!((buffers.spare.len(), buffers.spare_bytes), (4, 4000), "they have just come");
        let mut output = Output::default();
        buffers.fill(&mut output);
        buffers.take_back(&mut output);
        buffers.give_back_unused();
        assert_eq!((buffers.spare.len(), buffers.spare_bytes), (1, 1000), "one was needed at a time");
        buffers.give_back_unused();
        assert_eq!((buffers.spare.len(), buffers.spare_bytes), (0, 0));
        buffers.give_back_unused();
    }
}
