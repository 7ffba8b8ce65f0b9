use std::cell::RefCell;

use kora_core::db::DbIndex;
use kora_core::journal::{Announcement, EventClass, KeyEvent, Message};
use kora_core::slot::WorkerId;

use super::{Broker, INBOX_BYTES_MAX, Name, Parcel, Space, Via};
use crate::client::SessionPlace;
use crate::events::EventFlags;

const HERE: WorkerId = WorkerId(0);
const THERE: WorkerId = WorkerId(1);

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| name.as_bytes().into()).collect()
}

fn place(worker: WorkerId, slot: usize) -> SessionPlace {
    SessionPlace { worker, slot }
}

/// Publishes as a command would; returns how many it counted.
fn publish(broker: &Broker, is_sharded: bool, channel: &str, payload: &str) -> usize {
    let (count, as_of) = broker.count_receivers(is_sharded, channel.as_bytes());
    let (channel, payload) = (channel.as_bytes().into(), payload.as_bytes().into());
    broker.announce(
        HERE,
        vec![Announcement::Message(Message { is_sharded, channel, payload, as_of })],
        |_| {},
    );
    count
}

/// Empties a worker's inbox: what each place gets.
fn delivered(broker: &Broker, worker: WorkerId) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    while let Some((_, parcel)) = broker.take(worker) {
        let Parcel::Publication(publication) = parcel else { continue };
        let encode = |channel: &[u8], payload: &[u8]| [channel, b" ", payload].concat();
        let text = String::from_utf8(publication.encoded(encode).to_vec()).unwrap();
        broker.each_receiver(worker, &publication, |via, slots| {
            let head = match via {
                Via::Channel => "message".to_owned(),
                Via::ShardChannel => "smessage".to_owned(),
                Via::Pattern(pattern) => format!("pmessage {}", String::from_utf8_lossy(pattern)),
            };
            all.extend(slots.map(|slot| (slot, format!("{head} {text}"))));
        });
    }
    all
}

#[test]
fn a_message_goes_where_it_is_listened_to() {
    let broker = Broker::new(3);
    broker.join(place(HERE, 7), Space::Channels, &names(&["news", "other"]));
    broker.join(place(THERE, 7), Space::Patterns, &names(&["n*"]));
    broker.join(place(THERE, 2), Space::ShardChannels, &names(&["news"]));
    assert_eq!(publish(&broker, false, "news", "hello"), 2);
    assert_eq!(delivered(&broker, HERE), [(7, "message news hello".to_owned())]);
    assert_eq!(delivered(&broker, THERE), [(7, "pmessage n* news hello".to_owned())]);
    assert!(!broker.has_mail(WorkerId(2)));
    assert_eq!(publish(&broker, true, "news", "x"), 1);
    assert_eq!(delivered(&broker, THERE), [(2, "smessage news x".to_owned())]);
    assert!(!broker.has_mail(HERE));
}

#[test]
fn whoever_joins_later_does_not_get_what_was_counted_before() {
    let broker = Broker::new(2);
    broker.join(place(HERE, 1), Space::Channels, &names(&["c"]));
    let (count, as_of) = broker.count_receivers(false, b"c");
    assert_eq!(count, 1);
    broker.join(place(HERE, 2), Space::Channels, &names(&["c"]));
    let message = Message { is_sharded: false, channel: (*b"c").into(), payload: (*b"x").into(), as_of };
    broker.announce(HERE, vec![Announcement::Message(message)], |_| {});
    // And whoever joins before the inbox is looked into does not, either.
    broker.join(place(HERE, 3), Space::Channels, &names(&["c"]));
    let slots: Vec<_> = delivered(&broker, HERE).into_iter().map(|(slot, _)| slot).collect();
    assert_eq!(slots, [1]);
    assert_eq!(publish(&broker, false, "c", "y"), 3);
    assert_eq!(delivered(&broker, HERE).len(), 3);
}

#[test]
fn whoever_left_gets_nothing_and_leaves_nothing_behind() {
    let broker = Broker::new(2);
    for space in Space::ALL {
        broker.join(place(HERE, 1), space, &names(&["a", "b"]));
        broker.join(place(THERE, 1), space, &names(&["a"]));
        assert_eq!(broker.name_count(space), 2);
        assert_eq!(broker.subscriber_counts(space, &[b"a", b"b", b"c"]), [2, 1, 0]);
        broker.leave(place(HERE, 1), space, &names(&["a", "b"]));
        assert_eq!(broker.names(space, |_| true), names(&["a"]));
        broker.leave(place(THERE, 1), space, &names(&["a"]));
        assert_eq!(broker.name_count(space), 0);
    }
    assert_eq!(broker.count_receivers(false, b"a").0, 0);
    assert_eq!(publish(&broker, false, "a", "x"), 0);
    assert!(!broker.has_mail(HERE) && !broker.has_mail(THERE));
}

#[test]
fn only_workers_with_listeners_are_woken_and_each_once() {
    let broker = Broker::new(3);
    broker.join(place(THERE, 1), Space::Channels, &names(&["c"]));
    let woken = RefCell::new(Vec::new());
    let message = || {
        let (channel, payload) = ((*b"c").into(), (*b"x").into());
        Announcement::Message(Message { is_sharded: false, channel, payload, as_of: 1 })
    };
    broker.announce(HERE, vec![message(), message()], |worker| woken.borrow_mut().push(worker));
    assert_eq!(woken.into_inner(), [THERE]);
    assert_eq!(delivered(&broker, THERE).len(), 2);
}

#[test]
fn events_are_collected_while_somebody_listens() {
    let broker = Broker::new(2);
    let mask = || broker.event_mask().load(std::sync::atomic::Ordering::Relaxed);
    broker.set_event_flags(EventFlags::parse(b"KEA").unwrap());
    assert_eq!(mask(), 0);
    broker.join(place(THERE, 1), Space::ShardChannels, &names(&["__keyspace@0__:k"]));
    assert_eq!(mask(), 0);
    broker.join(place(THERE, 1), Space::Patterns, &names(&["__key*__:*"]));
    assert_ne!(mask() & EventClass::STRING.0, 0);
    let event = KeyEvent {
        class: EventClass::STRING,
        name: "set",
        db: DbIndex(0),
        key: (*b"k").into(),
        is_incidental: false,
    };
    broker.announce(HERE, vec![Announcement::Event(event)], |_| {});
    let texts: Vec<_> = delivered(&broker, THERE).into_iter().map(|(_, text)| text).collect();
    let expected = ["__keyspace@0__:k set", "__keyevent@0__:set k"];
    assert_eq!(texts, expected.map(|text| format!("pmessage __key*__:* {text}")));
    broker.set_event_flags(EventFlags::default());
    assert_eq!(mask(), 0);
}

#[test]
fn an_inbox_that_is_too_full_holds_publishers_back() {
    let broker = Broker::new(2);
    broker.join(place(THERE, 1), Space::Channels, &names(&["c"]));
    let payload = "x".repeat(1 << 20);
    let mut count = 0;
    while !broker.is_congested() {
        publish(&broker, false, "c", &payload);
        count += 1;
    }
    assert_eq!(count, INBOX_BYTES_MAX >> 20);
    assert_eq!(delivered(&broker, THERE).len(), count);
    assert!(!broker.is_congested());
}
