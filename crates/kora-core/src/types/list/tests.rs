//! Lists of all forms against a deque of texts; the parts that a quicklist is made of against vectors.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::chain::{Chain, Counted};
use super::run::Run;
use super::*;
use crate::command::testing::START;
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::Encoding;
use crate::journal::Journal;
use crate::slot::ShardId;
use crate::store::{Keyspace, ShardStore};

const KEY: &[u8] = b"list";

type Model = VecDeque<Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<Vec<u8>>),
    Pop(End),
    Rotate(End, End),
    Insert(Index, Side, Vec<u8>),
    Set(Index, Vec<u8>),
    Remove(Index, Index),
    Keep(Index, Index),
    RemoveEqual(Index, End, usize),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Front), Just(End::Back)]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Before), Just(Side::After)]
}

/// Few texts, so that some are equal; a few of them too large to share a node.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u8..6).prop_map(|number| number.to_string().into_bytes()),
        8 => (0usize..40).prop_map(|len| vec![b'x'; len]),
        4 => (1000usize..3000).prop_map(|len| vec![b'y'; len]),
        1 => (8000usize..9000).prop_map(|len| vec![b'z'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        8 => (end(), vec(text(), 1..12)).prop_map(|(end, texts)| Step::Push(end, texts)),
        3 => end().prop_map(Step::Pop),
        2 => (end(), end()).prop_map(|(from, to)| Step::Rotate(from, to)),
        6 => (index(), side(), text()).prop_map(|(at, side, text)| Step::Insert(at, side, text)),
        6 => (index(), text()).prop_map(|(at, text)| Step::Set(at, text)),
        1 => (index(), index()).prop_map(|(a, b)| Step::Remove(a, b)),
        1 => (index(), index()).prop_map(|(a, b)| Step::Keep(a, b)),
        1 => (index(), end(), 0usize..4).prop_map(|(at, from, most)| Step::RemoveEqual(at, from, most)),
    ]
}

fn span(a: &Index, b: &Index, len: usize) -> Range<usize> {
    let (a, b) = (a.index(len), b.index(len));
    a.min(b)..a.max(b)
}

fn push_model(model: &mut Model, end: End, text: Vec<u8>) {
    match end {
        End::Front => model.push_front(text),
        End::Back => model.push_back(text),
    }
}

fn pop_model(model: &mut Model, end: End) -> Vec<u8> {
    let text = match end {
        End::Front => model.pop_front(),
        End::Back => model.pop_back(),
    };
    text.expect("not empty")
}

fn remove_equal_from_model(model: &mut Model, text: &[u8], from: End, most: usize) -> usize {
    let mut hits: Vec<_> = (0..model.len()).filter(|&at| model[at] == text).collect();
    if from == End::Back {
        hits.reverse();
    }
    hits.truncate(most);
    hits.sort_unstable();
    for at in hits.iter().rev() {
        model.remove(*at);
    }
    hits.len()
}

fn apply(keyspace: &mut Keyspace<'_>, model: &mut Model, step: Step) {
    let len = model.len();
    if let Step::Push(end, texts) = &step {
        let slices: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        if let Some(mut list) = keyspace.write_list(KEY).expect("a list") {
            list.push(*end, &slices);
        } else {
            keyspace.add_list(KEY, *end, &slices);
        }
        texts.iter().for_each(|text| push_model(model, *end, text.clone()));
        return;
    }
    let Some(mut list) = keyspace.write_list(KEY).expect("a list") else { return };
    match step {
        Step::Push(..) => unreachable!("handled above"),
        Step::Pop(end) => {
            assert!(list.view().end(end).expect("not empty").equals(&pop_model(model, end)));
            list.pop(end);
        }
        Step::Rotate(from, to) => {
            list.rotate(from, to);
            let text = pop_model(model, from);
            push_model(model, to, text);
        }
        Step::Insert(at, side, text) => {
            let at = at.index(len);
            list.grow(text.len(), 1);
            list.insert(at, side, &text);
            model.insert(at + usize::from(side == Side::After), text);
        }
        Step::Set(at, text) => {
            list.grow(text.len(), 1);
            list.set(at.index(len), &text);
            model[at.index(len)] = text;
        }
        Step::Remove(a, b) => {
            list.remove(span(&a, &b, len));
            model.drain(span(&a, &b, len));
        }
        Step::Keep(a, b) => {
            list.keep(span(&a, &b, len));
            model.truncate(span(&a, &b, len).end);
            model.drain(..span(&a, &b, len).start);
        }
        Step::RemoveEqual(at, from, most) => {
            let text = model[at.index(len)].clone();
            let removed = list.remove_equal(&text, from, most);
            assert_eq!(removed, remove_equal_from_model(model, &text, from, most));
        }
    }
    if model.is_empty() {
        assert!(list.is_empty());
        drop(list);
        keyspace.delete(KEY);
    }
}

/// Reads the list in every way there is.
fn check(list: ListRef<'_>, model: &Model, at: Index) {
    assert_eq!(list.len(), model.len());
    let mut texts = Vec::new();
    list.each(0..list.len(), |element| texts.push(element.to_vec()));
    assert!(texts.iter().eq(model.iter()));
    let (from, to) = (at.index(model.len()), model.len());
    texts.clear();
    list.each_back(from..to, |element| texts.push(element.to_vec()));
    assert!(texts.iter().rev().eq(model.iter().skip(from)));
    assert!(list.get(from).expect("within the list").equals(&model[from]));
    assert_eq!(list.get(to), None);
    let text = &model[from];
    for (end, most) in [(End::Front, from + 1), (End::Back, to - from)] {
        let mut hits = Vec::new();
        let flow = list.search(text, end, most, |at| {
            hits.push(at);
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        hits.sort_unstable();
        let looked_at = if end == End::Front { 0..most } else { to - most..to };
        let expected: Vec<_> = looked_at.filter(|&at| model[at] == *text).collect();
        assert_eq!(hits, expected);
    }
}

fn play(setting: i64, steps: Vec<(Step, Index)>) {
    let config = CoreConfig { list_max_listpack_size: setting, ..CoreConfig::default() };
    let (mut store, mut journal) = (ShardStore::new(ShardId(0), config, 1), Journal::default());
    let mut keyspace = Keyspace::new(&mut store, &mut journal, DbIndex(0), START, true);
    let mut model = Model::new();
    for (step, at) in steps {
        apply(&mut keyspace, &mut model, step);
        if let Some(list) = keyspace.read_list(KEY).expect("a list") {
            check(list, &model, at);
        }
        assert_eq!(keyspace.peek(KEY).is_some(), !model.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lists_agree_with_a_deque(
        setting in prop_oneof![Just(-2i64), Just(-1), Just(1), Just(3), Just(16)],
        steps in vec((step(), any::<Index>()), 0..60),
    ) {
        play(setting, steps);
    }
}

#[test]
fn encodings_change_as_redis_changes_them() {
    let config = CoreConfig { list_max_listpack_size: 4, ..CoreConfig::default() };
    let (mut store, mut journal) = (ShardStore::new(ShardId(0), config, 1), Journal::default());
    let mut keyspace = Keyspace::new(&mut store, &mut journal, DbIndex(0), START, true);
    keyspace.add_list(KEY, End::Back, &[b"a", b"b", b"c", b"d"]);
    let encoding = |keyspace: &mut Keyspace<'_>| keyspace.peek(KEY).expect("there").encoding();
    assert_eq!(encoding(&mut keyspace), Encoding::ListPack);
    let push = |keyspace: &mut Keyspace<'_>| {
        let mut list = keyspace.write_list(KEY).expect("a list").expect("there");
        list.push(End::Back, &[b"e"]);
    };
    push(&mut keyspace);
    assert_eq!(encoding(&mut keyspace), Encoding::QuickList);
    for expected in [Encoding::QuickList, Encoding::QuickList, Encoding::ListPack] {
        keyspace.write_list(KEY).expect("a list").expect("there").pop(End::Back);
        assert_eq!(encoding(&mut keyspace), expected);
    }
    push(&mut keyspace);
    assert_eq!(encoding(&mut keyspace), Encoding::ListPack);
}

#[test]
fn a_long_list_costs_little_more_than_its_bytes() {
    let mut list = QuickList::from_listpack(ListPack::bare(&[]));
    list.limit_nodes(-2);
    for number in 0..100_000u32 {
        list.push(End::Front, format!("element:{number:08}").as_bytes());
    }
    let bytes = crate::entry::object::Object::memory_bytes(&list);
    assert!(bytes < 100_000 * 37 / 2, "{bytes} bytes for 16 each");
}

impl Counted for (u32, usize) {
    fn count(&self) -> usize {
        self.1
    }
}

#[derive(Clone, Debug)]
enum ChainStep {
    Insert(Index, usize),
    Resize(Index, usize),
    RemoveRange(Index, Index),
}

fn chain_step() -> impl Strategy<Value = ChainStep> {
    prop_oneof![
        20 => (any::<Index>(), 1usize..5).prop_map(|(at, count)| ChainStep::Insert(at, count)),
        8 => (any::<Index>(), 0usize..5).prop_map(|(at, count)| ChainStep::Resize(at, count)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| ChainStep::RemoveRange(a, b)),
    ]
}

fn first_element(model: &[(u32, usize)], index: usize) -> usize {
    model[..index].iter().map(|item| item.1).sum()
}

fn apply_to_chain(
    chain: &mut Chain<(u32, usize)>,
    model: &mut Vec<(u32, usize)>,
    step: ChainStep,
    name: u32,
) {
    match step {
        ChainStep::Insert(at, count) => {
            let index = at.index(model.len() + 1);
            chain.insert(first_element(model, index), (name, count));
            model.insert(index, (name, count));
        }
        ChainStep::Resize(at, count) if !model.is_empty() => {
            let index = at.index(model.len());
            let last = first_element(model, index + 1) - 1;
            let place = chain.edit(last, |item, place| {
                item.1 = count;
                place
            });
            assert_eq!(place, model[index].1 - 1);
            model[index].1 = count;
            model.retain(|item| item.1 > 0);
        }
        ChainStep::RemoveRange(a, b) => {
            let range = span(&a, &b, chain.count() + 1);
            chain.remove_range(range.clone(), &mut |item, part| item.1 -= part.len());
            let mut begin = 0;
            for item in model.iter_mut() {
                let end = begin + item.1;
                item.1 -= range.end.min(end).saturating_sub(range.start.max(begin));
                begin = end;
            }
            model.retain(|item| item.1 > 0);
        }
        ChainStep::Resize(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chains_agree_with_a_vector(steps in vec(chain_step(), 0..400)) {
        let (mut chain, mut model) = (Chain::new(), Vec::new());
        for (name, step) in (0..).zip(steps) {
            apply_to_chain(&mut chain, &mut model, step, name);
        }
        prop_assert_eq!(chain.len(), model.len());
        let mut items = Vec::new();
        chain.each(&mut |item| items.push(*item));
        prop_assert_eq!(&items, &model);
        let mut at = 0;
        for item in &model {
            for place in at..at + item.1 {
                prop_assert_eq!(chain.get(place), Some((item, at)));
            }
            at += item.1;
        }
        prop_assert_eq!(chain.count(), at);
        prop_assert_eq!(chain.get(at), None);
    }

    #[test]
    fn runs_agree_with_a_vector(splices in vec((any::<Index>(), 0usize..20, vec(any::<u8>(), 0..40)), 0..100)) {
        let (mut run, mut model) = (Run::default(), Vec::new());
        for (at, removed, inserted) in splices {
            let at = at.index(model.len() + 1);
            let removed = removed.min(model.len() - at);
            run.splice(at, removed, &inserted);
            model.splice(at..at + removed, inserted);
            prop_assert_eq!(run.bytes(), &model);
        }
        run.settle();
        prop_assert_eq!(run.bytes(), &model);
    }
}
