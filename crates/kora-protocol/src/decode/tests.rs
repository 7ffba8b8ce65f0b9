//! Replies: every type, every split point, round trips, and what is no reply.

use proptest::prelude::*;

use super::*;
use crate::encode::{Encoder, Resp};

/// The replies in a stream that arrives in pieces ending at `cuts`, and the error that ends it, if one does.
fn decode_cut(stream: &[u8], cuts: &[usize]) -> (Vec<Frame>, Option<DecodeError>) {
    let (mut decoder, mut frames, mut start) = (Decoder::new(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([stream.len()]) {
        decoder.feed(&stream[start..end]);
        start = end;
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn bulk(text: &[u8]) -> Frame {
    Frame::Bulk(text.to_vec())
}

fn corpus() -> Vec<(&'static [u8], Frame)> {
    let number = Frame::Integer;
    vec![
        (b"+OK\r\n", Frame::Simple(b"OK".to_vec())),
        (b"-ERR a \xff\r\n", Frame::Error(b"ERR a \xff".to_vec())),
        (b":-12\r\n", number(-12)),
        (b"$4\r\na\r\nb\r\n", bulk(b"a\r\nb")),
        (b"$0\r\n\r\n", bulk(b"")),
        (b"$-1\r\n", Frame::Null),
        (b"*-1\r\n", Frame::NullArray),
        (b"_\r\n", Frame::Null),
        (b"*0\r\n", Frame::Array(vec![])),
        (b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", Frame::Array(vec![number(1), Frame::Array(vec![bulk(b"a")])])),
        (b"%1\r\n:1\r\n#t\r\n", Frame::Map(vec![(number(1), Frame::Boolean(true))])),
        (b"~2\r\n#f\r\n_\r\n", Frame::Set(vec![Frame::Boolean(false), Frame::Null])),
        (b">2\r\n+a\r\n*0\r\n", Frame::Push(vec![Frame::Simple(b"a".to_vec()), Frame::Array(vec![])])),
        (b",-1.5e+300\r\n", Frame::Double(-1.5e300)),
        (b",inf\r\n", Frame::Double(f64::INFINITY)),
        (
            b"(-123456789012345678901234567890\r\n",
            Frame::BigNumber(b"-123456789012345678901234567890".to_vec()),
        ),
        (b"=6\r\nmkd:*a\r\n", Frame::Verbatim { format: *b"mkd", text: b"*a".to_vec() }),
        (b"!5\r\nERR a\r\n", Frame::BlobError(b"ERR a".to_vec())),
        (
            b"|1\r\n+ttl\r\n:9\r\n*1\r\n:1\r\n",
            Frame::Attributed {
                attributes: vec![(Frame::Simple(b"ttl".to_vec()), number(9))],
                frame: Box::new(Frame::Array(vec![number(1)])),
            },
        ),
        (
            b"*2\r\n|0\r\n:1\r\n:2\r\n",
            Frame::Array(vec![
                Frame::Attributed { attributes: vec![], frame: Box::new(number(1)) },
                number(2),
            ]),
        ),
    ]
}

#[test]
fn every_type() {
    for (stream, frame) in corpus() {
        assert_eq!(decode_cut(stream, &[]), (vec![frame], None), "{}", stream.escape_ascii());
    }
}

#[test]
fn a_reply_may_arrive_in_any_pieces() {
    let stream: Vec<u8> = corpus().iter().flat_map(|(stream, _)| stream.to_vec()).collect();
    let frames: Vec<_> = corpus().into_iter().map(|(_, frame)| frame).collect();
    for cut in 0..=stream.len() {
        assert_eq!(decode_cut(&stream, &[cut]).0, frames);
    }
    let cuts: Vec<_> = (0..stream.len()).collect();
    assert_eq!(decode_cut(&stream, &cuts), (frames, None));
}

#[test]
fn what_is_no_reply() {
    let cases: [(&[u8], DecodeError); 17] = [
        (b"?\r\n", DecodeError::UnknownType(b'?')),
        (b"\r\n", DecodeError::UnknownType(b'\r')),
        (b"_a\r\n", DecodeError::UnknownType(b'_')),
        (b"$-2\r\n", DecodeError::BadLength),
        (b"$a\r\n", DecodeError::BadLength),
        (b"$?\r\n", DecodeError::BadLength),
        (b"$9223372036854775808\r\n", DecodeError::BadLength),
        (b"%-1\r\n", DecodeError::BadLength),
        (b"=-1\r\n", DecodeError::BadLength),
        (b":1.5\r\n", DecodeError::BadInteger),
        (b",x\r\n", DecodeError::BadDouble),
        (b"#1\r\n", DecodeError::BadBoolean),
        (b"(-\r\n", DecodeError::BadBigNumber),
        (b"=3\r\ntxt\r\n", DecodeError::BadVerbatim),
        (b"$1\r\nabc", DecodeError::MissingLineEnd),
        (b"+OK\rx", DecodeError::MissingLineEnd),
        (b"*1\r\n+OK\r\n:x\r\n", DecodeError::BadInteger),
    ];
    for (stream, error) in cases {
        assert_eq!(decode_cut(stream, &[]).1, Some(error), "{}", stream.escape_ascii());
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [b"*1\r\n".repeat(depth).as_slice(), b":1\r\n"].concat();
    assert_eq!(decode_cut(&nested(DEPTH_MAX), &[]).0.len(), 1);
    assert_eq!(decode_cut(&nested(DEPTH_MAX + 1), &[]).1, Some(DecodeError::TooDeep));
    assert_eq!(decode_cut(&b"|0\r\n".repeat(DEPTH_MAX + 1), &[]).1, Some(DecodeError::TooDeep));
}

/// Were any byte moved or searched once per piece, this would take minutes.
#[test]
fn a_long_reply_in_tiny_pieces() {
    let mut stream = Vec::new();
    let mut encoder = Encoder::new(&mut stream, Resp::V2);
    encoder.array(300_001);
    encoder.bulk(&vec![b'x'; 1_000_000]);
    (0..300_000).for_each(|number| encoder.integer(number));
    let cuts: Vec<_> = (0..stream.len()).step_by(3).collect();
    let (frames, error) = decode_cut(&stream, &cuts);
    assert_eq!((frames.len(), error), (1, None));
}

/// Writes `frame` as a RESP3 server would.
fn encode(frame: &Frame, out: &mut Encoder<'_>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match frame {
        Frame::Simple(bytes) => out.simple(&text(bytes)),
        Frame::Error(bytes) => out.error_bytes(bytes),
        Frame::Integer(value) => out.integer(*value),
        Frame::Bulk(bytes) => out.bulk(bytes),
        Frame::Null | Frame::NullArray => out.null(),
        Frame::Boolean(value) => out.boolean(*value),
        Frame::Double(value) => out.double(*value),
        Frame::BigNumber(digits) => out.big_number(&text(digits)),
        Frame::Verbatim { format, text: bytes } => out.verbatim(&text(format), bytes),
        Frame::BlobError(bytes) => out.blob_error(bytes),
        Frame::Array(elements) => {
            out.array(elements.len());
            elements.iter().for_each(|element| encode(element, out));
        }
        Frame::Set(elements) => {
            out.set(elements.len());
            elements.iter().for_each(|element| encode(element, out));
        }
        Frame::Push(elements) => {
            out.push(elements.len());
            elements.iter().for_each(|element| encode(element, out));
        }
        Frame::Map(pairs) => {
            out.map(pairs.len());
            encode_pairs(pairs, out);
        }
        Frame::Attributed { attributes, frame } => {
            out.attribute(attributes.len());
            encode_pairs(attributes, out);
            encode(frame, out);
        }
    }
}

fn encode_pairs(pairs: &[(Frame, Frame)], out: &mut Encoder<'_>) {
    for (key, value) in pairs {
        encode(key, out);
        encode(value, out);
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..120);
    let line = || "[ -~]{0,20}".prop_map(String::into_bytes);
    let leaf = prop_oneof![
        line().prop_map(Frame::Simple),
        line().prop_map(Frame::Error),
        any::<i64>().prop_map(Frame::Integer),
        bytes().prop_map(Frame::Bulk),
        Just(Frame::Null),
        any::<bool>().prop_map(Frame::Boolean),
        any::<f64>().prop_filter("NaN equals nothing", |value| !value.is_nan()).prop_map(Frame::Double),
        "-?[0-9]{1,40}".prop_map(|digits| Frame::BigNumber(digits.into_bytes())),
        bytes().prop_map(|text| Frame::Verbatim { format: *b"txt", text }),
        bytes().prop_map(Frame::BlobError),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let elements = || prop::collection::vec(inner.clone(), 0..6);
        let pairs = || prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            elements().prop_map(Frame::Array),
            elements().prop_map(Frame::Set),
            elements().prop_map(Frame::Push),
            pairs().prop_map(Frame::Map),
            (pairs(), inner.clone())
                .prop_map(|(attributes, frame)| Frame::Attributed { attributes, frame: Box::new(frame) }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(frames in prop::collection::vec(any_frame(), 1..4), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut stream = Vec::new();
        for frame in &frames {
            encode(frame, &mut Encoder::new(&mut stream, Resp::V3));
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode_cut(&stream, &cuts), (frames, None));
    }
}
