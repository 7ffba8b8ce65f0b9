//! File descriptors: every client needs one, and the system grants a process only so many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::net::links::KEPT_MAX;

/// Descriptors that the process needs beside its clients': listeners, log, signals.
const OWN_DESCRIPTORS: u64 = 32;

/// Descriptors that each worker needs for itself: its poller, another handle of it, what wakes it, and its links, of which one is
/// in use.
const DESCRIPTORS_PER_WORKER: u64 = 4 + KEPT_MAX as u64;

/// Asks the system for all the descriptors it grants. Where those are fewer than `maxclients` needs, `maxclients` is
/// lowered, so that clients in excess are told so instead of being left waiting.
pub fn make_room(config: &mut Config) {
    if let Err(most) = provide(config) {
        tracing::warn!(
            "maxclients {} needs more file descriptors than the system grants: maxclients is now {most}. Raise the \
             limit (ulimit -n) for more",
            config.max_clients
        );
        config.max_clients = most;
    }
}

/// Asks the system for the descriptors that so many clients need.
///
/// # Errors
/// If it grants fewer: how many clients those are enough for, at least one.
pub(crate) fn provide(config: &Config) -> Result<(), u32> {
    let own = OWN_DESCRIPTORS + DESCRIPTORS_PER_WORKER * u64::from(config.worker_count());
    let needed = own + u64::from(config.max_clients);
    let granted = raise(needed);
    if granted >= needed {
        return Ok(());
    }
    Err(u32::try_from(granted.saturating_sub(own).max(1)).unwrap_or(u32::MAX))
}

/// Raises the limit as far as possible, to `needed` if there is no other end; returns what it is then.
fn raise(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current else { return u64::MAX };
    let wanted = maximum.unwrap_or(needed).max(current);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    if raised.is_ok() { wanted } else { current }
}
