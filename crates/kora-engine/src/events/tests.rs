use kora_core::db::DbIndex;
use kora_core::journal::{EventClass, KeyEvent};

use super::EventFlags;

fn shown(letters: &str) -> Option<String> {
    let flags = EventFlags::parse(letters.as_bytes())?;
    Some(String::from_utf8(flags.shown()).unwrap())
}

#[test]
fn flags_are_shown_in_redis_order() {
    for (given, expected) in [
        ("", ""),
        ("K", "K"),
        ("EKA", "AKE"),
        ("gxE", "gxE"),
        ("Elg", "glE"),
        ("nmKEA", "AKEm"),
        ("EnK", "nKE"),
        ("Kg$lshzxetd", "AK"),
        ("g$lshzxet", "g$lshzxet"),
        ("dex", "xed"),
    ] {
        assert_eq!(shown(given).as_deref(), Some(expected), "{given}");
    }
}

#[test]
fn letters_that_are_none_are_refused() {
    for letters in ["q", "K E", "KEA,", "a", "\0"] {
        assert_eq!(shown(letters), None, "{letters}");
    }
}

#[test]
fn all_letters_survive_being_written() {
    let flags = EventFlags::parse(b"KEAnm").unwrap();
    assert_eq!(EventFlags::parse(&flags.letters()), Some(flags));
}

#[test]
fn nothing_is_collected_that_is_published_nowhere() {
    assert_eq!(EventFlags::parse(b"A").unwrap().mask(), 0);
    let mask = EventFlags::parse(b"Kg").unwrap().mask();
    assert_eq!(mask, EventClass::GENERIC.0);
    // `A` includes neither new keys nor those that are missed.
    let all = EventFlags::parse(b"KEA").unwrap().mask();
    assert_eq!(all & (EventClass::NEW.0 | EventClass::KEY_MISS.0), 0);
}

#[test]
fn an_event_is_announced_by_key_and_by_name() {
    let event = KeyEvent {
        class: EventClass::LIST,
        name: "lpush",
        db: DbIndex(3),
        key: (*b"k\0").into(),
        is_incidental: false,
    };
    let announced = |letters: &[u8]| {
        let flags = EventFlags::parse(letters).unwrap();
        let announcements = flags.announcements(&event);
        announcements.into_iter().map(|(channel, text)| (channel, text.to_vec())).collect::<Vec<_>>()
    };
    let by_key = (b"__keyspace@3__:k\0".to_vec(), b"lpush".to_vec());
    let by_name = (b"__keyevent@3__:lpush".to_vec(), b"k\0".to_vec());
    assert_eq!(announced(b"KEl"), [by_key.clone(), by_name.clone()]);
    assert_eq!(announced(b"Kl"), [by_key]);
    assert_eq!(announced(b"El"), [by_name]);
    assert_eq!(announced(b"KEg"), []);
}
