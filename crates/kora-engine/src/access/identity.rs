//! Who a session is.

use std::fmt;
use std::sync::Arc;

use kora_acl::User;
use kora_core::context::guard::Guard;

use super::SessionGuard;
use crate::engine::Engine;
use crate::front::Front;
use crate::session::Session;

/// Who a session is, as of a version of the users. A program that has the engine in itself is nobody, and may do everything.
#[derive(Clone, Default)]
pub struct Identity {
    user: Option<Arc<User>>,
    /// The version; 0 before the first look.
    version: u64,
    /// It has to prove who it is before it may do anything.
    is_stranger: bool,
    /// It may not do everything.
    is_limited: bool,
    /// Is asked by what goes on without the session.
    guard: Option<Arc<dyn Guard>>,
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

impl<F: Front> Session<F> {
    /// Makes the session that of a user who has proved to be that, or who is `default` and has not.
    pub fn become_user(&mut self, (engine, front): (&Engine<F>, &Arc<F>), user: Arc<User>, is_proved: bool) {
        self.choice.is_authenticated = is_proved;
        self.identity = Identity { user: Some(user), ..Identity::default() };
        self.look_at_users((engine, front));
    }

    /// Looks who it is now; `false` if its user is no more.
    pub(crate) fn look_at_users(&mut self, (engine, front): (&Engine<F>, &Arc<F>)) -> bool {
        let access = &engine.access;
        self.identity.version = access.version();
        let Some(known) = &self.identity.user else {
            self.identity.is_stranger = !self.choice.is_authenticated;
            return true;
        };
        let (user, is_open) =
            access.read(|users| (users.current(known).cloned(), users.default_user().is_open()));
        self.identity.is_stranger = !self.choice.is_authenticated && !is_open;
        let Some(user) = user else { return false };
        self.identity.is_limited = !user.is_unlimited();
        if self.identity.is_limited && self.identity.guard.is_none() {
            self.identity.guard = Some(self.new_guard((engine, front), &user));
        }
        self.identity.user = Some(user);
        true
    }

    /// What has to be asked when something that waits is served, whatever its user may do now.
    pub(crate) fn guard_of_waiter(&mut self, parts: (&Engine<F>, &Arc<F>)) -> Option<Arc<dyn Guard>> {
        if self.identity.guard.is_none() {
            let user = self.identity.user.clone()?;
            self.identity.guard = Some(self.new_guard(parts, &user));
        }
        self.identity.guard.clone()
    }

    fn new_guard(&self, (engine, front): (&Engine<F>, &Arc<F>), user: &Arc<User>) -> Arc<dyn Guard> {
        Arc::new(SessionGuard {
            access: Arc::clone(&engine.access),
            front: Arc::clone(front),
            client: Arc::clone(&self.client),
            user: Arc::clone(user),
        })
    }
}
