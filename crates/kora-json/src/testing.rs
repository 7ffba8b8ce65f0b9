//! What tests share: random values as serde_json has them.

use proptest::prelude::*;
use serde_json::{Map, Value as Model};

/// Names that are few, so that paths meet some.
pub(crate) const NAMES: [&str; 5] = ["a", "b", "c", "long name", "é"];

/// Random values, nested a few levels.
pub(crate) fn models() -> impl Strategy<Value = Model> {
    let number = prop_oneof![
        (-200..200i64).prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        any::<u64>().prop_map(Model::from),
        (-1000..1000i32).prop_map(|parts| Model::from(f64::from(parts) / 100.0)),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Model::from),
    ];
    let leaf = prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::from),
        number,
        ".{0,6}".prop_map(Model::from),
        "[a-z]{100,200}".prop_map(Model::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let name = prop::sample::select(NAMES.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Model::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| {
                Model::from(
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// How many arrays and objects are in each other.
pub(crate) fn depth(model: &Model) -> usize {
    match model {
        Model::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Model::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
