use kora_protocol::{Decoder, Frame};

use super::Catalog;
use super::syntax::{remaining, render_all};

fn bulk(text: &str) -> Frame {
    Frame::Bulk(text.as_bytes().to_vec())
}

fn map(pairs: &[(&str, Frame)]) -> Frame {
    Frame::Map(pairs.iter().map(|(key, value)| (bulk(key), value.clone())).collect())
}

/// An argument of type `kind`; `flags` are separated by blanks, and `token=` may be among them.
fn argument(name: &str, kind: &str, flags: &str, inner: &[Frame]) -> Frame {
    let mut facts = vec![("name", bulk(name)), ("type", bulk(kind))];
    let (tokens, flags): (Vec<&str>, Vec<&str>) =
        flags.split_whitespace().partition(|flag| flag.starts_with("token="));
    if let Some(token) = tokens.first() {
        facts.push(("token", bulk(token.trim_start_matches("token="))));
    }
    facts.push(("flags", Frame::Set(flags.into_iter().map(|flag| Frame::Simple(flag.into())).collect())));
    if !inner.is_empty() {
        facts.push(("arguments", Frame::Array(inner.to_vec())));
    }
    map(&facts)
}

fn set_arguments() -> Vec<Frame> {
    vec![
        argument("key", "key", "", &[]),
        argument("value", "string", "", &[]),
        argument(
            "condition",
            "oneof",
            "optional",
            &[argument("nx", "pure-token", "token=NX", &[]), argument("xx", "pure-token", "token=XX", &[])],
        ),
        argument("get", "pure-token", "optional token=GET", &[]),
        argument(
            "expiration",
            "oneof",
            "optional",
            &[
                argument("seconds", "integer", "token=EX", &[]),
                argument("keepttl", "pure-token", "token=KEEPTTL", &[]),
            ],
        ),
    ]
}

fn add_arguments() -> Vec<Frame> {
    let trim = [
        argument("maxlen", "pure-token", "token=MAXLEN", &[]),
        argument("approximately", "pure-token", "optional token=~", &[]),
        argument("threshold", "string", "", &[]),
        argument("count", "integer", "optional token=LIMIT", &[]),
    ];
    let field = [argument("field", "string", "", &[]), argument("value", "string", "", &[])];
    vec![
        argument("key", "key", "", &[]),
        argument("trim", "block", "optional", &trim),
        argument("id", "string", "", &[]),
        argument("data", "block", "multiple", &field),
    ]
}

fn catalog() -> Catalog {
    let sort = [
        argument("key", "key", "", &[]),
        argument("pattern", "pattern", "optional multiple multiple_token token=GET", &[]),
        argument("destination", "key", "optional token=STORE", &[]),
    ];
    let get = map(&[
        ("summary", bulk("Reads parameters.")),
        ("arguments", Frame::Array(vec![argument("parameter", "string", "multiple", &[])])),
    ]);
    Catalog::read(&map(&[
        ("set", map(&[("group", bulk("string")), ("arguments", Frame::Array(set_arguments()))])),
        ("add", map(&[("arguments", Frame::Array(add_arguments()))])),
        ("sort", map(&[("arguments", Frame::Array(sort.to_vec()))])),
        ("config", map(&[("summary", bulk("A container.")), ("subcommands", map(&[("config|get", get)]))])),
    ]))
}

/// What is hinted after `line`, a command and the words after it; `None` if nothing fits.
fn hint(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let catalog = catalog();
    let (command, named) = catalog.find(&words).expect("a known command");
    remaining(&command.arguments, &words[named..])
}

fn check(line: &str, expected: &str) {
    assert_eq!(hint(line).as_deref(), Some(expected), "{line}");
}

#[test]
fn syntax_is_rendered_as_in_documentation() {
    let catalog = catalog();
    let syntax = |name: &str| catalog.find(&[name]).expect("known").0.syntax();
    assert_eq!(syntax("set"), "key value [NX|XX] [GET] [EX seconds|KEEPTTL]");
    assert_eq!(syntax("add"), "key [MAXLEN [~] threshold [LIMIT count]] id field value [field value ...]");
    assert_eq!(syntax("sort"), "key [GET pattern [GET pattern ...]] [STORE destination]");
    assert_eq!(
        render_all(&catalog.find(&["config", "get"]).expect("known").0.arguments),
        "parameter [parameter ...]"
    );
}

#[test]
fn hints_shrink_as_words_are_typed() {
    check("set", "key value [NX|XX] [GET] [EX seconds|KEEPTTL]");
    check("SET k", "value [NX|XX] [GET] [EX seconds|KEEPTTL]");
    check("set k v", "[NX|XX] [GET] [EX seconds|KEEPTTL]");
    check("set k v get", "[NX|XX] [EX seconds|KEEPTTL]");
    check("set k v ex", "seconds [NX|XX] [GET]");
    check("set k v EX 10 nx", "[GET]");
    check("set k v keepttl xx get", "");
}

#[test]
fn words_that_do_not_fit_give_no_hint() {
    for line in ["set k v what", "set k v ex soon", "set k v nx xx", "set k v get get"] {
        assert_eq!(hint(line), None, "{line}");
    }
}

#[test]
fn repetitions_go_on() {
    check("config get", "parameter [parameter ...]");
    check("config get a", "[parameter ...]");
    check("CONFIG GET a b c", "[parameter ...]");
    check(
        "sort k get a",
        "[pattern ...] [STORE destination]".replace("[pattern ...]", "[GET pattern ...]").as_str(),
    );
    check("sort k get a get", "pattern [STORE destination]");
    check("sort k get a get b store d", "");
}

#[test]
fn blocks_may_end_with_optional_parts() {
    check("add k", "[MAXLEN [~] threshold [LIMIT count]] id field value [field value ...]");
    check("add k maxlen ~", "threshold [LIMIT count] id field value [field value ...]");
    check("add k maxlen ~ 10", "[LIMIT count] id field value [field value ...]");
    check("add k maxlen 10 limit 5 id", "field value [field value ...]");
    check("add k maxlen 10 id f", "value");
    check("add k id f v", "[field value ...]");
    check("add k id f v f", "value");
}

#[test]
fn subcommands_and_prefixes_are_found() {
    let catalog = catalog();
    let names = |prefix: &str| -> Vec<String> {
        catalog.starting_with(prefix).map(|command| command.name.clone()).collect()
    };
    assert_eq!(names("co"), ["CONFIG", "CONFIG GET"]);
    assert_eq!(names("config g"), ["CONFIG GET"]);
    assert_eq!(names("x"), Vec::<String>::new());
    assert_eq!(
        catalog.find(&["config", "nosuch"]).map(|(command, named)| (command.name.as_str(), named)),
        Some(("CONFIG", 1))
    );
    assert!(catalog.find(&["nosuch"]).is_none());
}

#[test]
fn replies_of_resp2_are_read() {
    let mut decoder = Decoder::new();
    decoder.feed(b"*2\r\n$3\r\nget\r\n*4\r\n$7\r\nsummary\r\n$1\r\ns\r\n$5\r\ngroup\r\n$6\r\nstring\r\n");
    let reply = decoder.next_frame().expect("valid").expect("whole");
    let catalog = Catalog::read(&reply);
    let (command, _) = catalog.find(&["GET"]).expect("known");
    assert_eq!((command.summary.as_str(), command.group.as_str()), ("s", "string"));
}

#[test]
fn nonsense_gives_an_empty_catalog() {
    assert_eq!(Catalog::read(&Frame::Error(b"ERR".to_vec())).commands().count(), 0);
    assert_eq!(Catalog::read(&Frame::Array(vec![Frame::Null, Frame::Null])).commands().count(), 1);
}

#[test]
fn costs_and_keys_are_read() {
    let command = |complexity: &str, arguments: &[Frame]| {
        let facts = map(&[("complexity", bulk(complexity)), ("arguments", Frame::Array(arguments.to_vec()))]);
        Catalog::read(&map(&[("c", facts)])).find(&["c"]).expect("known").0.clone()
    };
    let cost = |complexity: &str| command(complexity, &[]).cost().to_owned();
    assert_eq!(cost("O(log(N)+M) with N being"), "O(log(N)+M)");
    assert_eq!(cost("O(1)"), "O(1)");
    assert_eq!([cost("That of all"), cost("O(broken"), cost("")], ["", "", ""]);
    let key = argument("key", "key", "", &[]);
    let keys = argument("key", "key", "multiple", &[]);
    let value = argument("value", "string", "", &[]);
    let pairs = argument("data", "block", "multiple", &[key.clone(), value.clone()]);
    let at = |arguments: &[Frame]| -> Vec<bool> {
        let command = command("", arguments);
        (0..4).map(|position| command.has_key_at(position)).collect()
    };
    assert_eq!(at(&[key.clone(), value.clone()]), [true, false, false, false]);
    assert_eq!(at(&[value, keys]), [false, true, true, true]);
    assert_eq!(at(&[pairs]), [true, false, true, false]);
    assert_eq!(at(&[argument("x", "string", "optional", &[]), key]), [false; 4]);
}
