use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn as_a_set(numbers in prop::collection::vec(0_u32..5000, 0..400), targets in prop::collection::btree_set(0_u32..6000, 0..50), as_bits in any::<bool>()) {
        let mut set = DocumentSet::new(if as_bits { 5000 } else { 0 }, 5000);
        let model: BTreeSet<u32> = numbers.iter().copied().collect();
        numbers.iter().for_each(|number| set.insert(*number));
        set.seal();
        prop_assert_eq!(set.len(), model.len());
        let mut cursor = set.cursor();
        for target in targets {
            prop_assert_eq!(cursor.advance(target), model.range(target..).next().copied().unwrap_or(END));
        }
    }
}
