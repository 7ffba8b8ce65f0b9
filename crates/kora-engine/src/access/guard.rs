//! Asked by what goes on without its session: scripts, commands that wait, commands that find further keys.

use std::fmt;
use std::sync::Arc;

use kora_acl::judge::Question;
use kora_acl::log::Place;
use kora_acl::pattern::Access as KeyAccess;
use kora_acl::{CommandId, Denial, User};
use kora_core::command::spec::Facts;
use kora_core::context::guard::{Asker, Guard};
use kora_core::error::{CommandError, CommandResult};
use kora_core::time::UnixMs;

use super::{Access, refusal_of, refusal_text};
use crate::front::Front;

/// What a script is told that calls what its user may not, before the reason.
const IN_SCRIPT: &str = "ERR ACL failure in script: ";

/// See the module. It is of one session and one user, and looks what became of that whenever it is asked.
pub struct SessionGuard<F: Front> {
    pub(super) access: Arc<Access>,
    pub(super) front: Arc<F>,
    pub(super) client: Arc<F::Client>,
    pub(super) user: Arc<User>,
}

impl<F: Front> fmt::Debug for SessionGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionGuard")
    }
}

impl<F: Front> SessionGuard<F> {
    /// The user as it is now and the command's number; nothing if there is no such user any more, or no such command.
    fn now(&self, facts: &Facts) -> Option<(Arc<User>, CommandId)> {
        self.access.current(&self.user).zip(self.access.catalog.of_facts(facts))
    }

    fn denial(&self, facts: &Facts, args: &[&[u8]]) -> Option<Denial> {
        let Some((user, id)) = self.now(facts) else { return Some(Denial::Command) };
        Question { catalog: &self.access.catalog, id, facts, args }.judge(&user).err()
    }
}

impl<F: Front> Guard for SessionGuard<F> {
    fn permit(&self, facts: &Facts, args: &[&[u8]], asker: Asker, now: UnixMs) -> CommandResult {
        let Some(denial) = self.denial(facts, args) else { return Ok(()) };
        let (place, prefix) = match asker {
            Asker::Script => (Place::Lua, IN_SCRIPT),
            Asker::Waiter => (Place::TopLevel, "NOPERM "),
        };
        let mut refusal = refusal_of(denial, (&self.user, facts), args, place);
        refusal.at_ms = now.0;
        refusal.client = self.front.client_line(&self.client, now);
        self.access.note(refusal);
        let text = refusal_text(denial, (&self.user, facts), args, false);
        Err(CommandError::Other(format!("{prefix}{text}").into()))
    }

    fn would_permit(&self, facts: &Facts, args: &[&[u8]]) -> bool {
        self.denial(facts, args).is_none()
    }

    fn reads_all_keys(&self, facts: &Facts, args: &[&[u8]]) -> bool {
        self.now(facts).is_some_and(|(user, id)| {
            Question { catalog: &self.access.catalog, id, facts, args }
                .may_with_all_keys(&user, KeyAccess::READ)
        })
    }

    fn has_prefix(&self, prefix: &[u8], writes: bool) -> bool {
        let user = self.access.current(&self.user);
        user.is_some_and(|user| user.may_use_prefix(prefix, KeyAccess { reads: true, writes }))
    }
}
