//! A worker of an embedded engine: the loop around its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use kora_core::db::DbIndex;
use kora_core::time::UnixMs;

use super::{Answer, Front};
use crate::ending::Ending;
use crate::front::values::ValueClient;
use crate::front::{ClientId, Origin, Standing};
use crate::session::{Choice, Session, Wait};
use crate::turn::{Args, Commands, Turn};

/// Longest time a worker sleeps before it looks for what is due.
const PERIOD: Duration = Duration::from_millis(100);

/// Longest time a worker goes on for the others' sake when the engine ends.
const LAST_PARTS_MAX: Duration = Duration::from_secs(10);

/// What callers ask of a worker.
#[derive(Debug)]
pub(super) enum Errand {
    /// Run these in a new session, which ends with them unless it stays.
    Begin { db: DbIndex, commands: Owned, sender: Sender<Answer>, stays: bool },
    /// Run these in a session that stayed.
    GoOn { origin: Origin, db: DbIndex, commands: Owned, sender: Sender<Answer> },
    /// End a session that stayed.
    End(Origin),
}

/// Commands that were sent to a worker, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Owned {
    bytes: Vec<u8>,
    /// Where arguments end.
    ends: Vec<usize>,
    /// Behind which argument commands end.
    commands: Vec<usize>,
    /// Commands that have run.
    done: usize,
}

impl Owned {
    pub(super) fn of(commands: &[&[&[u8]]]) -> Self {
        let mut owned = Self::default();
        for args in commands {
            for arg in *args {
                owned.bytes.extend_from_slice(arg);
                owned.ends.push(owned.bytes.len());
            }
            owned.commands.push(owned.ends.len());
        }
        owned
    }

    fn is_done(&self) -> bool {
        self.done == self.commands.len()
    }

    /// The arguments of a command, as places in `ends`.
    fn places(&self, command: usize) -> std::ops::Range<usize> {
        let begin = command.checked_sub(1).map_or(0, |before| self.commands[before]);
        begin..self.commands[command]
    }

    fn arg_at(&self, place: usize) -> &[u8] {
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[place]]
    }
}

impl Commands for Owned {
    fn count(&self) -> usize {
        self.commands.len() - self.done
    }

    fn args(&self, index: usize) -> Args<'_> {
        self.places(self.done + index).map(|place| self.arg_at(place)).collect()
    }

    fn arg(&self, index: usize, at: usize) -> Option<&[u8]> {
        let mut places = self.places(self.done + index);
        places.nth(at).map(|place| self.arg_at(place))
    }

    fn size(&self, _: usize) -> usize {
        0
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        let first = self.places(self.done + index).start;
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        (self.count() - index, self.ends.len() - first, self.bytes.len() - begin)
    }
}

/// A call under way: what is kept with its session.
#[derive(Debug)]
pub(super) struct Call {
    commands: Owned,
    /// None once it is answered.
    sender: Option<Sender<Answer>>,
    stays: bool,
}

/// Serves until the engine ends.
pub(super) fn serve(mut turn: Turn<Front>, clock: fn() -> UnixMs, ending: &Arc<Ending>) {
    crate::scripting::set_worker(turn.id());
    let mut next_client = 0;
    let mut next_look = Instant::now();
    while !ending.is_on() {
        let timeout = turn.park().min(PERIOD);
        if !timeout.is_zero() {
            std::thread::park_timeout(timeout);
        }
        turn.unpark();
        turn.begin_round(clock(), false);
        turn.read_mail();
        turn.note_busy();
        take_errands(&mut turn, &mut next_client);
        for slot in turn.sessions.take_runnable() {
            run(&mut turn, slot);
        }
        turn.finish_round();
        answer_all(&mut turn);
        turn.sweep_expired();
        if Instant::now() >= next_look {
            next_look = Instant::now() + PERIOD;
            turn.publish_counters();
            turn.begin_due();
            turn.rest_scripts();
            turn.refuse_waiting();
        }
    }
    finish(&mut turn, ending);
}

/// Does what others still need, once the engine ends.
fn finish(turn: &mut Turn<Front>, ending: &Ending) {
    ending.note_finishing();
    let begun = Instant::now();
    loop {
        let may_settle = ending.are_all_finishing();
        turn.wind_up();
        answer_all(turn);
        if may_settle && turn.is_settled() || begun.elapsed() >= LAST_PARTS_MAX {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn take_errands(turn: &mut Turn<Front>, next_client: &mut u64) {
    for errand in turn.take_mail() {
        match errand {
            Errand::Begin { db, commands, sender, stays } => {
                *next_client += 1;
                let slot = turn.sessions.next_slot();
                let origin = Origin { worker: turn.id(), slot, client: ClientId(*next_client) };
                let client = Arc::new(ValueClient(Standing::new(origin)));
                let call = Call { commands, sender: Some(sender), stays };
                turn.sessions.insert(Box::new(Session::new(client, call, Choice::of_program(db))));
                turn.sessions.enqueue(slot);
            }
            Errand::GoOn { origin, db, commands, sender } => {
                if let Some(session) = turn.sessions.of(origin) {
                    session.choice.db = db;
                    session.link.commands = commands;
                    session.link.sender = Some(sender);
                    turn.sessions.enqueue(origin.slot);
                }
            }
            Errand::End(origin) => {
                if turn.sessions.of(origin).is_some() {
                    drop(turn.close(origin.slot));
                }
            }
        }
    }
}

/// Runs what is left of a call, as far as it can run now.
fn run(turn: &mut Turn<Front>, slot: usize) {
    let Some(mut session) = turn.sessions.take_to_serve(slot) else { return };
    let mut commands = std::mem::take(&mut session.link.commands);
    turn.begin_serving(&mut session);
    while session.may_run() && !commands.is_done() {
        let done = turn.run(&mut session, &commands);
        commands.done += done;
        if done == 0 {
            break;
        }
    }
    turn.end_serving(&mut session);
    session.link.commands = commands;
    turn.sessions.put(session);
    turn.sessions.note_dirty(slot);
}

/// Answers the calls whose replies are all there, and need not wait for the log.
fn answer_all(turn: &mut Turn<Front>) {
    for slot in turn.take_sendable() {
        let Some(session) = turn.sessions.get_mut(slot) else { continue };
        session.is_dirty = false;
        if !session.link.commands.is_done() || !matches!(session.wait, Wait::Nothing) {
            continue;
        }
        session.note_released();
        let origin = session.origin();
        let replies = session.output.take();
        let sender = session.link.sender.take();
        if !session.link.stays {
            drop(turn.close(slot));
        }
        if let Some(sender) = sender {
            // The caller waits, and there is room for its answer.
            let _ = sender.send(Answer { replies, origin });
        }
    }
}
