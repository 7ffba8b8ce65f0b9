use clap::Parser;

use super::Args;

fn parse(line: &str) -> Args {
    Args::try_parse_from(std::iter::once("kora-cli").chain(line.split(' '))).expect("valid arguments")
}

#[test]
fn options_end_at_the_command() {
    let args = parse("-h ::1 -p 7 set -h --raw -- 5");
    assert_eq!((args.host.as_str(), args.port, args.raw), ("::1", 7, false));
    assert_eq!(args.command().expect("no quotes"), [&b"set"[..], b"-h", b"--raw", b"--", b"5"]);
}

#[test]
fn the_last_of_contradicting_options_counts() {
    let args = parse("-p 1 -p 2 --raw --csv --no-raw -2 -3");
    assert_eq!(args.port, 2);
    assert!(args.no_raw && !args.raw && !args.csv);
    assert!(args.resp3 && !args.resp2);
}

#[test]
fn repetition_may_be_endless() {
    assert_eq!(parse("-r -1 -i 0.1 ping").repeat, -1);
}

#[test]
fn unknown_options_are_refused() {
    for line in ["--foo ping", "-D", "-p x", "-x -X tag set a tag", "-i -1 ping", "--show-pushes maybe"] {
        assert!(Args::try_parse_from(std::iter::once("kora-cli").chain(line.split(' '))).is_err(), "{line}");
    }
}

#[test]
fn quoted_input_is_unquoted() {
    let args = parse(r#"--quoted-input set "a\x00b" c"#);
    assert_eq!(args.command().expect("well quoted"), [&b"set"[..], b"a\0b", b"c"]);
    assert!(parse(r#"--quoted-input get "a"#).command().is_err());
}

#[test]
fn what_is_not_supported_is_said() {
    for line in ["--tls -s /tmp/socket ping", "-s /tmp/socket -u rediss://h ping"] {
        assert!(parse(line).check().is_err(), "{line}");
    }
}
