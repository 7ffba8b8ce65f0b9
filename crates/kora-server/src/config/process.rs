//! The directives about the process itself.

use super::field::choice;
use crate::service::supervisor::{Supervision, Supervisor};

choice! {
    /// `supervised`: which service manager is told that the server is ready.
    pub enum Supervised {
        /// upstart, by SIGSTOP.
        Upstart = "upstart",
        /// systemd, by datagrams.
        Systemd = "systemd",
        /// The one that the environment speaks of.
        Auto = "auto",
        /// None.
        No = "no",
    }
}

/// Where the number of a process in the background stands if `pidfile` does not say.
const PID_FILE_IN_BACKGROUND: &[u8] = b"/var/run/kora.pid";

/// How the process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessConfig {
    /// `daemonize`: in the background.
    pub daemonize: bool,
    /// `supervised`.
    pub supervised: Supervised,
    /// `pidfile`: empty for none.
    pub pid_file: Vec<u8>,
    /// Who supervises the process, as was found.
    pub supervisor: Supervisor,
    /// Whether it is in the background.
    pub in_background: bool,
}

impl ProcessConfig {
    /// Whose supervision is asked for.
    #[must_use]
    pub fn supervision(&self) -> Supervision {
        match self.supervised {
            Supervised::Upstart => Supervision::Upstart,
            Supervised::Systemd => Supervision::Systemd,
            Supervised::Auto => Supervision::Either,
            Supervised::No => Supervision::No,
        }
    }

    /// Notes that the process is in the background.
    pub fn settle_in_background(&mut self) {
        self.in_background = true;
        if self.pid_file.is_empty() {
            self.pid_file = PID_FILE_IN_BACKGROUND.to_vec();
        }
    }
}

impl Default for ProcessConfig {
    fn default() -> Self {
        Self {
            daemonize: false,
            supervised: Supervised::No,
            pid_file: Vec::new(),
            supervisor: Supervisor::Nobody,
            in_background: false,
        }
    }
}
