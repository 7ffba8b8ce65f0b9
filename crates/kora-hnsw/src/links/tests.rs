use super::*;

#[test]
fn places_and_blocks_are_used_again() {
    let mut links = Links::new(4);
    let (a, b, c) = (links.add(0), links.add(3), links.add(1));
    assert_eq!([links.level(a), links.level(b), links.level(c)], [0, 3, 1]);
    links.link(0, a, b);
    links.link(1, b, c);
    assert_eq!((links.of(0, a), links.of(1, c), links.of(1, a)), (&[b][..], &[b][..], &[][..]));
    links.unlink(0, a, b);
    links.unlink(1, b, c);
    let memory = links.memory();
    links.release(b);
    assert!(!links.is_live(b));
    assert_eq!((links.add(3), links.level(b)), (b, 3));
    assert!((0..=3).all(|level| links.of(level, b).is_empty()));
    assert_eq!((links.memory(), links.bound()), (memory, 3));
}

#[test]
fn a_full_row_has_no_place() {
    let mut links = Links::new(2);
    let ids: Vec<u32> = (0..6).map(|_| links.add(0)).collect();
    for other in &ids[1..5] {
        assert!(links.has_place(0, ids[0]));
        links.link(0, ids[0], *other);
    }
    assert!(!links.has_place(0, ids[0]));
    assert!(!links.push(0, ids[0], ids[5]));
    links.unlink(0, ids[2], ids[0]);
    assert_eq!(
        links.of(0, ids[0]),
        [ids[1], ids[4], ids[3]],
        "the last takes the place of the one that goes"
    );
}
