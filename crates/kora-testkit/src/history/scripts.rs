//! Scripts: what they append and read belongs to one moment, whether their keys were declared or not.
//!
//! A script runs the commands it is given as arguments and returns their replies: one event for [`super::lists`], as a
//! transaction is. A server that begins a script with the stores of its declared keys finds in the middle that it needs
//! others; what had been done until then must neither be seen nor be done twice. Servers may remember such scripts, so
//! most have a text of their own.
//!
//! Scripts also count registers up that transactions count up under a watch: [`super::transactions`].

use super::Anomaly;
use super::client::{Args, Client, Planned, command_of, words};
use super::transactions::name;
use crate::frame::Frame;

/// Runs commands, each behind the number of its words, and returns their replies.
const RUN_COMMANDS: &str = "local replies, at = {}, 1
while at <= #ARGV do
  local last = at + ARGV[at]
  replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, last))
  at = last + 1
end
return replies";

/// Adds one to numbers.
const COUNT_UP: &str = "for _, key in ipairs(ARGV) do
  redis.call('SET', key, (redis.call('GET', key) or 0) + 1)
end
return #ARGV";

/// Which of its keys a script declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Declared {
    All,
    First,
    None,
}

impl Client<'_> {
    /// Appends to lists and reads them in a script.
    pub(super) fn use_script(&mut self) -> Result<(), Anomaly> {
        let count = 2 + self.random.below(5);
        let planned = self.plan(count);
        let keys: Vec<_> = planned.iter().flat_map(Planned::names).collect();
        let commands = planned.iter().flat_map(|planned| {
            let command = command_of(planned);
            std::iter::once(command.len().to_string().into_bytes()).chain(command)
        });
        let eval = self.eval(RUN_COMMANDS, &keys, commands.collect());
        let began = self.shared.now();
        let reply = self.run_script(eval)?;
        if reply.items().len() != planned.len() {
            return Err(Anomaly(format!("a script of {} commands returned {reply:?}", planned.len())));
        }
        self.note_unit(began, Vec::new(), planned, reply.items())
    }

    /// Counts two registers up in a script.
    pub(super) fn use_register_script(&mut self) -> Result<(), Anomaly> {
        let registers = self.two_registers();
        let names = registers.map(name);
        let eval = self.eval(COUNT_UP, &names, names.iter().map(|name| name.clone().into_bytes()).collect());
        let reply = self.run_script(eval)?;
        if reply.number() != Some(2) {
            return Err(Anomaly(format!("a script that counts two registers up returned {reply:?}")));
        }
        self.registers.count(registers);
        Ok(())
    }

    /// The command that runs a script.
    fn eval(&mut self, body: &str, keys: &[String], args: Args) -> Args {
        let declared = self.random.weighted(&[(2, Declared::All), (2, Declared::First), (1, Declared::None)]);
        let text = if declared != Declared::All && !self.random.one_in(4) {
            format!("{body} -- {}", self.random.bits())
        } else {
            format!("{body} -- {declared:?}")
        };
        let keys = match declared {
            Declared::All => keys,
            Declared::First => &keys[..keys.len().min(1)],
            Declared::None => &[],
        };
        let mut eval = words(&["EVAL", &text, &keys.len().to_string()]);
        eval.extend(keys.iter().map(|key| key.clone().into_bytes()));
        eval.extend(args);
        eval
    }

    /// The reply to a script: by itself, or now and then in a transaction.
    fn run_script(&mut self, eval: Args) -> Result<Frame, Anomaly> {
        if !self.random.one_in(8) {
            return Ok(self.ask(&[eval])?.remove(0));
        }
        let replies = self.exec(vec![eval])?;
        let replies =
            replies.ok_or_else(|| Anomaly("a transaction that depends on nothing did not run".to_owned()))?;
        Ok(replies[0].clone())
    }
}
