use super::{Frame, parse};

/// What is read from the wire, shown, and read back from what was shown, is the same; and shows as `text`.
fn check(wire: &[u8], text: &str) {
    let mut input = wire;
    let frame = Frame::read(&mut input).expect("the frame is well-formed");
    assert!(input.is_empty(), "{text}: everything is read");
    assert_eq!(frame.to_string(), text);
    assert_eq!(parse(text.lines()).expect("what was shown can be read"), [frame]);
}

#[test]
fn every_kind_survives_showing_and_reading() {
    check(b"+OK\r\n", "+OK\n");
    check(b"-ERR no\\such\r\n", "-ERR no\\\\such\n");
    check(b":-7\r\n", ":-7\n");
    check(b"$4\r\na\"\r\xff\r\n", "\"a\\\"\\r\\xff\"\n");
    check(b"$-1\r\n", "$nil\n");
    check(b"*-1\r\n", "*nil\n");
    check(b"_\r\n", "_\n");
    check(b",3.5\r\n", ",3.5\n");
    check(b"#t\r\n", "#t\n");
    check(b"(123\r\n", "(123\n");
    check(b"=5\r\ntxt:x\r\n", "= \"txt:x\"\n");
    check(b"!3\r\nERR\r\n", "! \"ERR\"\n");
    check(b"*2\r\n*0\r\n:1\r\n", "*2\n  *0\n  :1\n");
    check(b"%1\r\n+k\r\n~1\r\n:1\r\n", "%1\n  +k\n  ~1\n    :1\n");
    check(b"|1\r\n+k\r\n:2\r\n>1\r\n+x\r\n", "|1\n  +k\n  :2\n  >1\n    +x\n");
    check(b"", "closed\n");
}

#[test]
fn long_strings_are_kept_as_digests() {
    let frame = Frame::Many { kind: b'*', items: vec![Frame::Blob { kind: b'$', bytes: vec![b'x'; 5000] }] };
    let short = frame.abbreviated();
    assert_eq!(parse(short.to_string().lines()).expect("digests can be read"), [short]);
}

#[test]
fn broken_replies_are_refused() {
    for wire in [&b"?\r\n"[..], b"+OK", b"$3\r\nab\r\n", b"*2\r\n:1\r\n", b"$x\r\n", b"\r\n"] {
        assert!(Frame::read(&mut &*wire).is_err(), "{wire:?}");
    }
}
