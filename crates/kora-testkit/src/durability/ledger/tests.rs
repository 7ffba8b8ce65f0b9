use super::*;

fn append(key: &str, element: &str) -> Change {
    Change::Append { key: key.into(), element: element.into() }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..10 {
        ledger.send(append(["a", "b"][number % 2], &number.to_string()));
    }
    (0..6).for_each(|_| ledger.acknowledge());
    ledger
}

/// What a server holds after some of the changes.
fn reading(ledger: &Ledger, numbers: &[usize]) -> Reading {
    let mut reading = Reading::default();
    numbers.iter().for_each(|&at| ledger.sent[at].apply(&mut reading.state));
    reading
}

#[test]
fn the_first_changes_explain_what_is_there() {
    let ledger = ledger();
    let bounds = Bounds { least: 6, most: 10 };
    for count in 6..=10 {
        let numbers: Vec<_> = (0..count).collect();
        assert_eq!(ledger.explain(&reading(&ledger, &numbers), bounds), Ok(count));
    }
}

#[test]
fn what_is_lost_torn_or_never_sent_is_found() {
    let ledger = ledger();
    let bounds = Bounds { least: 6, most: 10 };
    // An acknowledged change is lost; one in the middle is; one is there without an earlier one; one twice.
    for numbers in [&[0, 1, 2, 3, 4][..], &[0, 1, 3, 4, 5], &[0, 1, 2, 3, 4, 5, 7], &[0, 1, 2, 3, 4, 5, 5]] {
        assert!(ledger.explain(&reading(&ledger, numbers), bounds).is_err(), "{numbers:?}");
    }
    let mut strange = reading(&ledger, &[0, 1, 2, 3, 4, 5]);
    append("c", "never sent").apply(&mut strange.state);
    assert!(ledger.explain(&strange, bounds).is_err());
}

#[test]
fn an_expired_key_may_be_there_only_around_its_deadline() {
    let mut ledger = Ledger::default();
    ledger.send(Change::Set { key: b"k".to_vec(), value: b"v".to_vec(), deadline_ms: Some(100) });
    let bounds = Bounds { least: 1, most: 1 };
    let read = |is_there: bool, began_ms, ended_ms| {
        let state = if is_there { reading(&ledger, &[0]).state } else { State::new() };
        ledger.explain(&Reading { state, began_ms, ended_ms }, bounds).is_ok()
    };
    assert!(read(true, 10, 20) && read(true, 90, 110) && read(false, 90, 110) && read(false, 100, 110));
    assert!(!read(false, 10, 20) && !read(true, 100, 110));
}
