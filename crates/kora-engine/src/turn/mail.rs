//! What reaches a worker from others: parts of operations, stores, requests about its sessions.

use kora_core::shard::operation::{Operation, Part};

use super::{Turn, meter};
use crate::front::{Collect as _, Front, Mail, Output, Workers};
use crate::session::{TimedReply, Wait};

impl<F: Front> Turn<F> {
    /// Receives and runs what has arrived, and a slice of what takes long, and finishes operations that are complete.
    pub fn read_mail(&mut self) {
        self.executor.poll();
        self.take_up_mail();
    }

    /// The same without a slice: replies wait to be sent.
    pub(super) fn read_last_mail(&mut self) {
        self.executor.poll_mail();
        self.take_up_mail();
    }

    fn take_up_mail(&mut self) {
        self.go_on_with_exec();
        while let Some(driven) = self.executor.take_driven() {
            self.run_driven(driven);
        }
        for blocked in self.executor.take_blocked() {
            self.take_blocked(blocked);
        }
        for part in self.executor.take_finished() {
            self.take_part(part);
        }
        for mail in self.executor.take_driver_mail() {
            self.take_engine_mail(mail);
        }
    }

    /// Keeps those commands of an operation that were slow by the time of all their shares, or whose replies are large.
    #[inline]
    fn note_operation(&self, operation: &Operation<Workers<F>>, large: &[(usize, usize)]) {
        operation.each_slow(self.engine.insight.demand.slow_ns(), |seen, nanoseconds| {
            if let Some(command) = self.engine.table.find_declared(seen.name.as_bytes()) {
                meter::note_slow(&self.engine, &*self.front, command.facts, seen, nanoseconds);
            }
        });
        for &(index, bytes) in large {
            let Ok(command) = u32::try_from(index) else { continue };
            operation.with_command(command, |seen| {
                if let Some(command) = self.engine.table.find_declared(seen.name.as_bytes()) {
                    self.look_at_reply(bytes, command.facts, seen);
                }
            });
        }
    }

    pub(super) fn take_part(&mut self, part: Part<Workers<F>>) {
        let origin = part.operation.origin;
        let Some(session) = self.sessions.of(origin) else { return };
        if !session.watching.is_empty() && session.take_watch_part(&part) {
            if session.watching.is_empty() && matches!(session.wait, Wait::Watches) {
                session.wait = Wait::Nothing;
                self.sessions.enqueue(origin.slot);
            }
            return;
        }
        let Wait::Operation(pending) = &mut session.wait else { return };
        let part_count = part.operation.part_count();
        pending.parts.push(part);
        if pending.parts.len() == part_count {
            self.finish_operation(origin.slot);
        }
    }

    /// Puts the replies of a complete operation into the output and lets the session go on.
    fn finish_operation(&mut self, slot: usize) {
        if self.engine.ending.is_on() && self.is_shutdown(slot) {
            // Who asked for the end is told by the end of the session.
            return;
        }
        self.notify_before_replies(slot);
        let reply_limit = self.reply_limit();
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let deadline = session.deadline();
        let Wait::Operation(mut pending) = std::mem::take(&mut session.wait) else { return };
        if pending.waiter.is_some() {
            self.deadlines.remove(deadline, slot);
            session.client.set_blocked(false);
            *session.client.blocked.lock() = None;
        }
        if let Some(commands) = pending.exec.take() {
            self.finish_exec(slot, *pending, &commands);
            return self.notify_behind(slot);
        }
        let Some(operation) = pending.operation() else { return };
        let mut output = std::mem::take(&mut session.output);
        F::prepare(&mut self.buffers, &mut output, false);
        let begin = output.end();
        let mut replies = F::Replies::over(output, session.choice.style);
        operation.assemble(&mut pending.parts, &mut replies);
        let failures = replies.failures(begin);
        let large = replies.larger_than(begin, reply_limit);
        let mut output = replies.into_output();
        let mut errors: Vec<_> =
            failures.iter().filter_map(|&(index, at)| Some((index, output.error_at(at)?.to_vec()))).collect();
        if !pending.keeps_reply {
            output.truncate(begin);
        }
        session.output = output;
        self.note_operation(&operation, &large);
        if pending.is_refused {
            let rejected: Vec<_> = errors.extract_if(.., |(_, text)| text.starts_with(b"BUSY ")).collect();
            for (index, text) in rejected.into_iter().rev() {
                // Those in front of it keep their places.
                let id = pending.commands.remove(index);
                self.count_rejection(id, &text);
                errors.iter_mut().filter(|(other, _)| *other > index).for_each(|(other, _)| *other -= 1);
            }
        }
        if let Some(session) = self.sessions.get_mut(slot) {
            self.cover.note(&self.engine.persistence, session, &pending.commands);
        }
        for (index, text) in errors {
            self.count_failure(pending.commands[index], &text);
        }
        self.scratch.executed.extend_from_slice(&pending.commands);
        self.account();
        if pending.frees_first && !pending.is_refused {
            self.hold_slot_until_freed(slot, begin);
        }
        self.notify_behind(slot);
        self.sessions.enqueue(slot);
        self.sessions.note_dirty(slot);
    }

    fn take_engine_mail(&mut self, mail: Mail<F::Mail>) {
        match mail {
            Mail::Unblock(origin, with_error) => self.unblock(origin, with_error),
            Mail::Freed(origin) => self.end_freeing(origin),
            Mail::Answer(origin, answer) => {
                if self.sessions.of(origin).is_some() {
                    self.end_timed_wait(
                        origin.slot,
                        answer.as_ref().map(|()| TimedReply::Ok).map_err(|text| text.as_str()),
                    );
                }
            }
            Mail::PauseChanged => self.take_up_settings(),
            Mail::End => self.end_orderly(),
            Mail::Front(mail) => self.mail.push(mail),
        }
    }

    /// Lets the connections go on that a pause held back; those it still holds wait again.
    pub(super) fn resume_paused(&mut self) {
        for slot in std::mem::take(&mut self.paused) {
            if let Some(session) = self.sessions.get_mut(slot)
                && matches!(session.wait, Wait::Pause)
            {
                session.wait = Wait::Nothing;
                session.client.set_blocked(false);
                self.sessions.enqueue(slot);
            }
        }
    }
}
