//! Both forms against a sorted vector, under the same random operations.

use proptest::prelude::*;

use super::*;
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::entry::object::Object as _;
use crate::journal::Journal;
use crate::slot::ShardId;
use crate::store::Keyspace;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// What a sorted set is: entries in order.
#[derive(Clone, Debug, Default)]
struct Model(Vec<(f64, Vec<u8>)>);

impl Model {
    fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.iter().find(|(_, own)| own == member).map(|(score, _)| *score)
    }

    fn set(&mut self, member: &[u8], score: f64) {
        self.0.retain(|(_, own)| own != member);
        let at =
            self.0.partition_point(|(other, own)| *other < score || (*other == score && &own[..] < member));
        self.0.insert(at, (score, member.to_vec()));
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.score(member);
        self.0.retain(|(_, own)| own != member);
        score
    }

    fn ranks(
        &self,
        is_before: impl Fn(f64, &[u8]) -> bool,
        reaches: impl Fn(f64, &[u8]) -> bool,
    ) -> Range<usize> {
        let start = self.0.partition_point(|(score, member)| is_before(*score, member));
        let end = self.0.partition_point(|(score, member)| reaches(*score, member));
        start..end.max(start)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-5i8..5).prop_map(f64::from),
        prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, 0.1, -1e300, 1e18, 4.7e18, 1.5]),
    ]
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u16..400).prop_map(|number| number.to_string().into_bytes()),
        4 => prop::collection::vec(prop::sample::select(vec![b'a', b'b', 0, 255]), 0..5),
        1 => (0u8..4).prop_map(|byte| vec![byte; 2000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (member(), score()).prop_map(|(member, score)| Step::Set(member, score)),
        5 => member().prop_map(Step::Remove),
        1 => (0usize..300, 0usize..40).prop_map(|(start, count)| Step::RemoveRanks(start, count)),
    ]
}

/// A keyspace with one sorted set under `k`.
struct Fixture {
    store: Box<ShardStore>,
    journal: Journal,
    policy: Policy,
}

impl Fixture {
    fn new(entries_max: u64) -> Self {
        let store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        let policy = Policy { entries_max, member_bytes_max: 4000, seed: 7 };
        Self { store, journal: Journal::default(), policy }
    }

    fn with<T>(&mut self, run: impl FnOnce(Keyspace<'_>, &Policy) -> T) -> T {
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DbIndex(0), UnixMs(0));
        ctx.no_touch = true;
        run(ctx.keyspace(b"k"), &self.policy)
    }

    fn set(&mut self, member: &[u8], score: f64) {
        self.with(|mut keyspace, policy| {
            if let Some(entry) = keyspace.write(b"k") {
                ZSetMut::of(entry).expect("a sorted set").update(policy, member, |_| Some(score));
            } else {
                let mut set = NewZSet::with_hint(policy, 1, member.len());
                set.set(policy, member, score);
                set.store(&mut keyspace, b"k");
            }
        });
    }

    /// Modifies the set, and deletes it if that leaves it empty.
    fn modify<T>(&mut self, modify: impl FnOnce(&mut ZSetMut<'_>) -> T) -> Option<T> {
        self.with(|mut keyspace, _| {
            let mut set = ZSetMut::of(keyspace.write(b"k")?).expect("a sorted set");
            let result = modify(&mut set);
            let is_emptied = set.len() == 0;
            drop(set);
            if is_emptied {
                keyspace.delete(b"k");
            }
            Some(result)
        })
    }

    fn read<T>(&mut self, read: impl FnOnce(ZSetRef<'_>) -> T) -> Option<T> {
        self.with(|mut keyspace, _| {
            keyspace.read(b"k").map(|entry| read(ZSetRef::of(entry).expect("a sorted set")))
        })
    }

    fn play(&mut self, model: &mut Model, step: &Step) {
        match step {
            Step::Set(member, score) => {
                self.set(member, *score);
                model.set(member, *score);
            }
            Step::Remove(member) => {
                let removed = self.modify(|set| set.remove(member)).flatten();
                assert_eq!(removed, model.remove(member));
            }
            Step::RemoveRanks(start, count) => {
                let len = model.0.len();
                let ranks = (*start).min(len)..(start + count).min(len);
                self.modify(|set| set.remove_ranks(ranks.clone()));
                model.0.drain(ranks);
            }
        }
    }

    fn check(&mut self, model: &Model) {
        let len = model.0.len();
        assert_eq!(self.read(|set| set.len()).unwrap_or(0), len);
        if len == 0 {
            return;
        }
        self.read(|set| {
            assert_eq!(walked(set, 0, usize::MAX, false), model.0);
            let mut scanned = Vec::new();
            let mut cursor = 0;
            loop {
                cursor = set.scan(cursor, 3, |member, score| scanned.push((score, member.to_vec())));
                if cursor == 0 {
                    break;
                }
            }
            scanned.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
            assert_eq!(scanned, model.0);
            check_ranges(set, model);
            check_invariants(set);
        });
    }
}

fn walked(set: ZSetRef<'_>, start: usize, count: usize, is_reverse: bool) -> Vec<(f64, Vec<u8>)> {
    let mut entries = Vec::new();
    set.walk(start, count, is_reverse, |member, score| {
        entries.push((score, member.to_vec()));
        true
    });
    entries
}

/// Panics if an invariant of a large set does not hold.
fn check_invariants(set: ZSetRef<'_>) {
    if let Encoded::Index(index) = set.0 {
        index.check();
    }
}

fn check_ranges(set: ZSetRef<'_>, model: &Model) {
    for (rank, (score, member)) in model.0.iter().enumerate().step_by(7) {
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(set.score(member), Some(*score));
        let backwards: Vec<_> = model.0[..=rank].iter().rev().take(20).cloned().collect();
        assert_eq!(walked(set, rank, 20, true), backwards);
        let forwards: Vec<_> = model.0[rank..].iter().take(20).cloned().collect();
        assert_eq!(walked(set, rank, 20, false), forwards);
        for is_exclusive in [false, true] {
            let min = ScoreBound { score: *score, is_exclusive };
            let max = ScoreBound { score: score + 1.0, is_exclusive };
            let range = ScoreRange { min, max };
            assert_eq!(
                set.score_ranks(&range),
                model.ranks(|score, _| range.is_above(score), |score, _| range.reaches(score))
            );
        }
    }
    assert_eq!(set.score(b"absent"), None);
    assert_eq!(set.rank(b"absent"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn both_forms_agree_with_a_sorted_vector(
        steps in prop::collection::vec(step(), 1..600),
        entries_max in prop::sample::select(vec![0, 5, 128, 10_000]),
    ) {
        let mut fixture = Fixture::new(entries_max);
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            fixture.play(&mut model, step);
            if number % 50 == 0 {
                fixture.check(&model);
            }
        }
        fixture.check(&model);
    }

    #[test]
    fn members_of_one_score_are_ranged_by_name(
        members in prop::collection::vec(member(), 1..300),
        ends in (member(), member()),
        entries_max in prop::sample::select(vec![0, 10_000]),
    ) {
        let mut fixture = Fixture::new(entries_max);
        let mut model = Model::default();
        for member in &members {
            fixture.play(&mut model, &Step::Set(member.clone(), 1.0));
        }
        let all = [LexBound::First, LexBound::Last];
        let given = [&ends.0, &ends.1].map(|end| [LexBound::Inclusive(end), LexBound::Exclusive(end)]);
        let bounds: Vec<_> = all.into_iter().chain(given.into_iter().flatten()).collect();
        for (min, max) in bounds.iter().flat_map(|min| bounds.iter().map(move |max| (*min, *max))) {
            let range = LexRange { min, max };
            let expected = model.ranks(|_, member| range.is_above(member), |_, member| range.reaches(member));
            for is_reverse in [false, true] {
                let found = fixture.read(|set| set.lex_ranks(&range, is_reverse)).expect("not empty");
                prop_assert!(found == expected || (found.is_empty() && expected.is_empty()), "{range:?}");
            }
        }
    }
}

/// Grows an index to `count` entries in an order that `place` decides, then shrinks it to nothing.
fn grow_and_shrink(count: u32, place: fn(u32) -> u32) {
    let mut index = Index::new(3);
    let member = |number: u32| format!("member:{:09}", place(number)).into_bytes();
    for number in 0..count {
        index.set(&member(number), f64::from(place(number) / 3));
    }
    assert_eq!(index.len(), count as usize);
    let mut expected: Vec<u32> = (0..count).map(place).collect();
    expected.sort_unstable();
    let mut rank = 0;
    index.walk(0, usize::MAX, false, |_, score| {
        assert_eq!(score, f64::from(expected[rank] / 3));
        rank += 1;
        true
    });
    assert_eq!(rank, expected.len());
    for number in (0..count).step_by(1 + count as usize / 1000) {
        let score = f64::from(place(number) / 3);
        let rank = index.rank(score, &member(number));
        assert_eq!(expected[rank], place(number));
        assert_eq!(
            index.count_before(|key| key.score < score),
            expected.partition_point(|other| f64::from(other / 3) < score)
        );
    }
    index.check();
    for number in 0..count {
        if number == count / 2 || (number % 1009 == 0 && count < 100_000) {
            index.check();
        }
        assert_eq!(index.remove(&member(number)), Some(f64::from(place(number) / 3)), "{number}");
    }
    assert_eq!(index.len(), 0);
    assert!(
        index.estimate_bytes(usize::MAX) < 200_000 + count as usize * 2,
        "an empty index keeps nothing large"
    );
}

#[test]
fn an_index_of_a_million_agrees_with_a_sorted_vector() {
    grow_and_shrink(1_000_000, |number| number.wrapping_mul(2_654_435_761) >> 2);
}

#[test]
fn an_index_grows_and_shrinks_from_either_end() {
    grow_and_shrink(20_000, |number| number);
    grow_and_shrink(20_000, |number| 20_000 - number);
}

#[test]
fn members_take_few_bytes() {
    let mut index = Index::new(5);
    for number in 0..200_000u32 {
        let number = number.wrapping_mul(2_654_435_761);
        index.set(format!("m:{number:014}").as_bytes(), f64::from(number));
    }
    let each = index.estimate_bytes(usize::MAX) / index.len();
    assert!(each <= 60, "{each} bytes per member");
}

#[test]
fn a_value_is_freed_in_slices() {
    let mut index = Index::new(9);
    for number in 0..50_000 {
        index.set(format!("member:{number}").as_bytes(), f64::from(number));
    }
    let (effort, mut freed, mut slices) = (index.free_effort(), 0, 0);
    loop {
        let now = index.free_some(100);
        (freed, slices) = (freed + now, slices + 1);
        if now < 100 {
            break;
        }
    }
    assert!(freed >= effort && slices >= effort / 110, "{freed} of {effort} in {slices}");
}
