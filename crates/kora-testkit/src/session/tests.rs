use std::collections::VecDeque;
use std::io;
use std::path::Path;

use super::{record, replay};
use crate::frame::Frame;
use crate::target::{Connection, Resp, Target};
use crate::transcript::Transcript;

/// Answers every command with its last argument, or `+3` for a client of RESP3 that says `PROTO`.
struct Echo;

struct EchoConnection {
    resp: Resp,
    replies: VecDeque<Frame>,
}

impl Target for Echo {
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(EchoConnection { resp, replies: VecDeque::new() }))
    }

    fn has_command(&self, args: &[Vec<u8>]) -> bool {
        args[0] != b"UNKNOWN"
    }
}

impl Connection for EchoConnection {
    fn send(&mut self, args: &[Vec<u8>]) -> io::Result<()> {
        let bytes = args.last().cloned().unwrap_or_default();
        let is_new = bytes == b"PROTO" && self.resp == Resp::V3;
        let line = Frame::Line { kind: b'+', text: b"3".to_vec() };
        self.replies.push_back(if is_new { line } else { Frame::Blob { kind: b'$', bytes } });
        Ok(())
    }

    fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(&[bytes.to_vec()])
    }

    fn receive(&mut self) -> io::Result<Frame> {
        Ok(self.replies.pop_front().unwrap_or(Frame::Closed))
    }
}

fn parse(text: &str) -> Transcript {
    Transcript::parse(Path::new("t.txt"), text).expect("the text is well-formed")
}

#[test]
fn recording_notes_both_protocols_and_leaves_accepted_replies_alone() {
    let mut transcript = parse("server: redis 8.0.2\n> PROTO\n~ near 5\n> TTL 98\n\"100\"\n> GET a\n\"b\"\n");
    record(&mut transcript, &mut Echo).expect("every step is answered");
    let expected = "server: redis 8.0.2\n> PROTO\n[resp2]\n\"PROTO\"\n[resp3]\n+3\n\
                    ~ near 5\n> TTL 98\n\"100\"\n> GET a\n\"a\"\n";
    assert_eq!(transcript.to_string(), expected);
}

#[test]
fn replaying_reports_what_differs() {
    let text =
        "server: redis 8.0.2\n> A x\n\"x\"\n> A y\n\"x\"\n> UNKNOWN\n+OK\n! raw close abc\n\"abc\"\nclosed\n";
    let report = replay(&parse(text), &mut Echo, Resp::V2);
    assert_eq!((report.compared, report.skipped, report.mismatches.len()), (3, 1, 1));
    let shown = report.mismatches[0].to_string();
    assert_eq!(shown, "t.txt:4 (RESP2)\n  > A y\n  expected \"x\"\n  got      \"y\"\n");
}
