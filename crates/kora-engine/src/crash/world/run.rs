//! Commands, the way a worker runs them.

use kora_core::command::spec::Flags;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;

use super::super::forms::{BEGINNING, SWEEPING};
use super::super::generate::Args;
use super::*;
use crate::front::values::ValueClient;
use crate::front::{ClientId, Origin, Standing};
use crate::session::{Choice, Session, Wait};
use crate::turn::{Args as Slices, Commands};

/// Commands as a session sends them.
struct Batch<'a>(Vec<Vec<&'a [u8]>>);

impl Commands for Batch<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn args(&self, index: usize) -> Slices<'_> {
        self.0[index].iter().copied().collect()
    }

    fn arg(&self, index: usize, at: usize) -> Option<&[u8]> {
        self.0[index].get(at).copied()
    }

    fn size(&self, _: usize) -> usize {
        0
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        (self.0.len() - index, 0, 0)
    }
}

fn words(form: &str) -> Args {
    form.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

impl World<'_> {
    /// Puts something there for the commands to meet.
    pub(super) fn run_beginning(&mut self, life: &mut Life) {
        let commands: Vec<Args> = BEGINNING.iter().map(|form| words(form)).collect();
        self.run_commands(life, &commands, DbIndex(0));
        for form in self.pool.company.beginning {
            self.run_commands(life, &[words(form)], DbIndex(0));
        }
    }

    /// Sets a key to bytes that can't be made shorter.
    pub(in super::super) fn set_large(&mut self, life: &mut Life, number: u64, len: usize) {
        let bytes = (0..len).map(|_| self.choices.number().to_le_bytes()[0]).collect();
        let key = format!("large{number}").into_bytes();
        self.run_commands(life, &[vec![b"SET".to_vec(), key, bytes]], DbIndex(0));
    }

    /// Runs a command, or several as a transaction.
    pub(in super::super) fn run_some(&mut self, life: &mut Life) {
        let known = self.knowledge(life);
        let count = if self.choices.one_in(8) { 2 + self.choices.below(3) } else { 1 };
        let mut commands: Vec<Args> = (0..count).map(|_| command(&mut self.choices, &known)).collect();
        if self.choices.one_in(60) {
            let form = SWEEPING[self.choices.up_to(SWEEPING.len() - 1)];
            commands = vec![words(form)];
        }
        let db = DbIndex(u16::from(self.choices.one_in(6)));
        let (changes, libraries) = (self.book.lock().changes, life.engine.scripts.library_codes());
        let name = self.run_commands(life, &commands, db);
        let is_changed =
            self.book.lock().changes != changes || life.engine.scripts.library_codes() != libraries;
        self.tally.changed.extend(name.filter(|_| is_changed));
        let by = 1 + self.choices.below(40);
        self.advance(by);
    }

    /// Runs commands as a client of some worker does; as a transaction if they are several, or one that would wait. Returns the
    /// command's name if it is one.
    fn run_commands(&mut self, life: &mut Life, commands: &[Args], db: DbIndex) -> Option<&'static str> {
        let mut names = Vec::new();
        let mut batch = Vec::new();
        for args in commands {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let words = args.iter().map(|arg| arg.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
            self.trace.push(format!("{}/{} {words}", self.now().0, db.0));
            if let Ok(found) = life.engine.table.resolve(&args) {
                names.push(found.facts);
                batch.push(args);
            }
        }
        self.tally.commands += batch.len() as u64;
        match &names[..] {
            [] => return None,
            [facts] if !facts.flags.has(Flags::BLOCKING) => {}
            // Nobody is there to wait.
            _ => {
                batch.insert(0, vec![b"MULTI"]);
                batch.push(vec![b"EXEC"]);
            }
        }
        let home = self.choices.up_to(life.turns.len() - 1);
        self.send(life, home, &Batch(batch), db);
        self.settle(life);
        match &names[..] {
            [facts] => Some(facts.name),
            _ => None,
        }
    }

    /// A new client of a worker sends commands, and they run as far as they can at once.
    fn send(&mut self, life: &mut Life, home: usize, batch: &Batch<'_>, db: DbIndex) {
        let now = self.now();
        self.put_some_off(life, home);
        let turn = &mut life.turns[home];
        let slot = turn.sessions.next_slot();
        self.clients += 1;
        let worker = WorkerId(u16::try_from(home).expect("workers are numbered by u16"));
        let origin = Origin { worker, slot, client: ClientId(self.clients) };
        let client = Arc::new(ValueClient(Standing::new(origin)));
        turn.sessions.insert(Box::new(Session::new(client, 0, Choice::of_program(db))));
        turn.begin_round(now, true);
        turn.read_mail();
        let Some(mut session) = turn.sessions.take_to_serve(slot) else { return };
        turn.begin_serving(&mut session);
        let done = turn.run(&mut session, batch);
        turn.end_serving(&mut session);
        if done < batch.count() {
            self.book.lock().failure.get_or_insert("a command was left behind".to_owned());
        }
        turn.sessions.put(session);
        turn.sessions.note_dirty(slot);
    }

    /// Puts another worker off, now and then, while it has some shards in its hands: what needs them is submitted.
    fn put_some_off(&mut self, life: &mut Life, home: usize) {
        let other = self.choices.up_to(life.turns.len() - 1);
        if other == home || !self.choices.one_in(2) {
            return;
        }
        for shard in life.engine.hub.shards() {
            if self.choices.one_in(2) {
                life.turns[other].executor().hold(shard);
            }
        }
    }

    /// Lets the workers go on until there is nothing left to do, in any order; the log's writer may come in between.
    fn settle(&mut self, life: &mut Life) {
        let count = life.turns.len();
        let mut idle = 0;
        while idle < count * 3 {
            let at = self.choices.up_to(count - 1);
            let has_worked = self.go_round(life, at);
            idle = if has_worked { 0 } else { idle + 1 };
            if self.choices.one_in(12) {
                self.step_log(life);
            }
        }
        // Whoever is left.
        for _ in 0..4 {
            for at in 0..count {
                while self.go_round(life, at) {}
            }
        }
    }

    /// A round of one worker; whether there was anything to do.
    fn go_round(&mut self, life: &mut Life, at: usize) -> bool {
        let now = self.now();
        let turn = &mut life.turns[at];
        turn.begin_round(now, false);
        let has_mail = turn.has_mail();
        turn.read_mail();
        drop(turn.sessions.take_runnable());
        turn.finish_round();
        // What these replies tell of is in the log by now.
        let (appended, is_failed) = (life.log.appended(), life.log.is_failed());
        let has_run =
            |session: &&mut Session<Crash>| session.link == 0 && matches!(session.wait, Wait::Nothing);
        turn.sessions.iter_mut().filter(has_run).for_each(|session| session.link = appended);
        for slot in turn.take_sendable() {
            let Some(session) = turn.sessions.get_mut(slot) else { continue };
            session.is_dirty = false;
            if !matches!(session.wait, Wait::Nothing) {
                continue;
            }
            session.note_released();
            let replies = session.output.take();
            let is_refused = is_failed || replies.iter().any(|reply| matches!(reply, Value::Error(_)));
            let acknowledged = if is_refused { 0 } else { session.link };
            drop(turn.close(slot));
            if life.log.policy() == FsyncPolicy::Always && acknowledged > life.covered_before {
                self.acknowledged = self.acknowledged.max(acknowledged);
            }
        }
        has_mail
    }
}
