//! Commands, the way a worker runs them.

use kora_core::command::Run;
use kora_core::command::spec::Flags;
use kora_core::command::table::Handler;
use kora_core::reply::NoReply;
use kora_core::shard::operation::{Request, Setting};
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::Ran;
use kora_core::shard::transaction::Transaction;
use kora_core::slot::ShardId;

use super::super::forms::{BEGINNING, SWEEPING};
use super::super::generate::Args;
use super::*;
use crate::front::{ClientId, Origin};

fn words(form: &str) -> Args {
    form.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

impl World<'_> {
    /// Puts something there for the commands to meet.
    pub(super) fn run_beginning(&mut self, life: &mut Life) {
        let commands: Vec<Args> = BEGINNING.iter().map(|form| words(form)).collect();
        self.run_commands(life, &commands, DbIndex(0));
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

    /// Returns the command's name if it is one.
    fn run_commands(&mut self, life: &mut Life, commands: &[Args], db: DbIndex) -> Option<&'static str> {
        let table = Arc::clone(&life.engine.table);
        let mut resolved: Vec<(Run, Vec<&[u8]>)> = Vec::new();
        for args in commands {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let words = args.iter().map(|arg| arg.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
            self.trace.push(format!("{}/{} {words}", self.now().0, db.0));
            if let Ok(found) = table.resolve(&args)
                && let Handler::Core(handler) = found.handler
            {
                resolved.push(((found.facts, handler), args));
            }
        }
        self.tally.commands += resolved.len() as u64;
        let setting = Setting { db, now: self.now(), no_touch: false, style: true, watch: None };
        let shard_count = life.engine.hub.shard_count();
        let home = usize::try_from(self.choices.below(u64::from(shard_count))).unwrap_or(0);
        match &resolved[..] {
            [] => return None,
            // Those that wait are made not to: nobody is there to wait.
            [(run, args)] if !run.0.flags.has(Flags::BLOCKING) => {
                self.run_alone(life, *run, args, (setting, home));
            }
            several => {
                let mut transaction = Transaction::new(setting);
                several.iter().for_each(|(run, args)| transaction.queue(*run, args, shard_count));
                let home_id = life.shards[home].id();
                transaction.begin(None, self.now(), home_id);
                let operation = life.shards[home].submit_transaction(transaction, origin(home_id));
                drop(operation);
            }
        }
        self.settle(life);
        match &resolved[..] {
            [(run, _)] => Some(run.0.name),
            _ => None,
        }
    }

    fn run_alone(
        &mut self,
        life: &mut Life,
        run: Run,
        args: &[&[u8]],
        (setting, home): (Setting<bool>, usize),
    ) {
        let shard_count = life.engine.hub.shard_count();
        let shard = &mut life.shards[home];
        let placement = place(run.0, args, shard_count);
        let is_here = matches!(placement, Placement::Anywhere) || placement == Placement::One(shard.id());
        if is_here && shard.is_free() {
            match shard.run(run, args, &setting, &mut NoReply::default()) {
                Ran::Replied => return,
                Ran::Deferred => {}
                Ran::Paused(_) => unreachable!("no script here takes long"),
            }
        }
        let mut request = Request::default();
        request.push(run, args, &placement, shard_count, shard.id());
        let origin = origin(shard.id());
        shard.submit(request, setting, origin);
    }

    /// Lets the shards work until there is nothing left to do, in any order; the log's writer may come in between.
    fn settle(&mut self, life: &mut Life) {
        let count = life.shards.len();
        let mut idle = 0;
        while idle < count * 3 {
            let at = self.choices.up_to(count - 1);
            let shard = &mut life.shards[at];
            let has_worked = shard.poll();
            shard.hand_over();
            drop(shard.take_finished());
            idle = if has_worked { 0 } else { idle + 1 };
            if self.choices.one_in(12) {
                self.step_log(life);
            }
        }
        // Whoever is left.
        for _ in 0..4 {
            for shard in &mut life.shards {
                while shard.poll() {}
                shard.hand_over();
                drop(shard.take_finished());
                shard.dispose();
            }
        }
    }
}

fn origin(worker: ShardId) -> Origin {
    Origin { worker, slot: 0, client: ClientId(1) }
}
