//! A connection's way through a round: its bytes are read and parsed, the turn runs the requests, and the output is sent.

use kora_engine::counters::add;
use kora_engine::front::OUTPUT_HIGH_WATER_BYTES;
use kora_engine::session::Wait;
use kora_protocol::Limits;

use super::batch::Requests;
use super::{Worker, note_memory};
use crate::net::Received;
use crate::output::buffers::BUFFER_BYTES_KEPT;
use crate::shared::connection::{
    OUTPUT_LOW_WATER_BYTES, Session, close_after_output, is_calm, may_go_on, publish, publish_sent, receive,
    receive_more, send,
};

impl Worker {
    /// Runs what one connection has sent: what it had in store, then one read.
    pub(super) fn serve(&mut self, slot: usize) {
        let Some(mut session) = self.turn.sessions.take_to_serve(slot) else { return };
        if !session.link.transport.is_established() {
            if !std::mem::replace(&mut session.link.is_shaking, true) {
                self.handshakes.enqueue(session.origin());
            }
            note_memory(&session, self.traffic());
            return self.turn.sessions.put(session);
        }
        let limit_bytes = self.output_limit(&session).hard_bytes;
        session.output.set_limit(limit_bytes);
        session.choice.style.limit_bytes = limit_bytes;
        self.turn.buffers.fill(&mut session.output);
        let (room, chunks) = (session.output.room(), session.output.chunk_count());
        if !session.link.input.is_empty() && may_go_on(&session) {
            self.execute_stored(&mut session);
        }
        if may_go_on(&session) && session.link.transport.can_receive() {
            self.receive(&mut session);
        }
        session.link.is_full |= session.output.len() >= OUTPUT_HIGH_WATER_BYTES;
        session.is_broken |= session.waits_in_vain();
        publish((&session.client, &session.link, &session.output), session.figures(), self.turn.now());
        note_memory(&session, self.traffic());
        if session.output.room() > room || session.output.chunk_count() > chunks {
            add(&self.traffic().reply_buffer_expands, 1);
        }
        let wants_more = may_go_on(&session) && session.link.transport.can_receive();
        self.window.note_served(&mut session);
        self.turn.sessions.put(session);
        if wants_more {
            self.turn.sessions.enqueue(slot);
        }
        self.turn.sessions.note_dirty(slot);
    }

    fn execute_stored(&mut self, session: &mut Session) {
        let mut input = std::mem::take(&mut session.link.input);
        if session.may_run() {
            input = self.execute_given(session, input);
        }
        let used = self.execute(session, &input);
        input.drain(..used);
        if input.is_empty() && input.capacity() > BUFFER_BYTES_KEPT {
            input = Vec::new();
        }
        session.link.input = input;
    }

    fn receive(&mut self, session: &mut Session) {
        let received = if session.link.input.is_empty() {
            let mut buffer = std::mem::take(&mut self.read_buffer);
            let received = receive(session, &mut buffer);
            if let Received::Bytes(count) = received {
                let used = self.execute(session, &buffer[..count]);
                session.link.input.extend_from_slice(&buffer[used..count]);
            }
            self.read_buffer = buffer;
            received
        } else {
            let received = receive_more(session, self.config.query_buffer_limit.0);
            if let Received::Bytes(_) = received {
                self.execute_stored(session);
            }
            received
        };
        match received {
            Received::Bytes(count) => {
                let traffic = self.traffic();
                traffic.buffer_peaks.note_input(count);
                add(&traffic.bytes_in, count as u64);
                add(&traffic.reads, 1);
            }
            Received::Nothing => {}
            Received::End => session.is_broken = true,
        }
        let bytes = session.link.pending_bytes() + session.queued_bytes();
        if bytes as u64 > self.config.query_buffer_limit.0 {
            add(&self.traffic().query_limit_disconnections, 1);
            tracing::warn!(
                client = session.client.id.0,
                "query buffer limit reached: closing the connection"
            );
            session.is_broken = true;
        }
    }

    /// Runs the requests at the beginning of `bytes` as far as they can run now; returns how many bytes they took.
    fn execute(&mut self, session: &mut Session, bytes: &[u8]) -> usize {
        let mut used = 0;
        session.link.running_bytes = bytes.len();
        self.turn.begin_serving(session);
        while session.may_run() && used < bytes.len() {
            self.take_up_config();
            let (limits, was_stranger) = (self.limits(session), session.identity.is_stranger());
            let parsed = self.batch.fill(&mut session.link.parser, &bytes[used..], &limits);
            let count = self.batch.len();
            // Unquoted words of an inline request live in the parser while they are run.
            let parser = std::mem::take(&mut session.link.parser);
            let requests = Requests { batch: &self.batch, bytes: &bytes[used..], parser: &parser };
            let done = self.turn.run(session, &requests);
            session.link.parser = parser;
            if done > 0 {
                used += self.batch.end(done - 1);
            }
            if done < count || !session.may_run() {
                if done < count || parsed.is_err() {
                    session.link.parser.reset();
                }
                break;
            }
            if was_stranger && !session.identity.is_stranger() {
                // What was read behind AUTH was read as a stranger's, to whom little is allowed.
                session.link.parser.reset();
                continue;
            }
            if let Err(error) = parsed {
                session.reply().protocol_error(error);
                self.turn.count_error("ERR");
                tracing::debug!(client = session.client.id.0, "{error}: closing the connection");
                close_after_output(session);
                used = bytes.len();
                break;
            }
            if count == 0 {
                break;
            }
        }
        session.link.running_bytes = 0;
        self.turn.end_serving(session);
        used
    }

    pub(super) fn limits(&self, session: &Session) -> Limits {
        if !session.identity.is_stranger() {
            self.limits
        } else {
            Limits::unauthenticated(self.config.max_bulk.0)
        }
    }

    /// Sends what a session's commands replied.
    pub(super) fn send(&mut self, slot: usize) {
        let Some(session) = self.turn.sessions.get_mut(slot) else { return };
        session.is_dirty = false;
        let has_pushes = std::mem::take(&mut session.has_pushes);
        if !has_pushes
            && matches!(session.wait, Wait::Operation(_))
            && !session.is_blocked()
            && !session.is_aside()
            && is_calm(session)
        {
            // The replies of the operation will go out with those before it, in one system call.
            session.note_released();
            return;
        }
        // Messages come in chunks that are shared: nobody's buffers.
        let had_chunks = session.output.chunk_count() > 0 && !session.is_subscriber();
        let count = send(session);
        let is_sent = session.output.is_empty() && !session.link.transport.has_unsent();
        let traffic = &self.shared.traffic[session.client.worker().index()];
        if is_sent && (self.turn.buffers.take_back(&mut session.output) || had_chunks) {
            add(&traffic.reply_buffer_shrinks, 1);
        }
        publish_sent(session);
        note_memory(session, traffic);
        let is_over = session.is_broken || (session.is_closing && is_sent);
        session.link.is_full &= session.output.len() > OUTPUT_LOW_WATER_BYTES;
        let is_released = !session.link.is_full
            && session.output.len() < OUTPUT_HIGH_WATER_BYTES
            && matches!(session.wait, Wait::Nothing)
            && (session.link.transport.can_receive() || !session.link.input.is_empty())
            && count > 0;
        if count > 0 {
            add(&traffic.bytes_out, count as u64);
            add(&traffic.writes, 1);
        }
        if is_over || self.is_over_output_limit(slot) {
            self.close(slot);
        } else if is_released {
            self.turn.sessions.enqueue(slot);
        }
    }
}
