//! A connection: its transport, its parser and its input. With the engine's part of the client it is a [`Session`].

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_acl::User;
use kora_core::time::UnixMs;
use kora_engine::counters::add;
use kora_engine::front::OUTPUT_HIGH_WATER_BYTES;
use kora_engine::front::SessionFigures;
use kora_engine::session;
use kora_protocol::RequestParser;

use super::Shared;
use super::client::{Client, flag};
use crate::net::{Received, Transport};
use crate::output::Output;
use crate::output::buffers::BUFFER_BYTES_KEPT;

/// A client's session on this server.
pub(crate) type Session = session::Session<Shared>;

/// Least room made for reading behind a request that is not whole.
const READ_BYTES_MIN: usize = 16 * 1024;

/// Room is made for so many times what has arrived of a request; for all of it if that is no more than [`WHOLE_FACTOR`] times as much.
/// So what is copied when the buffer grows for the last time is a quarter of the request at most.
const ROOM_FACTOR: usize = 4;

/// See [`ROOM_FACTOR`]. Memory that is not written to costs nothing but its place.
const WHOLE_FACTOR: usize = 16;

/// A connection whose output was full goes on when so little of it is unsent: with a good number of commands each time, and not with
/// one whenever a little was sent.
pub(crate) const OUTPUT_LOW_WATER_BYTES: usize = OUTPUT_HIGH_WATER_BYTES / 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    pub(crate) parser: RequestParser,
    /// Bytes received and not yet parsed as whole requests.
    pub(crate) input: Vec<u8>,
    /// Bytes received of which requests are being run.
    pub(crate) running_bytes: usize,
    /// Since when the soft output limit is exceeded.
    pub(crate) over_soft_limit_since: Option<UnixMs>,
    /// What it had its worker do of late.
    pub(crate) cost: Cost,
    /// When it came from another worker, by [`Balance::ms`](super::balance::Balance::ms).
    pub(crate) moved_ms: u64,
    /// It is among those whose handshakes go on.
    pub(crate) is_shaking: bool,
    /// Its output was full, and too much of it is unsent still for more commands.
    pub(crate) is_full: bool,
}

/// What a session had its worker do of late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// The number of the worker's window that it is of.
    pub(crate) window: u32,
    /// Nanoseconds, if they were measured.
    pub(crate) ns: u64,
}

impl Connection {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            parser: RequestParser::new(),
            input: Vec::new(),
            running_bytes: 0,
            over_soft_limit_since: None,
            cost: Cost::default(),
            moved_ms: 0,
            is_shaking: false,
            is_full: false,
        }
    }

    /// Bytes received that are no whole argument yet: what `client-query-buffer-limit` bounds.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.input.len().saturating_sub(self.parser.settled())
    }
}

/// Reads once into `buffer`, which is the worker's.
#[inline]
pub(crate) fn receive(session: &mut Session, buffer: &mut [u8]) -> Received {
    let received = session.link.transport.receive(buffer);
    note_received(session, received)
}

/// Whether commands of a session may run, as far as its output is concerned, too.
#[inline]
pub(crate) fn may_go_on(session: &Session) -> bool {
    session.may_run() && !session.link.is_full
}

/// Reads once behind the bytes of a request that is not whole. The buffer grows with what has arrived, to [`WHOLE_FACTOR`] times that at
/// most, and not beyond what was announced, with a little room for what comes behind it; `limit`: nor so far that more than one byte more
/// than this is pending.
pub(crate) fn receive_more(session: &mut Session, limit: u64) -> Received {
    let pending = session.link.pending_bytes();
    let Connection { input, parser, transport, .. } = &mut session.link;
    let len = input.len();
    let missing = parser.wanted().saturating_sub(len).max(1);
    let is_short = input.capacity() < READ_BYTES_MIN;
    if is_short || input.capacity() - len < missing.min(READ_BYTES_MIN) {
        let whole = missing.saturating_add(READ_BYTES_MIN);
        let room = if whole <= (WHOLE_FACTOR - 1) * len { whole } else { (ROOM_FACTOR - 1) * len };
        let allowed = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(pending).saturating_add(1);
        input.reserve_exact(room.max(READ_BYTES_MIN).min(allowed));
    }
    let received = transport.receive_behind(input);
    note_received(session, received)
}

#[inline]
fn note_received(session: &Session, received: Received) -> Received {
    if let Received::Bytes(count) = received {
        add(&session.client.bytes_in, count as u64);
    }
    received
}

/// Sends as much output as the socket takes; returns the number of bytes.
pub(crate) fn send(session: &mut Session) -> usize {
    let mut total = 0;
    if session.link.transport.has_unsent() {
        session.is_broken |= session.link.transport.flush().is_err();
    }
    while session.link.transport.can_send() && !session.output.is_empty() {
        match session.output.write_to(&mut session.link.transport) {
            Ok(count) if count > 0 => {
                total += count;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(_) | Err(_) => session.is_broken = true,
        }
        break;
    }
    add(&session.client.bytes_out, total as u64);
    session.note_released();
    total
}

/// Whether nothing presses a session to send: it is not to be closed, and little is unsent.
pub(crate) fn is_calm(session: &Session) -> bool {
    !session.is_broken && !session.is_closing && session.output.len() < BUFFER_BYTES_KEPT
}

/// Makes a connection that of a user, for itself and in what others see of it.
pub(crate) fn become_user(session: &mut Session, shared: &Arc<Shared>, user: Arc<User>, is_proved: bool) {
    session.client.text.lock().user = user.name().to_vec();
    session.become_user((&shared.engine.access, shared), user, is_proved);
}

/// Closes a session once its output is sent.
pub(crate) fn close_after_output(session: &mut Session) {
    session.is_closing = true;
    session.client.set_flag(flag::CLOSING, true);
}

/// Bytes allocated for a session.
#[inline]
pub(crate) fn memory_bytes(session: &Session) -> usize {
    size_of::<Session>()
        + size_of::<Client>()
        + session.link.input.capacity()
        + session.link.parser.allocated_bytes()
        + session.link.transport.allocated_bytes()
        + session.output.allocated_bytes()
        + session.subscriptions.bytes()
        + session.queued_bytes()
        + session.watched.as_ref().map_or(0, |watched| watched.byte_count())
}

/// Notes what other workers may see of a session.
pub(crate) fn publish(
    (client, link, output): (&Client, &Connection, &Output),
    figures: SessionFigures,
    now: UnixMs,
) {
    client.last_active_ms.store(now.0, Ordering::Relaxed);
    let pending = link.pending_bytes();
    client.query_bytes.store(pending + link.running_bytes, Ordering::Relaxed);
    client.query_free_bytes.store(link.input.capacity() - link.input.len(), Ordering::Relaxed);
    let settled = link.input.len() - pending;
    client.argument_bytes.store(figures.awaited_bytes + settled, Ordering::Relaxed);
    let unsent = output.len();
    client.output_bytes.store(unsent, Ordering::Relaxed);
    if unsent > client.output_peak_bytes.load(Ordering::Relaxed) {
        client.output_peak_bytes.store(unsent, Ordering::Relaxed);
    }
    client.db.store(figures.db.0, Ordering::Relaxed);
    let queued = figures.queued.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX));
    client.queued.store(queued, Ordering::Relaxed);
    client.queued_bytes.store(figures.queued_bytes, Ordering::Relaxed);
    client.watched.store(figures.watched, Ordering::Relaxed);
}

/// Notes what other workers may see of output that was sent, or of which something is left.
#[inline]
pub(crate) fn publish_sent(session: &Session) {
    let (client, unsent) = (&session.client, session.output.len());
    client.output_bytes.store(unsent, Ordering::Relaxed);
    let shows_buffers = client.reply_buffer_bytes.load(Ordering::Relaxed) > 0
        || client.output_chunks.load(Ordering::Relaxed) > 0;
    if unsent > 0 || shows_buffers {
        publish_buffers(session);
    }
}

/// Notes what other workers may see of an output's buffers.
#[cold]
pub(crate) fn publish_buffers(session: &Session) {
    let (client, output) = (&session.client, &session.output);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    client.reply_buffer_bytes.store(number(output.room()), Ordering::Relaxed);
    client.output_chunk_bytes.store(output.unsent_chunk_bytes(), Ordering::Relaxed);
    client.output_chunks.store(number(output.chunk_count()), Ordering::Relaxed);
}
