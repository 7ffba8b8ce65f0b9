//! What reaches a worker from others: parts of operations, new connections, requests about its clients.

use kora_core::shard::operation::Part;

use super::Worker;
use crate::client::flag;
use crate::connection::{Connection, TimedReply, Wait};
use crate::driver::{Origin, ServerDriver, WorkerMail};
use crate::listen::Change;
use crate::resp::RespReplies;

impl Worker {
    /// Receives and runs what has arrived, and finishes operations that are complete.
    pub(super) fn read_mail(&mut self) {
        self.shard.poll();
        self.go_on_with_exec();
        while let Some(driven) = self.shard.take_driven() {
            self.run_driven(driven);
        }
        for blocked in self.shard.take_blocked() {
            self.take_blocked(blocked);
        }
        for part in self.shard.take_finished() {
            self.take_part(part);
        }
        for mail in self.shard.take_driver_mail() {
            self.take_mail(mail);
        }
    }

    /// The connection at a place, if it is still that client's.
    pub(super) fn connection_of(&mut self, origin: Origin) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(origin.slot)?.as_deref_mut()?;
        (connection.client.id == origin.client).then_some(connection)
    }

    pub(super) fn take_part(&mut self, part: Part<ServerDriver>) {
        let origin = part.operation.origin;
        let Some(connection) = self.connection_of(origin) else { return };
        if !connection.watching.is_empty() && connection.take_watch_part(&part) {
            if connection.watching.is_empty() && matches!(connection.wait, Wait::Watches) {
                connection.wait = Wait::Nothing;
                self.enqueue(origin.slot);
            }
            return;
        }
        let Wait::Operation(pending) = &mut connection.wait else { return };
        let part_count = part.operation.part_count();
        pending.parts.push(part);
        if pending.parts.len() == part_count {
            self.finish_operation(origin.slot);
        }
    }

    /// Puts the replies of a complete operation into the output and lets the connection go on.
    fn finish_operation(&mut self, slot: usize) {
        if self.shared.is_ending() && self.is_shutdown(slot) {
            // Who asked for the end is told by the end of the connection.
            return;
        }
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
        let deadline = connection.deadline();
        let Wait::Operation(mut pending) = std::mem::take(&mut connection.wait) else { return };
        if pending.waiter.is_some() {
            self.deadlines.remove(deadline, slot);
            connection.client.set_flag(flag::BLOCKED, false);
            *connection.client.blocked.lock() = None;
        }
        if let Some(commands) = pending.exec.take() {
            return self.finish_exec(slot, *pending, &commands);
        }
        let Some(operation) = pending.operation() else { return };
        let mut output = std::mem::take(&mut connection.output);
        if !output.has_buffer() {
            output.set_buffer(self.spare_buffers.pop().unwrap_or_default());
        }
        let begin = output.end();
        let mut replies = RespReplies::over(output, connection.session.resp);
        operation.assemble(&mut pending.parts, &mut replies);
        let failures = replies.failures(begin);
        let mut output = replies.into_output();
        let mut errors: Vec<_> =
            failures.iter().map(|&(index, at)| (index, output.text_at(at).to_vec())).collect();
        if !pending.keeps_reply {
            output.truncate(begin);
        }
        connection.output = output;
        if pending.is_refused {
            let rejected: Vec<_> = errors.extract_if(.., |(_, text)| text.starts_with(b"BUSY ")).collect();
            for (index, text) in rejected.into_iter().rev() {
                // Those in front of it keep their places.
                let id = pending.commands.remove(index);
                self.count_rejection(id, &text);
                errors.iter_mut().filter(|(other, _)| *other > index).for_each(|(other, _)| *other -= 1);
            }
        }
        if self.notes_replies
            && let Some(Some(connection)) = self.connections.get_mut(slot)
        {
            self.tidings.note(&self.shared, connection, &pending.commands);
        }
        for (index, text) in errors {
            self.count_failure(pending.commands[index], &text);
        }
        self.executed.extend_from_slice(&pending.commands);
        self.account();
        if pending.frees_first && !pending.is_refused {
            self.hold_slot_until_freed(slot, begin);
        }
        self.enqueue(slot);
        self.note_dirty(slot);
    }

    fn take_mail(&mut self, mail: WorkerMail) {
        match mail {
            WorkerMail::Adopt(stream, peer) => self.adopt(stream, &peer),
            WorkerMail::Kill(origin) => {
                if let Some(connection) = self.connection_of(origin) {
                    connection.close_after_output();
                    // It need not have read what it was sent before.
                    connection.is_broken = true;
                    self.note_dirty(origin.slot);
                }
            }
            WorkerMail::Evict(origin) => self.evict_client(origin),
            WorkerMail::Unblock(origin, with_error) => self.unblock(origin, with_error),
            WorkerMail::Freed(origin) => self.end_freeing(origin),
            WorkerMail::Configured(origin, error) => {
                if self.connection_of(origin).is_some() {
                    self.end_timed_wait(origin.slot, error.as_deref().map_or(Ok(TimedReply::Ok), Err));
                }
            }
            WorkerMail::PauseChanged => self.take_up_config(),
            WorkerMail::Sleep(duration) => std::thread::sleep(duration),
            WorkerMail::End => self.end_orderly(),
            WorkerMail::Listen(change) => self.listen_again(change),
        }
    }

    fn listen_again(&mut self, change: Change) {
        if let Err(error) = self.listen_on(change) {
            tracing::error!("listening on the new addresses failed: {error}");
        }
    }

    /// Lets the connections go on that a pause held back; those it still holds wait again.
    pub(super) fn resume_paused(&mut self) {
        for slot in std::mem::take(&mut self.paused) {
            if let Some(Some(connection)) = self.connections.get_mut(slot)
                && matches!(connection.wait, Wait::Pause)
            {
                connection.wait = Wait::Nothing;
                connection.client.set_flag(flag::BLOCKED, false);
                self.enqueue(slot);
            }
        }
    }
}
