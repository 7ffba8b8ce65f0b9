//! Rules, what they come to, and how they are written down.

use kora_core::command::spec::{
    BeginSearch, Categories, Channels, Facts, FindKeys, Flags, KeyFlags, KeySpec,
};
use proptest::prelude::*;

use crate::catalog::Catalog;
use crate::judge::{Denial, Question, Verdict};
use crate::log::{Log, Place, Reason, Refusal};
use crate::pattern::{Access, Form, KeyPattern};
use crate::rules::{Context, RuleError, merge_selectors};
use crate::user::User;
use crate::users::Users;
use crate::{files, password::Digest};

const fn one(flags: KeyFlags) -> KeySpec {
    KeySpec::one(flags, 1)
}

const READ: &[KeySpec] = &[one(KeyFlags::RO.access())];
const WRITE: &[KeySpec] = &[one(KeyFlags::OW.update())];
const COPY: &[KeySpec] = &[one(KeyFlags::RO.access()), KeySpec::one(KeyFlags::OW.update(), 2)];
const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::RO.access(),
    begin: BeginSearch::Index(1),
    find: FindKeys::Range { last: -1, step: 1, limit: 0 },
    notes: None,
}];

const fn facts(name: &'static str, flags: Flags, categories: Categories, keys: &'static [KeySpec]) -> Facts {
    Facts { name, flags, categories, keys, ..Facts::NONE }
}

const NONE: Categories = Categories(0);

const TABLE: &[Facts] = &[
    facts("auth", Flags::NO_AUTH, Categories::CONNECTION, &[]),
    facts("config", Flags(0), NONE, &[]),
    facts("config|get", Flags::ADMIN, NONE, &[]),
    facts("config|set", Flags::ADMIN, NONE, &[]),
    facts("copy", Flags::WRITE, Categories::KEYSPACE, COPY),
    facts("debug", Flags::ADMIN, NONE, &[]),
    Facts { hidden: true, ..facts("debug|object", Flags::ADMIN, NONE, READ) },
    facts("get", Flags::READONLY, Categories::STRING, READ),
    facts("mget", Flags::READONLY, Categories::STRING, KEYS),
    Facts { channels: Channels::Patterns, ..facts("psubscribe", Flags::PUBSUB, NONE, &[]) },
    Facts { channels: Channels::One, ..facts("publish", Flags::PUBSUB, NONE, &[]) },
    facts("select", Flags::FAST, Categories::CONNECTION, &[]),
    facts("set", Flags::WRITE, Categories::STRING, WRITE),
    Facts { channels: Channels::Literals, ..facts("subscribe", Flags::PUBSUB, NONE, &[]) },
];

fn catalog() -> Catalog {
    Catalog::new(TABLE.iter())
}

fn made(rules: &[&str]) -> Result<User, RuleError> {
    let catalog = catalog();
    let context = Context { catalog: &catalog, all_channels: false };
    let mut user = User::new(*b"u", context);
    rules.iter().try_for_each(|rule| user.apply(rule.as_bytes(), context))?;
    Ok(user)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn described(rules: &[&str]) -> String {
    text(made(rules).unwrap().describe(Form::Shown))
}

fn asked(rules: &[&str], command: &str) -> Verdict {
    let catalog = catalog();
    let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
    let full = command.split(' ').take(2).collect::<Vec<_>>().join("|");
    let find = |name: &str| TABLE.iter().position(|facts| facts.name == name);
    let place = find(&full).or_else(|| find(command.split(' ').next().unwrap())).unwrap();
    let question =
        Question { catalog: &catalog, id: catalog.of_place(place), facts: &TABLE[place], args: &words };
    question.judge(&made(rules).unwrap())
}

#[test]
fn a_new_user_may_do_nothing() {
    assert_eq!(described(&[]), "off sanitize-payload resetchannels -@all");
    assert_eq!(asked(&[], "get x"), Err(Denial::Command));
    assert_eq!(asked(&[], "auth x"), Ok(()));
}

#[test]
fn rules_are_written_as_redis_writes_them() {
    let cases: &[(&[&str], &str)] = &[
        (&["on", "nopass", "~*", "&*", "+@all"], "on nopass sanitize-payload ~* &* +@all"),
        (&["allkeys", "ALLCHANNELS", "allcommands"], "off sanitize-payload ~* &* +@all"),
        (&["+select|0", "+@READ", "-get"], "off sanitize-payload resetchannels -@all +select|0 +@read -get"),
        (&["+config|get", "+config"], "off sanitize-payload resetchannels -@all +config"),
        (&["+get", "+set", "+GET"], "off sanitize-payload resetchannels -@all +set +get"),
        (&["+get", "-get", "-@all"], "off sanitize-payload resetchannels -@all"),
        (
            &["%rw~a", "%W~b", "%R~c", "%R~d", "%W~d"],
            "off sanitize-payload ~a %W~b %R~c ~d resetchannels -@all",
        ),
        (&["&a", "&b", "&a"], "off sanitize-payload resetchannels &a &b -@all"),
        (
            &["(~a +get)", "(\"&c\" +@read)"],
            "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (resetchannels &c -@all +@read)",
        ),
        (&["(\"a)"], "off sanitize-payload resetchannels -@all (resetchannels -@all)"),
        (&["(+get)", "clearselectors"], "off sanitize-payload resetchannels -@all"),
        (
            &["skip-sanitize-payload", "on", "~x", "+get", "(+get)", "reset"],
            "off sanitize-payload resetchannels -@all",
        ),
        (&["+cluster|info", "-sync"], "off sanitize-payload resetchannels -@all +cluster|info -sync"),
        (&["+debug|object", "+@admin"], "off sanitize-payload resetchannels -@all +debug|object +@admin"),
        (&["%R"], "off sanitize-payload %R~ resetchannels -@all"),
    ];
    for (rules, expected) in cases {
        assert_eq!(described(rules), *expected, "{rules:?}");
    }
}

#[test]
fn rules_that_mean_nothing_are_refused() {
    let cases: &[(&[&str], RuleError)] = &[
        (&["+nosuch"], RuleError::Unknown),
        (&["-get|x"], RuleError::Unknown),
        (&["+config|nosuch"], RuleError::Unknown),
        (&["+@nosuch"], RuleError::Unknown),
        (&["(+nosuch)"], RuleError::Unknown),
        (&["nosuch"], RuleError::Syntax),
        (&["+get|"], RuleError::Syntax),
        (&["%X~a"], RuleError::Syntax),
        (&["%~a"], RuleError::Syntax),
        (&["%RR~a"], RuleError::Syntax),
        (&["~a b"], RuleError::Syntax),
        (&["&a b"], RuleError::Syntax),
        (&["(+get"], RuleError::Syntax),
        (&["(on)"], RuleError::Syntax),
        (&["((+get))"], RuleError::Syntax),
        (&["~*", "~a"], RuleError::AllKeys),
        (&["&*", "&a"], RuleError::AllChannels),
        (&["<nosuch"], RuleError::NoSuchPassword),
        (&["#abc"], RuleError::Hash),
        (&["!ABC"], RuleError::Hash),
        (&["+config|get|x"], RuleError::FirstArgument),
    ];
    for (rules, expected) in cases {
        assert_eq!(made(rules).unwrap_err(), *expected, "{rules:?}");
    }
}

#[test]
fn passwords_are_kept_as_digests() {
    let digits = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let user = made(&["on", ">foo", ">bar", "<bar", ">foo"]).unwrap();
    assert_eq!(user.passwords().iter().map(Digest::digits).collect::<Vec<_>>(), [digits]);
    assert!(user.admits(b"foo") && !user.admits(b"bar"));
    assert!(!made(&[">foo"]).unwrap().admits(b"foo"), "it is off");
    assert!(made(&["on", "nopass"]).unwrap().admits(b"whatever"));
    assert!(!made(&["on"]).unwrap().admits(b""));
    let hashed = format!("#{digits}");
    assert!(made(&["on", &hashed]).unwrap().admits(b"foo"));
    assert!(!made(&["nopass", ">x"]).unwrap().needs_no_password());
}

#[test]
fn commands_are_judged_with_keys_and_channels() {
    let cases: &[(&[&str], &str, Verdict)] = &[
        (&["+get", "~a*"], "get abc", Ok(())),
        (&["+get", "~a*"], "get b", Err(Denial::Key(1))),
        (&["+get", "%W~*"], "get b", Err(Denial::Key(1))),
        (&["+set", "%R~*"], "set b 1", Err(Denial::Key(1))),
        (&["+@all", "%R~a", "%W~b"], "copy a b", Ok(())),
        (&["+@all", "%R~a", "%W~b"], "copy b a", Err(Denial::Key(1))),
        (&["+@all", "~a"], "mget a b a", Err(Denial::Key(2))),
        (&["+@all", "-@read", "~*"], "get a", Err(Denial::Command)),
        (&["+@read", "~a", "(+@all ~b)"], "set a 1", Err(Denial::Key(1))),
        (&["+@read", "~a", "(+@all ~b)"], "set b 1", Ok(())),
        (&["+select|0"], "select 0", Ok(())),
        (&["+select|0"], "select 1", Err(Denial::Command)),
        (&["+select|0", "-select"], "select 0", Err(Denial::Command)),
        (&["+select|0", "-@connection"], "select 0", Err(Denial::Command)),
        (&["+config|get"], "config get x", Ok(())),
        (&["+config|get"], "config set x y", Err(Denial::Command)),
        (&["+config", "-config|set"], "config set x y", Err(Denial::Command)),
        (&["+debug|object", "~*"], "debug object x", Ok(())),
        (&["+debug|jmap", "~*"], "debug object x", Err(Denial::Command)),
        (&["+debug", "~y"], "debug object x", Err(Denial::Key(2)).or(Err(Denial::Key(1)))),
        (&["+publish", "&a*"], "publish ab m", Ok(())),
        (&["+publish", "&a*"], "publish b m", Err(Denial::Channel(1))),
        (&["+subscribe", "&a", "&b"], "subscribe a b c", Err(Denial::Channel(3))),
        (&["+psubscribe", "&a*"], "psubscribe a*", Ok(())),
        (&["+psubscribe", "&a*"], "psubscribe ab", Err(Denial::Channel(1))),
        (&["+psubscribe", "&*"], "psubscribe ab", Ok(())),
    ];
    for (rules, command, expected) in cases {
        assert_eq!(asked(rules, command), *expected, "{rules:?}: {command}");
    }
}

#[test]
fn a_prefix_is_covered_by_what_matches_all_that_begins_with_it() {
    let covers = |rule: &str, prefix: &str| {
        KeyPattern::parse(rule.as_bytes()).unwrap().allows_prefix(prefix.as_bytes(), Access::READ)
    };
    for (rule, prefix) in [
        ("~*", ""),
        ("~doc:*", "doc:"),
        ("~doc:*", "doc:a"),
        ("%R~d?c:*", "doc:"),
        ("~*:*", "a:"),
        ("~d[a-z]c:*", "doc:"),
    ] {
        assert!(covers(rule, prefix), "{rule} {prefix}");
    }
    for (rule, prefix) in [
        ("~doc:*", ""),
        ("~doc:*", "do"),
        ("~doc:", "doc:"),
        ("%W~*", "doc:"),
        ("~doc:\\*", "doc:"),
        ("~doc:[1*", "doc:1"),
        ("~doc:[^*", "doc:1"),
        ("~doc:[1-\\]*", "doc:1"),
        ("~*x", "x"),
    ] {
        assert!(!covers(rule, prefix), "{rule} {prefix}");
    }
}

#[test]
fn selectors_in_several_words_become_one_rule() {
    let merged = |words: &[&str]| {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        merge_selectors(&words).map(|rules| rules.into_iter().map(text).collect::<Vec<_>>())
    };
    assert_eq!(
        merged(&["on", "(~x", "+get)", "off"]),
        Ok(vec!["on".into(), "(~x +get)".into(), "off".into()])
    );
    assert_eq!(merged(&["(a)", "(", ")"]), Ok(vec!["(a)".into(), "( )".into()]));
    assert_eq!(merged(&["on", "(a", "b"]), Err(1));
}

#[test]
fn a_file_counts_as_a_whole() {
    let catalog = catalog();
    let context = Context { catalog: &catalog, all_channels: false };
    let parse = |text: &str| files::parse(text.as_bytes(), "f", context);
    let users = parse("user a on nopass +get\n\n  user b off\n").unwrap();
    let lines = text(files::print(&users));
    assert_eq!(
        lines,
        "user a on nopass sanitize-payload resetchannels -@all +get\nuser b off sanitize-payload resetchannels \
         -@all\nuser default on nopass sanitize-payload ~* &* +@all\n"
    );
    assert_eq!(text(files::print(&parse(&lines).unwrap())), lines);
    let end = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
    let keyword = "should start with user keyword followed by the username. ";
    for (text, error) in [
        ("foo\n", format!("f:1 {keyword}{end}")),
        ("# no\nuser\n", format!("f:1 {keyword}f:2 {keyword}{end}")),
        ("user a +x\n", format!("f:1: Error in applying operation '+x': {}. {end}", RuleError::Unknown)),
        ("user a ~a\tb on\n", format!("f:1: Syntax error. {end}")),
        ("user a\nuser a\n", format!("WARNING: Duplicate user 'a' found on line 2. {end}")),
        ("user a (+get\n", format!("f:1: Unmatched parenthesis in selector definition.{end}")),
    ] {
        assert_eq!(parse(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn users_keep_who_they_are() {
    let catalog = catalog();
    let context = Context { catalog: &catalog, all_channels: false };
    let mut users = Users::new(&catalog);
    users.set(b"a", &["on"], context).unwrap();
    let known = users.get(b"a").unwrap().clone();
    assert_eq!(users.set(b"a", &["off", "nosuch"], context), Err((1, RuleError::Syntax)));
    assert!(users.get(b"a").unwrap().is_on(), "nothing of it counts");
    users.set(b"a", &["off"], context).unwrap();
    assert!(!users.current(&known).unwrap().is_on());
    users.replace(files::parse(b"user a on\nuser b on", "f", context).unwrap());
    assert!(users.current(&known).unwrap().is_on());
    assert!(users.remove(b"a") && !users.remove(b"a") && !users.remove(b"default"));
    users.set(b"a", &["on"], context).unwrap();
    assert!(users.current(&known).is_none(), "another user of that name");
    users.set_default_password(b"x");
    assert!(users.default_user().admits(b"x") && !users.default_user().is_open());
    users.set_default_password(b"");
    assert!(users.default_user().is_open());
}

#[test]
fn like_refusals_are_one_entry() {
    let refusal = |object: &str, at_ms| Refusal {
        reason: Reason::Key,
        place: Place::TopLevel,
        object: object.into(),
        user: b"u".to_vec(),
        client: Vec::new(),
        at_ms,
    };
    let mut log = Log::new(3);
    for (object, at_ms) in [("a", 0), ("b", 1), ("a", 60_000), ("b", 60_002)] {
        log.add(refusal(object, at_ms));
    }
    let seen: Vec<_> =
        log.iter().map(|entry| (entry.id, entry.count, entry.first_ms, entry.last.at_ms)).collect();
    assert_eq!(seen, [(2, 1, 60_002, 60_002), (0, 2, 0, 60_000), (1, 1, 1, 1)]);
    log.add(refusal("c", 60_003));
    assert_eq!(log.iter().map(|entry| entry.id).collect::<Vec<_>>(), [3, 2, 0]);
    log.set_max(0);
    log.add(refusal("d", 60_004));
    assert_eq!(log.iter().count(), 0);
}

fn rule() -> impl Strategy<Value = String> {
    let command = prop::sample::select(TABLE.iter().filter(|facts| !facts.hidden).collect::<Vec<_>>());
    let sign = prop::sample::select(vec!["+", "-"]);
    let category = prop::sample::select(crate::catalog::categories().chain(["all"]).collect::<Vec<_>>());
    prop_oneof![
        Just("on".to_owned()),
        Just("reset".to_owned()),
        Just("nopass".to_owned()),
        Just("allkeys".to_owned()),
        Just("allchannels".to_owned()),
        Just("+select|0".to_owned()),
        Just("+GET|x".to_owned()),
        "[a-c]{1,2}".prop_map(|word| format!(">{word}")),
        "[a-c*?]{1,3}".prop_map(|word| format!("&{word}")),
        "(~|%R~|%W~)[a-c][a-c*?]{0,3}",
        (sign.clone(), command).prop_map(|(sign, facts)| format!("{sign}{}", facts.name)),
        (sign, category).prop_map(|(sign, name)| format!("{sign}@{name}")),
    ]
}

proptest! {
    #[test]
    fn what_is_written_down_makes_the_same_user(
        rules in prop::collection::vec(rule(), 0..12),
        inside in prop::collection::vec("(~|%R~|%W~)[a-c*]{2,3}|[+]get|[-+]@read|&[a-c]", 0..4),
    ) {
        let catalog = catalog();
        let context = Context { catalog: &catalog, all_channels: false };
        let mut user = User::new(*b"u", context);
        for rule in rules.iter().chain([&format!("({})", inside.join(" "))]) {
            // Patterns beside all that there are: refused, and nothing changes.
            let _ = user.apply(rule.as_bytes(), context);
        }
        let line = user.line();
        let users = files::parse(&line, "f", context).unwrap();
        let again = users.get(b"u").unwrap();
        prop_assert_eq!(text(again.line()), text(line));
        prop_assert_eq!(&**again, &user);
    }

    #[test]
    fn whatever_the_bytes_rules_are_read_or_refused(
        rules in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
        text in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let catalog = catalog();
        let context = Context { catalog: &catalog, all_channels: true };
        let mut users = Users::new(&catalog);
        let words: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        if let Ok(rules) = merge_selectors(&words) {
            let _ = users.set(b"u", &rules, context);
        }
        let _ = files::parse(&text, "f", context);
    }
}

#[test]
fn what_is_written_can_be_read() {
    let catalog = catalog();
    let context = Context { catalog: &catalog, all_channels: false };
    for rules in [
        &["%RW~*", "%R~b"][..],
        &["%R~*", "%W~*", "~b"],
        &["(%RW~* ~x +get)"],
        &["~a", "%RW~*"],
        &["(%W~b %RW~* ~c)", "%R~x", "%RW~*", "%W~y"],
        &["~*"],
        &["(~*)", "~a"],
    ] {
        let mut users = Users::new(&catalog);
        users.insert(made(rules).unwrap());
        let file = files::print(&users);
        let again =
            files::parse(&file, "users", context).unwrap_or_else(|error| panic!("{rules:?}: {error}"));
        let (before, after) = (users.get(b"u").unwrap(), again.get(b"u").unwrap());
        assert_eq!(before, after, "{rules:?}");
        assert_eq!(before.describe(Form::Shown), after.describe(Form::Shown), "{rules:?}");
    }
}
