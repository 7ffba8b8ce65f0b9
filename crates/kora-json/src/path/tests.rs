//! Paths against a naive evaluator over serde_json's values, and what they are refused for.

use proptest::prelude::*;
use serde_json::Value as Model;

use super::Path;
use crate::{Json, testing};

/// A step as the model takes it.
#[derive(Clone, Debug)]
enum Naive {
    Names(Vec<&'static str>),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>, usize),
    All,
    /// `..` and a step behind it.
    Below(Box<Naive>),
    /// `[?(@.name > number)]`.
    Greater(&'static str, i64),
    /// `[?(@.name)]`.
    Has(&'static str),
}

impl Naive {
    fn text(&self) -> String {
        let optional = |number: &Option<i64>| number.map_or(String::new(), |number| number.to_string());
        match self {
            Self::Names(names) => {
                let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
                format!("[{}]", quoted.join(","))
            }
            Self::Indexes(indexes) => {
                format!("[{}]", indexes.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Slice(from, to, step) => format!("[{}:{}:{step}]", optional(from), optional(to)),
            Self::All => "[*]".into(),
            Self::Below(step) => format!("..{}", step.text()),
            Self::Greater(name, than) => format!("[?(@['{name}'] > {than})]"),
            Self::Has(name) => format!("[?(@[\"{name}\"])]"),
        }
    }

    fn take<'m>(&self, model: &'m Model, found: &mut Vec<&'m Model>) {
        match (self, model) {
            (Self::Names(names), Model::Object(members)) => {
                found.extend(names.iter().filter_map(|name| members.get(*name)));
            }
            (Self::Indexes(indexes), Model::Array(elements)) => {
                let place = |index: &i64| {
                    let len = i64::try_from(elements.len()).expect("few elements");
                    let place = if *index < 0 { (len + index).max(0) } else { *index };
                    elements.get(usize::try_from(place).expect("not negative"))
                };
                found.extend(indexes.iter().filter_map(place));
            }
            (Self::Slice(from, to, step), Model::Array(elements)) => {
                let len = i64::try_from(elements.len()).expect("few elements");
                let bound = |bound: i64| if bound < 0 { (len + bound).max(0) } else { bound.min(len) };
                let (from, to) = (from.map_or(0, bound), to.map_or(len, bound));
                let places = (from..to).step_by(*step);
                found.extend(places.map(|place| &elements[usize::try_from(place).expect("not negative")]));
            }
            (Self::All, Model::Array(elements)) => found.extend(elements),
            (Self::All, Model::Object(members)) => found.extend(members.values()),
            (Self::Below(step), _) => {
                step.take(model, found);
                inner(model).into_iter().for_each(|inner| self.take(inner, found));
            }
            (Self::Greater(..) | Self::Has(_), Model::Array(_) | Model::Object(_)) => {
                found.extend(inner(model).into_iter().filter(|inner| self.holds(inner)));
            }
            (Self::Greater(..) | Self::Has(_), _) if self.holds(model) => found.push(model),
            _ => {}
        }
    }

    fn holds(&self, model: &Model) -> bool {
        match self {
            Self::Has(name) => model.get(*name).is_some(),
            #[expect(clippy::cast_precision_loss, reason = "the numbers of the test are small")]
            Self::Greater(name, than) => {
                model.get(*name).and_then(Model::as_f64).is_some_and(|number| number > *than as f64)
            }
            _ => false,
        }
    }
}

fn inner(model: &Model) -> Vec<&Model> {
    match model {
        Model::Array(elements) => elements.iter().collect(),
        Model::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

fn steps() -> impl Strategy<Value = Naive> {
    let name = || prop::sample::select(testing::NAMES.to_vec());
    let step = prop_oneof![
        prop::collection::vec(name(), 1..3).prop_map(Naive::Names),
        prop::collection::vec(-4..5i64, 1..3).prop_map(Naive::Indexes),
        (prop::option::of(-4..5i64), prop::option::of(-4..5i64), 1..4usize)
            .prop_map(|(from, to, step)| Naive::Slice(from, to, step)),
        Just(Naive::All),
        (name(), -100..100i64).prop_map(|(name, than)| Naive::Greater(name, than)),
        name().prop_map(Naive::Has),
    ];
    (step, prop::bool::weighted(0.25))
        .prop_map(|(step, is_below)| if is_below { Naive::Below(Box::new(step)) } else { step })
}

/// The model sorts members. So must the run, for the same order of what is found.
fn sorted(model: &Model) -> Json {
    Json::parse(&model.to_string()).expect("a text of JSON")
}

proptest! {
    #[test]
    fn a_path_finds_what_the_model_finds(model in testing::models(), steps in prop::collection::vec(steps(), 0..4)) {
        let text: String = steps.iter().map(Naive::text).collect();
        let json = sorted(&model);
        let path = Path::parse(&format!("${text}"));
        let Ok(path) = path else {
            prop_assert!(text.starts_with(".."), "{}", text);
            return Ok(());
        };
        let mut expected = vec![&model];
        for step in &steps {
            let mut found = Vec::new();
            expected.into_iter().for_each(|model| step.take(model, &mut found));
            expected = found;
        }
        let found = path.find(json.root()).expect("few values");
        let found: Vec<String> = found.into_iter().map(|value| format!("{value:?}")).collect();
        let expected: Vec<String> =
            expected.into_iter().map(|model| format!("{:?}", sorted(model).root())).collect();
        prop_assert_eq!(&found, &expected, "{} in {}", text, model);
        let first = path.first(json.root()).expect("few values").map(|value| format!("{value:?}"));
        prop_assert_eq!(first.as_ref(), expected.first());
    }

    #[test]
    fn any_text_is_taken_or_refused(text in "[$.@a-c0-9'\"\\[\\]()?*:,!=<>~&| -]{0,40}") {
        let value = Json::parse(r#"{"a":[1,{"b":"c"}],"b":2.5}"#).expect("JSON");
        match Path::parse(&text) {
            Ok(path) => drop(path.find(value.root())),
            Err(error) => prop_assert!(error.to_string().starts_with("Error occurred on position")),
        }
    }
}

#[test]
fn steps_that_multiply_are_refused() {
    let wide = Json::parse(&format!("[{}]", vec!["[1,[2,[3]]]"; 300].join(","))).expect("JSON");
    let path = Path::parse(&format!("${}", "..[*]".repeat(200))).expect("a path");
    // No value is nested so deep, so that it finds nothing; but it looks everywhere only as long as it may.
    assert!(path.find(wide.root()).is_ok_and(|found| found.is_empty()));
    let deep = Json::parse(&format!("{}{}", "[".repeat(100), "]".repeat(100))).expect("JSON");
    let path = Path::parse(&format!("${}", "..*".repeat(6))).expect("a path");
    assert_eq!(path.find(deep.root()).map(drop), Err(super::TooMuch));
    let path = Path::parse("$..[?(@..*..*..*..*..*==1)]").expect("a path");
    assert_eq!(path.find(deep.root()).map(drop), Err(super::TooMuch));
}

#[test]
fn conditions_are_nested_only_so_deep() {
    let nested = |depth: usize| format!("$[?{}@.a{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(Path::parse(&nested(60)).is_ok());
    assert!(Path::parse(&nested(100_000)).is_err());
    let filters = |depth: usize| format!("$[?{}@.a{}]", "@[?".repeat(depth), "]".repeat(depth));
    assert!(Path::parse(&filters(3)).is_ok());
    assert!(Path::parse(&filters(4)).is_err());
    assert!(Path::parse(&filters(100_000)).is_err());
}

/// Commands run on stacks of 2 MiB and more.
#[test]
fn no_path_needs_much_of_the_stack() {
    let nested = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    let paths = [
        format!("$..[?({})]", "$..[?(".repeat(2) + "$..[?(1==1)]" + &")]".repeat(2)),
        format!("$..[?({})]", "(".repeat(60) + "@..[?(@==1)]" + &")".repeat(60)),
        format!("${}", "..[?(1==1)]".repeat(100_000)),
        format!("${}", "[?(1==1)]".repeat(100_000)),
        format!("${}", "[0]".repeat(100_000)),
        format!("${}", "..*".repeat(100_000)),
        format!("$[?({}@.a)]", "@.a&&".repeat(200_000)),
        format!("$[?({}@.a)]", "@.a||".repeat(200_000)),
    ];
    let run = move || {
        let json = Json::parse(&nested).expect("JSON");
        for path in paths {
            let path = Path::parse(&path).expect("a path");
            let _ = path.find(json.root());
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 19).spawn(run).expect("a thread");
    thread.join().expect("it needs no more");
}

#[test]
fn an_index_beyond_all_finds_nothing() {
    let json = Json::parse("[1,2]").expect("JSON");
    for path in ["$[99999999999999999999]", "$[0:0:99999999999999999999]", "$[99999999999999999999:]"] {
        let found = Path::parse(path).expect("a path").find(json.root()).expect("few values");
        assert!(found.is_empty(), "{path}");
    }
    let path = Path::parse("$[-99999999999999999999:99999999999999999999]").expect("a path");
    assert_eq!(path.find(json.root()).expect("few values").len(), 2);
}

#[test]
fn expressions_that_are_too_large_match_nothing() {
    let json = Json::parse(r#"["aaa"]"#).expect("JSON");
    let path = Path::parse(r#"$[?(@ =~ "(a{1000}){1000}")]"#).expect("a path");
    assert!(path.find(json.root()).expect("few values").is_empty());
}

#[test]
fn an_operand_from_the_root_is_looked_for_once() {
    let members: Vec<String> = (0..20_000).map(|number| format!("\"k{number}\":{number}")).collect();
    let json = Json::parse(&format!("{{{}}}", members.join(","))).expect("JSON");
    let path = Path::parse("$[?(@==$.k19999)]").expect("a path");
    assert_eq!(path.find(json.root()).expect("few places").len(), 1);
}

#[test]
fn long_walks_and_many_expressions_are_refused() {
    let wide = format!("[{}1]", "1,".repeat(20_000));
    let json = Json::parse(&format!("[{}1]", format!("{wide},").repeat(200))).expect("JSON");
    // The last element of each, for each element of each.
    let path = Path::parse("$[*][?($[0][?(@==2)]==$[0][19999]||@==2)]").expect("a path");
    assert!(path.find(json.root()).is_ok());
    let path = Path::parse(&format!("$[*][?({}@==2)]", "$[-1]==2||".repeat(3))).expect("a path");
    assert!(path.find(json.root()).is_ok());
    let elements: Vec<String> =
        (0..1000).map(|number| format!("{{\"s\":\"a\",\"p\":\"b{{{number}}}\"}}")).collect();
    let json = Json::parse(&format!("[{}]", elements.join(","))).expect("JSON");
    let path = Path::parse("$[?(@.s=~@.p)]").expect("a path");
    assert_eq!(path.find(json.root()).map(drop), Err(super::TooMuch));
    let many = |count: usize| format!("$[?({}@==1)]", "@=~\"a\"||".repeat(count));
    assert!(Path::parse(&many(32)).is_ok());
    assert!(Path::parse(&many(33)).is_err());
}

#[test]
fn paths_of_one_command_share_what_they_may_visit() {
    let json = Json::parse(&format!("[{}1]", "1,".repeat(1_000_000))).expect("JSON");
    let path = Path::parse("$[999999]").expect("a path");
    let mut budget = super::Budget::default();
    budget.allow_for(json.root());
    let found = (0..100).take_while(|_| path.find_within(json.root(), &mut budget).is_ok()).count();
    assert!((5..50).contains(&found), "{found}");
}
