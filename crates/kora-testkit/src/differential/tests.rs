use std::collections::BTreeSet;

use super::shrink::shrink;
use super::{Difference, Generator, Step};
use crate::frame::Frame;
use crate::transcript::{Origin, Rule};

#[test]
fn a_seed_gives_the_same_commands_every_time() {
    let commands = |seed| {
        let mut generator = Generator::new(seed, Origin::Valkey, &[]);
        (0..1000).map(|_| generator.step().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(commands(7), commands(7));
    assert_ne!(commands(7), commands(8));
}

#[test]
fn every_form_comes_up() {
    let mut generator = Generator::new(1, Origin::Valkey, &[]);
    let mut names: BTreeSet<_> = Generator::commands().collect();
    for _ in 0..50_000 {
        let name = generator.step().args[0].to_ascii_uppercase();
        names.retain(|rare| rare.as_bytes() != name);
    }
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn scripts_are_compared_command_by_command() {
    let commands = ["SMEMBERS", "TTL", "GET"].map(|name| Step::of(vec![name.as_bytes().to_vec()]));
    let [mut members, mut deadline, value] = commands;
    members.rules.push(Rule::Sorted);
    deadline.rules.push(Rule::Near(3));
    let eval = Step { commands: vec![members, deadline, value], ..Step::of(vec![b"EVAL".to_vec()]) };
    let line = |kind: u8, text: &str| Frame::Line { kind, text: text.as_bytes().to_vec() };
    let many = |items: Vec<Frame>| Frame::Many { kind: b'*', items };
    let reply = |members: [&str; 2], deadline: &str, value: &str| {
        let members = members.map(|member| line(b'+', member));
        many(vec![many(members.into()), line(b':', deadline), line(b'+', value)])
    };
    let accepts = |other: Frame| eval.accepts(&reply(["a", "b"], "10", "x"), &other);
    assert!(accepts(reply(["b", "a"], "9", "x")));
    assert!(!accepts(reply(["b", "c"], "10", "x")));
    assert!(!accepts(reply(["a", "b"], "20", "x")));
    assert!(!accepts(reply(["a", "b"], "10", "y")));
    assert!(!accepts(many(vec![many(Vec::new()), line(b':', "10")])));
    assert!(!accepts(line(b'-', "ERR x")));
    assert!(eval.accepts(&line(b'-', "ERR x"), &line(b'-', "ERR x")));
    assert!(!eval.accepts(&line(b'-', "ERR x"), &line(b'-', "ERR y")));
}

#[test]
fn scripts_declare_all_some_or_none_of_their_keys() {
    let mut generator = Generator::new(1, Origin::Redis, &[]);
    let mut counts = BTreeSet::new();
    for _ in 0..200 {
        let step = generator.script_step();
        let key_count: usize = String::from_utf8_lossy(&step.args[2]).parse().expect("a number");
        let words: usize = step.commands.iter().map(|command| command.args.len()).sum();
        assert_eq!(step.args.len(), 3 + key_count + words, "{step}");
        counts.insert((step.commands.len(), key_count));
    }
    let all = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3)];
    assert!(all.iter().filter(|count| counts.contains(count)).count() >= 8, "{counts:?}");
}

#[test]
fn shrinking_leaves_what_the_difference_takes() {
    let step = |name: &str| Step::of(vec![name.as_bytes().to_vec()]);
    let steps: Vec<_> = (0..1000).map(|index| step(&index.to_string())).collect();
    let difference = || Difference { what: String::new(), reference: Frame::Closed, other: Frame::Closed };
    let fails = |steps: &[Step]| {
        let has = |name: &[u8]| steps.iter().any(|step| step.args[0] == name);
        Ok((has(b"17") && has(b"612")).then(difference))
    };
    let (rest, _) = shrink(&steps, difference(), fails).expect("the check can't fail");
    let names: Vec<_> = rest.iter().map(Step::to_string).collect();
    assert_eq!(names, ["17", "612"]);
}
