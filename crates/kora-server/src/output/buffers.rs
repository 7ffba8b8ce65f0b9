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
            output.set_buffer(buffer);
        }
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
