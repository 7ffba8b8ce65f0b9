//! From what was heard of workers to the history: which operations there were, and in which order shards ran them.

use kora_core::db::DbIndex;
use kora_core::journal::Effect;
use kora_core::reply::Value;
use kora_core::slot::{ShardId, Slot};
use kora_core::time::UnixMs;

use super::Simulation;
use super::client::Sent;
use super::front::{Heard, ran_at_once, take_heard};
use super::model::LAPSE;
use super::record::{Call, CallId, Killed, OperationId, Record};
use super::transaction::{encode, selected};

/// What a client is told when its command would need memory that is not there.
const OUT_OF_MEMORY: &str = "OOM ";

/// What it is told while a script takes long.
const BUSY: &str = "BUSY ";

impl Simulation<'_> {
    /// Notes the commands of a batch: those that were answered at once, and behind them those of an operation. Returns where in
    /// the history those are that ran at once, by their places in the batch.
    pub(super) fn note_batch(
        &mut self,
        client: usize,
        sent: Vec<Sent>,
        values: Vec<Value>,
        mut db: DbIndex,
    ) -> Vec<Option<OperationId>> {
        let mut places = vec![None; sent.len()];
        let mut gathered: Option<Record> = None;
        let mut aside = None;
        let mut values = values.into_iter();
        for (at, sent) in sent.into_iter().enumerate() {
            let value = values.next();
            let Some(Sent { args, sequence, invoked }) = self.note_queued(client, sent, value.as_ref())
            else {
                continue;
            };
            let mut call = Call { args, sequence, reply: None, shards: Vec::new() };
            let Some(mut value) = value else {
                let record = gathered.get_or_insert_with(|| self.new_record(client, db));
                // Commands sent at different steps make one record: the last was sent before any of them ran.
                record.invoked = record.invoked.max(invoked);
                // A search that began at once, and whose reply is still to come.
                if call.args[0].starts_with(b"FT.")
                    && let Some(now) = ran_at_once(at)
                {
                    record.now = now;
                    aside = Some(at);
                }
                record.calls.push(call);
                continue;
            };
            // A watch that has failed takes no more keys.
            let began = ran_at_once(at);
            let is_idle = call.args[0] == b"WATCH" && began.is_none();
            if is_error(&value, BUSY) {
                self.note_refusal(invoked);
            }
            // A KILL is noted when it is heard.
            if is_idle
                || call.args[0] == b"KILL"
                || [OUT_OF_MEMORY, BUSY].iter().any(|why| is_error(&value, why))
            {
                continue;
            }
            if is_error(&value, "EXECABORT ") {
                // It is the end of what was watched, and no more.
                call.args = vec![b"UNWATCH".to_vec()];
                value = Value::Simple("OK".to_owned());
            }
            let has_run = !matches!(value, Value::Null | Value::NullArray);
            let selected = selected(&call.args).filter(|_| has_run);
            if call.args[0] != b"SELECT" {
                let record = self.new_record(client, db);
                let now = began.unwrap_or(record.now);
                let operation = self.history.add(Record { invoked, now, calls: vec![call], ..record });
                self.note_reply(operation, vec![value]);
                self.clients[client].answered.push(operation);
                places[at] = Some(operation);
            }
            db = selected.map_or(db, DbIndex);
        }
        if let Some(value) = values.next() {
            self.wrong.get_or_insert(format!("nobody asked for {value:?}"));
        }
        if let Some(record) = gathered {
            let is_one = record.calls.len() == 1;
            let operation = self.history.add(record);
            if let Some(at) = aside.filter(|_| is_one) {
                places[at] = Some(operation);
            }
            self.clients[client].pending = Some(operation);
            self.operations.insert(self.clients[client].origin.client, operation);
        }
        places
    }

    /// Keeps what a client queues between MULTI and EXEC. Returns what is to be noted in the history.
    fn note_queued(&mut self, client: usize, sent: Sent, value: Option<&Value>) -> Option<Sent> {
        let queue = &mut self.clients[client].queue;
        let expected = match (sent.args[0].as_slice(), queue.as_mut()) {
            (b"MULTI", _) => {
                *queue = Some(Vec::new());
                "OK"
            }
            (b"EXEC", Some(_)) => {
                let args = encode(&queue.take().unwrap_or_default());
                return Some(Sent { args, ..sent });
            }
            (_, Some(queue)) => {
                if value.is_some_and(|value| is_error(value, OUT_OF_MEMORY) || is_error(value, BUSY)) {
                    return None;
                }
                queue.push(sent.args);
                "QUEUED"
            }
            _ => return Some(sent),
        };
        if value != Some(&Value::Simple(expected.to_owned())) {
            self.wrong.get_or_insert(format!("client {client} was told {value:?} instead of {expected}"));
        }
        None
    }

    fn note_reply(&mut self, operation: OperationId, values: Vec<Value>) {
        if let Err(reason) = self.history.reply(operation, values) {
            self.wrong.get_or_insert(reason);
        }
    }

    /// Notes where in the shards' orders the commands stand that have just run. One that waits begins to run
    /// whenever it is to be served; one of those places is its own: see [`super::waiting`]. `places` are those of the batch that
    /// the worker was given.
    pub(super) fn take_in(&mut self, places: &[Option<OperationId>]) {
        let mut reached = None;
        for heard in take_heard() {
            match heard {
                Heard::Reached(at) => reached = places.get(at).copied().flatten(),
                Heard::RunsAtOnce(shards, _) => {
                    if let Some(operation) = reached.take() {
                        self.queues.note_ran(operation);
                        self.note_place(&shards, (operation, 0));
                    }
                }
                Heard::RunsWhole(client, shards, now) => {
                    let Some(&operation) = self.operations.get(&client) else { continue };
                    if self.queues.note_ran(operation) {
                        self.history.records[operation.0].now = now;
                    }
                    self.note_place(&shards, (operation, 0));
                }
                Heard::HasReplied(client) => {
                    if let Some(&operation) = self.operations.get(&client) {
                        self.queues.note_replied(operation);
                    }
                }
                Heard::HasRunItem(client, shard, command) => {
                    let Some(&operation) = self.operations.get(&client) else { continue };
                    self.queues.note_ran(operation);
                    self.queues.note_replied(operation);
                    self.note_place(&[shard], (operation, command));
                }
                Heard::IsKilled(client, at, effects) => {
                    if let Some(operation) = self.operations.get(&client) {
                        let killed = Killed::new(at, &effects);
                        self.history.records[operation.0].killed.push(killed);
                    }
                }
                Heard::EndsWait(client) => {
                    if let Some(&operation) = self.operations.get(&client) {
                        self.queues.note_ended(operation);
                    }
                }
                Heard::Loses(effect) => self.note_lapse(&effect),
                Heard::Kills => self.note_kill(),
            }
        }
    }

    fn note_place(&mut self, shards: &[ShardId], call: CallId) {
        shards.iter().for_each(|shard| self.history.chains[shard.index()].push(call));
    }

    /// Notes that a key has gone without a command, by a sweep or an eviction, or because it had expired when it was looked for
    /// in vain. In the history that is a command of its shard's own, which finds what it deletes. Nobody waits for it, so real
    /// time does not bind it.
    pub(super) fn note_lapse(&mut self, effect: &Effect) {
        let key = &effect.args[1];
        let shard = Slot::of(key).shard(self.hub.shard_count());
        let args = vec![LAPSE.to_vec(), key.to_vec()];
        let call = Call { args, sequence: 0, reply: Some(Value::Integer(1)), shards: Vec::new() };
        let operation = self.history.add(Record {
            process: self.sweepers[shard.index()],
            db: effect.db,
            now: UnixMs(effect.scope.time_ms.cast_signed()),
            calls: vec![call],
            killed: Vec::new(),
            invoked: 0,
            responded: None,
        });
        self.note_place(&[shard], (operation, 0));
    }
}

fn is_error(value: &Value, prefix: &str) -> bool {
    matches!(value, Value::Error(text) if text.starts_with(prefix))
}
