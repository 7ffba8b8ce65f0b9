//! Expressions with what Redis 8.2.3 answers, and random ones.

use proptest::prelude::*;

use super::Filter;

/// Attributes, and expressions with whether they let them through, or what is wrong with them.
type Rows = &'static [(&'static str, Result<bool, &'static str>)];

const ATTRIBUTES: &str = r#"{"year":1984,"name":"Bob","f":1.5,"t":true,"fa":false,"nu":null,"tags":["a","b",3],"o":{"x":1},"neg":-5,"s1":"12","e":"","a_b":7,"sp ace":1,"big":12345678901234567890,"exp":1e3,"esc":"a\"b\n\u0041","uni":"é","arr2":[[1,2],3],"ob":{}, "a-b":3,"a9":9,"9a":8, "emptyarr":[]}"#;

const ON_ATTRIBUTES: Rows = &[
    (".year == 1984", Ok(true)),
    (".year = 1984", Err(" 1984")),
    (".year != 1984", Ok(false)),
    (".year > 1980 and .year < 1990", Ok(true)),
    (".year > 1980 && .year < 1990", Ok(true)),
    (".year >= 1984 or 0", Ok(true)),
    (".year <= 1983 || 1", Ok(true)),
    ("not .year == 1984", Ok(false)),
    ("!.year", Ok(false)),
    ("! .year == 1984", Ok(false)),
    ("not (.year == 1984)", Ok(false)),
    (r#".name == "Bob""#, Ok(true)),
    (".name == 'Bob'", Ok(true)),
    (r#".name == "bob""#, Ok(false)),
    (r#".name > "Bo""#, Ok(false)),
    (".name != 'x'", Ok(true)),
    (".t", Ok(true)),
    (".t == 1", Ok(true)),
    (".t == true", Err(".t == true")),
    (".fa", Ok(false)),
    (".fa == 0", Ok(true)),
    (".nu", Ok(false)),
    (".nu == 0", Ok(false)),
    (".nu == null", Ok(true)),
    (".nu == false", Err(".nu == false")),
    (".nu != 1", Ok(true)),
    (".missing", Ok(false)),
    (".missing == 0", Ok(false)),
    (".missing != 0", Ok(false)),
    ("not .missing", Ok(false)),
    ("!.missing", Ok(false)),
    (".missing or 1", Ok(false)),
    ("1 or .missing", Ok(false)),
    (".tags", Ok(true)),
    (r#""a" in .tags"#, Ok(true)),
    ("'z' in .tags", Ok(false)),
    ("3 in .tags", Ok(true)),
    (r#""3" in .tags"#, Ok(true)),
    (".year in [1984, 1985]", Ok(true)),
    (r#".year in ["1984"]"#, Ok(true)),
    (r#".name in ["Bob","x"]"#, Ok(true)),
    (".name in []", Ok(false)),
    ("1984 in [.year]", Err(".year]")),
    (r#""o" in .name"#, Ok(true)),
    (r#""Bo" in "Bob""#, Ok(true)),
    (r#""" in .name"#, Ok(true)),
    ("1 in .year", Ok(false)),
    (".o", Ok(false)),
    (".o == 1", Ok(false)),
    (".o.x", Err(".o.x")),
    (".o.x == 1", Err(".o.x == 1")),
    (".neg == -5", Ok(true)),
    (".neg < -4", Ok(true)),
    ("-.neg == 5", Err("-.neg == 5")),
    ("- .neg == 5", Err("- .neg == 5")),
    (".s1 == 12", Ok(true)),
    (".s1 > 11", Ok(true)),
    (r#".s1 == "12""#, Ok(true)),
    (".s1 + 1 == 13", Ok(true)),
    (".e", Ok(false)),
    (r#".e == """#, Ok(true)),
    ("not .e", Ok(true)),
    (".a_b == 7", Ok(true)),
    (".sp ace == 1", Err(" == 1")),
    (".big > 1", Ok(true)),
    (".exp == 1000", Ok(true)),
    (r#".esc == 'a"b'"#, Ok(false)),
    (r#".uni == "é""#, Ok(true)),
    (".arr2", Ok(true)),
    ("1 + 2 == 3", Ok(true)),
    ("1+2==3", Ok(true)),
    ("5 % 3 == 2", Ok(true)),
    ("5.5 % 3 == 2.5", Ok(true)),
    ("2 ** 3 == 8", Ok(true)),
    ("2 ** 3 ** 2 == 512", Ok(true)),
    ("2 ** 3 ** 2 == 64", Ok(false)),
    ("2 * 3 + 4 == 10", Ok(true)),
    ("2 + 3 * 4 == 14", Ok(true)),
    ("10 / 4 == 2.5", Ok(true)),
    ("1 / 0", Ok(true)),
    ("1 / 0 > 5", Ok(true)),
    ("1 / 0 == 1 / 0", Ok(true)),
    ("5 % 0 == 5", Ok(false)),
    ("0 / 0 == 0 / 0", Ok(false)),
    ("(1", Err("(1")),
    ("1)", Err("1)")),
    ("()", Err("()")),
    ("1 2", Err("1 2")),
    (".year .name", Err(".year .name")),
    ("and", Err("and")),
    ("1 and", Err("1 and")),
    ("1 and and 1", Err("1 and and 1")),
    ("not", Err("not")),
    ("not not 1", Err("not not 1")),
    ("!!1", Err("!!1")),
    ("1 == 1 == 1", Ok(true)),
    ("3 > 2 > 1", Ok(false)),
    (".year - 4 == 1980", Ok(true)),
    (".year-4 == 1980", Ok(false)),
    (".year -4 == 1980", Ok(true)),
    (".f * 2 == 3", Ok(true)),
    (".f == 1.5", Ok(true)),
    (".f == 1.50", Ok(true)),
    (".f == .5 + 1", Ok(false)),
    ("1.5e0 == 1.5", Ok(true)),
    ("1e3 == 1000", Ok(true)),
    ("0x10 == 16", Err("10 == 16")),
    ("+5 == 5", Err("+5 == 5")),
    (".5 == 0.5", Ok(false)),
    ("5. == 5", Ok(true)),
    ("1_0", Err("_0")),
    ("true", Err("true")),
    ("false", Err("false")),
    ("null", Ok(false)),
    ("not false", Err("not false")),
    ("true == 1", Err(" == 1")),
    (r#""abc"#, Err(r#""abc"#)),
    ("'abc", Err("'abc")),
    (r#""a\"b" == 'a"b'"#, Ok(false)),
    (r#""" == """#, Ok(true)),
    (r#""x""#, Ok(true)),
    (r#""0""#, Ok(true)),
    ("1 AND 1", Err(" 1")),
    ("1 And 1", Err(" 1")),
    ("NOT 0", Err(" 0")),
    ("1 OR 0", Err(" 0")),
    (".YEAR", Ok(false)),
    (".Year == 1984", Ok(false)),
    ("year == 1984", Err(" == 1984")),
    ("foo", Err("foo")),
    ("@", Err("@")),
    (".", Ok(false)),
    (". year", Err(". year")),
    (r#".year > "1980""#, Ok(true)),
    (".name == 0", Ok(true)),
    (".name + 1", Ok(true)),
    (".name + 1 == 1", Ok(true)),
    (r#""a" + "b" == "ab""#, Ok(true)),
    (".t + 1 == 2", Ok(true)),
    (".t and .year", Ok(true)),
    ("1 and 2", Ok(true)),
    ("2 and 3 == 3", Ok(true)),
    ("(.year) == (1984)", Ok(true)),
    ("[1,2]", Ok(true)),
    ("1 in [1,2,]", Ok(true)),
    ("1 in [,1]", Err(",1]")),
    ("1 in [1 2]", Err("2]")),
    ("1 in [1,[2]]", Err("[2]]")),
    ("1 in [1", Err("1 in [1")),
    ("1 in 1", Ok(false)),
    (".year in .tags", Ok(false)),
    (".name in .tags", Ok(false)),
    ("1 in .arr2", Ok(false)),
    ("3 in .arr2", Ok(true)),
    (r#""a" in .tags and .year > 1"#, Ok(true)),
    (".year not in [1]", Ok(false)),
    ("not .year in [1]", Ok(false)),
    ("not (.year in [1])", Ok(true)),
    (".year IN [1984]", Err(" [1984]")),
    (".year<>1984", Err(".year<>1984")),
    (".year === 1984", Err(" 1984")),
    (".year ! 1", Err(".year ! 1")),
    ("1 & 1", Err(" 1")),
    ("1 | 0", Err(" 0")),
    ("2 ^ 3", Err("^ 3")),
    ("~1", Err("~1")),
    (".a-b == 3", Ok(true)),
    (".a-b == -1", Ok(false)),
    (".a9 == 9", Ok(true)),
    (".9a == 8", Ok(true)),
    ("9 == .a9", Ok(true)),
    ("-5 == .neg", Ok(true)),
    ("- 5 == .neg", Err("- 5 == .neg")),
    ("3 -5 == -2", Ok(true)),
    ("3 - -5 == 8", Ok(true)),
    ("3--5 == 8", Ok(true)),
    ("2*-3 == -6", Ok(true)),
    ("-2 ** 2 == 4", Ok(true)),
    ("-2 ** 2 == -4", Ok(false)),
    ("1 < 2 and 3 < 4", Ok(true)),
    ("1 < 2 == 1", Ok(true)),
    ("not 1 == 2", Ok(false)),
    ("not 1 > 2", Ok(false)),
    ("1 - 1 - 1 == -1", Ok(true)),
    ("8 / 4 / 2 == 1", Ok(true)),
    (r#""a" < "b""#, Ok(false)),
    (r#""b" > 1"#, Ok(false)),
    (r#"2 - "1" == 1"#, Ok(true)),
    (r#""1" == 1"#, Ok(true)),
    (r#""1" + "1" == 2"#, Ok(true)),
    (r#""1x" == 1"#, Ok(false)),
    (r#""x" == 0"#, Ok(true)),
    (r#""x" + 1 == 1"#, Ok(true)),
    ("1 == 1 and (0 or 1) and not 0", Ok(true)),
    (".emptyarr", Ok(true)),
    ("[] ", Ok(true)),
    ("1 in []", Ok(false)),
    ("2e .c", Err(" .c")),
    ("1.2.3 1x", Err(" 1x")),
    ("3.5<.)", Err(".)")),
    (".b.é", Err(".é")),
    ("+ .é (", Err(".é (")),
    (r#"andor + ""#, Err(r#"andor + ""#)),
    (r#">= " _x"#, Err(r#">= " _x"#)),
    (". ^ 1", Err(". ^ 1")),
    ("innot 1", Err("innot 1")),
    ("notx 1", Err(" 1")),
    (".year =& 5", Err(" 5")),
    ("1 <> 2", Err("1 <> 2")),
    ("1 orand 0", Err("1 orand 0")),
    (".year in [1984] == 1", Ok(true)),
    (r#"0 in ["x"]"#, Ok(true)),
    (".tags == 0", Ok(true)),
    (".tags + 1 == 1", Ok(true)),
    (".nu == .nu", Ok(true)),
    ("null == null", Ok(true)),
    ("null == 0", Ok(false)),
    ("null==0", Err("0")),
    ("null>.year", Err(".year")),
    ("(null)", Err("(null)")),
    ("(null) == 1", Err(" == 1")),
    ("( null ) == null", Ok(true)),
    ("not null", Ok(true)),
    ("null1", Err("null1")),
    ("[null]", Err("null]")),
    ("1 in [1, null ]", Err("null ]")),
    (".f ** -1 < 1", Ok(true)),
    ("5 - 3 - 1 == 1", Ok(true)),
    ("2 * 3 ** 2 == 18", Ok(true)),
    ("1 or 0 and 0", Ok(true)),
    ("1e+3 == 1000", Err("+3 == 1000")),
    ("1e-3 > 0", Err("-3 > 0")),
    ("1e3-2 == 998", Ok(true)),
    ("[1e-3]", Err("-3]")),
    ("1e400 > 1", Ok(true)),
    ("-1e400 < 1", Ok(true)),
    ("'1e-3' > 0", Ok(true)),
    ("' 1' == 1", Ok(true)),
    ("'\t1' == 1", Ok(true)),
    ("'1 ' == 0", Ok(true)),
    ("'0x1.8' == 1.5", Ok(true)),
    ("'-infinity' < 0", Ok(true)),
    ("'nan(1)' == 0", Ok(false)),
    ("'-nan' != 1", Ok(true)),
    ("'nan(' == 0", Ok(true)),
    ("1 == 2 or 1", Ok(true)),
    ("not 0 + 1 == 2", Ok(true)),
    (r#""ob" in .name"#, Ok(true)),
    ("1 in .name", Ok(false)),
    (r#""1" in "212""#, Ok(true)),
];

const ON_OTHERS: &[(&str, Rows)] = &[
    (r#""#, &[("1", Ok(true))]),
    (r#"5"#, &[("1", Ok(true)), (".a", Ok(false)), ("not .a", Ok(false))]),
    (r#"[]"#, &[("1", Ok(true)), (".a", Ok(false))]),
    (r#"{"#, &[("1", Ok(true)), (".a", Ok(false)), ("not .a", Ok(false)), ("!.a or 1", Ok(false))]),
    (r#"{"a":1"#, &[(".a == 1", Ok(true)), ("1", Ok(true))]),
    (r#"{"a":1}}}"#, &[(".a==1", Ok(true))]),
    (r#" { "a" : 1 } "#, &[(".a == 1", Ok(true))]),
    (r#"{"a":1,"a":2}"#, &[(".a==1", Ok(true)), (".a==2", Ok(false))]),
    (r#"{a:1}"#, &[(".a == 1", Ok(false)), ("1", Ok(true))]),
    (r#"{"a":tru}"#, &[(".a", Ok(false)), ("1", Ok(true))]),
    (r#"{"b":[1,2,{"a":5}],"a":3}"#, &[(".a==3", Ok(true)), (".a==5", Ok(false))]),
    (r#"{"b":"\"a\":5","a":3}"#, &[(".a==3", Ok(true))]),
    (r#"{"\u0061":1}"#, &[(".a==1", Ok(false))]),
    (r#"{"a":"1\/2"}"#, &[(r#".a=="1/2""#, Ok(true))]),
    (r#"{"a":-1.5e2}"#, &[(".a == -150", Ok(true))]),
    (r#"{"a":01}"#, &[(".a==1", Ok(true))]),
    (r#"{"a":+1,"b":1e+,"c":2}"#, &[(".a == 1", Ok(true)), (".b or 1", Ok(false)), (".c == 2", Ok(true))]),
    (r#"{"a":truex,"c":2}"#, &[(".a or 1", Ok(false)), (".c == 2", Ok(false))]),
    (r#"{"a":1e5x,"c":2}"#, &[(".a == 100000", Ok(true)), (".c == 2", Ok(false))]),
    (r#"{"a":[1,truex],"c":2}"#, &[("1 in .a", Ok(false)), (".c == 2", Ok(true))]),
    (r#"{"a":.5,"c":2}"#, &[(".a or 1", Ok(false)), (".c == 2", Ok(true))]),
    (r#"{"a":NaN}"#, &[(".a", Ok(false)), ("1", Ok(true))]),
    (r#"{"a":[{"b":1}]}"#, &[(".a == 0", Ok(false)), (".a", Ok(false))]),
    (r#"{"a":[[{}]],"c":2}"#, &[(".a == 0", Ok(false)), (".a", Ok(false)), (".c == 2", Ok(true))]),
    (r#"{"a":[[1 2]]}"#, &[(".a", Ok(false))]),
    (r#"{"a":[[nul]]}"#, &[(".a", Ok(false))]),
    (r#"{"a":[[1,]]}"#, &[(".a", Ok(false))]),
    (r#"{"a":[[1],2"#, &[(".a", Ok(false))]),
    (
        r#"{"a":[ [ ] , [ [1 , "]" ] ],2 ]}"#,
        &[(".a == 0", Ok(true)), ("2 in .a", Ok(true)), ("1 in .a", Ok(false)), ("0 in .a", Ok(true))],
    ),
    (r#"{"b":[{]},"a":1}"#, &[(".a == 1", Ok(true))]),
    (r#"{"b":{"c":]},"a":1}"#, &[(".a == 1", Ok(true))]),
    (
        r#"{"a":123456789,"b":1234567890,"c":0}"#,
        &[(".a == 123456789", Ok(true)), (".b == 1234567890", Ok(true)), ("not .c", Ok(true))],
    ),
    (
        r#"{"a":"\n","b":"""}"#,
        &[(".a == '\n'", Ok(false)), ("'\"' == .b", Ok(false)), (".a != .b", Ok(true))],
    ),
    (
        r#"{"a":[1,"x",true,null,[1],{}]}"#,
        &[
            ("true in .a", Err(" in .a")),
            ("1 in .a", Ok(false)),
            (r#""x" in .a"#, Ok(false)),
            ("null in .a", Ok(false)),
        ],
    ),
];

fn check(attributes: &str, rows: Rows) {
    for (expression, expected) in rows {
        let filter = Filter::compile(expression.as_bytes());
        let result = filter.map(|filter| filter.matches(attributes.as_bytes()));
        let result = result.map_err(|error| String::from_utf8(error.near).expect("UTF-8"));
        assert_eq!(
            result.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|near| *near),
            "{expression}"
        );
    }
}

#[test]
fn expressions_are_understood_as_redis_does() {
    check(ATTRIBUTES, ON_ATTRIBUTES);
}

#[test]
fn attributes_are_read_as_redis_does() {
    ON_OTHERS.iter().for_each(|(attributes, rows)| check(attributes, rows));
}

/// Redis leaves such characters as they are written.
#[test]
fn escaped_characters_are_what_they_stand_for() {
    let attributes = r#"{"a":"x\u0041\u00e9\ud83d\ude00\n\ud83d"}"#;
    let filter = Filter::compile("'xA\u{e9}\u{1f600}\n\u{fffd}' == .a".as_bytes()).expect("an expression");
    assert!(filter.matches(attributes.as_bytes()));
}

/// A number has 255 bytes at most.
#[test]
fn long_numbers_are_cut_off_or_none_as_redis_has_it() {
    let holds = |attributes: &str, expression: &str| {
        let filter = Filter::compile(expression.as_bytes()).map_err(|error| error.near.len());
        filter.map(|filter| filter.matches(attributes.as_bytes()))
    };
    for (count, is_number) in [(254, true), (255, true), (256, false), (300, false)] {
        let digits = "1".repeat(count);
        assert_eq!(holds(&format!("{{\"a\":\"{digits}\"}}"), ".a > 1"), Ok(is_number), "{count}");
        assert_eq!(holds("{}", &format!("'{digits}' > 1")), Ok(is_number), "{count}");
        assert_eq!(holds(&format!("{{\"a\":[{digits},1]}}"), "1 in .a"), Ok(is_number), "{count}");
        assert_eq!(holds(&format!("{{\"a\":{digits}}}"), ".a > 1"), Ok(true), "{count}");
        assert_eq!(holds(&format!("{{\"a\":{digits},\"b\":2}}"), ".b == 2"), Ok(true), "{count}");
        let expected = if is_number { Ok(true) } else { Err(count - 255 + " > 1".len()) };
        assert_eq!(holds("{}", &format!("{digits} > 1")), expected, "{count}");
    }
    assert_eq!(holds("{}", &format!("-{} < 1", "1".repeat(255))), Err("1 < 1".len()));
}

#[test]
fn deep_and_long_expressions_are_compiled_without_recursion() {
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(Filter::compile(deep.as_bytes()).expect("an expression").matches(b"{}"));
    let long = vec!["1"; 10_000].join("+");
    assert!(Filter::compile(long.as_bytes()).expect("an expression").matches(b"{}"));
    assert!(Filter::compile("1 ".repeat(super::BYTES_MAX).as_bytes()).is_err());
    let nested = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Filter::compile(b".b == 1").expect("an expression").matches(nested.as_bytes()));
    assert!(Filter::compile(b".a == 0").expect("an expression").matches(nested.as_bytes()));
    let high = format!("{}1{}", "1 + (".repeat(100), ")".repeat(100));
    assert!(Filter::compile(format!("{high} == 101").as_bytes()).expect("an expression").matches(b"{}"));
}

proptest! {
    /// Whatever bytes there are, nothing panics.
    #[test]
    fn any_bytes_are_taken_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "1", "-2", "3.5e1", "'a'", "\"b\"", ".a", ".b", ".c", "[1,'a']", "(", ")", "and", "or", "not", "in", "==", "!=",
            "<", ">=", "+", "-", "*", "/", "%", "**", "null", "\\", "[", "'", ",", ".", "e",
        ]), 0..12),
        attributes in prop_oneof![
            Just(r#"{"a":1,"b":"a","c":[1,"a",null]}"#.to_owned()),
            "[\\{\\}\\[\\]\":,a0\\\\-]{0,20}",
        ],
    ) {
        if let Ok(filter) = Filter::compile(words.join(" ").as_bytes()) {
            let _ = filter.matches(attributes.as_bytes());
        }
        let _ = Filter::compile(attributes.as_bytes());
    }
}
