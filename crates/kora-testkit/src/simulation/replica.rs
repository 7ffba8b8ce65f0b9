//! What the effects make of an empty store, and whether that is what the engine holds in the end.

use kora_core::journal::Effect;
use kora_core::time::UnixMs;

use super::model::{Model, Told};
use super::workload::DATABASE_COUNT;
use super::{Simulation, check};

/// Between two sweeps of a worker there is less time than this, in milliseconds.
const SWEEPS_MS: i64 = 20;

impl Simulation<'_> {
    /// A last client reads everything, so that the order to be found must explain what is left. Returns its process.
    pub(super) fn read_all(&mut self) -> Result<usize, String> {
        self.add_client(0);
        let client = self.clients.len() - 1;
        for db in 0..DATABASE_COUNT {
            self.send(client, self.workload.reading_all(db));
        }
        self.run_until_quiet()?;
        Ok(self.clients[client].process)
    }

    /// Checks that the replica answers what the last client received.
    pub(super) fn compare(&self, mut replica: Model<'_>, reader: usize) -> Result<(), String> {
        for &operation in &self.history.processes[reader] {
            let record = self.history.get(operation);
            for call in &record.calls {
                let expected = check::run_args(&mut replica, &call.args, record);
                if call.reply.as_ref() != Some(&expected) {
                    let effects: Vec<_> = self.effects.lock().expect("one thread").iter().map(line).collect();
                    return Err(format!(
                        "#{}: the effects give {expected:?}:\n{}",
                        operation.0,
                        effects.join("\n")
                    ));
                }
            }
        }
        Ok(())
    }
}

/// An effect as text.
fn line(effect: &Effect) -> String {
    let args: Vec<_> = effect.args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
    format!("{:?}, db {}: {}", effect.scope.stamp, effect.db.0, args.join(" "))
}

impl<'a> Simulation<'a> {
    /// The effects, applied to an empty store. Nothing expires meanwhile: expiry is an effect too. What has expired by now goes
    /// before, and from then on time stands still.
    ///
    /// # Errors
    /// If the order of their stamps gives something else.
    pub(super) fn replay(&mut self) -> Result<Model<'a>, String> {
        self.clock.0 += SWEEPS_MS;
        for worker in 0..self.workers.len() {
            self.begin_round(worker);
            self.sweep(worker);
        }
        self.is_over = true;
        let mut effects = self.effects.lock().expect("one thread").clone();
        let mut replica = self.apply(&effects);
        effects.sort_by_key(|effect| (effect.scope.stamp, effect.scope.command));
        if self.apply(&effects).digest() != replica.digest() {
            let effects: Vec<_> = effects.iter().map(line).collect();
            return Err(format!("by their stamps the effects give something else:\n{}", effects.join("\n")));
        }
        Ok(replica)
    }

    fn apply(&self, effects: &[Effect]) -> Model<'a> {
        let mut replica = Model::new(self.table, self.history.shard_count());
        for effect in effects {
            let args: Vec<&[u8]> = effect.args.iter().map(|arg| &arg[..]).collect();
            replica.run(&args, (effect.db, UnixMs(0)), 0, Told::default());
        }
        replica
    }
}
