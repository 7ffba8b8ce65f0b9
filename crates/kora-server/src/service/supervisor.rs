//! `supervised`: a service manager that is told how the server is.
//!
//! systemd gets datagrams on the socket that `NOTIFY_SOCKET` names, as `sd_notify(3)` has them: when the data are loaded, when a
//! SIGHUP is obeyed, when the server ends for certain. upstart waits until the process has stopped itself (`expect stop`), and
//! continues it.

use rustix::process::{Signal, getpid, kill_process};
use sd_notify::NotifyState;

/// Whose supervision is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// upstart's.
    Upstart,
    /// systemd's.
    Systemd,
    /// That of the one that the environment speaks of.
    Either,
    /// Nobody's.
    No,
}

/// Who supervises the process. It may be told anything at any time: what it has no use for is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// Nobody.
    Nobody,
    /// systemd, or who speaks as it does.
    Systemd,
    /// upstart, or who speaks as it does.
    Upstart,
}

/// What was found of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Who it is.
    pub supervisor: Supervisor,
    /// What to say if one was asked for and there is none.
    pub complaint: Option<&'static str>,
}

impl Supervisor {
    /// The one that is `wanted`, if the environment says that it is there.
    #[must_use]
    pub fn find(wanted: Supervision) -> Found {
        choose(wanted, |name| std::env::var_os(name).is_some())
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(self) -> bool {
        self != Self::Nobody
    }

    /// Its name; `no` for none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no",
            Self::Systemd => "systemd",
            Self::Upstart => "upstart",
        }
    }

    /// The addresses are taken; the data are being loaded.
    pub fn loading(self) {
        self.notify(&[NotifyState::Status("Loading the data")]);
    }

    /// Every command is served. Under upstart the process stops here, until it is continued.
    pub fn ready(self) {
        self.notify(&[NotifyState::Ready, NotifyState::Status("Ready to accept connections")]);
        if self == Self::Upstart
            && let Err(error) = kill_process(getpid(), Signal::STOP)
        {
            tracing::warn!("the process can't stop to tell upstart that it is ready: {error}");
        }
    }

    /// A SIGHUP has come.
    pub fn reloading(self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.notify(&[NotifyState::Reloading, now]);
        }
    }

    /// What SIGHUP asks for is done.
    pub fn reloaded(self) {
        self.notify(&[NotifyState::Ready]);
    }

    /// The server ends, and nothing will keep it from that.
    pub fn stopping(self) {
        self.notify(&[NotifyState::Stopping, NotifyState::Status("Ending")]);
    }

    fn notify(self, states: &[NotifyState<'_>]) {
        if self == Self::Systemd
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::warn!("systemd can't be told how the server is: {error}");
        }
    }
}

fn choose(wanted: Supervision, is_set: impl Fn(&str) -> bool) -> Found {
    let has_upstart = is_set("UPSTART_JOB");
    let has_systemd = is_set("NOTIFY_SOCKET");
    let (supervisor, complaint) = match wanted {
        Supervision::Upstart | Supervision::Either if has_upstart => (Supervisor::Upstart, None),
        Supervision::Systemd | Supervision::Either if has_systemd => (Supervisor::Systemd, None),
        Supervision::Upstart => {
            (Supervisor::Nobody, Some("upstart supervision requested, but UPSTART_JOB not found"))
        }
        Supervision::Systemd => {
            (Supervisor::Nobody, Some("systemd supervision requested, but NOTIFY_SOCKET not found"))
        }
        Supervision::Either | Supervision::No => (Supervisor::Nobody, None),
    };
    Found { supervisor, complaint }
}

#[cfg(test)]
mod tests {
    use super::{Supervision, Supervisor, choose};

    #[test]
    fn the_environment_says_who_is_there() {
        let found = |mode, names: &[&str]| choose(mode, |name| names.contains(&name)).supervisor;
        let both = ["UPSTART_JOB", "NOTIFY_SOCKET"];
        assert_eq!(found(Supervision::No, &both), Supervisor::Nobody);
        assert_eq!(found(Supervision::Either, &both), Supervisor::Upstart);
        assert_eq!(found(Supervision::Either, &both[1..]), Supervisor::Systemd);
        assert_eq!(found(Supervision::Systemd, &both), Supervisor::Systemd);
        assert_eq!(found(Supervision::Upstart, &both[1..]), Supervisor::Nobody);
        for (mode, is_told) in [
            (Supervision::No, false),
            (Supervision::Either, false),
            (Supervision::Systemd, true),
            (Supervision::Upstart, true),
        ] {
            assert_eq!(choose(mode, |_| false).complaint.is_some(), is_told, "{mode:?}");
        }
    }
}
