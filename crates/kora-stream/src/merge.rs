//! Records of several shards put into one order, in which the parts of every operation stand together.

use crate::order::Cut;
use crate::record::{Effect, Item, Items, Malformed};

/// An effect and the number of the record that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<'a> {
    /// The record's number.
    pub record: u64,
    /// The effect.
    pub effect: Effect<'a>,
}

/// The effects of records of one life of the process, in order: by stamp, within an operation by command, then by record and place.
/// Only those that `cut` keeps.
///
/// Complexity: O(n log n) for n effects.
///
/// # Errors
/// If a record can't be read.
pub fn merge<'a>(
    records: impl IntoIterator<Item = (u64, &'a [u8])>,
    cut: &Cut,
) -> Result<Vec<Numbered<'a>>, Malformed> {
    let mut effects = Vec::new();
    for (record, bytes) in records {
        for item in Items::new(bytes) {
            if let Item::Effect(effect) = item?
                && cut.keeps(effect.scope.stamp, record)
            {
                effects.push(Numbered { record, effect });
            }
        }
    }
    // Effects of one record keep their places: the sort is stable.
    effects.sort_by_key(|Numbered { record, effect }| (effect.scope.stamp, effect.scope.command, *record));
    Ok(effects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Operations, Stamp};
    use crate::record::{RecordBuilder, Scope};

    fn record(effects: &[(Stamp, u16, u32, &str)]) -> RecordBuilder {
        let mut builder = RecordBuilder::default();
        for &(stamp, parts, command, word) in effects {
            let scope = Scope { stamp, parts, command, time_ms: 0 };
            builder.push_effect(&scope, 0, &[word.as_bytes()], false, false);
        }
        builder
    }

    fn words(effects: &[Numbered<'_>]) -> Vec<String> {
        let word = |effect: &Effect<'_>| String::from_utf8(effect.arguments.clone().next().unwrap().to_vec());
        effects.iter().map(|numbered| word(&numbered.effect).unwrap()).collect()
    }

    #[test]
    fn parts_stand_together_in_the_order_of_their_commands() {
        let (before, operation, behind) = (Stamp::of_position(4), Stamp::of_ticket(4), Stamp::of_position(5));
        let records = [
            record(&[
                (before, 0, 0, "a"),
                (operation, 2, 0, "first"),
                (operation, 2, 3, "fourth"),
                (behind, 0, 0, "d"),
            ]),
            record(&[
                (before, 0, 0, "b"),
                (before, 0, 0, "c"),
                (operation, 2, 1, "second"),
                (operation, 2, 2, "third"),
            ]),
            record(&[(behind, 0, 0, "e"), (Stamp::of_ticket(3), 1, 0, "lent")]),
        ];
        let numbered = || (1..).zip(records.iter().map(RecordBuilder::bytes));
        let whole = merge(numbered(), &Cut::default()).unwrap();
        let expected = ["lent", "a", "b", "c", "first", "second", "third", "fourth", "d", "e"];
        assert_eq!(words(&whole), expected);
        let mut operations = Operations::default();
        operations.note(1, 4, 3);
        operations.note(2, 4, 3);
        let kept = merge(numbered(), &operations.cut(3)).unwrap();
        assert_eq!(words(&kept), expected[..4]);
        assert!(merge([(1, &[9u8][..])], &Cut::default()).is_err());
    }
}
