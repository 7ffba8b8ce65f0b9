//! Requests: what Redis 8.0.2 accepts and refuses, and that the pieces a frame arrives in make no difference.

use proptest::prelude::*;

use super::*;

/// Everything that a stream of bytes says: the requests in it, and the error that ends it, if one does.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Parses `stream` as it would arrive in pieces that end at the offsets `cuts` (ascending) and at its end.
fn parse_cut(stream: &[u8], limits: &Limits, cuts: &[usize]) -> Outcome {
    let mut parser = RequestParser::new();
    let (mut spans, mut requests, mut start) = (Vec::new(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([stream.len()]) {
        loop {
            let buf = &stream[start..end];
            match parser.parse(buf, limits, &mut spans) {
                Err(error) => return (requests, Some(error)),
                Ok(None) => break assert!(spans.is_empty() && parser.wanted() >= buf.len()),
                Ok(Some(request)) => {
                    let source = parser.source(&request, buf);
                    requests.push(spans.iter().map(|span| span.slice(source).to_vec()).collect());
                    assert!(request.consumed > 0 && !parser.is_mid_frame());
                    start += request.consumed;
                }
            }
        }
    }
    (requests, None)
}

fn parse(stream: &[u8]) -> Outcome {
    parse_cut(stream, &Limits::default(), &[])
}

fn refused(stream: &[u8]) -> String {
    parse(stream).1.expect("an error").to_string()
}

/// Frames of every kind, whole, broken and unfinished.
fn corpus() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 31] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
        b"*2\r\n$4\r\nECHO\r\n$12\r\nhello\r\nworld\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
        b"*0\r\n*-1\r\n*-9223372036854775808\r\nPING\r\n",
        b"*1\rX$4\rYPINGZZPING\n",
        b"PING\r\n\r\n\n  \r\nECHO a\tb  c \r\n",
        b"ECHO \"a b\" 'c d' x\"y\"\r\nPING\r\n",
        b"\x0bPING \x0b\x0c a\x0bb\n",
        b"PING \"\\x41\\n\\q\\xzz\\t\\b\\a\\r\\\\\\\"\" '\\'\\n'\n",
        b"PING a\"b\n",
        b"PING 'a'b\n",
        b"PING \"a\\\"\n",
        b"PING a\0b \0\n",
        b"*abc\r\n",
        b"*\r\n",
        b"*+1\r\n",
        b"*01\r\n",
        b"*2147483648\r\n",
        b"*2147483647\r\n$1\r\na",
        b"*1\r\nxyz\r\n",
        b"*1\r\n\r\n\r\n",
        b"*2\r\n$4\r\nPING\r\n:1\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$04\r\nPING\r\n",
        b"*1\r\n$00\r\n\r\n",
        b"*1\r\n$1a\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$536870912\r\nabc",
        b"*1\r\n$9\0\r\n",
        b"*11\r\n$4\r\nPING\r\n",
        b"*3\r\n$2\r\nab\r\n$1\r\n",
    ];
    let mut corpus: Vec<_> = texts.map(<[u8]>::to_vec).into();
    for length in [9, 10, 11, 99, 100, 101, 999, 1000, 1001] {
        let mut frame = Vec::new();
        crate::encode_request(&mut frame, &[b"SET".to_vec(), vec![b'v'; length]]);
        corpus.push(frame);
    }
    corpus
}

#[test]
fn a_frame_may_arrive_in_any_two_pieces() {
    for limits in [Limits::default(), Limits::unauthenticated(512 << 20)] {
        for stream in corpus() {
            let whole = parse_cut(&stream, &limits, &[]);
            for cut in 0..=stream.len() {
                assert_eq!(
                    parse_cut(&stream, &limits, &[cut]),
                    whole,
                    "{:?} cut at {cut}",
                    stream.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn a_frame_may_arrive_in_any_three_pieces() {
    for stream in corpus().iter().filter(|stream| stream.len() < 80) {
        let whole = parse(stream);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                assert_eq!(parse_cut(stream, &Limits::default(), &[first, second]), whole);
            }
        }
    }
}

#[test]
fn a_frame_may_arrive_byte_by_byte() {
    for stream in corpus() {
        let cuts: Vec<_> = (0..stream.len()).collect();
        assert_eq!(parse_cut(&stream, &Limits::default(), &cuts), parse(&stream));
    }
}

#[test]
fn multibulk_requests() {
    let (requests, error) = parse(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n");
    assert_eq!(requests, [vec![b"SET".to_vec(), b"k".to_vec(), vec![]], vec![b"PING".to_vec()]]);
    assert_eq!(error, None);
}

#[test]
fn empty_requests_have_no_arguments() {
    assert_eq!(parse(b"*0\r\n*-1\r\n*-9223372036854775808\r\n\r\n\n \r\n").0, vec![Vec::<Vec<u8>>::new(); 6]);
}

#[test]
fn line_ends_are_counted_and_not_looked_at() {
    assert_eq!(parse(b"*1\rX$4\rYPINGZZ").0, [[b"PING"]]);
}

#[test]
fn inline_requests() {
    assert_eq!(parse(b"ECHO a\tb\r\r\n").0, [[b"ECHO".to_vec(), b"a".to_vec(), b"b".to_vec()]]);
    assert_eq!(parse(b"ECHO \"a b\"\r\n").0, [[b"ECHO".to_vec(), b"a b".to_vec()]]);
    assert_eq!(parse(b"PING \x0b\n").0, [[b"PING".to_vec()]]);
    assert_eq!(parse(b"PING a\x0bb \"\"\n").0, [[b"PING".to_vec(), b"a\x0bb".to_vec(), vec![]]]);
}

#[test]
fn error_texts() {
    let cases: [(&[u8], &str); 18] = [
        (b"*abc\r\n", "invalid multibulk length"),
        (b"*-0\r\n", "invalid multibulk length"),
        (b"*1 \r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*-99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\nxyz\r\n", "expected '$', got 'x'"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$a\r\n", "invalid bulk length"),
        (b"*1\r\n$04\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n", "invalid bulk length"),
        (b"PING \"a\n", "unbalanced quotes in request"),
        (b"PING 'a'b\n", "unbalanced quotes in request"),
        (&[b'x'; 65_537], "too big inline request"),
        (&[b'*'; 65_537], "too big mbulk count string"),
        (&[b"*1\r\n".as_slice(), &[b'$'; 65_537]].concat(), "too big bulk count string"),
        (&[&[b'x'; 65_537], b"\n".as_slice()].concat(), "too big inline request"),
    ];
    for (stream, reason) in cases {
        assert_eq!(refused(stream), format!("Protocol error: {reason}"));
    }
    assert_eq!(ProtocolError::ExpectedBulk(0xff).reason(), b"expected '$', got '\xff'");
}

#[test]
fn the_longest_line_is_accepted_in_any_pieces() {
    let line = [&[b'x'; 65_536], b"\n".as_slice()].concat();
    assert_eq!(parse(&line).0, [[vec![b'x'; 65_536]]]);
    assert_eq!(parse_cut(&line, &Limits::default(), &[1, 65_535, 65_536]), parse(&line));
    let longer = [&[b'x'; 65_537], b"\n".as_slice()].concat();
    assert_eq!(parse_cut(&longer, &Limits::default(), &[65_536]), parse(&longer));
}

#[test]
fn limits_before_authentication() {
    let limits = Limits::unauthenticated(512 << 20);
    let error = |stream: &[u8]| parse_cut(stream, &limits, &[]).1;
    assert_eq!(error(b"*10\r\n$16384\r\n"), None);
    assert_eq!(error(b"*11\r\n"), Some(ProtocolError::UnauthenticatedMultibulkLength));
    assert_eq!(error(b"*1\r\n$16385\r\n"), Some(ProtocolError::UnauthenticatedBulkLength));
    assert_eq!(error(b"*2147483648\r\n"), Some(ProtocolError::InvalidMultibulkLength));
    assert_eq!(error(b"*1\r\n$536870913\r\n"), Some(ProtocolError::InvalidBulkLength));
    assert_eq!(error(b"PING a a a a a a a a a a a a a\r\n"), None);
}

#[test]
fn a_configured_limit_holds_for_short_headers_too() {
    for limit in [0, 9, 50, 99, 100, 500, 999, 1000, 20_000] {
        let limits = Limits::new(limit);
        assert_eq!(parse_cut(format!("*1\r\n${limit}\r\n").as_bytes(), &limits, &[]).1, None);
        let stream = format!("*1\r\n${}\r\nxxxxxx", limit + 1);
        assert_eq!(parse_cut(stream.as_bytes(), &limits, &[]).1, Some(ProtocolError::InvalidBulkLength));
    }
}

#[test]
fn wanted_names_the_end_of_the_argument() {
    let mut parser = RequestParser::new();
    let frame = b"*2\r\n$3\r\nGET\r\n$1000\r\nabc";
    assert_eq!(parser.parse(frame, &Limits::default(), &mut Vec::new()), Ok(None));
    assert_eq!(parser.wanted(), 13 + 7 + 1000 + 2);
    assert!(parser.is_mid_frame());
}

/// The work of a frame must not depend on the number of its pieces: 2^20 arguments in pieces of a few bytes would take
/// minutes if every piece cost something proportional to what came before.
#[test]
fn many_arguments_in_tiny_pieces() {
    let count = 1 << 20;
    let mut stream = format!("*{count}\r\n").into_bytes();
    stream.extend(b"$1\r\nx\r\n".repeat(count));
    let mut parser = RequestParser::new();
    let mut spans = Vec::new();
    for end in (0..stream.len()).step_by(5) {
        assert_eq!(parser.parse(&stream[..end], &Limits::default(), &mut spans), Ok(None));
    }
    let request = parser.parse(&stream, &Limits::default(), &mut spans).unwrap().unwrap();
    assert_eq!((request.consumed, spans.len()), (stream.len(), count));
    assert!(spans.iter().all(|span| span.slice(&stream) == b"x"));
}

proptest! {
    #[test]
    fn what_a_client_writes_is_read_back(
        requests in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1200), 1..12), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut stream = Vec::new();
        for request in &requests {
            crate::encode_request(&mut stream, request);
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(parse_cut(&stream, &Limits::default(), &cuts), (requests, None));
    }
}
