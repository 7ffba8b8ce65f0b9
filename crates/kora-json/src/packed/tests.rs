//! Runs against serde_json's values: whatever a text is, its run holds the same, and gives the same text again.

use proptest::prelude::*;
use serde_json::Value as Model;

use super::{Node, Value};
use crate::number::Number;
use crate::{Json, parse, testing};

/// Holds a value to the model, member by member and element by element.
pub(crate) fn assert_same(value: Value<'_>, model: &Model) {
    match (value.node(), model) {
        (Node::Null, Model::Null) => {}
        (Node::Bool(value), Model::Bool(model)) => assert_eq!(value, *model),
        (Node::Number(Number::Integer(value)), Model::Number(model)) => {
            assert_eq!(Some(value), model.as_i64())
        }
        (Node::Number(Number::Unsigned(value)), Model::Number(model)) => {
            assert_eq!((Some(value), None), (model.as_u64(), model.as_i64()));
        }
        (Node::Number(Number::Double(value)), Model::Number(model)) => {
            assert!(model.is_f64());
            assert_eq!(Some(value.to_bits()), model.as_f64().map(f64::to_bits));
        }
        (Node::Text(value), Model::String(model)) => assert_eq!(value, model.as_bytes()),
        (Node::Array(value), Model::Array(model)) => {
            assert_eq!(value.len(), model.len());
            value.elements().zip(model).for_each(|(value, model)| assert_same(value, model));
            assert_eq!(value.element(model.len()).map(Value::bytes), None);
        }
        (Node::Object(value), Model::Object(model)) => {
            assert_eq!(value.len(), model.len());
            for (name, model) in model {
                assert_same(value.member(name.as_bytes()).expect("the model has it"), model);
            }
        }
        (value, model) => panic!("{value:?} is not {model}"),
    }
}

proptest! {
    #[test]
    fn a_run_holds_what_the_text_says(model in testing::models()) {
        let text = model.to_string();
        let json = Json::parse(&text).expect("a text of JSON");
        assert_same(json.root(), &model);
        prop_assert_eq!(json.root().end(), json.root().run().len());
        let again: Model = serde_json::from_slice(&json.text()).expect("a text of JSON");
        prop_assert_eq!(&again, &model);
        prop_assert_eq!(json.root().depth(), testing::depth(&model));
    }

    #[test]
    fn indented_texts_mean_the_same(model in testing::models()) {
        let json = Json::parse(&model.to_string()).expect("a text of JSON");
        let layout = crate::text::Layout { indent: b"  ", newline: b"\n", space: b" " };
        let mut text = Vec::new();
        layout.write(json.root(), 0, &mut text);
        let mut expected = Vec::new();
        serde::Serialize::serialize(&model, &mut serde_json::Serializer::pretty(&mut expected)).expect("it is written to memory");
        // The model sorts members, so that only the characters are compared; and it writes a sign before exponents.
        expected.retain(|byte| *byte != b'+');
        text.retain(|byte| *byte != b'+');
        text.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(text, expected);
    }

    #[test]
    fn numbers_are_exact(bits in any::<u64>(), integer in any::<i64>()) {
        let double = f64::from_bits(bits);
        if double.is_finite() {
            let json = Json::parse(&format!("{double:e}")).expect("a number");
            let Node::Number(number) = json.root().node() else { panic!("a number") };
            prop_assert_eq!(number.as_f64().to_bits(), double.to_bits());
        }
        for text in [integer.to_string(), integer.unsigned_abs().to_string(), bits.to_string()] {
            prop_assert_eq!(Json::parse(&text).expect("a number").text(), text.as_bytes());
        }
    }

    #[test]
    fn decimals_are_exact_and_short(parts in -99_999_999..99_999_999i64, digits in 0..9usize) {
        let text = decimal(parts, digits);
        let expected: f64 = text.parse().expect("a decimal");
        let json = Json::parse(&text).expect("a number");
        let Node::Number(number) = json.root().node() else { panic!("a number") };
        prop_assert_eq!(number.as_f64().to_bits(), expected.to_bits(), "{}", text);
        prop_assert!(digits == 0 || parts == 0 || json.root().bytes().len() <= 9);
    }

    #[test]
    fn any_text_is_taken_or_refused(text in ".{0,64}") {
        let _ = parse::parse(&text);
        let _ = parse::parse_all(&text);
    }
}

fn decimal(parts: i64, digits: usize) -> String {
    let scale = 10i64.pow(u32::try_from(digits).expect("few digits"));
    let sign = if parts < 0 { "-" } else { "" };
    let (whole, fraction) = (parts.abs() / scale, parts.abs() % scale);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0digits$}") }
}

#[test]
fn a_name_that_comes_twice_keeps_its_place_and_takes_the_last_value() {
    let of = |text: &str| String::from_utf8(Json::parse(text).expect("JSON").text()).expect("UTF-8");
    assert_eq!(of(r#"{"a":1,"b":2,"a":[3]}"#), r#"{"a":[3],"b":2}"#);
    let many = |last: usize| {
        let members = (0..last).map(|name| format!("\"{}\":{name}", name % 40));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let expected = (0..40).map(|name| format!("\"{name}\":{}", 160 + name)).collect::<Vec<_>>().join(",");
    assert_eq!(of(&many(200)), format!("{{{expected}}}"));
    // It takes no longer than n log n.
    assert_eq!(Json::parse(&many(100_000)).expect("JSON").root().depth(), 1);
}

#[test]
fn a_document_takes_little() {
    let text =
        r#"{"name":"widget number 4711","city":"Berlin","price":12.75,"stock":300,"tags":["red","small"]}"#;
    let json = Json::parse(text).expect("JSON");
    assert!(json.root().bytes().len() * 10 < text.len() * 9, "{}", json.root().bytes().len());
}

#[test]
fn depth_is_limited_as_in_the_reference() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(Json::parse(&nested(127)).expect("127 levels").root().depth(), 127);
    let error = Json::parse(&nested(128)).expect_err("128 levels").to_string();
    assert_eq!(error, "recursion limit exceeded at line 1 column 128");
}
