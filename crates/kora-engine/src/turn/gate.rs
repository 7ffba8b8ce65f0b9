//! What stands in the way of a command, and what its client is told then. Which command may run is decided in
//! [`admission`](crate::admission).

use kora_core::command::spec::{Facts, Flags, Route, Traits};
use kora_core::error::CommandError;
use kora_core::reply::Reply;

use kora_acl::log::Place;

use super::Turn;
use super::eviction::Room;
use super::run::{Args, Gathered, Resolved, Step};
use crate::admission::{Asked, Gates, Path, SessionState, Verdict, judge};
use crate::counters::add;
use crate::front::{Front, Output};
use crate::session::{ReplyMode, Session, Wait};

impl<F: Front> Turn<F> {
    /// Whether anything may stand in the way of a command. It costs as little as can be, for most commands pass.
    #[inline]
    pub(super) fn must_ask(&mut self, session: &Session<F>, facts: &Facts) -> bool {
        let may_need_room = facts.flags.has(Flags::DENYOOM) || facts.route == Route::Script;
        session.identity.is_judged()
            || self.is_gated(session)
            || facts.traits.has_any(Traits::DEBUG.with(Traits::LOADS_MODULES))
            || may_need_room && self.is_over_limit()
    }

    /// Whether the session or the engine is in a state that not every command may run in.
    #[inline]
    fn is_gated(&self, session: &Session<F>) -> bool {
        session.is_in_subscribe_mode()
            || session.monitor.is_some()
            || session.choice.reply_mode != ReplyMode::On
            || session.queue.is_some()
            || self.gate.pause.is_some()
            || self.gate.is_busy
            || self.gate.is_loading
            || self.gate.refuses_writes
            || self.gate.holds_publishers
            || !session.watching.is_empty()
    }

    /// Asks whether a command may run now. `None` if it may; else it is dealt with.
    #[cold]
    pub(super) fn admit(
        &mut self,
        session: &mut Session<F>,
        resolved: Resolved<F>,
        args: &Args<'_>,
        gathered: &Gathered,
    ) -> Option<Step> {
        let is_behind_others = !gathered.request.is_empty();
        if is_behind_others && self.is_gated(session) {
            // Whatever is decided, it is decided after what was sent before.
            return Some(Step::Later);
        }
        let flags = self.effective_flags(session, resolved, args);
        let standing = SessionState {
            is_authenticated: !session.identity.is_stranger(),
            is_subscribed: session.is_in_subscribe_mode(),
            is_local: session.choice.is_local,
            is_monitor: session.monitor.is_some(),
            awaits_watches: !session.watching.is_empty(),
        };
        let path = if session.queue.is_some() { Path::Queue(standing) } else { Path::Direct(standing) };
        let asked = Asked { facts: resolved.facts, flags, path };
        let gates = self.gates(&asked);
        let denial = self.denial(session, resolved, args);
        let may_use = || denial.map_or(Ok(()), |_| Err(Verdict::Deny));
        let verdict =
            judge(&asked, &gates, may_use, || !self.is_over_limit() || self.make_room() != Room::Nowhere);
        if verdict == Verdict::Run {
            return None;
        }
        if is_behind_others {
            return Some(Step::Later);
        }
        Some(match verdict {
            Verdict::Run => return None,
            Verdict::Queue => {
                self.queue(session, resolved, args);
                Step::Next
            }
            Verdict::AwaitWatches => {
                session.wait = Wait::Watches;
                Step::Later
            }
            Verdict::AwaitPause => {
                session.wait = Wait::Pause;
                session.client.set_blocked(true);
                self.paused.push(session.client.slot());
                Step::Later
            }
            Verdict::Deny => {
                let place = if session.queue.is_some() { Place::Multi } else { Place::TopLevel };
                let text = self.note_denial(session, denial, resolved.facts, (args, place));
                self.reject(session, resolved, &format!("NOPERM {text}"));
                Step::Next
            }
            Verdict::Refuse(error) => {
                self.reject(session, resolved, &error.to_string());
                Step::Next
            }
        })
    }

    /// The gates that are shut to a command.
    fn gates(&self, asked: &Asked) -> Gates {
        let unkeepable = if self.gate.refuses_writes && asked.must_be_kept() {
            self.engine.persistence.refusal().map(CommandError::from)
        } else {
            None
        };
        Gates {
            pause: self.gate.pause,
            busy: self.gate.is_busy.then(|| self.engine.scripts.busy_error()),
            is_loading: self.gate.is_loading,
            unkeepable,
            holds_publishers: self.gate.holds_publishers,
            debug: self.settings.debug_command,
        }
    }

    /// A command's flags; for EXEC those of what it runs, too, and of a script those it declares.
    fn effective_flags(&self, session: &Session<F>, resolved: Resolved<F>, args: &Args<'_>) -> Flags {
        let facts = resolved.facts;
        if facts.route == Route::Script {
            return self.engine.scripts.effective_flags(facts, args);
        }
        match &session.queue {
            Some(queue) if facts.traits.has(Traits::RUNS_QUEUE) => facts.flags.with(queue.flags),
            _ => facts.flags,
        }
    }

    pub(super) fn reject(&mut self, session: &mut Session<F>, resolved: Resolved<F>, text: &str) {
        add(&self.counters().commands[usize::from(resolved.id)].rejected, 1);
        let abort = self.abort_transaction(session, Some(resolved.facts), text);
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
        if self.front.is_stray(&session.client, args) {
            session.is_broken = true;
            return Step::Next;
        }
        let Err(error) = self.engine.table.resolve(args) else { return Step::Later };
        // A subcommand that does not exist counts as nothing, like a command that does not.
        if let Ok(command) = self.engine.table.named(args) {
            add(&self.counters().commands[command.id].rejected, 1);
        }
        let facts = self.engine.table.find(args[0]).map(|command| command.facts);
        let text = error.to_string();
        let abort = self.abort_transaction(session, facts, &text);
        self.reply_error(session, abort.as_deref().unwrap_or(&text));
        Step::Next
    }
}
