//! Documents with a unique value, inserted and deleted like a lock that is taken and let go.
//!
//! Whoever inserts a document with a value holds the value until the document is deleted. Checked: no two hold a value at once;
//! who was refused was so while somebody may have held it; and who holds it finds its own document by it and no other.

use super::Anomaly;
use super::client::{Client, words};
use super::graph::Nanoseconds;
use crate::frame::Frame;

/// Values: fewer than clients.
const VALUES: usize = 3;

/// From when till when.
type Span = (Nanoseconds, Nanoseconds);

/// What became of a client's attempts, with the value that each was about.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// When the insertion was sent and answered, and when the deletion was.
    held: Vec<(usize, Span, Span)>,
    /// When the insertion was sent and answered.
    refused: Vec<(usize, Span)>,
}

impl Client<'_> {
    /// Declares the collection.
    pub(super) fn prepare_unique(&mut self) -> Result<(), Anomaly> {
        self.ask(&[words(&["DOC.CREATE", "held"]), words(&["DOC.CREATEINDEX", "held", "v", "UNIQUE"])])
            .map(drop)
    }

    /// Tries to hold a value, and looks what there is of it.
    pub(super) fn use_unique(&mut self) -> Result<(), Anomaly> {
        let value = self.random.below(VALUES);
        let document = format!("{{\"v\":{value},\"by\":{}}}", self.process);
        let find = words(&["DOC.FIND", "held", "WHERE", &format!("v = {value}"), "WITHIDS"]);
        let began = self.shared.now();
        let reply = self.ask_anyhow(words(&["DOC.INSERT", "held", &document]))?;
        let inserted = (began, self.shared.now());
        if reply.is_error() {
            if !reply.bytes().starts_with(b"ERR the value of 'v' must be unique") {
                return Err(Anomaly(format!("DOC.INSERT was refused: {reply:?}")));
            }
            self.holds.refused.push((value, inserted));
            let found = self.ask(&[find])?.remove(0);
            return if found.items().len() < 2 { Ok(()) } else { Err(twice(value, &found)) };
        }
        let found = self.ask(&[find])?.remove(0);
        let is_own = |pair: &Frame| {
            let [id, text] = pair.items() else { return false };
            id.bytes() == reply.bytes() && text.bytes() == document.as_bytes()
        };
        let [only] = found.items() else { return Err(twice(value, &found)) };
        if !is_own(only) {
            return Err(Anomaly(format!("{value} is held by {reply:?}, and found is {found:?}")));
        }
        let id = String::from_utf8_lossy(reply.bytes()).into_owned();
        let began = self.shared.now();
        let deleted = self.ask(&[words(&["DOC.DEL", "held", &id])])?.remove(0);
        if deleted.number() != Some(1) {
            return Err(Anomaly(format!("the document {id} that holds {value} is gone: {deleted:?}")));
        }
        self.holds.held.push((value, inserted, (began, self.shared.now())));
        Ok(())
    }
}

fn twice(value: usize, found: &Frame) -> Anomaly {
    Anomaly(format!("the unique value {value} is not that of one document: {found:?}"))
}

/// Checks what all clients have seen.
pub(super) fn check<'a>(all: impl Iterator<Item = &'a Holds>) -> Result<(), Anomaly> {
    let (mut held, mut refused) = (Vec::<(usize, Span, Span)>::new(), Vec::<(usize, Span)>::new());
    for holds in all {
        held.extend(&holds.held);
        refused.extend(&holds.refused);
    }
    for value in 0..VALUES {
        let mut own: Vec<_> =
            held.iter().filter(|held| held.0 == value).map(|held| (held.1, held.2)).collect();
        // Two that hold it at once: each was answered before the other's deletion was sent.
        own.sort_unstable_by_key(|(inserted, _)| inserted.1);
        if let Some(pair) = own.windows(2).find(|pair| pair[1].0.1 < pair[0].1.0) {
            return Err(Anomaly(format!("the unique value {value} was held twice: {pair:?}")));
        }
        let may_be_held = |refused: Span| {
            own.iter().any(|(inserted, deleted)| inserted.0 < refused.1 && deleted.1 > refused.0)
        };
        if let Some(refused) = refused.iter().find(|refused| refused.0 == value && !may_be_held(refused.1)) {
            return Err(Anomaly(format!(
                "the unique value {value} was refused while nobody held it: {refused:?}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Holds, Span, check};

    fn outcome(held: &[(usize, Span, Span)], refused: &[(usize, Span)]) -> bool {
        let one = Holds { held: held.to_vec(), refused: Vec::new() };
        let other = Holds { held: Vec::new(), refused: refused.to_vec() };
        check([one, other].iter()).is_ok()
    }

    #[test]
    fn a_value_held_twice_is_noticed() {
        assert!(outcome(&[(0, (0, 10), (20, 30)), (0, (25, 40), (50, 60))], &[]));
        assert!(outcome(&[(0, (0, 10), (20, 30)), (1, (0, 10), (20, 30))], &[]));
        assert!(!outcome(&[(0, (0, 10), (20, 30)), (0, (5, 15), (50, 60))], &[]));
    }

    #[test]
    fn a_refusal_without_a_reason_is_noticed() {
        let held = [(0, (0, 10), (20, 30))];
        assert!(outcome(&held, &[(0, (25, 40)), (0, (0, 1))]));
        assert!(!outcome(&held, &[(0, (31, 40))]));
        assert!(!outcome(&held, &[(1, (12, 15))]));
    }
}
