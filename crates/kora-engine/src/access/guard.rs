//! Asked by what goes on without its session: scripts, commands that wait, commands that find further keys.

use std::fmt;
use std::sync::Arc;

use kora_acl::judge::Question;
use kora_acl::log::Place;
use kora_acl::pattern::Access as KeyAccess;
use kora_acl::{Denial, User};
use kora_core::context::guard::{Asker, Guard};
use kora_core::error::{CommandError, CommandResult};
use kora_core::time::UnixMs;

use super::{Access, refusal_of, refusal_text};
use crate::front::Front;

/// What a script is told that calls what its user may not, before the reason.
const IN_SCRIPT: &str = "ERR ACL failure in script: ";

/// What is told of a command that is not in the table.
const UNKNOWN: CommandError = CommandError::text("ERR unknown command");

/// See the module. It is of one session and one user, and looks what became of that whenever it is asked.
pub struct SessionGuard<F: Front> {
    access: Arc<Access>,
    front: Arc<F>,
    client: Arc<F::Client>,
    user: Arc<User>,
}

impl<F: Front> fmt::Debug for SessionGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionGuard")
    }
}

impl<F: Front> SessionGuard<F> {
    pub(crate) fn new(
        access: &Arc<Access>,
        front: &Arc<F>,
        client: &Arc<F::Client>,
        user: &Arc<User>,
    ) -> Self {
        Self {
            access: Arc::clone(access),
            front: Arc::clone(front),
            client: Arc::clone(client),
            user: Arc::clone(user),
        }
    }

    /// Asks of the user as it is now; nothing if there is no such user any more, or no such command.
    fn ask<T>(&self, name: &str, args: &[&[u8]], ask: impl FnOnce(Question<'_>, &User) -> T) -> Option<T> {
        let user = self.access.current(&self.user)?;
        let (id, facts) = self.access.catalog.declared(name)?;
        Some(ask(Question { catalog: &self.access.catalog, id, facts, args }, &user))
    }

    fn denial(&self, name: &str, args: &[&[u8]]) -> Option<Denial> {
        let verdict = self.ask(name, args, |question, user| question.judge(user));
        verdict.unwrap_or(Err(Denial::Command)).err()
    }
}

impl<F: Front> Guard for SessionGuard<F> {
    fn permit(&self, name: &str, args: &[&[u8]], asker: Asker, now: UnixMs) -> CommandResult {
        let Some(denial) = self.denial(name, args) else { return Ok(()) };
        let Some((_, facts)) = self.access.catalog.declared(name) else { return Err(UNKNOWN) };
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

    fn would_permit(&self, name: &str, args: &[&[u8]]) -> bool {
        self.denial(name, args).is_none()
    }

    fn reads_all_keys(&self, name: &str, args: &[&[u8]]) -> bool {
        let may = self.ask(name, args, |question, user| question.may_with_all_keys(user, KeyAccess::READ));
        may.unwrap_or(false)
    }

    fn has_prefixes(&self, name: &str, prefixes: &[&[u8]], writes: bool) -> bool {
        let access = KeyAccess { reads: true, writes };
        let may = self.ask(name, &[], |question, user| question.may_with_prefixes(user, prefixes, access));
        may.unwrap_or(false)
    }
}
