//! Where the replies in an output begin and end.

/// The length of the frame at the beginning of `bytes`; `None` if there is no whole one.
pub(crate) fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut left) = (0_usize, 1_u64);
    while left > 0 {
        let line = bytes.get(at..)?;
        let end = line.windows(2).position(|pair| pair == b"\r\n")?;
        let (kind, number) = (*line.first()?, &line[1..end.max(1)]);
        at += end + 2;
        left -= 1;
        let count = || std::str::from_utf8(number).ok()?.parse::<i64>().ok();
        match kind {
            b'$' | b'=' | b'!' => {
                if let Ok(length) = usize::try_from(count()?) {
                    at += length + 2;
                }
            }
            b'*' | b'~' | b'>' => left += u64::try_from(count()?).unwrap_or(0),
            b'%' => left += 2 * u64::try_from(count()?).ok()?,
            // The value it belongs to follows.
            b'|' => left += 2 * u64::try_from(count()?).ok()? + 1,
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            _ => return None,
        }
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use kora_protocol::{Encoder, Resp};

    use super::*;

    #[test]
    fn frames_of_every_kind_are_measured() {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        let mut put = |write: &dyn Fn(&mut Encoder<'_>)| {
            write(&mut Encoder::new(&mut bytes, Resp::V3));
            ends.push(bytes.len());
        };
        put(&|out| out.ok());
        put(&|out| out.error("ERR no"));
        put(&|out| out.integer(-7));
        put(&|out| out.bulk(b"a\r\nb"));
        put(&|out| out.bulk(b""));
        put(&|out| out.null());
        put(&|out| out.boolean(true));
        put(&|out| out.double(1.5));
        put(&|out| out.big_number("123"));
        put(&|out| out.verbatim("txt", b"text"));
        put(&|out| out.blob_error(b"ERR x"));
        put(&|out| {
            out.map(1);
            out.bulk(b"key");
            out.array(2);
            out.null_array();
            out.set(0);
        });
        put(&|out| {
            out.attribute(1);
            out.bulk(b"name");
            out.integer(1);
            out.push(2);
            out.bulk(b"x");
            out.integer(2);
        });
        let mut at = 0;
        for end in ends {
            assert_eq!(frame_length(&bytes[at..]), Some(end - at));
            assert_eq!(frame_length(&bytes[at..end - 1]), None);
            at = end;
        }
        assert_eq!(frame_length(b"$-1\r\n*-1\r\n"), Some(5));
        assert_eq!(frame_length(b"*-1\r\n"), Some(5));
        assert_eq!(frame_length(b"?\r\n"), None);
    }
}
