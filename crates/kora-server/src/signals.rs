//! What signals make the server do.
//!
//! SIGTERM and SIGINT end it, after a last snapshot if there are rules for snapshots; a SIGINT while it is ending ends it at
//! once. SIGHUP and SIGUSR1 are for programs that rotate logs: the next line goes into a new file anyway ([`crate::log`]), and
//! this one is it. SIGUSR2 and SIGALRM, from which Redis draws reports, do nothing. SIGPIPE is ignored by Rust's
//! runtime. All others do what the system says.

use std::ffi::c_int;
use std::io;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::log::Log;
use crate::server::Ender;
use crate::service::supervisor::Supervisor;

/// Signals that are caught: from the moment this is there none of them has its usual effect.
#[derive(Debug)]
pub struct Caught(Signals);

impl Caught {
    /// Catches them. They wait until somebody serves them.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM]).map(Self)
    }

    /// Does what they ask for, in a thread of its own.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn serve(mut self, ender: Ender, log: Log, supervisor: Supervisor) -> io::Result<()> {
        let body = move || self.0.forever().for_each(|signal| obey(signal, &ender, &log, supervisor));
        kora_engine::threads::spawn("kora-signals", body).map(drop)
    }
}

fn obey(signal: c_int, ender: &Ender, log: &Log, supervisor: Supervisor) {
    let name = signal_name(signal).unwrap_or("a signal");
    match signal {
        SIGINT if ender.is_asked() => {
            tracing::warn!("You insist... exiting now.");
            log.finish();
            std::process::exit(1);
        }
        SIGTERM | SIGINT if ender.is_loading() => {
            tracing::warn!("Received {name} during loading, exiting now.");
            ender.end();
        }
        SIGTERM | SIGINT => {
            tracing::warn!("Received {name} scheduling shutdown...");
            ender.save_and_end();
        }
        // Whoever is told that a reload is over takes the server for ready.
        SIGHUP if !ender.is_loading() => {
            supervisor.reloading();
            tracing::info!("Received {name}: the log goes on here");
            supervisor.reloaded();
        }
        SIGHUP | SIGUSR1 => tracing::info!("Received {name}: the log goes on here"),
        _ => tracing::info!("Received {name}, which has no effect"),
    }
}
