use kora_core::time::UnixMs;

use super::deadlines::Deadlines;
use super::extract::point_of;

#[test]
fn deadlines_come_in_their_order_and_once() {
    let mut deadlines = Deadlines::default();
    for (key, at) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        deadlines.set(key.as_bytes(), Some(UnixMs(at)));
    }
    deadlines.set(b"a", Some(UnixMs(5)));
    deadlines.set(b"c", None);
    deadlines.set(b"nobody", None);
    let due: Vec<_> = deadlines.take_due(UnixMs(30)).iter().map(|key| key.to_vec()).collect();
    assert_eq!(due, [b"a".to_vec(), b"b".to_vec()]);
    assert!(deadlines.take_due(UnixMs(39)).is_empty());
    assert_eq!(deadlines.take_due(UnixMs(40)).len(), 1, "a deadline is due when its time has come");
    assert!(deadlines.take_due(UnixMs(i64::MAX)).is_empty());
}

/// As recorded from RediSearch 2.10.
#[test]
fn points_are_read() {
    assert_eq!(point_of(b"1.5,2.5"), Ok((1.5, 2.5)));
    assert_eq!(point_of(b"1 2"), Ok((1.0, 2.0)));
    assert_eq!(point_of(b"nonsense"), Err("Invalid geo string".to_owned()));
    assert_eq!(point_of(b"a,b"), Err("Invalid geo string".to_owned()));
    assert_eq!(point_of(b"200,100"), Err("Invalid geo coordinates: 200.000000, 100.000000".to_owned()));
    assert!(point_of(b"\xff,1").is_err());
    // RediSearch takes this one.
    assert!(point_of(b"nan,1").is_err());
}
