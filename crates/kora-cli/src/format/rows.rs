//! Replies that are names and values, or rows of them, recognised by the command that they answer.

use kora_protocol::Frame;

use super::table::Table;

/// Commands whose reply in RESP2 is names and values in turn.
const PAIRED: [&str; 7] =
    ["HGETALL", "CONFIG GET", "MEMORY STATS", "PUBSUB NUMSUB", "PUBSUB SHARDNUMSUB", "XINFO STREAM", "VINFO"];

/// Commands whose reply is so with one of these words; in RESP3 some answer with arrays of two.
const PAIRED_WITH: [(&str, &str); 10] = [
    ("HRANDFIELD", "WITHVALUES"),
    ("ZRANDMEMBER", "WITHSCORES"),
    ("ZRANGE", "WITHSCORES"),
    ("ZREVRANGE", "WITHSCORES"),
    ("ZRANGEBYSCORE", "WITHSCORES"),
    ("ZREVRANGEBYSCORE", "WITHSCORES"),
    ("ZDIFF", "WITHSCORES"),
    ("ZINTER", "WITHSCORES"),
    ("ZUNION", "WITHSCORES"),
    ("VSIM", "WITHSCORES"),
];

/// Commands whose reply is rows of names and values.
const ROWS: [&str; 5] = ["STATS.HOTKEYS", "XINFO GROUPS", "XINFO CONSUMERS", "MODULE LIST", "ACL LOG"];

/// Commands whose reply is rows without names, and these.
const NAMED: [(&str, &[&str]); 4] = [
    ("COMMANDLOG GET", &["id", "at", "us or bytes", "command", "client", "name"]),
    ("LATENCY LATEST", &["event", "at", "latest (ms)", "most (ms)"]),
    ("LATENCY HISTORY", &["at", "ms"]),
    ("SLOWLOG GET", &["id", "at", "us", "command", "client", "name"]),
];

/// The reply to `args` with its names and values in pairs; `None` if it has none, or is so already.
pub(super) fn pairs(args: &[Vec<u8>], reply: &Frame) -> Option<Frame> {
    let Frame::Array(elements) = reply.bare() else { return None };
    let is_paired_with = |(name, word): &(&str, &str)| {
        is(args, name) && args.iter().skip(2).any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let is_paired = PAIRED.iter().any(|name| is(args, name)) || PAIRED_WITH.iter().any(is_paired_with);
    if !is_paired || elements.is_empty() {
        return None;
    }
    let couples: Option<Vec<(Frame, Frame)>> = elements.iter().map(couple).collect();
    couples.or_else(|| in_turn(elements)).map(Frame::Map)
}

/// An array of two.
fn couple(frame: &Frame) -> Option<(Frame, Frame)> {
    match frame.bare() {
        Frame::Array(elements) => match elements.as_slice() {
            [name, value] => Some((name.clone(), value.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// Names and values in turn.
fn in_turn(elements: &[Frame]) -> Option<Vec<(Frame, Frame)>> {
    let pairs = elements.chunks(2).map(|pair| match pair {
        [name, value] => Some((name.clone(), value.clone())),
        _ => None,
    });
    pairs.collect()
}

/// The reply to `args` as a table; `None` if it is no rows.
pub(super) fn table(args: &[Vec<u8>], reply: &Frame) -> Option<Vec<u8>> {
    let Frame::Array(rows) = reply.bare() else { return None };
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::default();
    if ROWS.iter().any(|name| is(args, name)) {
        for row in rows {
            table.add(super::view::pairs(row)?);
        }
    } else {
        let (_, names) = NAMED.iter().find(|(name, _)| is(args, name))?;
        for row in rows {
            let Frame::Array(values) = row.bare() else { return None };
            table.add(names.iter().map(|name| name.as_bytes()).zip(values));
        }
    }
    let mut out = Vec::new();
    table.write(&mut out);
    Some(out)
}

/// Whether `args` begin with the words of `name`.
fn is(args: &[Vec<u8>], name: &str) -> bool {
    let words = name.split(' ');
    args.len() >= words.clone().count()
        && words.zip(args).all(|(word, arg)| arg.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use kora_protocol::{Decoder, Frame};

    use super::{pairs, table};

    fn decode(text: &str) -> Frame {
        let mut decoder = Decoder::new();
        decoder.feed(text.as_bytes());
        decoder.next_frame().expect("valid").expect("whole")
    }

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn names_and_values_become_pairs() {
        let reply = decode("*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
        for command in ["hgetall h", "CONFIG GET dir", "zrange z 0 -1 withscores"] {
            let pair = (Frame::Bulk(b"f".to_vec()), Frame::Bulk(b"v".to_vec()));
            assert_eq!(pairs(&words(command), &reply), Some(Frame::Map(vec![pair])), "{command}");
        }
        let couples = decode("*1\r\n*2\r\n$1\r\nm\r\n,2\r\n");
        let pair = (Frame::Bulk(b"m".to_vec()), Frame::Double(2.0));
        assert_eq!(pairs(&words("zrange z 0 -1 withscores"), &couples), Some(Frame::Map(vec![pair])));
        for command in ["lrange l 0 1", "config", "zrange withscores 0 -1"] {
            assert_eq!(pairs(&words(command), &reply), None, "{command}");
        }
        assert_eq!(pairs(&words("hgetall h"), &decode("*1\r\n$1\r\nf\r\n")), None);
        assert_eq!(pairs(&words("hgetall h"), &decode("%0\r\n")), None);
    }

    #[test]
    fn rows_become_tables() {
        let groups =
            decode("*2\r\n*4\r\n+name\r\n+a\r\n+pending\r\n:5\r\n*4\r\n+name\r\n+bc\r\n+pending\r\n:0\r\n");
        let seen = table(&words("XINFO GROUPS st"), &groups).expect("a table");
        assert_eq!(String::from_utf8_lossy(&seen), "name  pending\n----  -------\na     5\nbc    0\n");
        let log = decode("*1\r\n*4\r\n:7\r\n:1700000000\r\n:15000\r\n*2\r\n+keys\r\n+*\r\n");
        let seen = table(&words("slowlog get 5"), &log).expect("a table");
        assert!(String::from_utf8_lossy(&seen).ends_with("7   1700000000  15000  [keys, *]\n"));
        assert_eq!(table(&words("slowlog get"), &decode("*0\r\n")), None);
        assert_eq!(table(&words("keys *"), &groups), None);
    }
}
