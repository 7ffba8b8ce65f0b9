//! Searches of indexes with many documents, whose words are in full blocks of postings and in several windows of numbers.

use super::*;

const DOCUMENTS: u16 = 1300;

/// Numbers without pattern.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Common words and rare ones.
    fn text(&mut self) -> Option<String> {
        let count = self.below(7);
        let mut word = || {
            let place = self.below(1000).pow(4) * 12 / 1000_u64.pow(4);
            model::word(usize::try_from(place).expect("it is below twelve"))
        };
        let words: Vec<&str> = (0..count).map(|_| word()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    fn row(&mut self) -> Row {
        let number = i32::try_from(self.below(10)).ok().filter(|_| self.below(8) > 0);
        Row::of_texts([self.text(), self.text(), self.text()], number)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// As [`super::as_a_naive_model`].
    #[test]
    fn as_a_naive_model_of_many(
        seed: u64,
        gap in 0_u32..9000,
        query in node(),
        scorer in scorers(),
        steps in prop_oneof![1_usize..40, Just(400), Just(usize::MAX)],
        removed in 2_u64..9,
        is_held: bool,
        limit in 1_usize..12,
    ) {
        let mut random = Random(seed);
        let mut parts = Parts::new(1);
        let mut rows = BTreeMap::new();
        let mut snapshot = None;
        for at in 0..DOCUMENTS {
            if at == DOCUMENTS / 3 {
                // Numbers that nobody has.
                for other in 0..gap {
                    parts.0[0].put(b"other", &random.row().document(u64::from(other))).unwrap();
                }
                parts.0[0].remove(b"other");
            }
            if at == DOCUMENTS / 2 && is_held {
                snapshot = Some(parts.0[0].snapshot());
            }
            let row = random.row();
            parts.0[0].put(&at.to_be_bytes(), &row.document(u64::from(gap) + u64::from(at))).unwrap();
            rows.insert(at, row);
            if random.below(removed) == 0 {
                let victim = u16::try_from(random.below(u64::from(at) + 1)).unwrap();
                prop_assert_eq!(parts.0[0].remove(&victim.to_be_bytes()), rows.remove(&victim).is_some());
            }
        }
        drop(snapshot);
        let mut expected: Vec<Vec<u8>> =
            rows.iter().filter(|(_, row)| row.matches(&query)).map(|(at, _)| at.to_be_bytes().to_vec()).collect();
        let mut all = parts.begin(&query, scorer, usize::from(DOCUMENTS));
        let mut few = parts.begin(&query, scorer, limit);
        while !(all.step(&parts, steps) & few.step(&parts, steps)) {
            let (other, gone) = (random.below(1000), random.below(u64::from(DOCUMENTS)));
            parts.0[0].put(&other.to_be_bytes(), &random.row().document(1_000_000 + other)).unwrap();
            parts.0[0].remove(&u16::try_from(gone).unwrap().to_be_bytes());
        }
        let plan = Arc::clone(&all.plan);
        prop_assert_eq!(all.matched(), few.matched(), "{:?}", plan);
        prop_assert_eq!(all.matched(), expected.len() as u64, "{:?}", plan);
        let all = all.finish(&parts);
        let first: Vec<_> = all.iter().take(limit).cloned().collect();
        prop_assert_eq!(bits(&few.finish(&parts)), bits(&first), "{:?}", plan);
        let mut found: Vec<Vec<u8>> = all.into_iter().map(|(key, _)| key).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected, "{:?}", plan);
    }
    /// The first by a number are those of a sorted list, though parts look at nothing that comes behind what any of them has found.
    #[test]
    fn first_by_a_number_of_many(
        seed: u64,
        part_count in 1_usize..4,
        query in node(),
        steps in prop_oneof![1_usize..40, Just(400), Just(usize::MAX)],
        removed in 2_u64..9,
        are_mixed: bool,
        descends: bool,
        limit in 0_usize..30,
    ) {
        let (mut random, mut parts) = (Random(seed), Parts::new(part_count));
        let mut rows = BTreeMap::new();
        for at in 0..DOCUMENTS {
            let row = random.row();
            let order = u64::from(if are_mixed { at ^ 0x155 } else { at });
            parts.of(at.to_be_bytes()[1]).put(&at.to_be_bytes(), &row.document(order)).unwrap();
            rows.insert(at, (row, order));
            if random.below(removed) == 0 {
                let victim = u16::try_from(random.below(u64::from(at) + 1)).unwrap();
                parts.of(victim.to_be_bytes()[1]).remove(&victim.to_be_bytes());
                rows.remove(&victim);
            }
        }
        let direction = if descends { Direction::Descending } else { Direction::Ascending };
        let matching = rows.values().filter(|(row, _)| row.matches(&query));
        let key = |number: i32| KeptKey::Number(f64::from(number));
        let mut expected: Vec<(KeptKey, u64)> =
            matching.map(|(row, order)| (row.number.map_or(KeptKey::Missing, key), *order)).collect();
        let sort = |all: &mut Vec<(KeptKey, u64)>| {
            all.sort_by(|one, other| direction.compare((one.0.borrow(), one.1), (other.0.borrow(), other.1)));
        };
        sort(&mut expected);
        let count = expected.len() as u64;
        expected.truncate(limit);

        let mut running = parts.begin(&query, Scorer::TfIdf, limit);
        let (bound, mut tops) = (SharedBound::default(), vec![TopKeys::new(limit, direction); part_count]);
        let field = model::NUMBER_FIELD;
        while !running.is_over.iter().all(|is_over| *is_over) {
            for (at, index) in parts.0.iter().enumerate() {
                let top = &mut tops[at];
                let visit = |found: &Match<'_>| {
                    top.consider(index.sortable(found.document, field), found, false);
                    bound.narrow(top, field, index)
                };
                running.is_over[at] =
                    running.is_over[at] || running.searches[at].step(index, steps, &SearchScoring::NONE, visit);
            }
            let (other, gone) = (random.below(1000), random.below(u64::from(DOCUMENTS)));
            let gone = u16::try_from(gone).unwrap().to_be_bytes();
            parts.0[0].put(&other.to_be_bytes(), &random.row().document(1_000_000 + other)).unwrap();
            parts.of(gone[1]).remove(&gone);
        }
        prop_assert_eq!(running.matched(), count, "{:?}", running.plan);
        let all = tops.into_iter().flat_map(TopKeys::finish).map(|(key, hit)| (key, hit.order));
        let mut found: Vec<(KeptKey, u64)> = all.collect();
        sort(&mut found);
        found.truncate(limit);
        prop_assert_eq!(found, expected, "{:?}", running.plan);
    }
}
