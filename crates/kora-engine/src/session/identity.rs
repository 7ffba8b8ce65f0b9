//! Who a session is: it looks at the users, and becomes one.

use std::sync::Arc;

use kora_acl::User;
use kora_core::context::guard::Guard;

use super::Session;
use crate::access::{Access, Identity, SessionGuard};
use crate::front::Front;

impl<F: Front> Session<F> {
    /// Makes the session that of a user who has proved to be that, or who is `default` and has not.
    pub fn become_user(
        &mut self,
        (access, front): (&Arc<Access>, &Arc<F>),
        user: Arc<User>,
        is_proved: bool,
    ) {
        self.choice.is_authenticated = is_proved;
        self.identity = Identity { user: Some(user), ..Identity::default() };
        self.look_at_users((access, front));
    }

    /// Looks who it is now; `false` if its user is no more.
    pub(crate) fn look_at_users(&mut self, (access, front): (&Arc<Access>, &Arc<F>)) -> bool {
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
            self.identity.guard = Some(self.new_guard((access, front), &user));
        }
        self.identity.user = Some(user);
        true
    }

    /// What has to be asked when something that waits is served, whatever its user may do now.
    pub(crate) fn guard_of_waiter(&mut self, parts: (&Arc<Access>, &Arc<F>)) -> Option<Arc<dyn Guard>> {
        if self.identity.guard.is_none() {
            let user = self.identity.user.clone()?;
            self.identity.guard = Some(self.new_guard(parts, &user));
        }
        self.identity.guard.clone()
    }

    fn new_guard(&self, (access, front): (&Arc<Access>, &Arc<F>), user: &Arc<User>) -> Arc<dyn Guard> {
        Arc::new(SessionGuard::new(access, front, &self.client, user))
    }
}
