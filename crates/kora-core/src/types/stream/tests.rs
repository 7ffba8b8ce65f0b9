//! A stream against a sorted map: the same random operations, the same entries. Blocks against hostile bytes.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::block::{Block, check};
use super::*;
use crate::packed::listpack;

type Model = BTreeMap<StreamId, Vec<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Step {
    /// Distance from the last ID, and fields and values.
    Add(u64, u64, Vec<Vec<u8>>),
    Delete(prop::sample::Index),
    DeleteMany(prop::sample::Index, usize),
    Keep(usize),
    KeepFrom(prop::sample::Index),
    TrimBlocks(usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"field".to_vec()),
        (-200i64..200).prop_map(|value| value.to_string().into_bytes()),
        vec(any::<u8>(), 0..12),
        (120usize..140).prop_map(|len| vec![b'x'; len]),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        text().prop_map(|value| vec![b"a".to_vec(), value]),
        (text(), text()).prop_map(|(one, two)| vec![b"a".to_vec(), one, b"b".to_vec(), two]),
        vec((text(), text()), 1..4)
            .prop_map(|pairs| pairs.into_iter().flat_map(|(field, value)| [field, value]).collect()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        12 => (0u64..3, 0u64..300, pairs()).prop_map(|(ms, seq, pairs)| Step::Add(ms, seq, pairs)),
        3 => index().prop_map(Step::Delete),
        1 => (index(), 0usize..20).prop_map(|(from, count)| Step::DeleteMany(from, count)),
        1 => (0usize..60).prop_map(Step::Keep),
        1 => index().prop_map(Step::KeepFrom),
        1 => (0usize..60).prop_map(Step::TrimBlocks),
    ]
}

fn nth(model: &Model, index: &prop::sample::Index) -> StreamId {
    if model.is_empty() {
        StreamId::new(1, 1)
    } else {
        *model.keys().nth(index.index(model.len())).expect("within")
    }
}

fn trim(threshold: Threshold, is_approximate: bool) -> Trim {
    Trim { threshold, is_approximate, limit: 0, references: References::Keep }
}

fn apply(stream: &mut Stream, model: &mut Model, step: Step, limits: BlockLimits) {
    match step {
        Step::Add(ms, seq, pairs) => {
            let last = stream.log().last_id();
            let id = if ms == 0 {
                StreamId::new(last.ms, last.seq + seq + 1)
            } else {
                StreamId::new(last.ms + ms, seq)
            };
            stream.log_mut().append(id, &pairs.iter().map(Vec::as_slice).collect::<Vec<_>>(), limits);
            model.insert(id, pairs);
        }
        Step::Delete(index) => {
            let id = nth(model, &index);
            let was_there = model.remove(&id).is_some();
            assert_eq!(stream.delete(id, References::Keep) == Deletion::Done, was_there);
        }
        Step::DeleteMany(from, count) => {
            let ids: Vec<_> = model.range(nth(model, &from)..).take(count).map(|(&id, _)| id).collect();
            for id in ids {
                assert_eq!(stream.delete(id, References::Keep), Deletion::Done);
                assert_eq!(stream.delete(id, References::Keep), Deletion::Missing);
                model.remove(&id);
            }
        }
        Step::Keep(length) => {
            let gone = model.len().saturating_sub(length);
            assert_eq!(stream.trim(&trim(Threshold::Length(length as u64), false)), gone as u64);
            (0..gone).for_each(|_| drop(model.pop_first()));
        }
        Step::KeepFrom(index) => {
            let least = nth(model, &index);
            let kept = model.split_off(&least);
            assert_eq!(stream.trim(&trim(Threshold::Id(least), false)), model.len() as u64);
            *model = kept;
        }
        Step::TrimBlocks(length) => {
            let gone = stream.trim(&trim(Threshold::Length(length as u64), true));
            (0..gone).for_each(|_| drop(model.pop_first()));
            assert!(gone == 0 || model.len() >= length);
        }
    }
}

fn texts(entry: &Entry<'_>) -> (StreamId, Vec<Vec<u8>>) {
    (entry.id, entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect())
}

/// Checks all that can be read, and that every block is whole and holds something.
fn compare(stream: &Stream, model: &Model, bounds: &[(prop::sample::Index, prop::sample::Index)]) {
    let log = stream.log();
    assert_eq!(log.len(), model.len() as u64);
    assert_eq!(log.first_id(), model.keys().next().copied());
    assert_eq!(log.last_entry_id(), model.keys().next_back().copied());
    let all = [(StreamId::MIN, StreamId::MAX)];
    for (start, end) in
        all.into_iter().chain(bounds.iter().map(|(start, end)| (nth(model, start), nth(model, end))))
    {
        let expected: Vec<_> = if start > end {
            Vec::new()
        } else {
            model.range(start..=end).map(|(&id, pairs)| (id, pairs.clone())).collect()
        };
        assert_eq!(log.range(start, end).map(|entry| texts(&entry)).collect::<Vec<_>>(), expected);
        let mut backwards: Vec<_> = log.range(start, end).rev().map(|entry| texts(&entry)).collect();
        backwards.reverse();
        assert_eq!(backwards, expected);
        assert_eq!(log.count(start, end, u64::MAX), expected.len() as u64);
        assert_eq!(log.count(start, end, 3), expected.len().min(3) as u64);
        let (mut both, mut front, mut back) = (log.range(start, end), 0, 0);
        while both.next().is_some() {
            front += 1;
            back += usize::from(both.next_back().is_some());
        }
        assert_eq!(front + back, expected.len());
    }
    for (id, pairs) in model {
        assert_eq!(log.get(*id).map(|entry| texts(&entry)), Some((*id, pairs.clone())));
    }
    let mut copy = Log::default();
    let blocks: Vec<_> = log.blocks().collect();
    for (index, &(base, bytes)) in blocks.iter().enumerate() {
        let summary = copy.add_block(base, bytes).expect("blocks are whole");
        assert!(summary.live > 0 || index + 1 == blocks.len(), "only the last block may be without entries");
        let dead = log.blocks[&base].dead();
        assert!(dead < 9 || dead <= summary.live, "{dead} tombstones among {}", summary.live);
    }
    assert_eq!(copy.len(), log.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_stream_agrees_with_a_sorted_map(
        steps in vec(step(), 0..120),
        bounds in vec(any::<(prop::sample::Index, prop::sample::Index)>(), 4),
        entries_max in 0u64..30,
        bytes_max in prop::sample::select(&[0u64, 100, 1000, 4096][..]),
    ) {
        let (mut stream, mut model) = (Stream::default(), Model::new());
        let limits = BlockLimits { bytes_max, entries_max };
        for step in steps {
            apply(&mut stream, &mut model, step, limits);
        }
        compare(&stream, &model, &bounds);
    }

    #[test]
    fn hostile_bytes_are_refused_or_readable(
        entries in vec(pairs(), 1..12),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut log = Log::default();
        for (seq, pairs) in entries.iter().enumerate() {
            let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
            log.append(StreamId::new(7, 1 + seq as u64), &pairs, BlockLimits { bytes_max: 0, entries_max: 0 });
        }
        let (base, bytes) = log.blocks().next().expect("one block");
        let mut bytes = bytes.to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        use_block(base, &bytes);
    }
}

/// Does with a block whatever is done with blocks, if it is one.
fn use_block(base: StreamId, bytes: &[u8]) {
    let mut log = Log::default();
    let Ok(summary) = log.add_block(base, bytes) else { return };
    assert_eq!(log.range(StreamId::MIN, StreamId::MAX).count() as u64, summary.live);
    assert_eq!(log.range(StreamId::MIN, StreamId::MAX).rev().count() as u64, summary.live);
    let ids: Vec<_> = log.range(StreamId::MIN, StreamId::MAX).map(|entry| texts(&entry).0).collect();
    if let Some(next) = log.last_id().next() {
        log.append(next, &[b"a", b"b"], BlockLimits { bytes_max: 0, entries_max: 0 });
    }
    for id in ids {
        assert!(log.delete(id));
    }
}

#[test]
fn a_block_is_what_redis_writes() {
    let mut log = Log::default();
    let limits = BlockLimits { bytes_max: 4096, entries_max: 100 };
    log.append(StreamId::new(1, 1), &[b"f", b"v"], limits);
    log.append(StreamId::new(1, 3), &[b"f", b"7"], limits);
    log.append(StreamId::new(2, 0), &[b"g", b"w", b"h", b""], limits);
    let mut expected = listpack::EMPTY.to_vec();
    let words: &[&[u8]] = &[
        b"3", b"0", b"1", b"f", b"0", // the head
        b"2", b"0", b"0", b"v", b"4", // the fields of the head
        b"2", b"0", b"2", b"7", b"4", //
        b"0", b"1", b"-1", b"2", b"g", b"w", b"h", b"", b"8", // fields of its own
    ];
    words.iter().for_each(|word| listpack::push_back(&mut expected, word));
    assert_eq!(log.blocks().collect::<Vec<_>>(), [(StreamId::new(1, 1), &expected[..])]);
    assert_eq!(check(StreamId::new(1, 1), &expected).map(|summary| summary.live), Ok(3));
    assert_eq!(
        check(StreamId::new(1, 2), &expected),
        Ok(BlockSummary { live: 3, ids: Some((StreamId::new(1, 2), StreamId::new(2, 1))) })
    );
    assert_eq!(check(StreamId::MAX, &expected), Err(Corrupt));
}

#[test]
fn a_new_block_begins_where_redis_begins_one() {
    let limits = BlockLimits { bytes_max: 0, entries_max: 20 };
    let mut stream = Stream::default();
    (1..=20).for_each(|ms| stream.log_mut().append(StreamId::new(ms, 0), &[b"a", b"b"], limits));
    (2..=19).for_each(|ms| assert_eq!(stream.delete(StreamId::new(ms, 0), References::Keep), Deletion::Done));
    let (_, block) = stream.log.blocks.first_key_value().expect("one block");
    assert!(block.dead() < 10, "tombstones were cleared away");
    stream.log_mut().append(StreamId::new(21, 0), &[b"a", b"b"], limits);
    assert_eq!(stream.block_count(), 2);
}

#[test]
fn closed_blocks_hold_no_slack() {
    let limits = BlockLimits { bytes_max: 4096, entries_max: 100 };
    let mut log = Log::default();
    let value = [b'x'; 20];
    (1..=1001).for_each(|seq| {
        log.append(StreamId::new(1_700_000_000_000 + seq / 8, seq), &[b"field", &value], limits)
    });
    let closed: usize = log.blocks.values().take(10).map(Block::capacity).sum();
    assert!(closed <= 31 * 1000, "{closed} bytes for 1000 entries");
}

#[test]
fn groups_keep_pending_entries_with_one_consumer() {
    let mut group = Group::new(StreamId::MIN, None);
    let now = crate::time::UnixMs(5);
    let (alice, bob) = (group.add_consumer(b"alice", now), group.add_consumer(b"bob", now));
    let pending = |consumer| Pending { consumer, delivered: now, delivery_count: 1 };
    let id = StreamId::new(1, 1);
    group.assign(id, pending(alice));
    group.assign(id, pending(alice));
    assert_eq!(group.consumer(alice).pending().len(), 1);
    group.assign(id, pending(bob));
    assert_eq!((group.consumer(alice).pending().len(), group.consumer(bob).pending().len()), (0, 1));
    assert!(group.needs(id));
    assert_eq!(group.delete_consumer(b"bob"), Some(1));
    assert!(group.pending().is_empty() && group.release(id).is_none());
    assert_eq!(group.delete_consumer(b"bob"), None);
}

#[test]
fn a_stream_is_freed_in_slices() {
    let mut stream = Stream::default();
    let limits = BlockLimits { bytes_max: 0, entries_max: 1 };
    let mut group = Group::new(StreamId::MIN, None);
    let consumer = group.add_consumer(b"c", crate::time::UnixMs(0));
    for ms in 1..=100 {
        stream.log_mut().append(StreamId::new(ms, 0), &[b"a", b"b"], limits);
        group.assign(
            StreamId::new(ms, 0),
            Pending { consumer, delivered: crate::time::UnixMs(0), delivery_count: 1 },
        );
    }
    stream.add_group(b"g", group);
    let mut slices = 0;
    while stream.free_some(10) == 10 {
        slices += 1;
    }
    assert!((20..=31).contains(&slices), "{slices}");
    assert_eq!((stream.block_count(), stream.groups().len()), (0, 0));
}
