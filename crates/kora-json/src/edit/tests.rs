//! Edits against serde_json's values, and those made at once against those made one by one.

use proptest::prelude::*;
use serde_json::Value as Model;

use super::{Splice, apply, remove};
use crate::merge::merge;
use crate::packed::{Builder, Node, Value};
use crate::path::{Found, Path, outermost};
use crate::{Json, testing};

fn run_of(model: &Model) -> Vec<u8> {
    crate::parse::parse(&model.to_string()).expect("a text of JSON")
}

fn model_of(run: &[u8]) -> Model {
    let mut text = Vec::new();
    crate::text::write(Value::root(run), &mut text);
    serde_json::from_slice(&text).expect("a text of JSON")
}

/// A run is what the text of its value gives again, down to the last byte.
fn assert_well_made(run: &[u8]) {
    assert_eq!(Value::root(run).end(), run.len());
    let mut text = Vec::new();
    crate::text::write(Value::root(run), &mut text);
    let again = crate::parse::parse(std::str::from_utf8(&text).expect("UTF-8")).expect("JSON");
    assert_eq!(again, run);
}

/// All places of a value but the root.
fn all_places(run: &[u8]) -> Vec<Found> {
    Path::parse("$..*").expect("a path").places(Value::root(run)).expect("few values")
}

/// Some of the places, as bits say.
fn some(places: Vec<Found>, bits: u64) -> Vec<Found> {
    places
        .into_iter()
        .enumerate()
        .filter(|(at, _)| bits >> (at % 64) & 1 == 1)
        .map(|(_, found)| found)
        .collect()
}

/// What the model is with a change at a place, which is told by its text being unique: places are changed through pointers.
fn pointer_of(run: &[u8], place: usize) -> String {
    fn look(value: Value<'_>, place: usize, pointer: &mut String) -> bool {
        if value.place() == place {
            return true;
        }
        let len = pointer.len();
        let parts: Vec<(String, Value<'_>)> = match value.node() {
            Node::Array(elements) => {
                elements.elements().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
            }
            Node::Object(members) => members
                .members()
                .map(|(name, value)| (String::from_utf8(name.to_vec()).expect("UTF-8"), value))
                .collect(),
            _ => Vec::new(),
        };
        for (name, value) in parts {
            pointer.push('/');
            pointer.push_str(&name);
            if look(value, place, pointer) {
                return true;
            }
            pointer.truncate(len);
        }
        false
    }
    let mut pointer = String::new();
    assert!(look(Value::root(run), place, &mut pointer));
    pointer
}

proptest! {
    #[test]
    fn values_are_replaced(model in testing::models(), with in testing::models(), bits in any::<u64>()) {
        let mut run = run_of(&model);
        let root = Value::root(&run);
        let places = outermost(root, some(all_places(&run), bits));
        let mut expected = model.clone();
        for found in &places {
            *expected.pointer_mut(&pointer_of(&run, found.at)).expect("it is there") = with.clone();
        }
        let splices = places.iter().map(|found| Splice::replace(found, root, run_of(&with))).collect();
        apply(&mut run, splices);
        prop_assert_eq!(model_of(&run), expected);
        assert_well_made(&run);
    }

    #[test]
    fn elements_come_and_go(model in testing::models(), with in testing::models(), bits in any::<u64>()) {
        let mut run = run_of(&model);
        let mut expected = model.clone();
        let root = Value::root(&run);
        let mut splices = Vec::new();
        // From the last on, so that pointers stay right: what is in an array that loses elements comes before it.
        let mut places = some(all_places(&run), bits);
        places.sort_unstable_by_key(|found| std::cmp::Reverse(found.at));
        places.dedup();
        for found in places {
            let value = found.value(root);
            let Node::Array(elements) = value.node() else { continue };
            let model = expected.pointer_mut(&pointer_of(&run, found.at)).and_then(Model::as_array_mut);
            let model = model.expect("the model has an array there");
            let len = elements.len();
            if bits.rotate_left(7) & 1 == 1 {
                splices.push(Splice::append(value, run_of(&with), 1));
                model.push(with.clone());
            }
            if len > 0 && bits.rotate_left(9) & 1 == 1 {
                splices.push(Splice::insert(value, 0, [run_of(&with), run_of(&with)].concat(), 2));
                model.splice(0..0, [with.clone(), with.clone()]);
            }
        }
        apply(&mut run, splices);
        prop_assert_eq!(model_of(&run), expected);
        assert_well_made(&run);
    }

    #[test]
    fn one_edit_at_a_time_gives_the_same(model in testing::models(), with in testing::models(), bits in any::<u64>()) {
        let run = run_of(&model);
        let root = Value::root(&run);
        let places = outermost(root, some(all_places(&run), bits));
        let splices: Vec<_> = places.iter().map(|found| Splice::replace(found, root, run_of(&with))).collect();
        let mut at_once = run.clone();
        apply(&mut at_once, splices);
        // From the last on, as many values stand before each of them as at first.
        let sorted = |run: &[u8]| {
            let mut all = all_places(run);
            all.sort_unstable_by_key(|found| found.at);
            all
        };
        let at_first = sorted(&run);
        let mut one_by_one = run.clone();
        for place in places.iter().rev() {
            let rank = at_first.iter().position(|found| found.at == place.at);
            let found = rank.map_or(*place, |rank| sorted(&one_by_one)[rank]);
            let splice = Splice::replace(&found, Value::root(&one_by_one), run_of(&with));
            apply(&mut one_by_one, vec![splice]);
        }
        prop_assert_eq!(at_once, one_by_one);
    }

    #[test]
    fn values_are_removed(model in testing::models(), bits in any::<u64>()) {
        let run = run_of(&model);
        let root = Value::root(&run);
        let places = outermost(root, some(all_places(&run), bits));
        let mut expected = model.clone();
        let mut pointers: Vec<String> = places.iter().map(|found| pointer_of(&run, found.at)).collect();
        // From the last on, so that indexes stay right.
        pointers.reverse();
        for pointer in pointers {
            let (owner, name) = pointer.rsplit_once('/').expect("it is not the root");
            match expected.pointer_mut(owner).expect("it is there") {
                Model::Array(elements) => drop(elements.remove(name.parse().expect("an index"))),
                Model::Object(members) => drop(members.remove(name)),
                _ => panic!("a container"),
            }
        }
        let places: Vec<usize> = places.iter().map(|found| found.at).collect();
        let removed = remove(root, &places);
        prop_assert_eq!(model_of(&removed), expected);
        assert_well_made(&removed);
    }

    #[test]
    fn patches_are_merged(model in testing::models(), patch in testing::models()) {
        let (run, patch_run) = (run_of(&model), run_of(&patch));
        let mut builder = Builder::default();
        merge(Some(Value::root(&run)), Value::root(&patch_run), &mut builder);
        let merged = builder.finish();
        let mut expected = model;
        naive_merge(&mut expected, &patch);
        prop_assert_eq!(model_of(&merged), expected);
        assert_well_made(&merged);
    }
}

fn naive_merge(target: &mut Model, patch: &Model) {
    let Model::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Model::Object(serde_json::Map::new());
    }
    let target = target.as_object_mut().expect("it was made one");
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            naive_merge(target.entry(name.clone()).or_insert(Model::Null), value);
        }
    }
}

#[test]
fn the_last_member_takes_the_place_of_one_that_goes() {
    let json = Json::parse(r#"{"a":{"q":1},"b":1,"c":2,"d":3,"e":4}"#).expect("JSON");
    let path = Path::parse("$['b','a']").expect("a path");
    let places = outermost(json.root(), path.places(json.root()).expect("few"));
    let places: Vec<usize> = places.iter().map(|found| found.at).collect();
    let left = remove(json.root(), &places);
    assert_eq!(format!("{:?}", Value::root(&left)), r#"{"e":4,"d":3,"c":2}"#);
}

#[test]
fn heads_grow_with_what_is_in_them() {
    // Bodies pass the lengths at which their heads take a byte more, several levels at once.
    let mut run = crate::parse::parse(&format!("[[[[\"{}\"]]]]", "x".repeat(110))).expect("JSON");
    for count in 1..200 {
        let root = Value::root(&run);
        let path = Path::parse("$[0][0][0]").expect("a path");
        let inner = path.places(root).expect("few")[0].value(root);
        let splice = Splice::append(inner, crate::parse::parse("123").expect("JSON"), 1);
        apply(&mut run, vec![splice]);
        assert_well_made(&run);
        let path = Path::parse("$[0][0][0][*]").expect("a path");
        assert_eq!(path.find(Value::root(&run)).expect("few").len(), count + 1);
    }
}
