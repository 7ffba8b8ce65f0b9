//! What stands in the way of a command, and what its client is told then.

use kora_core::command::spec::Flags;
use kora_core::error::CommandError;
use kora_core::reply::Reply;

use super::Turn;
use super::run::{Args, Gathered, Resolved, Step};
use crate::command::subscription::{is_allowed_in_subscribe_mode, publishes, subscribe_mode_error};
use crate::counters::add;
use crate::front::{Front, Output};
use crate::pause::PauseMode;
use crate::session::{ReplyMode, Session, Wait};
use crate::settings::Permission;

impl<F: Front> Turn<F> {
    /// Whether a script declares that it is not to run when memory is short.
    #[cold]
    pub(super) fn is_script_in_need(
        &self,
        session: &Session<F>,
        resolved: Resolved<F>,
        args: &Args<'_>,
    ) -> bool {
        self.effective_flags(session, resolved, args).has(Flags::DENYOOM)
    }

    /// Whether anything stands in the way of an ordinary command.
    #[inline]
    pub(super) fn has_gate(&self, session: &Session<F>) -> bool {
        !session.choice.is_authenticated
            || session.is_in_subscribe_mode()
            || session.choice.reply_mode != ReplyMode::On
            || session.queue.is_some()
            || self.gate.pause.is_some()
            || self.gate.is_busy
            || self.gate.is_loading
            || self.gate.refuses_writes
            || self.gate.holds_publishers
            || !session.watching.is_empty()
    }

    /// The exceptional states of a session or of the engine.
    #[cold]
    pub(super) fn pass_gate(
        &mut self,
        session: &mut Session<F>,
        resolved: Resolved<F>,
        args: &Args<'_>,
        gathered: &mut Gathered,
    ) -> Option<Step> {
        let flags = self.effective_flags(session, resolved, args);
        if !gathered.request.is_empty() {
            // Whatever the gate decides, it decides after what was sent before.
            return Some(Step::Later);
        }
        if !session.choice.is_authenticated && !flags.has(Flags::NO_AUTH) {
            self.reject(session, resolved, "NOAUTH Authentication required.");
            return Some(Step::Next);
        }
        if session.is_in_subscribe_mode() && !is_allowed_in_subscribe_mode(resolved.facts) {
            let text = subscribe_mode_error(resolved.facts);
            self.reject(session, resolved, &text);
            return Some(Step::Next);
        }
        if self.is_unkeepable(resolved.facts.name, flags)
            && let Some(refusal) = self.engine.persistence.refusal()
        {
            self.reject(session, resolved, &refusal.text());
            return Some(Step::Next);
        }
        if self.gate.is_loading && !flags.has(Flags::LOADING) {
            self.reject(session, resolved, "LOADING Redis is loading the dataset in memory");
            return Some(Step::Next);
        }
        if self.gate.is_busy && !flags.has(Flags::ALLOW_BUSY) {
            self.reject(session, resolved, &self.engine.scripts.busy_error().to_string());
            return Some(Step::Next);
        }
        if !self.gate.is_busy && !session.watching.is_empty() {
            session.wait = Wait::Watches;
            return Some(Step::Later);
        }
        let waits = match self.gate.pause {
            None => false,
            Some(PauseMode::All) => true,
            Some(PauseMode::Write) => flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE),
        };
        if waits || self.gate.holds_publishers && publishes(resolved.facts) {
            session.wait = Wait::Pause;
            session.client.set_blocked(true);
            self.paused.push(session.client.slot);
            return Some(Step::Later);
        }
        if session.queue.is_some() { self.pass_queue(session, resolved, args) } else { None }
    }

    /// Whether `enable-debug-command` allows the command.
    pub(super) fn may_administer(&self, session: &Session<F>, resolved: Resolved<F>) -> bool {
        let is_debug = resolved.facts.name == "debug" || resolved.facts.name.starts_with("debug|");
        !is_debug
            || match self.settings.debug_command {
                Permission::Yes => true,
                Permission::Local => session.choice.is_local,
                Permission::No => false,
            }
    }

    #[cold]
    pub(super) fn refuse_debug(&mut self, session: &mut Session<F>, resolved: Resolved<F>) -> Step {
        self.reject(
            session,
            resolved,
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        );
        Step::Next
    }

    #[cold]
    pub(super) fn refuse_memory(
        &mut self,
        session: &mut Session<F>,
        resolved: Resolved<F>,
        gathered: &Gathered,
    ) -> Step {
        if !gathered.request.is_empty() {
            return Step::Later;
        }
        self.reject(session, resolved, &CommandError::OutOfMemory.to_string());
        Step::Next
    }

    pub(super) fn reject(&mut self, session: &mut Session<F>, resolved: Resolved<F>, text: &str) {
        add(&self.counters().commands[usize::from(resolved.id)].rejected, 1);
        let abort = self.abort_transaction(session, resolved.facts.name, text);
        self.reply_error(session, abort.as_deref().unwrap_or(text));
    }

    pub(super) fn reply_error(&mut self, session: &mut Session<F>, text: &str) {
        let begin = session.output.end();
        session.reply().error(text);
        self.finish_reply(session, begin);
        self.count_error_text(text.as_bytes());
    }

    /// Applies CLIENT REPLY to the reply that begins at `begin`.
    pub(super) fn finish_reply(&mut self, session: &mut Session<F>, begin: usize) {
        let mode = session.choice.reply_mode;
        if mode == ReplyMode::On {
            return;
        }
        if mode == ReplyMode::SkipNext {
            // CLIENT REPLY SKIP itself: it wrote nothing, and the next command is the one without a reply.
            session.choice.reply_mode = ReplyMode::Skip;
            return;
        }
        session.output.truncate(begin);
        if mode == ReplyMode::Skip {
            session.choice.reply_mode = ReplyMode::On;
        }
    }

    #[cold]
    pub(super) fn refuse_unresolved(
        &mut self,
        session: &mut Session<F>,
        args: &Args<'_>,
        gathered: &Gathered,
    ) -> Step {
        if !gathered.request.is_empty() {
            return Step::Later;
        }
        if self.front.is_stray(session, args) {
            session.is_broken = true;
            return Step::Next;
        }
        let Err(error) = self.engine.table.resolve(args) else { return Step::Later };
        let mut name = "";
        if let Some(command) = self.engine.table.find(args[0]) {
            add(&self.counters().commands[command.id].rejected, 1);
            name = command.facts.name;
        }
        let text = error.to_string();
        let abort = self.abort_transaction(session, name, text.strip_prefix("ERR ").unwrap_or(&text));
        self.reply_error(session, abort.as_deref().unwrap_or(&text));
        Step::Next
    }

    /// Whether a command of these flags is refused because what it would do can't be kept.
    fn is_unkeepable(&self, name: &str, flags: Flags) -> bool {
        self.gate.refuses_writes && (flags.has(Flags::WRITE) || name == "ping")
    }
}
