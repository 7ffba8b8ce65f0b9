//! One connection: its socket, its buffers, what its client has chosen, and what it waits for.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::reply::Reply;
use kora_core::shard::operation::{Operation, Part};
use kora_core::shard::store::DbIndex;
use kora_core::shard::waiters::Waiter;
use kora_core::shard::watch::Watched;
use kora_core::time::UnixMs;
use kora_protocol::{Encoder, RequestParser, Resp};
use smallvec::SmallVec;

use crate::client::{Client, add, flag};
use crate::driver::{Origin, ServerDriver};
use crate::frames::frame_length;
use crate::net::Stream;
use crate::output::Output;
use crate::pubsub::Place;
use crate::pubsub::subscriptions::Subscriptions;
use crate::transaction::{Queue, Queued};

/// Most bytes read at once into a connection's own buffer, behind a request that is not whole.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Least room made for reading behind a request that is not whole.
const READ_BYTES_MIN: usize = 16 * 1024;

/// Buffers with more room than this are given back once they are empty.
pub(crate) const BUFFER_BYTES_KEPT: usize = 64 * 1024;

/// Unsent bytes from which on no further command of the connection runs.
pub(crate) const OUTPUT_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The command that comes gets no reply.
    SkipNext,
    /// This command gets no reply.
    Skip,
}

/// What a client has chosen for its connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) db: DbIndex,
    pub(crate) resp: Resp,
    pub(crate) is_authenticated: bool,
    pub(crate) no_touch: bool,
    pub(crate) reply_mode: ReplyMode,
    /// What MULTI has begun.
    pub(crate) queue: Option<Box<Queue>>,
    /// What the next EXEC depends on.
    pub(crate) watched: Option<Box<Watched>>,
    /// A command runs as part of EXEC: it must not wait.
    pub(crate) is_executing: bool,
    /// Whether the client is on this machine.
    pub(crate) is_local: bool,
}

impl Session {
    /// Whether a watched key has changed.
    pub(crate) fn has_failed_watch(&self) -> bool {
        self.watched.as_ref().is_some_and(|watched| watched.watch().is_dirty())
    }
}

/// What a connection waits for before its next command runs.
#[derive(Debug, Default)]
pub(crate) enum Wait {
    /// Nothing.
    #[default]
    Nothing,
    /// The parts of an operation, which may itself wait for keys.
    Operation(Box<PendingParts>),
    /// A time, if it ever comes, with the reply that is due then: WAIT.
    Until(Option<UnixMs>, TimedReply),
    /// That the memory of what was deleted is free, with the reply OK if it is to be told: FLUSHALL and FLUSHDB.
    Freeing {
        /// Whether it is.
        is_told: bool,
    },
    /// The end of a pause.
    Pause,
    /// That WATCH takes place, which was answered while the server was busy.
    Watches,
}

/// What a connection is told when the time it waited for has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimedReply {
    /// OK.
    Ok,
    /// An integer.
    Integer(i64),
    /// Two integers.
    Pair(i64, i64),
    /// Nothing at all, whatever ends the wait: CLIENT REPLY.
    Nothing,
}

impl TimedReply {
    /// Writes it.
    pub(crate) fn write(self, out: &mut dyn Reply) {
        match self {
            Self::Ok => out.ok(),
            Self::Integer(value) => out.integer(value),
            Self::Pair(one, other) => {
                out.array(2);
                out.integer(one);
                out.integer(other);
            }
            Self::Nothing => {}
        }
    }
}

/// An operation's parts as they arrive.
#[derive(Debug, Default)]
pub(crate) struct PendingParts {
    pub(crate) parts: SmallVec<[Part<ServerDriver>; 4]>,
    pub(crate) keeps_reply: bool,
    /// Places in the command table of the commands it consists of.
    pub(crate) commands: SmallVec<[u16; 32]>,
    /// Bytes of their arguments.
    pub(crate) argument_bytes: usize,
    /// The operation itself, once it is submitted.
    pub(crate) submitted: Option<Arc<Operation<ServerDriver>>>,
    /// Whether it may have to wait for keys.
    pub(crate) may_block: bool,
    /// Whether some of its commands were refused, since the server is busy.
    pub(crate) is_refused: bool,
    /// Where it stands, once it waits.
    pub(crate) waiter: Option<Arc<Waiter>>,
    /// Whether it is answered only when what it deleted is free.
    pub(crate) frees_first: bool,
    /// The commands of EXEC, if it is that.
    pub(crate) exec: Option<Vec<Queued>>,
}

impl PendingParts {
    /// The operation, if it may have to wait for keys.
    pub(crate) fn blocking(&self) -> Option<&Arc<Operation<ServerDriver>>> {
        self.submitted.as_ref().filter(|_| self.may_block)
    }

    /// The operation, once a part has arrived.
    pub(crate) fn operation(&self) -> Option<Arc<Operation<ServerDriver>>> {
        self.parts.first().map(|part| Arc::clone(&part.operation))
    }
}

/// What came of reading from a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has closed, or the connection is broken.
    End,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    pub(crate) client: Arc<Client>,
    pub(crate) session: Session,
    pub(crate) parser: RequestParser,
    /// Bytes received and not yet parsed as whole requests.
    pub(crate) input: Vec<u8>,
    /// Bytes received of which requests are being run.
    pub(crate) running_bytes: usize,
    pub(crate) output: Output,
    pub(crate) is_readable: bool,
    /// Reading will come to an end, of which there is no further event.
    pub(crate) has_ended: bool,
    pub(crate) is_writable: bool,
    /// No more commands; to be closed once the output is sent.
    pub(crate) is_closing: bool,
    /// The socket is of no use any more.
    pub(crate) is_broken: bool,
    /// Whether it stands in the worker's list of connections with something to send.
    pub(crate) is_dirty: bool,
    /// The record of the log that must be covered before its output may be sent; 0: none.
    pub(crate) held_for: u64,
    /// Its last commands were begun while writes were refused, after they had been taken again so many times.
    pub(crate) only_reads: Option<u64>,
    /// What is unsent beyond `released` may tell of a write. Kept only while replies wait for the log.
    pub(crate) may_have_written: bool,
    /// The same may tell of data. What does not, such as that the server is busy, waits for no log.
    pub(crate) may_have_seen: bool,
    /// Bytes of output that may be sent whatever becomes of the log.
    pub(crate) released: usize,
    /// Whether it stands in the worker's list of connections with something to do.
    pub(crate) is_queued: bool,
    pub(crate) wait: Wait,
    /// WATCH that was answered while the server was busy and has not taken place, with the number of parts to come.
    pub(crate) watching: Vec<(Arc<Operation<ServerDriver>>, usize)>,
    /// What it is subscribed to.
    pub(crate) subscriptions: Subscriptions,
    /// Its output holds messages that must not wait for anything else.
    pub(crate) has_pushes: bool,
    /// Since when the soft output limit is exceeded.
    pub(crate) over_soft_limit_since: Option<UnixMs>,
}

impl Connection {
    pub(crate) fn new(stream: Stream, client: Arc<Client>, session: Session) -> Self {
        Self {
            stream,
            client,
            session,
            parser: RequestParser::new(),
            input: Vec::new(),
            running_bytes: 0,
            output: Output::default(),
            is_readable: true,
            has_ended: false,
            is_writable: true,
            is_closing: false,
            is_broken: false,
            is_dirty: false,
            held_for: 0,
            only_reads: None,
            may_have_written: false,
            may_have_seen: false,
            released: 0,
            is_queued: false,
            wait: Wait::Nothing,
            watching: Vec::new(),
            subscriptions: Subscriptions::default(),
            has_pushes: false,
            over_soft_limit_since: None,
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { worker: self.client.worker, slot: self.client.slot, client: self.client.id }
    }

    pub(crate) fn place(&self) -> Place {
        Place { worker: self.client.worker, slot: self.client.slot }
    }

    /// Whether it is subscribed to anything.
    #[inline]
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.count() > 0
    }

    /// Whether it is subscribed and can't tell replies from messages: few commands are allowed then.
    #[inline]
    pub(crate) fn is_in_subscribe_mode(&self) -> bool {
        self.is_subscriber() && self.session.resp == Resp::V2
    }

    /// Whether its next command may run.
    #[inline]
    pub(crate) fn may_run(&self) -> bool {
        matches!(self.wait, Wait::Nothing)
            && self.held_for == 0
            && !self.is_closing
            && !self.is_broken
            && self.unsent_bytes() < OUTPUT_HIGH_WATER_BYTES
    }

    /// Takes a part of a WATCH that was answered early; `false` if it is none.
    #[cold]
    pub(crate) fn take_watch_part(&mut self, part: &Part<ServerDriver>) -> bool {
        let Some(at) = self.watching.iter().position(|(watch, _)| Arc::ptr_eq(watch, &part.operation)) else {
            return false;
        };
        self.watching[at].1 -= 1;
        if self.watching[at].1 == 0 {
            self.watching.remove(at);
        }
        true
    }

    /// Whether its client waits for keys.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(&self.wait, Wait::Operation(pending) if pending.waiter.is_some())
    }

    /// Whether it waits for something that its end is the end of, too.
    pub(crate) fn waits_in_vain(&self) -> bool {
        self.has_ended
            && (self.is_blocked()
                || matches!(self.wait, Wait::Until(..) | Wait::Freeing { .. } | Wait::Pause | Wait::Watches))
    }

    /// When what it waits for is over at the latest.
    pub(crate) fn deadline(&self) -> Option<UnixMs> {
        match &self.wait {
            Wait::Until(until, _) => *until,
            Wait::Operation(pending) => pending.waiter.as_ref()?.until(),
            Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => None,
        }
    }

    /// Whether nothing presses it to send: it is not to be closed, and little is unsent.
    pub(crate) fn is_calm(&self) -> bool {
        !self.is_broken && !self.is_closing && self.unsent_bytes() < BUFFER_BYTES_KEPT
    }

    /// Bytes of output not yet taken by the socket.
    #[inline]
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.output.len()
    }

    /// Reads once into `buffer`, which is the worker's.
    #[inline]
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let result = self.stream.read(buffer);
        self.received(result, buffer.len())
    }

    /// Reads once behind the bytes of a request that is not whole. The buffer grows with what has arrived, never
    /// with what was announced.
    pub(crate) fn receive_more(&mut self) -> Received {
        let held = self.input.len();
        let wanted = self.parser.wanted().saturating_sub(held);
        let room = wanted.clamp(READ_BYTES_MIN, READ_BYTES_MAX.min(held.max(READ_BYTES_MIN)));
        self.input.resize(held + room, 0);
        let result = self.stream.read(&mut self.input[held..]);
        let received = self.received(result, room);
        let kept = if let Received::Bytes(count) = received { held + count } else { held };
        self.input.truncate(kept);
        received
    }

    fn received(&mut self, result: io::Result<usize>, room: usize) -> Received {
        match result {
            Ok(0) => Received::End,
            Ok(count) => {
                // A short read has emptied the socket: its next bytes are a new event, unless the end is all that comes.
                self.is_readable = count == room || self.has_ended;
                add(&self.client.bytes_in, count as u64);
                Received::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                Received::Nothing
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// Sends as much output as the socket takes; returns the number of bytes.
    pub(crate) fn send(&mut self) -> usize {
        let mut total = 0;
        while self.is_writable && !self.output.is_empty() {
            match self.output.write_to(&mut self.stream) {
                Ok(count) if count > 0 => {
                    total += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => self.is_broken = true,
            }
            break;
        }
        add(&self.client.bytes_out, total as u64);
        self.note_released();
        total
    }

    /// What is unsent may be sent.
    #[inline]
    pub(crate) fn note_released(&mut self) {
        self.released = self.output.len();
        self.may_have_written = false;
        self.may_have_seen = false;
    }

    /// Puts an error in the place of each reply that may not be sent, since what it tells of is not kept. Messages stay, and
    /// so does all that a subscriber in RESP2 gets, which can't be told from messages and tells of no write.
    #[cold]
    pub(crate) fn refuse_unsent(&mut self, error: &str) {
        if self.is_in_subscribe_mode() {
            return;
        }
        let bytes = self.output.take_from(self.released);
        let mut rest = bytes.as_slice();
        let resp3 = self.session.resp == Resp::V3;
        let mut out = Vec::new();
        while !rest.is_empty() {
            let Some(length) = frame_length(rest) else {
                // It would be the server's own fault: nothing that follows could be understood.
                self.is_broken = true;
                return;
            };
            let (frame, behind) = rest.split_at(length);
            rest = behind;
            if resp3 && frame.starts_with(b">") {
                out.extend_from_slice(frame);
            } else {
                Encoder::new(&mut out, self.session.resp).error(error);
            }
        }
        self.output.add(&out);
    }

    /// Bytes that what MULTI has begun takes.
    #[inline]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.session.queue.as_ref().map_or(0, |queue| queue.byte_count())
    }

    /// Takes what is watched out of the connection; its shards are to be told.
    pub(crate) fn take_watched(&mut self) -> Option<Box<Watched>> {
        let watched = self.session.watched.take()?;
        *self.client.watch.lock() = None;
        Some(watched)
    }

    /// Bytes allocated for it.
    #[inline]
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + size_of::<Client>()
            + self.input.capacity()
            + self.output.allocated_bytes()
            + self.subscriptions.bytes()
            + self.queued_bytes()
            + self.session.watched.as_ref().map_or(0, |watched| watched.byte_count())
    }

    /// Notes what other workers may see of it.
    pub(crate) fn publish(&self, now: UnixMs) {
        let client = &self.client;
        client.last_active_ms.store(now.0, Ordering::Relaxed);
        client.query_bytes.store(self.input.len() + self.running_bytes, Ordering::Relaxed);
        client.query_free_bytes.store(self.input.capacity() - self.input.len(), Ordering::Relaxed);
        client.argument_bytes.store(self.awaited_argument_bytes(), Ordering::Relaxed);
        let unsent = self.unsent_bytes();
        client.output_bytes.store(unsent, Ordering::Relaxed);
        if unsent > client.output_peak_bytes.load(Ordering::Relaxed) {
            client.output_peak_bytes.store(unsent, Ordering::Relaxed);
        }
        client.db.store(self.session.db.0, Ordering::Relaxed);
        let queued = self.session.queue.as_ref().map(|queue| queue.commands.len());
        let queued = queued.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX));
        client.queued.store(queued, Ordering::Relaxed);
        client.queued_bytes.store(self.queued_bytes(), Ordering::Relaxed);
        let watched = self.session.watched.as_ref().map_or(0, |watched| watched.key_count());
        client.watched.store(watched, Ordering::Relaxed);
    }

    /// Bytes of the arguments of what it waits for.
    #[inline]
    fn awaited_argument_bytes(&self) -> usize {
        if let Wait::Operation(pending) = &self.wait { pending.argument_bytes } else { 0 }
    }

    /// Notes what other workers may see of output that was sent, or of which something is left.
    #[inline]
    pub(crate) fn publish_sent(&self) {
        let (client, unsent) = (&self.client, self.unsent_bytes());
        client.output_bytes.store(unsent, Ordering::Relaxed);
        let shows_buffers = client.reply_buffer_bytes.load(Ordering::Relaxed) > 0
            || client.output_chunks.load(Ordering::Relaxed) > 0;
        if unsent > 0 || shows_buffers {
            self.publish_buffers();
        }
    }

    /// Notes what other workers may see of its output's buffers.
    #[cold]
    pub(crate) fn publish_buffers(&self) {
        let (client, output) = (&self.client, &self.output);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        client.reply_buffer_bytes.store(number(output.room()), Ordering::Relaxed);
        client.output_chunk_bytes.store(output.unsent_chunk_bytes(), Ordering::Relaxed);
        client.output_chunks.store(number(output.chunk_count()), Ordering::Relaxed);
    }

    /// Closes it once its output is sent.
    pub(crate) fn close_after_output(&mut self) {
        self.is_closing = true;
        self.client.set_flag(flag::CLOSING, true);
    }
}
