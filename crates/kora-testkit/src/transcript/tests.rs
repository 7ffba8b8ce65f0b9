use std::path::Path;

use super::{Action, Arg, Rule, Transcript};
use crate::frame::Frame;
use crate::target::Resp;

const SAMPLE: &str = r#"# A heading.
server: redis 8.0.2

> SET k "a\x00" EXAT unix(+100)
+OK
~ near 2
@2> TTL k
:100
> COMMAND INFO get
[resp2]
*1
  "get"
[resp3]
~1
  "get"
! wait 20ms
@2! raw close "PING\r\n" repeat(x,70000)
-ERR Protocol error: too big inline request
closed
"#;

#[test]
fn a_transcript_is_written_as_it_was_read() {
    let transcript = Transcript::parse(Path::new("sample.txt"), SAMPLE).expect("the sample is well-formed");
    assert_eq!(transcript.to_string(), SAMPLE);
    let steps: Vec<_> = transcript.steps().collect();
    assert_eq!(steps.len(), 5);
    let Action::Command(args) = &steps[0].action else { panic!("the first step is a command") };
    assert_eq!(args[2..], [Arg::Bytes(b"a\0".to_vec()), Arg::Bytes(b"EXAT".to_vec()), Arg::Unix(100)]);
    assert_eq!((steps[1].connection, steps[1].line), (2, 7));
    assert_ne!(steps[2].answers.of(Resp::V2), steps[2].answers.of(Resp::V3));
    assert_eq!(steps[4].answers.of(Resp::V3)[1], Frame::Closed);
}

#[test]
fn what_is_not_understood_is_refused() {
    for text in ["+OK", "server: x", "server: redis 8.0.2\n> GET \"x", "server: redis 8.0.2\n~ foo\n> A"] {
        assert!(Transcript::parse(Path::new("bad.txt"), text).is_err(), "{text}");
    }
}

fn accepts(rule: &str, recorded: &str, got: &str) -> bool {
    let rules: [Rule; 1] = [rule.parse().expect("a rule")];
    let read = |wire: &str| {
        let wire = wire.replace(' ', "\r\n") + "\r\n";
        Rule::normalise(&rules, Frame::read(&mut wire.as_bytes()).expect("a frame"))
    };
    Rule::accept(&rules, &read(recorded), &read(got))
}

#[test]
fn rules_accept_what_they_say_and_no_more() {
    assert!(accepts("sorted", "*2 :1 :2", "*2 :2 :1"));
    assert!(!accepts("sorted", "*2 :1 :2", "*2 :2 :2"));
    assert!(accepts("pairs", "*4 :1 :9 :2 :8", "*4 :2 :8 :1 :9"));
    assert!(!accepts("pairs", "*4 :1 :9 :2 :8", "*4 :2 :9 :1 :8"));
    assert!(accepts("near 2", ":100", ":98"));
    assert!(!accepts("near 2", ":100", ":97"));
    assert!(!accepts("near 2", ":100", "+99"));
    assert!(accepts("shape", "*2 :1 +a", "*2 :7 +b"));
    assert!(!accepts("shape", "*2 :1 +a", "*1 :7"));
    assert!(accepts("subset", "*2 +a +b", "*1 +b"));
    assert!(!accepts("subset", "*2 +a +b", "*1 +c"));
    assert!(accepts("one-of a b", "+a", "+b"));
    assert!(accepts("match \"a*b*c\"", "+x", "+a--b--bc"));
    assert!(!accepts("match \"a*b*c\"", "+x", "+a--c"));
    assert!(accepts("contains b \"c\"", "+x", "+abc"));
    assert!(accepts("except k", "*3 +k +a +b", "*3 +k +c +b"));
    assert!(!accepts("except k", "*3 +k +a +b", "*3 +k +c +d"));
    assert!(!accepts("type", "+x", "-abc"));
}
