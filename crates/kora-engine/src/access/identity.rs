//! Who a session is.

use std::fmt;
use std::sync::Arc;

use kora_acl::User;
use kora_core::context::guard::Guard;

/// Who a session is, as of a version of the users. A program that has the engine in itself is nobody, and may do everything.
#[derive(Clone, Default)]
pub struct Identity {
    pub(crate) user: Option<Arc<User>>,
    /// The version; 0 before the first look.
    pub(crate) version: u64,
    /// It has to prove who it is before it may do anything.
    pub(crate) is_stranger: bool,
    /// It may not do everything.
    pub(crate) is_limited: bool,
    /// Is asked by what goes on without the session.
    pub(crate) guard: Option<Arc<dyn Guard>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Identity {
    /// Whether its commands have to be judged at all: by far most need not.
    #[inline]
    pub(crate) fn is_judged(&self) -> bool {
        self.is_stranger || self.is_limited
    }

    /// Whether it has to prove who it is before it may do anything.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        self.is_stranger
    }

    /// The user, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// The user, if it may not do everything.
    pub(crate) fn limited(&self) -> Option<&Arc<User>> {
        self.user.as_ref().filter(|_| self.is_limited)
    }

    /// What its commands are guarded by.
    #[inline]
    pub(crate) fn guard(&self) -> Option<Arc<dyn Guard>> {
        if self.is_limited { self.guard.clone() } else { None }
    }

    /// Whether the users are as they were when it last looked.
    #[inline]
    pub(crate) fn is_of(&self, version: u64) -> bool {
        self.version == version
    }
}
