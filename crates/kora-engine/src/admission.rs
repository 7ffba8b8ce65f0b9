//! Whether a command may run now.
//!
//! Every gate stands here, in the order in which Redis asks. What clients send, what they queue between MULTI and EXEC, and what
//! scripts call all comes through [`judge`], so that a command is refused for the same reason and with the same words whichever
//! way it comes. `judge` knows no engine: it decides by the declaration of the command, what is known of its session, and the
//! gates that are shut.

use kora_core::command::spec::{Facts, Flags, Route, Traits};
use kora_core::error::CommandError;

use crate::pause::PauseMode;
use crate::pubsub::publishes;
use crate::settings::Permission;

/// A command that asks to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Its declaration.
    pub(crate) facts: &'static Facts,
    /// Its flags: of EXEC with those of what it runs, of a script those that it declares.
    pub(crate) flags: Flags,
    /// How it comes.
    pub(crate) path: Path,
}

impl Asked {
    /// Whether it is refused while what writes do can't be kept.
    pub(crate) fn must_be_kept(&self) -> bool {
        let is_probe = self.facts.traits.has(Traits::PROBE) && !matches!(self.path, Path::Script(_));
        self.flags.has(Flags::WRITE) || is_probe
    }
}

/// How a command comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// A session sends it.
    Direct(SessionState),
    /// A session sends it between MULTI and EXEC.
    Queue(SessionState),
    /// A script calls it.
    Script(ScriptState),
}

/// What is known of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub(crate) is_authenticated: bool,
    /// It speaks RESP2 and is subscribed.
    pub(crate) is_subscribed: bool,
    /// Its client is on this machine.
    pub(crate) is_local: bool,
    /// It is told of all commands.
    pub(crate) is_monitor: bool,
    /// It waits to hear what became of the keys it watches.
    pub(crate) awaits_watches: bool,
}

/// What is known of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScriptState {
    /// It may not write.
    pub(crate) is_read_only: bool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS lets scripts call DEBUG.
    pub(crate) may_debug: bool,
}

/// The gates that are shut, whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    /// What CLIENT PAUSE holds back.
    pub(crate) pause: Option<PauseMode>,
    /// A script takes long: what others are told.
    pub(crate) busy: Option<CommandError>,
    /// The data are being loaded.
    pub(crate) is_loading: bool,
    /// What writes do could not be kept: what their senders are told.
    pub(crate) unkeepable: Option<CommandError>,
    /// Some worker has so much to deliver that those who publish have to wait.
    pub(crate) holds_publishers: bool,
    /// Who may use DEBUG.
    pub(crate) debug: Permission,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It runs.
    Run,
    /// It is queued for EXEC.
    Queue,
    /// It waits until the session's watches are known to stand or to have failed.
    AwaitWatches,
    /// It waits until a pause ends, or until there is less to deliver.
    AwaitPause,
    /// Its sender is told this.
    Refuse(CommandError),
    /// Its sender is a user who may not run it.
    Deny,
}

/// Decides. `may_use` says whether its user may run it, and otherwise what becomes of it; `has_room` makes room if the memory limit is exceeded, and says whether there is any; it is asked only of a command
/// that needs memory, or may.
pub(crate) fn judge(
    asked: &Asked,
    gates: &Gates,
    may_use: impl FnOnce() -> Result<(), Verdict>,
    has_room: impl FnOnce() -> bool,
) -> Verdict {
    let verdict = match &asked.path {
        Path::Direct(standing) | Path::Queue(standing) => {
            judge_sent(asked, (standing, gates), may_use, has_room)
        }
        Path::Script(script) => judge_called(asked, (*script, gates), may_use, has_room),
    };
    verdict.err().unwrap_or(match asked.path {
        Path::Queue(_) if !asked.facts.traits.has(Traits::NEVER_QUEUED) => Verdict::Queue,
        _ => Verdict::Run,
    })
}

fn refuse(text: &'static str) -> Result<(), Verdict> {
    Err(Verdict::Refuse(CommandError::text(text)))
}

/// What a session sends.
fn judge_sent(
    asked: &Asked,
    (standing, gates): (&SessionState, &Gates),
    may_use: impl FnOnce() -> Result<(), Verdict>,
    has_room: impl FnOnce() -> bool,
) -> Result<(), Verdict> {
    let Asked { facts, flags, path } = asked;
    if facts.traits.has(Traits::DEBUG) && !permits(gates.debug, standing.is_local) {
        return refuse(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        );
    }
    if facts.traits.has(Traits::LOADS_MODULES) {
        return Err(Verdict::Refuse(NO_MODULES));
    }
    if !standing.is_authenticated && !flags.has(Flags::NO_AUTH) {
        return refuse("NOAUTH Authentication required.");
    }
    if matches!(path, Path::Queue(_)) && facts.flags.has(Flags::NO_MULTI) {
        return refuse("ERR Command not allowed inside a transaction");
    }
    may_use()?;
    if gates.busy.is_none() && !gates.is_loading {
        needs_room(asked, has_room)?;
    }
    if asked.must_be_kept() {
        is_open(gates.unkeepable.as_ref())?;
    }
    if standing.is_subscribed && !facts.traits.has(Traits::SUBSCRIBED) {
        return Err(Verdict::Refuse(CommandError::Other(subscribe_mode_error(facts).into())));
    }
    let touches_keys = flags.has_any(Flags::WRITE.with(Flags::READONLY).with(Flags::MAY_REPLICATE));
    if standing.is_monitor && touches_keys {
        return refuse("ERR Replica can't interact with the keyspace");
    }
    if gates.is_loading && !flags.has(Flags::LOADING) {
        return refuse("LOADING Redis is loading the dataset in memory");
    }
    if !flags.has(Flags::ALLOW_BUSY) {
        is_open(gates.busy.as_ref())?;
    }
    if standing.awaits_watches && gates.busy.is_none() {
        return Err(Verdict::AwaitWatches);
    }
    let waits = match gates.pause {
        None => false,
        Some(PauseMode::All) => true,
        Some(PauseMode::Write) => flags.has_any(Flags::WRITE.with(Flags::MAY_REPLICATE)),
    };
    if waits || gates.holds_publishers && publishes(facts) {
        return Err(Verdict::AwaitPause);
    }
    Ok(())
}

/// What a script calls. Its session, and the gates that hold back everything, were asked when the script itself came.
fn judge_called(
    asked: &Asked,
    (script, gates): (ScriptState, &Gates),
    may_use: impl FnOnce() -> Result<(), Verdict>,
    has_room: impl FnOnce() -> bool,
) -> Result<(), Verdict> {
    let Asked { facts, flags, .. } = asked;
    // Of what scripts may not call DEBUG is all that a test can be allowed: the rest would run scripts in scripts, is about a session, or
    // replaces the functions that run.
    let may_debug = script.may_debug && facts.traits.has(Traits::DEBUG) && !facts.traits.has(Traits::RELOADS);
    if flags.has(Flags::NOSCRIPT) && !may_debug {
        return Err(Verdict::Refuse(NOT_FROM_SCRIPT));
    }
    may_use()?;
    if script.is_read_only && flags.has_any(Flags::WRITE.with(Flags::MAY_REPLICATE)) {
        return refuse("ERR Write commands are not allowed from read-only scripts.");
    }
    if asked.must_be_kept() {
        is_open(gates.unkeepable.as_ref())?;
    }
    needs_room(asked, has_room)
}

/// What is told who would load or unload a module: that of a Redis whose `enable-module-command` is `no`.
pub const NO_MODULES: CommandError = CommandError::text(
    "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local \
     connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// What scripts are told that call what they may not.
pub(crate) const NOT_FROM_SCRIPT: CommandError =
    CommandError::text("ERR This Redis command is not allowed from script");

fn needs_room(asked: &Asked, has_room: impl FnOnce() -> bool) -> Result<(), Verdict> {
    let must_have = asked.flags.has(Flags::DENYOOM);
    let is_short = (must_have || asked.facts.route == Route::Script) && !has_room();
    if is_short && must_have { Err(Verdict::Refuse(CommandError::OutOfMemory)) } else { Ok(()) }
}

fn is_open(shut: Option<&CommandError>) -> Result<(), Verdict> {
    shut.map_or(Ok(()), |error| Err(Verdict::Refuse(error.clone())))
}

fn permits(permission: Permission, is_local: bool) -> bool {
    match permission {
        Permission::Yes => true,
        Permission::Local => is_local,
        Permission::No => false,
    }
}

/// What a client of RESP2 is told that is subscribed and uses another command.
fn subscribe_mode_error(facts: &Facts) -> String {
    format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
         context",
        facts.name
    )
}

#[cfg(test)]
mod tests;
