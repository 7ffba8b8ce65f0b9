//! Draws commands and their arguments.

use super::table::{Argument, Command};
use crate::differential::Rng;

/// Most times that something is repeated which may be.
const TIMES_MAX: usize = 4;

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "10",
    "100",
    "-1",
    "-2",
    "1000",
    "4294967295",
    "4294967296",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "1e3",
    "0x10",
    "",
    " 1",
    "01",
    "abc",
];

const DOUBLES: &[&str] = &[
    "0", "1", "-1", "1.5", "inf", "-inf", "nan", "1e308", "-1e-308", "5e-324", "1e400", "0.1", "", "x",
    "180", "85",
];

const PATTERNS: &[&str] =
    &["*", "?", "k*", "[a-", "[^a]*", "\\", "", "list:*", "**************************b", "{"];

/// What a string may be: words that some command takes for something else among them.
const STRINGS: &[&[u8]] = &[
    b"",
    b"a",
    b"b",
    b"field",
    b"1",
    b"-1",
    b"3.5",
    b"*",
    b"+",
    b"-",
    b"(",
    b"[",
    b"(5",
    b"[a",
    b"$",
    b">",
    b"0-0",
    b"1-1",
    b"0-*",
    b"get",
    b"set",
    b"count",
    b"streams",
    b"keys",
    b"\0",
    b"\r\n",
    b"\xff\xfe",
    b"9223372036854775807",
    b"18446744073709551615-18446744073709551615",
    b"g",
    b"alice",
    b"m",
    b"km",
    b"u8",
    b"i64",
    b"#1",
    b"$",
    b"$.a",
    b"$..*",
    b".",
    b"$.a[0:2]",
    b"$[?(@.a>1)]",
    b"{\"a\":[1,{\"b\":null}],\"c\":\"x\"}",
    b"[[[[[1]]]]]",
    b"[1,2,3]",
    b"{",
    b"@a:[1 2]",
    b"hello world",
    b"(hello|world) -a",
    b"*=>[KNN 3 @v $q]",
    b"@t:{x}",
    b"'",
    b"\"",
    b"%hello%",
    b"8.0",
    b"volatile",
    b"OK",
];

/// Keys of one kind, mostly; some have a tag.
fn key(rng: &mut Rng, group: &str) -> Vec<u8> {
    let groups =
        ["string", "list", "hash", "set", "sorted-set", "stream", "module", "geo", "bitmap", "hyperloglog"];
    let group = if rng.one_in(5) { rng.pick(&groups) } else { group };
    let number = rng.below(4);
    match rng.below(40) {
        0 => Vec::new(),
        1 => b"\0\xff\r\n".to_vec(),
        2..12 => format!("{{t}}{group}:{number}").into_bytes(),
        _ => format!("{group}:{number}").into_bytes(),
    }
}

fn string(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => b"long ".repeat(1 + rng.place(3000)),
        1 => (0..rng.below(64)).map(|_| rng.next().to_le_bytes()[0]).collect(),
        2..8 => rng.pick(INTEGERS).as_bytes().to_vec(),
        8..12 => format!("m{}", rng.below(300)).into_bytes(),
        _ => rng.pick(STRINGS).to_vec(),
    }
}

/// The arguments of a command, its name first.
pub(super) fn command(rng: &mut Rng, command: &Command) -> Vec<Vec<u8>> {
    let mut args: Vec<Vec<u8>> = command.words.iter().map(|word| word.clone().into_bytes()).collect();
    for argument in &command.arguments {
        add(rng, argument, &command.group, &mut args);
    }
    if args.len() < command.least && !rng.one_in(20) {
        while args.len() < command.least {
            args.push(string(rng));
        }
    }
    spoil(rng, &mut args);
    args
}

fn add(rng: &mut Rng, argument: &Argument, group: &str, args: &mut Vec<Vec<u8>>) {
    if argument.is_optional && !rng.one_in(3) {
        return;
    }
    let times = if argument.is_multiple { 1 + rng.place(TIMES_MAX) } else { 1 };
    if let Some(token) = &argument.token {
        args.push(token.clone().into_bytes());
    }
    for _ in 0..times {
        match argument.kind.as_str() {
            "key" => args.push(key(rng, group)),
            "pure-token" => {}
            "oneof" => {
                if !argument.parts.is_empty() {
                    let at = rng.place(argument.parts.len());
                    add(rng, &Argument { is_optional: false, ..argument.parts[at].clone() }, group, args);
                }
            }
            "block" => argument.parts.iter().for_each(|part| add(rng, part, group, args)),
            "integer" if argument.name.contains("numkeys") => {
                args.push(rng.below(5).to_string().into_bytes())
            }
            // None waits for long.
            "double" if argument.name == "timeout" => args.push(b"0.05".to_vec()),
            "integer" | "unix-time" => args.push(rng.pick(INTEGERS).as_bytes().to_vec()),
            "double" => args.push(rng.pick(DOUBLES).as_bytes().to_vec()),
            "pattern" => args.push(rng.pick(PATTERNS).as_bytes().to_vec()),
            _ => args.push(string(rng)),
        }
    }
}

/// Makes some commands wrong.
fn spoil(rng: &mut Rng, args: &mut Vec<Vec<u8>>) {
    if !rng.one_in(6) || args.len() < 2 {
        return;
    }
    let at = 1 + rng.place(args.len() - 1);
    match rng.below(5) {
        0 => drop(args.remove(at)),
        1 => args.push(string(rng)),
        2 => args[at] = string(rng),
        3 => {
            let copy = args[at].clone();
            args.insert(at, copy);
        }
        _ => {
            let other = 1 + rng.place(args.len() - 1);
            args.swap(at, other);
        }
    }
}
