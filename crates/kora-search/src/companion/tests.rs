use super::extract::point_of;

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
