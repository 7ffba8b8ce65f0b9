use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A link that is connected and has sent a request of two replies, and the time.
fn asked() -> (Link, Instant) {
    let begun = Instant::now();
    let mut link = Link::new(SECOND, begun);
    link.send(b"PING\r\nPING\r\n".to_vec(), 2, SECOND, begun);
    assert_eq!(link.unsent(), b"", "not before it is connected");
    link.established(begun);
    assert_eq!(link.unsent(), b"PING\r\nPING\r\n");
    link.sent(12, begun);
    assert_eq!(link.unsent(), b"");
    (link, begun)
}

fn failed(phase: Phase, cause: Cause) -> Option<Failure> {
    Some(Failure { phase, cause })
}

#[test]
fn replies_come_in_order_however_they_are_cut() {
    let bytes = b"+OK\r\n-ERR no\r\n";
    for cut in 0..=bytes.len() {
        let (mut link, now) = asked();
        link.received(&bytes[..cut], now);
        assert!(!link.is_idle());
        link.received(&bytes[cut..], now);
        assert_eq!(link.deadline(), None);
        assert_eq!(link.take_reply(), Some(Frame::Simple(b"OK".to_vec())));
        assert!(!link.is_idle(), "there is a reply to take");
        assert_eq!(link.take_reply(), Some(Frame::Error(b"ERR no".to_vec())));
        assert!(link.is_idle() && link.failure().is_none());
    }
}

#[test]
fn each_step_has_its_own_time() {
    let begun = Instant::now();
    let mut link = Link::new(SECOND, begun);
    let mut now = begun + SECOND / 2;
    link.send(vec![b'x'; 3 * STEP_BYTES], 2, SECOND, now);
    assert_eq!(link.deadline(), Some(begun + SECOND), "to send more does not give more time to connect");
    link.established(now);
    for _ in 0..3 {
        assert!(!link.expire(now));
        now += SECOND * 9 / 10;
        link.sent(STEP_BYTES, now);
    }
    for _ in 0..2 {
        now += SECOND * 9 / 10;
        assert!(!link.expire(now));
        link.received(b"+OK\r\n", now);
    }
    assert_eq!(link.deadline(), None);
    assert!(!link.expire(now + SECOND * 1000), "who waits for nothing has time");
}

#[test]
fn a_trickle_is_no_step() {
    let (mut link, begun) = asked();
    link.received(b"+O", begun + SECOND * 9 / 10);
    assert!(link.expire(begun + SECOND));
    assert_eq!(link.failure(), failed(Phase::Receiving, Cause::TimedOut));
    let mut link = Link::new(SECOND, begun);
    link.send(vec![b'x'; STEP_BYTES + 1], 1, SECOND, begun);
    link.established(begun);
    link.sent(1, begun + SECOND * 9 / 10);
    assert!(link.expire(begun + SECOND));
    assert_eq!(link.failure(), failed(Phase::Sending, Cause::TimedOut));
}

#[test]
fn what_came_before_the_end_can_be_taken() {
    let (mut link, now) = asked();
    link.received(b"-ERR max number of clients reached\r\n", now);
    link.fail(Cause::Closed);
    link.fail(Cause::TimedOut);
    assert_eq!(link.take_reply(), Some(Frame::Error(b"ERR max number of clients reached".to_vec())));
    assert_eq!(link.failure(), failed(Phase::Receiving, Cause::Closed), "the first cause is told");
    link.received(b"+late\r\n", now);
    link.send(b"PING\r\n".to_vec(), 1, SECOND, now);
    assert_eq!((link.take_reply(), link.unsent(), link.deadline()), (None, &b""[..], None));
}

#[test]
fn who_sends_nonsense_is_left() {
    for nonsense in [&b"hello\r\n"[..], b"+OK\r\n+OK\r\n+OK\r\n", b"$-2\r\n", b"+OK\r\n+OK\r\n:1"] {
        let (mut link, now) = asked();
        link.received(nonsense, now);
        let is_left = link.failure() == failed(Phase::Receiving, Cause::Nonsense);
        assert!(is_left || !link.is_idle() && link.deadline().is_none(), "{}", nonsense.escape_ascii());
    }
    let (mut link, now) = asked();
    link.received(b"$1000000000\r\n", now);
    for _ in 0..REPLY_BYTES_MAX / 1000 + 2 {
        link.received(&[b'x'; 1000], now);
    }
    assert_eq!(link.failure(), failed(Phase::Receiving, Cause::Nonsense), "an endless reply");
}

#[test]
fn another_address_has_as_much_time() {
    let begun = Instant::now();
    let mut link = Link::new(SECOND, begun);
    link.send(b"PING\r\n".to_vec(), 1, SECOND, begun);
    assert!(link.expire(begun + SECOND));
    assert_eq!(link.failure(), failed(Phase::Connecting, Cause::TimedOut));
    link.connect_anew(begun + SECOND);
    assert_eq!((link.failure(), link.deadline()), (None, Some(begun + SECOND * 2)));
    link.established(begun + SECOND);
    assert_eq!(link.unsent(), b"PING\r\n", "what is to be sent is still there");
}
