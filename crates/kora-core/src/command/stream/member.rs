//! What XREADGROUP, XCLAIM and XAUTOCLAIM share: a consumer that takes entries, and how that is recorded.

use super::{read_stream, shown};
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::store::Keyspace;
use crate::time::UnixMs;
use crate::types::stream::{ConsumerId, Group, Pending, StreamId};

/// A consumer, by all its names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker<'a> {
    pub(super) db: DbIndex,
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

/// The consumer of a name, added if it is new, and whether it is. It is seen now.
pub(super) fn enter(group: &mut Group, name: &[u8], now: UnixMs) -> (ConsumerId, bool) {
    match group.find_consumer(name) {
        Some(consumer) => {
            group.consumer_mut(consumer).seen = now;
            (consumer, false)
        }
        None => (group.add_consumer(name, now), true),
    }
}

/// Refuses unless there is a stream at `key` and it has the group. This is a look-up for reading.
pub(super) fn check_group(keyspace: &mut Keyspace<'_>, key: &[u8], group: &[u8]) -> CommandResult {
    match read_stream(keyspace, key)?.and_then(|stream| stream.group(group)) {
        Some(_) => Ok(()),
        None => Err(CommandError::NoGroup(shown(key), shown(group))),
    }
}

impl Taker<'_> {
    /// Records that the consumer was added.
    pub(super) fn record_entry(&self, keyspace: &mut Keyspace<'_>) {
        keyspace.changed_aside(EventClass::STREAM, "xgroup-createconsumer", self.key);
        let args = [b"XGROUP", &b"CREATECONSUMER"[..], self.key, self.group, self.consumer];
        keyspace.journal().effect(self.db, &args);
    }

    /// Records that an entry is pending for the consumer now, and how far the group has come.
    pub(super) fn record_claim(
        &self,
        keyspace: &mut Keyspace<'_>,
        id: StreamId,
        pending: Pending,
        last_id: StreamId,
    ) {
        let journal = keyspace.journal();
        journal.changed(1);
        if !journal.is_recording() {
            return;
        }
        let (mut delivered, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let args: [&[u8]; 14] = [
            b"XCLAIM",
            self.key,
            self.group,
            self.consumer,
            b"0",
            &id.text(),
            b"TIME",
            delivered.format(pending.delivered.0).as_bytes(),
            b"RETRYCOUNT",
            count.format(pending.delivery_count).as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &last_id.text(),
        ];
        journal.effect(self.db, &args);
    }

    /// Records that an entry is not pending any more, because it is gone.
    pub(super) fn record_release(&self, keyspace: &mut Keyspace<'_>, id: StreamId) {
        keyspace.journal().changed(1);
        keyspace.journal().effect(self.db, &[b"XACK", self.key, self.group, &id.text()]);
    }

    /// Records how far the group has come.
    pub(super) fn record_progress(
        &self,
        keyspace: &mut Keyspace<'_>,
        last_id: StreamId,
        entries_read: Option<u64>,
    ) {
        let read = entries_read.map_or(-1, u64::cast_signed);
        let mut digits = itoa::Buffer::new();
        let read = digits.format(read).as_bytes();
        let args = [b"XGROUP", &b"SETID"[..], self.key, self.group, &last_id.text(), b"ENTRIESREAD", read];
        keyspace.journal().changed(1);
        keyspace.journal().effect(self.db, &args);
    }
}
