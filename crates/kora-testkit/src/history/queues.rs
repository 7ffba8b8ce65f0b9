//! Queues: elements that some clients push and others wait for, on keys of any shards.
//!
//! Checked: every element reaches one client, or is left in the end, and never both or twice; and what a client pushed to
//! one queue reaches another client in the order in which it was pushed.

use std::collections::HashMap;

use super::Anomaly;
use super::client::{Args, Client, words};
use crate::frame::Frame;

/// Number of queues; and of lists that elements are moved to.
const QUEUES: usize = 5;

/// Seconds that a client waits. Whether it gets something makes no difference to what is checked.
const TIMEOUT_SECONDS: &str = "0.003";

/// An element: the queue it was pushed to, who pushed it, its number among theirs.
type Element = (usize, usize, u64);

/// What one client pushed and took.
#[derive(Debug, Default)]
pub(super) struct Queues {
    pushed: Vec<Element>,
    taken: Vec<Element>,
    /// Number of the last element taken, by queue and who pushed it.
    last: HashMap<(usize, usize), u64>,
}

impl Client<'_> {
    /// Pushes elements, or takes one.
    pub(super) fn use_queues(&mut self) -> Result<(), Anomaly> {
        match self.random.below(4) {
            0 => self.push_elements(),
            1 => self.move_element(),
            _ => self.take_element(),
        }
    }

    fn push_elements(&mut self) -> Result<(), Anomaly> {
        let queue = self.random.below(QUEUES);
        let mut args = words(&["RPUSH", &queue_name(queue)]);
        for _ in 0..1 + self.random.below(4) {
            self.version += 1;
            let element = (queue, self.process, self.version);
            args.push(render(element).into_bytes());
            self.queues.pushed.push(element);
        }
        self.ask(&[args]).map(drop)
    }

    fn take_element(&mut self) -> Result<(), Anomaly> {
        let mut args = words(&["BLPOP"]);
        for _ in 0..1 + self.random.below(3) {
            args.push(queue_name(self.random.below(QUEUES)).into_bytes());
        }
        args.push(TIMEOUT_SECONDS.into());
        let reply = self.ask(&[args])?.remove(0);
        match reply.items() {
            [] => Ok(()),
            [_, element] => self.note_taken(element.bytes()),
            _ => Err(Anomaly(format!("BLPOP replied {reply:?}"))),
        }
    }

    /// Moves an element to a list that nobody waits for, where it is found in the end.
    fn move_element(&mut self) -> Result<(), Anomaly> {
        let (from, to) =
            (queue_name(self.random.below(QUEUES)), format!("moved:{}", self.random.below(QUEUES)));
        let args = words(&["BLMOVE", &from, &to, "LEFT", "RIGHT", TIMEOUT_SECONDS]);
        self.ask(&[args]).map(drop)
    }

    fn note_taken(&mut self, element: &[u8]) -> Result<(), Anomaly> {
        let element = parse(element)?;
        let (queue, process, number) = element;
        self.queues.taken.push(element);
        let last = self.queues.last.insert((queue, process), number).unwrap_or(0);
        if last < number {
            return Ok(());
        }
        Err(Anomaly(format!("queue {queue}: element {number} of client {process} came after {last}")))
    }

    /// Reads what is left in all lists, as if it took it.
    pub(super) fn read_queues(&mut self) -> Result<(), Anomaly> {
        let names = (0..QUEUES).flat_map(|queue| [queue_name(queue), format!("moved:{queue}")]);
        let reads: Vec<Args> = names.map(|name| words(&["LRANGE", &name, "0", "-1"])).collect();
        for reply in self.ask(&reads)? {
            for element in reply.items().iter().map(Frame::bytes) {
                self.queues.taken.push(parse(element)?);
            }
        }
        Ok(())
    }
}

/// Checks that what was pushed is what was taken, each element once.
pub(super) fn check<'a>(all: impl Iterator<Item = &'a Queues>) -> Result<(), Anomaly> {
    let (mut pushed, mut taken) = (Vec::<Element>::new(), Vec::<Element>::new());
    for queues in all {
        pushed.extend(&queues.pushed);
        taken.extend(&queues.taken);
    }
    pushed.sort_unstable();
    taken.sort_unstable();
    match pushed.iter().zip(&taken).find(|(pushed, taken)| pushed != taken) {
        None if pushed.len() == taken.len() => Ok(()),
        None => Err(Anomaly(format!("{} elements were pushed, {} taken", pushed.len(), taken.len()))),
        Some((pushed, taken)) if pushed < taken => Err(Anomaly(format!("element {pushed:?} is lost"))),
        Some((_, taken)) => Err(Anomaly(format!("element {taken:?} was taken twice"))),
    }
}

fn queue_name(queue: usize) -> String {
    format!("queue:{queue}")
}

fn render((queue, process, number): Element) -> String {
    format!("{queue}:{process}:{number}")
}

fn parse(element: &[u8]) -> Result<Element, Anomaly> {
    let text = String::from_utf8_lossy(element);
    let mut numbers = text.split(':').map_while(|number| number.parse::<u64>().ok());
    let element = (|| {
        let (queue, process) = (numbers.next()?, numbers.next()?);
        Some((usize::try_from(queue).ok()?, usize::try_from(process).ok()?, numbers.next()?))
    })();
    element.ok_or_else(|| Anomaly(format!("nobody pushed {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::{Element, Queues, check};

    fn outcome(pushed: &[Element], taken: &[Element]) -> Result<(), super::Anomaly> {
        let one = Queues { pushed: pushed.to_vec(), ..Queues::default() };
        let other = Queues { taken: taken.to_vec(), ..Queues::default() };
        check([one, other].iter())
    }

    #[test]
    fn elements_that_are_lost_or_doubled_are_noticed() {
        let all = [(0, 1, 1), (0, 1, 2), (3, 2, 1)];
        assert!(outcome(&all, &[(3, 2, 1), (0, 1, 1), (0, 1, 2)]).is_ok());
        for broken in
            [&all[..2], &all[1..], &[all[0], all[0], all[1], all[2]], &[all[0], all[1], all[2], all[2]]]
        {
            assert!(outcome(&all, broken).is_err(), "{broken:?}");
        }
    }
}
