//! What others see of a client.

use std::sync::atomic::Ordering;

use kora_core::time::UnixMs;

use super::Shared;
use super::client::{Client, flag};
use crate::introspect::clients::{ClientFlags, ClientInfo};

/// A client as CLIENT LIST shows it.
pub(crate) fn describe(shared: &Shared, client: &Client, now: UnixMs) -> ClientInfo {
    let text = client.text.lock().clone();
    let seconds_since = |since_ms: i64| u64::try_from((now.0 - since_ms) / 1000).unwrap_or(0);
    let output_bytes = client.output_bytes.load(Ordering::Relaxed);
    let output_blocks_bytes = client.output_chunk_bytes.load(Ordering::Relaxed);
    let query_bytes = client.query_bytes.load(Ordering::Relaxed);
    let query_free_bytes = client.query_free_bytes.load(Ordering::Relaxed);
    let [subscriptions, pattern_subscriptions, shard_subscriptions] =
        client.subscriptions.each_ref().map(|count| count.load(Ordering::Relaxed));
    let queued = usize::try_from(client.queued.load(Ordering::Relaxed)).ok();
    let has_failed = client.has_failed_watch();
    let last_command = client.last_command.load(Ordering::Relaxed) as usize;
    let caching = shared.engine.broker.readers.shown(client.id);
    ClientInfo {
        id: client.id.0,
        addr: client.address.clone(),
        laddr: client.local_address.clone(),
        fd: i64::from(client.descriptor),
        name: text.name,
        age_seconds: seconds_since(client.created_ms),
        idle_seconds: seconds_since(client.last_active_ms.load(Ordering::Relaxed)),
        flags: ClientFlags {
            is_subscriber: client.is_subscriber(),
            is_blocked: client.is_blocked(),
            closes_after_reply: client.has_flag(flag::CLOSING),
            is_unix: client.has_flag(flag::UNIX),
            is_monitor: client.has_flag(flag::MONITOR),
            no_evict: client.has_flag(flag::NO_EVICT),
            no_touch: client.has_flag(flag::NO_TOUCH),
            in_multi: queued.is_some(),
            is_dirty: has_failed,
            is_caching: caching.is_some(),
            is_redirect_broken: caching.as_ref().is_some_and(|caching| caching.is_broken),
            is_broadcast: caching.as_ref().is_some_and(|caching| caching.modes.is_broadcast),
            ..ClientFlags::default()
        },
        db: client.db.load(Ordering::Relaxed),
        subscriptions,
        pattern_subscriptions,
        shard_subscriptions,
        queued,
        queued_bytes: client.queued_bytes.load(Ordering::Relaxed),
        watched: client.watched_keys(),
        query_bytes,
        query_free_bytes,
        argv_bytes: client.argument_bytes.load(Ordering::Relaxed),
        reply_buffer_bytes: client.reply_buffer_bytes.load(Ordering::Relaxed) as usize,
        reply_buffer_peak_bytes: client.output_peak_bytes.load(Ordering::Relaxed),
        output_bytes: output_bytes.saturating_sub(output_blocks_bytes),
        output_blocks: client.output_chunks.load(Ordering::Relaxed) as usize,
        output_blocks_bytes,
        total_bytes: client.memory_bytes.load(Ordering::Relaxed),
        is_readable: true,
        is_writable: output_bytes > 0,
        command: shared.engine.table.all().get(last_command).map(|command| command.facts.known_name()),
        user: String::from_utf8_lossy(&text.user).into_owned(),
        redirect: caching.map(|caching| caching.redirect.map_or(0, |client| client.0)),
        resp: client.resp.load(Ordering::Relaxed),
        library_name: text.lib_name,
        library_version: text.lib_version,
        worker: client.worker().index(),
        received_bytes: client.bytes_in.load(Ordering::Relaxed),
        sent_bytes: client.bytes_out.load(Ordering::Relaxed),
        commands: client.commands.load(Ordering::Relaxed),
        takes_redirects: client.has_flag(flag::TAKES_REDIRECTS),
    }
}
