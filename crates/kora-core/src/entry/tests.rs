use std::any::Any;

use proptest::prelude::*;

use super::data_type::DataType;
use super::deadline::Deadline;
use super::heap::NewValue;
use super::object::Object;
use super::{Account, Encoding, Entry, Form, Kind, Packing, StringRef, size_class};
use crate::time::UnixMs;

/// A collection as far as the keyspace can tell.
#[derive(Clone, Debug)]
struct Tokens(Vec<u8>, Account);

impl Object for Tokens {
    fn data_type(&self) -> &'static DataType {
        &crate::types::set::DATA_TYPE
    }
    fn encoding(&self) -> Encoding {
        Encoding::IntSet
    }
    fn size(&self) -> usize {
        self.0.len()
    }
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.0.capacity()
    }
    fn account(&self) -> &Account {
        &self.1
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.1
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        2
    }
    fn free_some(&mut self, _budget: usize) -> usize {
        0
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// An entry that is no string.
pub(crate) fn tokens_entry(key: &[u8]) -> Entry {
    Entry::new_object(key, Box::new(Tokens(vec![1, 2], Account::default())), None)
}

/// What an entry should hold.
#[derive(Clone, Debug, PartialEq)]
enum Model {
    Integer(i64),
    Bytes(Vec<u8>, bool),
    Packed(Vec<u8>, Packing),
    Tokens(Vec<u8>),
}

/// The kind that the tests pack so.
fn kind_of(packing: Packing) -> Kind {
    match packing {
        Packing::Pairs => Kind::SortedSet,
        Packing::ListPack => Kind::Set,
        Packing::BareListPack => Kind::List,
        Packing::ListPackEx => Kind::Hash,
        Packing::IntSet => Kind::Set,
    }
}

impl Model {
    fn value(&self) -> NewValue<'_> {
        match self {
            Self::Integer(value) => NewValue::Integer(*value),
            Self::Bytes(bytes, is_raw) => {
                NewValue::Bytes { bytes, form: if *is_raw { Form::Raw } else { Form::Text } }
            }
            Self::Packed(bytes, packing) => {
                NewValue::Bytes { bytes, form: Form::Packed(kind_of(*packing), *packing) }
            }
            Self::Tokens(tokens) => NewValue::Object(Box::new(Tokens(tokens.clone(), Account::default()))),
        }
    }

    fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Integer(value) => Some(value.to_string().into_bytes()),
            Self::Bytes(bytes, _) => Some(bytes.clone()),
            Self::Packed(..) | Self::Tokens(_) => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Integer(_) | Self::Bytes(..) => Kind::String,
            Self::Packed(_, packing) => kind_of(*packing),
            Self::Tokens(_) => Kind::Set,
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Integer(_) => Encoding::Int,
            Self::Bytes(bytes, false) if bytes.len() <= 44 => Encoding::EmbStr,
            Self::Bytes(..) => Encoding::Raw,
            Self::Packed(_, Packing::ListPack | Packing::BareListPack | Packing::Pairs) => Encoding::ListPack,
            Self::Packed(_, Packing::ListPackEx) => Encoding::ListPackEx,
            Self::Packed(_, Packing::IntSet) => Encoding::IntSet,
            Self::Tokens(_) => Encoding::IntSet,
        }
    }
}

fn check(entry: &Entry, key: &[u8], model: &Model, expiry: Option<UnixMs>) {
    assert_eq!(entry.key(), key);
    assert_eq!(entry.expiry(), expiry);
    assert_eq!(entry.has_expiry(), expiry.is_some());
    assert_eq!(entry.encoding(), model.encoding());
    let tokens = entry.as_object().map(|object| &object.as_any().downcast_ref::<Tokens>().expect("Tokens").0);
    match model {
        Model::Integer(value) => assert_eq!(entry.string(), Some(StringRef::Integer(*value))),
        Model::Bytes(bytes, _) => assert_eq!(entry.string(), Some(StringRef::Bytes(bytes))),
        Model::Packed(bytes, packing) => assert_eq!(entry.packed(), Some((*packing, &bytes[..]))),
        Model::Tokens(expected) => assert_eq!(tokens, Some(expected)),
    }
    assert_eq!(entry.kind(), model.kind());
    assert_eq!(entry.string().is_some(), model.kind() == Kind::String);
    assert_eq!(entry.packed().is_some(), matches!(model, Model::Packed(..)));
    assert_eq!(tokens.is_some(), matches!(model, Model::Tokens(_)));
    assert!(entry.memory_bytes() >= 8 + key.len());
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 + len).to_le_bytes()[0]).collect()
}

fn models() -> Vec<Model> {
    let lengths = [0, 1, 7, 8, 16, 44, 45, 64, 65, 200, 300, 504, 505, 1024, 4095, 4096, 70_000];
    let strings = lengths.iter().map(|&len| Model::Bytes(bytes(len), len == 16));
    let packed = [
        (0, Packing::IntSet),
        (70, Packing::ListPackEx),
        (300, Packing::BareListPack),
        (900, Packing::ListPack),
        (400, Packing::Pairs),
    ]
    .map(|(len, packing)| Model::Packed(bytes(len), packing));
    strings
        .chain(packed)
        .chain([Model::Integer(0), Model::Integer(i64::MIN), Model::Tokens(vec![]), Model::Tokens(bytes(90))])
        .collect()
}

const KEY_LENGTHS: [usize; 9] = [0, 1, 7, 16, 40, 254, 255, 256, 70_000];
const EXPIRIES: [Option<UnixMs>; 3] = [None, Some(UnixMs(-5)), Some(UnixMs(i64::MAX))];

#[test]
fn every_value_takes_the_place_of_every_other() {
    for key_len in KEY_LENGTHS {
        let key = bytes(key_len);
        for (number, before) in models().iter().enumerate() {
            for (step, after) in models().iter().enumerate() {
                let (first, second) = (EXPIRIES[number % 3], EXPIRIES[step % 3]);
                let mut entry = Entry::build(&key, before.value(), first);
                check(&entry, &key, before, first);
                drop(entry.replace(after.value(), second.map(Deadline::at)));
                check(&entry, &key, after, second);
            }
        }
    }
}

#[test]
fn deadlines_copies_and_names_leave_the_value_alone() {
    for key_len in KEY_LENGTHS {
        let key = bytes(key_len);
        for model in models() {
            let mut entry = Entry::build(&key, model.value(), None);
            for expiry in [EXPIRIES[1], EXPIRIES[2], None, EXPIRIES[1]] {
                entry.set_deadline(expiry.map(Deadline::at));
                check(&entry, &key, &model, expiry);
            }
            let copy = entry.duplicate();
            let renamed = entry.with_key(b"another");
            check(&renamed, b"another", &model, EXPIRIES[1]);
            check(&copy, &key, &model, EXPIRIES[1]);
            check(&renamed.with_key(&key), &key, &model, EXPIRIES[1]);
        }
    }
}

#[test]
fn strings_grow_in_place() {
    for key_len in KEY_LENGTHS {
        let key = bytes(key_len);
        for model in models() {
            let Some(text) = model.text() else { continue };
            for added in [0, 1, 30, 600, 5000] {
                let mut entry = Entry::build(&key, model.value(), EXPIRIES[1]);
                let mut expected = text.clone();
                expected.extend(bytes(added));
                assert_eq!(entry.append(&bytes(added)), expected.len());
                check(&entry, &key, &Model::Bytes(expected.clone(), true), EXPIRIES[1]);
                let len = expected.len() + added;
                expected.resize(len, 0);
                let lent = entry.raw_mut(len);
                assert_eq!(lent, expected);
                lent.fill(b'!');
                check(&entry, &key, &Model::Bytes(vec![b'!'; len], true), EXPIRIES[1]);
                assert_eq!(entry.raw_mut(0).len(), len, "never shortened");
            }
        }
    }
}

#[test]
fn sizes_are_as_designed() {
    let key = [b'k'; 16];
    let size = |value: &[u8], expiry| Entry::new_string(&key, value, expiry).memory_bytes();
    assert_eq!(size(&[b'v'; 16], None), 48);
    assert_eq!(size(&[b'v'; 16], Some(UnixMs(1))), 48);
    assert_eq!(size(b"1234567890", None), 32);
    assert_eq!(size(&[b'v'; 64], None), 96);
    assert_eq!(size(&[b'v'; 1024], None), 48 + 1024);
    assert_eq!((size_of::<Entry>(), size_of::<Option<Entry>>()), (8, 8));
    for (bytes, class) in [(1, 16), (16, 16), (17, 32), (128, 128), (129, 160), (257, 320), (1025, 1280)] {
        assert_eq!(size_class(bytes), class);
    }
}

#[test]
fn a_value_of_the_same_size_class_is_written_in_place() {
    let mut entry = Entry::new_string(b"key", &[b'v'; 20], None);
    let address = entry.address();
    for len in 6..=21 {
        assert!(entry.replace(NewValue::text(&vec![b'w'; len]), None).is_none());
        assert_eq!(entry.address(), address);
    }
    entry.replace(NewValue::Integer(7), Some(Deadline::at(UnixMs(1))));
    assert_eq!(entry.address(), address, "8 + 8 + 8 + 3 bytes as well");
    let mut long = Entry::new_string(b"key", &vec![b'v'; 2000], None);
    let text = long
        .string()
        .map(|value| if let StringRef::Bytes(bytes) = value { bytes.as_ptr() } else { panic!() });
    long.replace(NewValue::text(&vec![b'w'; 1900]), None);
    let again = long
        .string()
        .map(|value| if let StringRef::Bytes(bytes) = value { bytes.as_ptr() } else { panic!() });
    assert_eq!(text, again);
}

#[test]
fn a_packed_collection_wastes_no_memory() {
    let form = (Kind::Hash, Packing::Pairs);
    let mut entry = Entry::new_packed(b"key", form, &[], None);
    for len in 0..5000 {
        entry.splice(len / 2, 0, b"x");
        let own = if len + 1 + 3 <= 496 { 11 + len + 1 } else { len + 1 };
        let head = if len + 1 + 3 <= 496 { 0 } else { 48 };
        assert_eq!(entry.memory_bytes(), head + size_class(own), "{len}");
    }
    let long = entry.memory_bytes();
    entry.splice(0, 4000, b"");
    assert!(entry.memory_bytes() <= long / 3, "{}", entry.memory_bytes());
    entry.splice(0, 900, b"");
    assert_eq!(entry.memory_bytes(), size_class(11 + 100));
    assert_eq!(entry.packed(), Some((Packing::Pairs, &[b'x'; 100][..])));
}

#[test]
fn appending_moves_a_string_seldom() {
    let mut entry = Entry::new_string(b"key", b"", None);
    let mut sizes = std::collections::BTreeSet::new();
    for _ in 0..100_000 {
        entry.append(b"0123456789");
        sizes.insert(entry.memory_bytes());
    }
    assert!(sizes.len() < 40, "{sizes:?}");
}

#[derive(Clone, Debug)]
enum Change {
    Replace(Model, Option<i64>),
    Expire(Option<i64>),
    Append(Vec<u8>),
    Extend(usize),
    Splice(prop::sample::Index, prop::sample::Index, Vec<u8>),
    Rename(Vec<u8>),
    Copy,
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..80),
        2 => prop::collection::vec(any::<u8>(), 0..600),
        1 => (0..70_000usize).prop_map(bytes),
    ]
}

fn any_model() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<i64>().prop_map(Model::Integer),
        (any_bytes(), any::<bool>()).prop_map(|(bytes, is_raw)| Model::Bytes(bytes, is_raw)),
        (
            any_bytes(),
            prop::sample::select(vec![
                Packing::ListPack,
                Packing::Pairs,
                Packing::BareListPack,
                Packing::ListPackEx,
                Packing::IntSet
            ])
        )
            .prop_map(|(bytes, packing)| Model::Packed(bytes, packing)),
        any_bytes().prop_map(Model::Tokens),
    ]
}

/// Earlier deadlines are taken for the earliest of these.
fn any_expiry() -> impl Strategy<Value = Option<i64>> {
    any::<Option<i64>>().prop_map(|at| at.map(|at| at.max(i64::MIN / 2)))
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any_model(), any_expiry()).prop_map(|(model, expiry)| Change::Replace(model, expiry)),
        any_expiry().prop_map(Change::Expire),
        any_bytes().prop_map(Change::Append),
        (0..2000usize).prop_map(Change::Extend),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any_bytes())
            .prop_map(|(from, to, bytes)| Change::Splice(from, to, bytes)),
        any_bytes().prop_map(Change::Rename),
        Just(Change::Copy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_entry_holds_what_it_was_given(
        key in any_bytes(),
        first in any_model(),
        changes in prop::collection::vec(change(), 0..20),
    ) {
        let (mut key, mut model, mut expiry) = (key, first, None);
        let mut entry = Entry::build(&key, model.value(), None);
        for change in changes {
            match (change, model.text()) {
                (Change::Replace(value, at), _) => {
                    (model, expiry) = (value, at.map(UnixMs));
                    drop(entry.replace(model.value(), expiry.map(Deadline::at)));
                }
                (Change::Expire(at), _) => {
                    expiry = at.map(UnixMs);
                    entry.set_deadline(expiry.map(Deadline::at));
                }
                (Change::Append(bytes), Some(mut text)) => {
                    entry.append(&bytes);
                    text.extend(bytes);
                    model = Model::Bytes(text, true);
                }
                (Change::Extend(len), Some(mut text)) => {
                    entry.raw_mut(len);
                    text.resize(text.len().max(len), 0);
                    model = Model::Bytes(text, true);
                }
                (Change::Splice(from, to, inserted), None) if matches!(model, Model::Packed(..)) => {
                    let Model::Packed(bytes, _) = &mut model else { continue };
                    let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
                    let (from, to) = (from.min(to), from.max(to));
                    entry.splice(from, to - from, &inserted);
                    bytes.splice(from..to, inserted);
                    if let Some(first) = bytes.first_mut() {
                        *first = !*first;
                        entry.packed_bytes_mut()[0] = *first;
                    }
                }
                (Change::Rename(name), _) => {
                    entry = entry.with_key(&name);
                    key = name;
                }
                (Change::Copy, _) => entry = entry.duplicate(),
                (Change::Append(_) | Change::Extend(_) | Change::Splice(..), _) => {}
            }
            check(&entry, &key, &model, expiry);
        }
    }
}
