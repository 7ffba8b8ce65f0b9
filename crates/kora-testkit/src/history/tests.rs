//! Histories made by hand: those with an order pass, each kind of anomaly is found.

use super::lists::{Action, Event, check};

/// Two keys, elements 1 and 2 of key 0, element 3 of key 1, all written one after the other.
fn writes() -> Vec<Event> {
    vec![
        event(0, (0, 10), Action::Append(0, 1, 1)),
        event(0, (20, 30), Action::Append(0, 2, 2)),
        event(1, (40, 50), Action::Append(1, 3, 1)),
    ]
}

fn event(process: usize, (began, ended): (u64, u64), action: Action) -> Event {
    Event { process, began, ended, actions: vec![action] }
}

fn read(process: usize, span: (u64, u64), reads: &[(usize, &[u64])]) -> Event {
    let reads = reads.iter().map(|&(key, elements)| (key, elements.to_vec())).collect();
    event(process, span, Action::Read(reads))
}

fn check_with(more: impl IntoIterator<Item = Event>) -> Result<(), String> {
    let mut events = writes();
    events.extend(more);
    events.push(read(9, (1000, 1001), &[(0, &[1, 2]), (1, &[3])]));
    check(&events)
}

#[test]
fn reads_that_fit_an_order_pass() {
    check_with([
        read(2, (0, 100), &[(0, &[]), (1, &[])]),
        read(3, (0, 100), &[(0, &[1]), (1, &[])]),
        read(4, (5, 60), &[(0, &[1, 2]), (1, &[3])]),
    ])
    .unwrap();
}

#[test]
fn a_stale_read_is_an_anomaly() {
    check_with([read(2, (35, 60), &[(0, &[1])])]).unwrap_err();
}

#[test]
fn a_read_of_the_future_is_an_anomaly() {
    check_with([read(2, (0, 5), &[(0, &[1, 2])])]).unwrap_err();
}

/// Key 1 was written after key 0 was complete, so that who sees the one must see the other.
#[test]
fn a_torn_read_is_an_anomaly() {
    check_with([read(2, (0, 100), &[(0, &[1]), (1, &[3])])]).unwrap_err();
}

#[test]
fn a_client_that_goes_back_is_an_anomaly() {
    check_with([read(2, (0, 100), &[(0, &[1, 2])]), read(2, (0, 100), &[(0, &[1])])]).unwrap_err();
}

/// A transaction that appends elements 4 and 5 to the lists, and one that reads them.
#[test]
fn a_transaction_that_was_seen_by_halves_is_an_anomaly() {
    let check_reading = |first: &[u64], second: &[u64]| {
        let mut events = writes();
        let actions = vec![Action::Append(0, 4, 3), Action::Append(1, 5, 2)];
        events.push(Event { process: 2, began: 60, ended: 90, actions });
        let reads = [(0, first), (1, second)].map(|(key, read)| Action::Read(vec![(key, read.to_vec())]));
        events.push(Event { process: 3, began: 60, ended: 90, actions: reads.into() });
        events.push(read(9, (1000, 1001), &[(0, &[1, 2, 4]), (1, &[3, 5])]));
        check(&events)
    };
    check_reading(&[1, 2], &[3]).unwrap();
    check_reading(&[1, 2, 4], &[3, 5]).unwrap();
    check_reading(&[1, 2, 4], &[3]).unwrap_err();
    check_reading(&[1, 2], &[3, 5]).unwrap_err();
}

/// Between the two appends of a transaction stands another client's.
#[test]
fn a_change_in_the_middle_of_a_transaction_is_an_anomaly() {
    let check_appends = |lengths: [usize; 2], list: [u64; 3]| {
        let [first, second] = lengths;
        check(&[
            event(0, (0, 100), Action::Append(0, 2, 6 - first - second)),
            Event {
                process: 1,
                began: 0,
                ended: 100,
                actions: vec![Action::Append(0, 1, first), Action::Append(0, 3, second)],
            },
            read(9, (1000, 1001), &[(0, &list)]),
        ])
    };
    check_appends([1, 2], [1, 3, 2]).unwrap();
    check_appends([2, 3], [2, 1, 3]).unwrap();
    check_appends([1, 3], [1, 2, 3]).unwrap_err();
}

#[test]
fn a_lost_or_misplaced_append_is_an_anomaly() {
    check_with([event(2, (0, 100), Action::Append(0, 4, 2))]).unwrap_err();
    check_with([read(2, (0, 100), &[(0, &[2])])]).unwrap_err();
    check_with([read(2, (0, 100), &[(0, &[1, 2, 7])])]).unwrap_err();
}
