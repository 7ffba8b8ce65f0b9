use super::{Received, Write, Writes, check};

fn writes() -> Writes {
    let write = |key, version, sent| Write { key, version, sent, acknowledged: sent + 5 };
    Writes::new(&[write(0, 1, 10), write(0, 2, 20), write(1, 1, 30)])
}

#[test]
fn a_copy_may_be_old_until_its_end_is_known() {
    let story = [
        Received::Reply(11, vec![(0, 1)]),
        // Sent before the second write was acknowledged.
        Received::Reply(22, vec![]),
        Received::Void(0),
        Received::Reply(29, vec![(0, 2)]),
        Received::Reply(99, vec![(1, 1)]),
    ];
    check(&writes(), &story).unwrap();
}

#[test]
fn a_copy_that_outlives_what_the_client_knows_is_noticed() {
    // A notice that never came, or came before the reply that it belongs behind.
    let lost = [Received::Void(0), Received::Reply(11, vec![(0, 1)]), Received::Reply(26, vec![])];
    assert!(check(&writes(), &lost).is_err());
    // What was written later was seen first.
    let late = [Received::Reply(11, vec![(0, 1)]), Received::Reply(12, vec![(1, 1)]), Received::Void(0)];
    assert!(check(&writes(), &late).is_err());
    let flushed = [Received::Reply(11, vec![(0, 1)]), Received::AllVoid, Received::Reply(99, vec![(1, 1)])];
    check(&writes(), &flushed).unwrap();
}
