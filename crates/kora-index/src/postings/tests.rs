use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Model = BTreeMap<u32, (u32, u128, Vec<u8>)>;

fn layouts() -> impl Strategy<Value = Layout> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(frequencies, fields, positions)| Layout {
        frequencies,
        fields,
        positions,
    })
}

fn read(postings: &Postings, layout: Layout, gone: &BTreeSet<u32>) -> Model {
    let mut all = Model::new();
    let mut add = |entry: Entry<'_>| {
        if !gone.contains(&entry.document) {
            all.insert(entry.document, (entry.frequency, entry.fields, entry.positions.to_vec()));
        }
    };
    if let Postings::One(one) = postings {
        add(one.entry(layout));
    }
    for block in postings.blocks() {
        let mut entries = block.entries(layout);
        while let Some(entry) = entries.next() {
            add(entry);
        }
    }
    // A cursor over one field after the other sees the same.
    for field in 0..8 {
        let mut cursor = postings.cursor(layout);
        let mut found = BTreeMap::new();
        let mut document = cursor.advance(0, 1 << field);
        while document != END {
            // Not all of them are read: what lies between is passed over.
            if !gone.contains(&document) {
                cursor.read(true);
                found.insert(document, (cursor.entry().frequency, cursor.entry().positions.to_vec()));
            }
            document = cursor.advance(document + 1, 1 << field);
        }
        let has = |fields: u128| fields >> field & 1 == 1;
        let expected = all.iter().filter(|(_, (_, fields, _))| has(*fields));
        let expected =
            expected.map(|(number, (frequency, _, positions))| (*number, (*frequency, positions.clone())));
        assert_eq!(found, expected.collect());
    }
    all
}

proptest! {
    #[test]
    fn as_a_map(
        layout in layouts(),
        steps in prop::collection::vec((1_u32..300, 1_u32..4, prop_oneof![4 => 1_u128..3, 1 => 1_u128..600], prop::collection::vec(0_u8..250, 1..4), any::<u8>()), 1..600),
        targets in prop::collection::vec(0_u32..90_000, 0..40),
    ) {
        let mut postings = Postings::default();
        let mut model = Model::new();
        let mut gone = BTreeSet::new();
        let mut number = 0;
        let mut growth = 0;
        for (distance, frequency, fields, places, fate) in steps {
            number += distance;
            let mut positions = Vec::new();
            for place in &places {
                varint::push(&mut positions, u64::from(*place));
            }
            let entry = Entry { document: number, frequency, fields, positions: &positions };
            growth += postings.push(layout, &entry, number % 50);
            model.insert(number, (
                if layout.frequencies { frequency } else { 1 },
                if layout.fields { fields } else { u128::MAX },
                if layout.positions { positions.clone() } else { Vec::new() },
            ));
            if fate > 90 {
                let nth = usize::from(fate) * 7 % model.len();
                let victim = *model.keys().nth(nth).unwrap();
                model.remove(&victim);
                gone.insert(victim);
                growth += postings.remove(layout, victim, |document| gone.contains(&document));
            }
            prop_assert_eq!(growth, postings.heap_bytes().cast_signed());
        }
        prop_assert_eq!(postings.live() as usize, model.len());
        prop_assert_eq!(&read(&postings, layout, &gone), &model);
        let mut targets = targets;
        targets.sort_unstable();
        let mut cursor = postings.cursor(layout);
        let mut document = 0;
        for target in targets {
            if target < document { continue; }
            document = cursor.advance(target, u128::MAX);
            while gone.contains(&document) {
                document = cursor.advance(document + 1, u128::MAX);
            }
            prop_assert_eq!(document, model.range(target..).next().map_or(END, |(number, _)| *number));
        }
        // Of what is passed over, nothing is as good as what is wanted.
        for (frequency_wanted, length_wanted) in [(3, 5), (1, 1), (2, 40)] {
            let is_good = |best: Best| u32::from(best.frequency_max) >= frequency_wanted && best.length_min <= length_wanted;
            let mut good: Vec<u32> = model
                .iter()
                .filter(|(number, (frequency, ..))| {
                    *frequency >= frequency_wanted && *number % 50 <= u32::from(length_wanted)
                })
                .map(|(number, _)| *number)
                .collect();
            let mut cursor = postings.cursor(layout);
            let mut next = 0;
            loop {
                next = cursor.pass(next, is_good);
                if next == END { break; }
                let found = cursor.advance(next, u128::MAX);
                good.retain(|number| *number != found);
                if found == END { break; }
                next = found + 1;
            }
            prop_assert!(good.is_empty(), "{good:?}");
        }
        let rest: Vec<u32> = model.keys().copied().collect();
        for victim in rest {
            gone.insert(victim);
            growth += postings.remove(layout, victim, |document| gone.contains(&document));
        }
        prop_assert_eq!(growth, 0);
        prop_assert_eq!((postings.live(), postings.block_count(), postings.heap_bytes()), (0, 0, 0));
    }
}

/// A block whose details are too long for stops is read without them.
#[test]
fn long_details_need_no_stops() {
    let layout = Layout { frequencies: true, fields: true, positions: true };
    for long in [1, 70_000] {
        let mut block = Block::new(5);
        let positions = |at: u32| if at == 3 { vec![1; long] } else { vec![7] };
        for at in 0..100 {
            let (positions, frequency) = (positions(at), 1 + at % 2);
            block.push(layout, &Entry { document: 5 + at * 9, frequency, fields: 1, positions: &positions });
        }
        block.close(layout);
        let blocks = [block];
        for step in [1, 7, 31, 32, 33, 64, 90] {
            let mut cursor = Cursor::new(&blocks, layout);
            for at in (0..100).step_by(step) {
                assert_eq!(cursor.advance(5 + at * 9, u128::MAX), 5 + at * 9);
                cursor.read(true);
                assert_eq!(
                    (cursor.entry().frequency, cursor.entry().positions),
                    (1 + at % 2, &*positions(at))
                );
            }
            assert_eq!(cursor.advance(5 + 100 * 9, u128::MAX), END);
        }
    }
}
