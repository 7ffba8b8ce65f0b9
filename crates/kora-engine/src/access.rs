//! Who may do what: the users, what is refused to them, and what they are told.
//!
//! The users are shared by all workers. A session keeps the one it is, as it was when it last looked, and looks again when the
//! version of the users is another: before a batch of its commands, and behind a command of its own that changes users. So no
//! command takes a lock for being judged. What goes on without its session, a script or a command that waits, has a
//! [`SessionGuard`] with it, which looks each time it is asked.

mod guard;
mod identity;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kora_acl::judge::Question;
use kora_acl::log::{Entry, Log, Place, Reason, Refusal};
use kora_acl::rules::Context;
use kora_acl::{Catalog, Denial, User, Users, Verdict};
use kora_core::command::spec::Facts;
use kora_locks::{RankedMutex, RankedRwLock, rank};

use crate::metrics::Metric;
pub use guard::SessionGuard;
pub use identity::Identity;

/// `acllog-max-len` at first.
const LOG_ENTRIES: usize = 128;

crate::metrics! {
    /// How often something was refused. Any worker adds to it.
    pub struct Denials {
        auth: Counter Sum Whole, Stats "acl_access_denied_auth", kept, "Failed attempts to authenticate";
        command: Counter Sum Whole, Stats "acl_access_denied_cmd", kept, "Commands refused to users";
        key: Counter Sum Whole, Stats "acl_access_denied_key", kept, "Commands refused because of their keys";
        channel: Counter Sum Whole, Stats "acl_access_denied_channel", kept, "Commands refused because of their channels";
    }
    besides {}
}

impl Denials {
    /// All its metrics.
    pub const METRICS: [&'static [Metric<Self>]; 1] = [Self::CELLS];
}

/// See the module.
#[derive(Debug)]
pub struct Access {
    catalog: Catalog,
    users: RankedRwLock<{ rank::USERS }, Users>,
    version: AtomicU64,
    log: RankedMutex<{ rank::REFUSALS }, Log>,
    /// `acl-pubsub-default`: new users may use all channels.
    all_channels: AtomicBool,
    /// What was refused.
    pub denials: Denials,
}

impl Access {
    /// With the first user, over the commands of the table, in its order.
    pub(crate) fn new(table: impl Iterator<Item = &'static Facts>) -> Self {
        let catalog = Catalog::new(table);
        Self {
            users: RankedRwLock::new(Users::new(&catalog)),
            catalog,
            version: AtomicU64::new(1),
            log: RankedMutex::new(Log::new(LOG_ENTRIES)),
            all_channels: AtomicBool::new(false),
            denials: Denials::default(),
        }
    }

    /// The commands as rules know them.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What rules are read with.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context { catalog: &self.catalog, all_channels: self.all_channels.load(Ordering::Relaxed) }
    }

    /// `acl-pubsub-default` and `acllog-max-len`.
    pub fn configure(&self, all_channels: bool, log_entries_max: usize) {
        self.all_channels.store(all_channels, Ordering::Relaxed);
        self.log.lock().set_max(log_entries_max);
    }

    /// Changes whenever the users do; never 0.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Looks at the users. Nothing else may be done meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Users) -> T) -> T {
        look(&self.users.read())
    }

    /// Changes the users. Sessions find out by [`Access::version`].
    pub fn change<T>(&self, change: impl FnOnce(&mut Users) -> T) -> T {
        let mut users = self.users.write();
        let changed = change(&mut users);
        self.version.fetch_add(1, Ordering::Release);
        changed
    }

    /// The user `default`.
    #[must_use]
    pub fn default_user(&self) -> Arc<User> {
        self.read(|users| Arc::clone(users.default_user()))
    }

    /// What became of a user.
    #[must_use]
    pub fn current(&self, known: &User) -> Option<Arc<User>> {
        self.read(|users| users.current(known).cloned())
    }

    /// The user of this name and password, if it is on.
    #[must_use]
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<User>> {
        self.read(|users| users.get(name).cloned()).filter(|user| user.admits(password))
    }

    /// Whether a user may run a command, which stands at `place` in the table.
    ///
    /// # Errors
    /// What the user may not.
    pub fn judge(&self, user: &User, (place, facts): (usize, &Facts), args: &[&[u8]]) -> Verdict {
        let id = self.catalog.of_place(place);
        Question { catalog: &self.catalog, id, facts, args }.judge(user)
    }

    /// Counts what was refused, and notes it for ACL LOG.
    pub fn note(&self, refusal: Refusal) {
        let counter = match refusal.reason {
            Reason::Auth => &self.denials.auth,
            Reason::Command => &self.denials.command,
            Reason::Key => &self.denials.key,
            Reason::Channel => &self.denials.channel,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.log.lock().add(refusal);
    }

    /// What was refused of late, the newest first.
    #[must_use]
    pub fn refusals(&self, count: usize) -> Vec<Entry> {
        self.log.lock().iter().take(count).cloned().collect()
    }

    /// Forgets what was refused.
    pub fn forget_refusals(&self) {
        self.log.lock().clear();
    }
}

/// What is noted of a refusal: to `user`, of the command `facts`.
pub(crate) fn refusal_of(
    denial: Denial,
    (user, facts): (&User, &Facts),
    args: &[&[u8]],
    place: Place,
) -> Refusal {
    let (reason, object) = match denial {
        Denial::Command => (Reason::Command, facts.told_name().into_owned().into_bytes()),
        Denial::Key(at) => (Reason::Key, args[at].to_vec()),
        Denial::Channel(at) => (Reason::Channel, args[at].to_vec()),
    };
    Refusal { reason, place, object, user: user.name().to_vec(), client: Vec::new(), at_ms: 0 }
}

/// What a user is told who may not do something, without the error's prefix. `shows`: the key or channel is named.
#[must_use]
pub fn refusal_text(denial: Denial, (user, facts): (&User, &Facts), args: &[&[u8]], shows: bool) -> String {
    let name = kora_core::text::of(user.name());
    let shown = |at: usize| kora_core::text::of(args[at]);
    match denial {
        Denial::Command => {
            format!("User {name} has no permissions to run the '{}' command", facts.told_name())
        }
        Denial::Key(at) if shows => {
            format!("User {name} has no permissions to access the '{}' key", shown(at))
        }
        Denial::Channel(at) if shows => {
            format!("User {name} has no permissions to access the '{}' channel", shown(at))
        }
        Denial::Key(_) => "No permissions to access a key".into(),
        Denial::Channel(_) => "No permissions to access a channel".into(),
    }
}
