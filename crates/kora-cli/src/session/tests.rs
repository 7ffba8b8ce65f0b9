use kora_protocol::Frame;

use super::command::{Kind, is_document, login, protocol};
use super::state::State;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn follow(state: &mut State, line: &str) {
    state.follow(&words(line), &Frame::Simple(b"OK".to_vec()));
}

#[test]
fn a_discarded_transaction_restores_the_database() {
    let mut state = State::at(1);
    for line in ["MULTI", "SELECT 5", "GET a"] {
        follow(&mut state, line);
    }
    assert_eq!((state.db, state.in_transaction), (5, true));
    follow(&mut state, "DISCARD");
    assert_eq!((state.db, state.in_transaction), (1, false));
}

#[test]
fn an_aborted_transaction_restores_the_database() {
    let mut state = State::at(1);
    for line in ["MULTI", "SELECT 5"] {
        follow(&mut state, line);
    }
    state.follow(&words("EXEC"), &Frame::NullArray);
    assert_eq!((state.db, state.in_transaction), (1, false));
}

#[test]
fn reset_returns_to_the_first_database() {
    let mut state = State::at(3);
    follow(&mut state, "MULTI");
    follow(&mut state, "RESET");
    assert_eq!(state, State::at(0));
}

#[test]
fn replies_are_awaited_as_client_reply_says() {
    let mut state = State::at(0);
    let mut expects = |line: &str| state.expects_reply(&words(line));
    assert!(expects("PING"));
    assert!(!expects("CLIENT REPLY SKIP"));
    assert!(!expects("PING"));
    assert!(expects("PING"));
    assert!(!expects("client reply off"));
    assert!(!expects("PING"));
    assert!(!expects("CLIENT REPLY SKIP"));
    assert!(!expects("PING"));
    assert!(expects("CLIENT REPLY ON"));
    assert!(expects("PING"));
}

#[test]
fn credentials_are_found() {
    let found = login(&words("AUTH pw")).expect("a password");
    assert_eq!((found.user, found.password), (None, b"pw".to_vec()));
    let found = login(&words("HELLO 3 SETNAME x AUTH u pw")).expect("a password");
    assert_eq!((found.user, found.password), (Some(b"u".to_vec()), b"pw".to_vec()));
    assert_eq!(login(&words("HELLO 3 AUTH u")), None);
    assert_eq!(login(&words("GET auth")), None);
    assert!(!format!("{:?}", login(&words("AUTH pw"))).contains("pw"));
}

#[test]
fn commands_are_told_apart() {
    assert_eq!(Kind::of(&words("PSubscribe a*")), Kind::Subscribe);
    assert_eq!(Kind::of(&words("UNSUBSCRIBE")), Kind::Unsubscribe);
    assert_eq!(Kind::of(&words("GET monitor")), Kind::Ordinary);
    assert!(is_document(&words("client LIST")));
    assert!(!is_document(&words("client id")));
    assert_eq!(protocol(&words("HELLO 3")), Some(true));
    assert_eq!(protocol(&words("RESET")), Some(false));
    assert_eq!(protocol(&words("HELLO")), None);
}

#[test]
fn subscriptions_are_followed() {
    let mut state = State::at(0);
    let told = |word: &str, channel: &str| {
        Frame::Push(vec![
            Frame::Bulk(word.as_bytes().to_vec()),
            Frame::Bulk(channel.as_bytes().to_vec()),
            Frame::Integer(1),
        ])
    };
    for (word, channel) in [("subscribe", "a"), ("subscribe", "b"), ("psubscribe", "a")] {
        state.follow_message(&told(word, channel));
    }
    assert!(state.is_subscribed() && state.is_message(&told("message", "a")));
    assert_eq!(state.reply_count(Kind::Unsubscribe, &words("UNSUBSCRIBE")), 2);
    assert_eq!(state.reply_count(Kind::Unsubscribe, &words("SUNSUBSCRIBE")), 1);
    assert_eq!(state.reply_count(Kind::Subscribe, &words("SUBSCRIBE a b c")), 3);
    follow(&mut state, "MULTI");
    assert_eq!(state.reply_count(Kind::Subscribe, &words("SUBSCRIBE a b c")), 1);
    for (word, channel) in [("unsubscribe", "a"), ("unsubscribe", "b"), ("punsubscribe", "a")] {
        state.follow_message(&told(word, channel));
    }
    assert!(!state.is_subscribed() && !state.is_message(&told("message", "a")));
}
