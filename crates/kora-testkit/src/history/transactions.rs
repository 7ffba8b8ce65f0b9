//! Transactions: what they append and read belongs to one moment, and what was watched was not changed until then.
//!
//! A transaction is one event for [`super::lists`]. One that depends on watched lists has read them before: that it ran says
//! that they had not changed, so what was read is part of the same event.
//!
//! Registers are counted up by reading and setting them under a watch: in the end each must hold the number of transactions
//! that ran, and of scripts that count without one.

use super::Anomaly;
use super::client::{Args, Client, Planned, command_of, list_name, on_keys, words};
use super::lists::Action;
use crate::frame::Frame;

/// Number of registers.
const REGISTERS: usize = 6;

/// Most lists that are watched at once.
const WATCHED_MAX: usize = 3;

/// How often each register was counted up.
#[derive(Debug, Default)]
pub(super) struct Registers {
    counts: [u64; REGISTERS],
}

impl Registers {
    /// Adds what another client counted.
    pub(super) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
    }

    /// Notes that these were counted up.
    pub(super) fn count(&mut self, registers: [usize; 2]) {
        registers.iter().for_each(|&register| self.counts[register] += 1);
    }
}

impl Client<'_> {
    /// Appends to lists and reads them as a unit.
    pub(super) fn use_transaction(&mut self) -> Result<(), Anomaly> {
        let count = 2 + self.random.below(5);
        let planned = self.plan(count);
        if !self.run_transaction(Vec::new(), planned)? {
            return Err(Anomaly("a transaction that depends on nothing did not run".to_owned()));
        }
        Ok(())
    }

    /// Reads lists, and then appends to some if none of those read has changed.
    pub(super) fn use_watch(&mut self) -> Result<(), Anomaly> {
        let planned = self.plan(2 * WATCHED_MAX);
        let (reads, rest): (Vec<_>, Vec<_>) =
            planned.into_iter().partition(|planned| matches!(planned, Planned::Read(_)));
        let mut watch = words(&["WATCH"]);
        for command in reads.iter().take(WATCHED_MAX) {
            let Planned::Read(keys) = command else { continue };
            watch.extend(keys.iter().map(|key| list_name(key).into_bytes()));
        }
        if watch.len() == 1 {
            return self.run_planned(rest);
        }
        self.ask(&[watch])?;
        let first = self.events.len();
        self.run_planned(reads.into_iter().take(WATCHED_MAX).collect())?;
        let seen = self.events[first..].iter().flat_map(|event| event.actions.clone()).collect();
        self.run_transaction(seen, rest).map(drop)
    }

    /// Runs commands as a unit, behind what was `seen` of keys that are watched; `false` if one of these has changed.
    fn run_transaction(&mut self, seen: Vec<Action>, planned: Vec<Planned>) -> Result<bool, Anomaly> {
        let began = self.shared.now();
        let replies = self.exec(planned.iter().map(command_of).collect())?;
        let Some(replies) = replies else { return Ok(false) };
        self.note_unit(began, seen, planned, &replies)?;
        Ok(true)
    }

    /// The replies to commands in a transaction, unless what it depends on has changed.
    pub(super) fn exec(&mut self, commands: Vec<Args>) -> Result<Option<Vec<Frame>>, Anomaly> {
        let count = commands.len();
        let mut all = vec![words(&["MULTI"])];
        all.extend(commands);
        all.push(words(&["EXEC"]));
        let replies = if self.random.one_in(3) {
            all.iter().map(|args| Ok(self.ask(std::slice::from_ref(args))?.remove(0))).collect()
        } else {
            self.ask(&all)
        }?;
        let reply = replies.last().expect("every command is answered");
        match reply.items() {
            [] if matches!(reply, Frame::Nil { .. }) => Ok(None),
            items if items.len() == count => Ok(Some(items.to_vec())),
            _ => Err(Anomaly(format!("EXEC of {count} commands replied {reply:?}"))),
        }
    }

    /// Two different registers.
    pub(super) fn two_registers(&mut self) -> [usize; 2] {
        let first = self.random.below(REGISTERS);
        [first, (first + 1 + self.random.below(REGISTERS - 1)) % REGISTERS]
    }

    /// Counts two registers up.
    pub(super) fn use_registers(&mut self) -> Result<(), Anomaly> {
        let registers = self.two_registers();
        let names = registers.map(name);
        let replies = self.ask(&[on_keys("WATCH", &names), on_keys("MGET", &names)])?;
        let sets = names.iter().zip(replies[1].items()).map(|(name, value)| {
            let next = value.number().unwrap_or(0) + 1;
            words(&["SET", name, &next.to_string()])
        });
        if self.exec(sets.collect())?.is_some() {
            self.registers.count(registers);
        }
        Ok(())
    }

    /// Checks that the registers hold what was counted.
    pub(super) fn check_registers(&mut self, registers: &Registers) -> Result<(), Anomaly> {
        let names: Vec<_> = (0..REGISTERS).map(name).collect();
        let found = self.ask(&[on_keys("MGET", &names)])?.remove(0);
        let found: Vec<_> = found.items().iter().map(|value| value.number().unwrap_or(0)).collect();
        let counted = registers.counts.map(u64::cast_signed);
        if found == counted {
            return Ok(());
        }
        Err(Anomaly(format!("registers hold {found:?}, and were counted up to {counted:?}")))
    }
}

pub(super) fn name(register: usize) -> String {
    format!("register:{register}")
}
