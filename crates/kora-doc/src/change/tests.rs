use kora_json::Json;

use super::{changed, parse};

fn run(document: &str, operations: &str) -> Result<String, String> {
    let args: Vec<&[u8]> = operations.split(' ').map(str::as_bytes).collect();
    let json = Json::parse_all(document).unwrap();
    let operations = parse(&args).map_err(|error| error.to_string())?;
    let after = changed(json.root(), &operations).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(after.text()).unwrap())
}

#[test]
fn operations_change_what_they_name() {
    for (before, operations, after) in [
        (r#"{"a":1}"#, r#"SET b.c "x" SET a 2"#, r#"{"a":2,"b":{"c":"x"}}"#),
        (r#"{"a":[1,{"b":2}]}"#, "SET a.1.b 3 set a.0 4", r#"{"a":[4,{"b":3}]}"#),
        (r#"{"a":1,"b":{"c":2,"d":3}}"#, "DEL b.c DEL a DEL x.y", r#"{"b":{"d":3}}"#),
        (r#"{"a":[1,2,3]}"#, "DEL a.1 DEL a.7", r#"{"a":[1,3]}"#),
        (r#"{"n":1}"#, "INCR n 2 INCR m 5 INCR d 0.5", r#"{"n":3,"m":5,"d":0.5}"#),
        (r#"{"n":9223372036854775807}"#, "INCR n 1", r#"{"n":9223372036854775808}"#),
        (r#"{"n":9223372036854775808}"#, "INCR n -9223372036854775808", r#"{"n":0}"#),
        (r#"{"n":9223372036854775808}"#, "INCR n -9223372036854775809", r#"{"n":-1}"#),
        (r#"{"n":18446744073709551615}"#, "INCR n -27670116110564327423", r#"{"n":-9223372036854775808}"#),
        (r#"{"n":-9223372036854775808}"#, "INCR n 27670116110564327423", r#"{"n":18446744073709551615}"#),
        (r#"{"n":-1}"#, "INCR n 18446744073709551616", r#"{"n":18446744073709551615}"#),
        (
            "{}",
            "INCR n -9223372036854775808 INCR m 18446744073709551615",
            r#"{"n":-9223372036854775808,"m":18446744073709551615}"#,
        ),
        (r#"{"n":0.5}"#, "INCR n -9223372036854775809", r#"{"n":-9.223372036854776e18}"#),
        (r#"{"n":1}"#, "INCR n -0 INCR n 1e0", r#"{"n":2.0}"#),
        (r#"{"n":1.5}"#, "INCR n 1", r#"{"n":2.5}"#),
        (r#"{"t":["a"]}"#, r#"PUSH t "b" PUSH u 1"#, r#"{"t":["a","b"],"u":[1]}"#),
        (r#"{"t":[1,2,1.0,"1",[1],1]}"#, "PULL t 1 PULL x 1 PULL t [1]", r#"{"t":[2,"1"]}"#),
        (r#"{"t":[]}"#, r#"PUSH t {"a":1} SET t.0.a 2"#, r#"{"t":[{"a":2}]}"#),
    ] {
        assert_eq!(run(before, operations).as_deref(), Ok(after), "{operations}");
    }
}

#[test]
fn what_can_not_be_done_is_refused() {
    for (before, operations, error) in [
        (r#"{"a":1}"#, "SET a.b 1", "no place"),
        (r#"{"a":[1]}"#, "SET a.1 1", "no place"),
        (r#"{"a":[1]}"#, "SET a.x 1", "no place"),
        (r#"{"a":"x"}"#, "INCR a 1", "'a' is no number"),
        (r#"{"a":"x"}"#, "PUSH a 1", "'a' is no array"),
        (r#"{"a":"x"}"#, "PULL a 1", "'a' is no array"),
        (r#"{"a":18446744073709551615}"#, "INCR a 1", "overflow"),
        (r#"{"a":1}"#, "INCR a 18446744073709551615", "overflow"),
        (r#"{"a":-9223372036854775808}"#, "INCR a -1", "overflow"),
        (r#"{"a":0}"#, "INCR a -9223372036854775809", "overflow"),
        ("{}", "INCR a 18446744073709551616", "overflow"),
        (r#"{"a":1}"#, "INCR a 340282366920938463463374607431768211456", "overflow"),
        (r#"{"a":1}"#, "INCR a 1e400", "not a valid float"),
        (r#"{"a":1}"#, "INCR a 01", "not a valid float"),
        (r#"{"a":1e308}"#, "INCR a 1e308", "NaN or Infinity"),
        ("{}", "INCR a x", "not a valid float"),
        ("{}", "SET a {", "invalid JSON"),
        ("{}", "SET a", "syntax error"),
        ("{}", "SET", "syntax error"),
        ("{}", "DEL a SET", "syntax error"),
        ("{}", "FOO a 1", "syntax error"),
        ("{}", "SET a..b 1", "a path is names"),
    ] {
        let refused = run(before, operations).unwrap_err();
        assert!(refused.contains(error), "{operations}: {refused}");
    }
    let deep = format!("SET a {}1{}", "[".repeat(127), "]".repeat(127));
    assert!(run("{}", &deep).unwrap_err().contains("deeper than 127"));
}
