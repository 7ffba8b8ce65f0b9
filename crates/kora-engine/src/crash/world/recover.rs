//! Starts, and what they must find.

use kora_storage::StorageError;

use super::*;

/// Tries before a start must succeed: no fault goes on for so long.
const TRIES: u32 = 50;

impl World<'_> {
    /// A start.
    pub(in super::super) fn start(&mut self) -> Checked<Life> {
        for _ in 0..TRIES {
            self.was_kill &= self.disk.ended_by().is_none_or(|fault| fault == Fault::Kill);
            self.disk.restart();
            if let Some(life) = self.try_start()? {
                return Ok(life);
            }
            self.tally.retried += 1;
        }
        Err("it never starts again".to_owned())
    }

    /// One try; none if the system refused something.
    fn try_start(&mut self) -> Checked<Option<Life>> {
        let policies = [FsyncPolicy::Always, FsyncPolicy::Always, FsyncPolicy::EverySecond, FsyncPolicy::No];
        let policy = policies[self.choices.up_to(policies.len() - 1)];
        let worker_count = 1 + u16::try_from(self.choices.below(u64::from(SHARDS_MAX))).unwrap_or(0);
        let shard_count = worker_count + u16::try_from(self.choices.below(3)).unwrap_or(0);
        let seed = self.choices.number();
        let mut settings = settings(policy);
        limit_some(&mut settings, &mut self.choices);
        // What a start finds, seen through a copy of the disk.
        let seen = self.disk.fork(seed);
        let copy = self.book.lock().copy.take();
        let mut copy = copy.unwrap_or_else(|| Bench::new(1, self.pool.company));
        let (record, state) =
            copy.load(&seen.fork(seed), self.now()).map_err(|error| self.explain(&error.to_string()))?;
        self.book.lock().copy = Some(copy);
        self.judge(record, &state, true)?;
        let Process { engine, services, executors, front } = process(
            &self.disk,
            &self.clock,
            (worker_count, shard_count),
            settings,
            (seed, self.pool.company),
        );
        let mut stores = engine.hub.take_stores();
        let restored = engine.persistence.restore(&mut stores, &services, self.now());
        self.judge_crashes()?;
        match restored {
            Ok(()) => {}
            // What is not a passing refusal of the system goes on for ever.
            Err(LoadError::Storage(StorageError::Io { .. }) | LoadError::Other(_)) => return Ok(None),
            Err(error) => return Err(self.explain(&error.to_string())),
        }
        let asked = self.pool.company.ask(&mut stores, &services, &engine.persistence.needs.effects);
        let found = state_of(&mut stores, engine.scripts.library_codes(), asked);
        if found != state || engine.persistence.appended() != Some(record + 1) {
            return Err(self.explain("two starts find different states"));
        }
        stores.into_iter().for_each(|store| engine.hub.send_store(store));
        let turn = |executor| Turn::new(executor, Arc::clone(&engine), Arc::clone(&front), self.now());
        let mut turns: Vec<_> = executors.into_iter().map(turn).collect();
        turns.iter_mut().for_each(Turn::read_mail);
        self.connect(&engine, &mut turns);
        self.book.lock().begin(record, state, seen);
        self.promised = record;
        self.promised_at_kill = record;
        self.acknowledged = 0;
        self.failed_syncs = self.disk.failed_syncs();
        self.was_kill = true;
        self.trace.push(format!("(start, {worker_count} workers, {shard_count} shards, {policy:?})"));
        let log = engine.persistence.log.read().as_ref().map(|open| Arc::clone(open.log()));
        let log = log.ok_or("there is no log")?;
        Ok(Some(Life { engine, services, turns, log, snapshot: None, was_failed: false, covered_before: 0 }))
    }

    /// Lets the shards' effects go to the log and into the book.
    fn connect(&mut self, engine: &Engine<Crash>, turns: &mut [Turn<Crash>]) {
        for executor in turns.iter_mut().map(Turn::executor) {
            let (persistence, book) = (Arc::clone(&engine.persistence), Arc::clone(&self.book));
            let stream = Arc::clone(&engine.stream);
            executor.set_effect_sink(Box::new(move |record| {
                stream.publish(record, persistence.clock_ms());
                if let Some(number) = persistence.appended() {
                    book.lock().note(number, record);
                }
            }));
        }
    }

    /// Starts on every copy of the disk that was made at a call.
    pub(super) fn judge_crashes(&mut self) -> Checked {
        for crash in self.disk.take_crashes() {
            let shard_count = 1 + u16::try_from(crash.call % u64::from(SHARDS_MAX)).unwrap_or(0);
            let now = self.now();
            crash.disk.restart();
            let place = format!("{:?} at call {}", crash.fault, crash.call);
            let explain = |world: &Self, what: &str| world.explain(&format!("{place}: {what}"));
            let loaded = self.pool.bench(shard_count).load(&crash.disk, now);
            let (record, state) = loaded.map_err(|error| explain(self, &error.to_string()))?;
            self.judge(record, &state, crash.fault == Fault::Kill)
                .map_err(|what| format!("{place}: {what}"))?;
            if crash.call.is_multiple_of(5) {
                crash.disk.end(Fault::PowerCut { keeps_some: true });
                crash.disk.restart();
                let again = self.pool.bench(1).load(&crash.disk, now);
                let again = again.map_err(|error| explain(self, &error.to_string()))?;
                if again != (record, state.clone()) {
                    let differ = state.found.differences(&again.1.found, &self.pool.company);
                    let what = format!("a second start finds another state: {differ:#?}");
                    return Err(explain(self, &what));
                }
            }
        }
        Ok(())
    }

    /// Compares what a start found with what was written.
    fn judge(&mut self, last: u64, state: &State, is_kill: bool) -> Checked {
        self.tally.states += 1;
        let book = self.book.lock();
        if book.history.is_empty() {
            return Ok(());
        }
        self.tally.shortened += u64::from(book.history.keys().next_back() > Some(&last));
        // What the system took for written after a failed sync, it may have dropped.
        let may_have_dropped = self.disk.failed_syncs() > self.failed_syncs;
        let at_kill = is_kill && self.was_kill && !may_have_dropped;
        let promised = if at_kill { self.promised_at_kill.max(self.promised) } else { self.promised };
        let cut = book.cut(last);
        drop(book);
        let expected = self.expected(last)?;
        let what = match expected {
            _ if last < promised => format!("record {promised} was promised, but the log ends with {last}"),
            _ if cut.first_record().is_some_and(|first| first <= promised) => {
                format!("record {promised} was promised, but at {last} not all of it counts: {cut:?}")
            }
            None => format!("the log ends with {last}, which was never written"),
            Some(expected) if expected != *state => {
                let differ = expected.found.differences(&state.found, &self.pool.company);
                format!("the state after record {last} is another: {differ:#?}, what counts is {cut:?}")
            }
            Some(_) => return Ok(()),
        };
        Err(self.explain(&what))
    }

    /// The state that a log gives which ends with a record; none if it can't end there.
    pub(in super::super) fn expected(&mut self, last: u64) -> Checked<Option<State>> {
        let book = Arc::clone(&self.book);
        let (book, now) = (book.lock(), self.now());
        let cut = book.cut(last);
        if cut.is_empty() || !book.history.contains_key(&last) {
            return Ok(book.history.get(&last).cloned());
        }
        self.tally.cut += 1;
        let Some(begin) = &book.begin else { return Ok(None) };
        let bench = self.pool.bench(1);
        bench.load(&begin.fork(last), now).map_err(|error| error.to_string())?;
        bench.replay(book.written.iter().filter(|written| written.number <= last), &cut)?;
        Ok(Some(bench.state()))
    }
}
