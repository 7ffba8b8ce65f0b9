use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::journal::Announcement;
use kora_core::reader::{Invalidation, ReaderId};
use kora_core::slot::WorkerId;

use super::{Choices, Content, Located, Modes, Notice, Readers};
use crate::client::{ClientId, SessionPlace};

#[derive(Debug, Default)]
struct Somewhere(AtomicBool);

impl Located for Somewhere {
    fn place(&self) -> SessionPlace {
        SessionPlace { worker: WorkerId(0), slot: 0 }
    }

    fn has_left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn begin(readers: &Readers, id: u64, modes: Modes, prefixes: &[&str]) {
    let prefixes = prefixes.iter().map(|prefix| prefix.as_bytes().into()).collect();
    let choices = Choices { modes, redirect: None, prefixes, tells_apart: true };
    readers.begin(ClientId(id), Arc::new(Somewhere::default()), choices);
}

const PLAIN: Modes = Modes { is_broadcast: false, opts_in: false, opts_out: false, skips_own: false };
const BROADCAST: Modes = Modes { is_broadcast: true, ..PLAIN };

fn changed(key: &str, readers: &[u64], author: Option<u64>) -> Announcement {
    Announcement::Invalidation(Invalidation {
        key: key.as_bytes().into(),
        readers: readers.iter().copied().map(ReaderId).collect(),
        author: author.map(ReaderId),
        is_incidental: false,
        is_broadcast: true,
    })
}

/// Who is told what, in order.
fn told(readers: &Readers, announcements: &[Announcement]) -> Vec<(u64, String)> {
    let text = |notice: &Notice| match &notice.content {
        Content::Keys(keys) => {
            keys.iter().map(|key| String::from_utf8_lossy(key)).collect::<Vec<_>>().join(" ")
        }
        Content::All => "*".to_owned(),
        Content::Broken(client) => format!("broken {}", client.0),
    };
    let notices = readers.address(announcements);
    let each = notices
        .iter()
        .flat_map(|notice| notice.recipients.iter().map(move |recipient| (recipient.client.0, text(notice))));
    each.collect()
}

fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(client, text)| (*client, (*text).to_owned())).collect()
}

#[test]
fn readers_of_a_key_are_told_unless_they_have_left_or_skip_their_own() {
    let readers = Readers::default();
    begin(&readers, 1, PLAIN, &[]);
    begin(&readers, 2, Modes { skips_own: true, ..PLAIN }, &[]);
    begin(&readers, 3, PLAIN, &[]);
    readers.end(ClientId(3));
    assert_eq!(told(&readers, &[changed("k", &[1, 2, 3], None)]), pairs(&[(1, "k"), (2, "k")]));
    assert_eq!(told(&readers, &[changed("k", &[1, 2], Some(2))]), pairs(&[(1, "k")]));
    assert_eq!(told(&readers, &[changed("k", &[1, 2], Some(1))]), pairs(&[(1, "k"), (2, "k")]));
    assert_eq!(readers.client_count(), 2);
}

#[test]
fn keys_of_a_prefix_come_together_in_order_and_each_once() {
    let readers = Readers::default();
    begin(&readers, 1, BROADCAST, &["a", "b"]);
    begin(&readers, 2, Modes { skips_own: true, ..BROADCAST }, &[""]);
    let changes = [
        changed("b1", &[], None),
        changed("a2", &[], Some(2)),
        changed("a1", &[], None),
        changed("b1", &[], None),
    ];
    let all = [(2, "a1 b1"), (1, "a1 a2"), (1, "b1")];
    let mut got = told(&readers, &changes);
    got.sort();
    let mut expected = pairs(&all);
    expected.sort();
    assert_eq!(got, expected);
    // A key that others have changed, too, is not its own.
    let got = told(&readers, &[changed("x", &[], Some(2)), changed("x", &[], None)]);
    assert_eq!(got, pairs(&[(2, "x")]));
    assert_eq!(told(&readers, &[changed("x", &[], Some(2))]), []);
    assert_eq!(readers.prefix_count(), 3);
    readers.end(ClientId(1));
    assert_eq!(readers.prefix_count(), 1);
}

#[test]
fn a_flush_is_told_to_all() {
    let readers = Readers::default();
    begin(&readers, 1, PLAIN, &[]);
    begin(&readers, 2, BROADCAST, &["a"]);
    let mut got = told(&readers, &[Announcement::Flush { author: None }]);
    got.sort();
    assert_eq!(got, pairs(&[(1, "*"), (2, "*")]));
}

#[test]
fn who_redirects_to_one_that_has_left_is_told_so() {
    let readers = Readers::default();
    let to = Arc::new(Somewhere::default());
    let choices = Choices {
        modes: PLAIN,
        redirect: Some((ClientId(9), Arc::clone(&to) as Arc<dyn Located>)),
        prefixes: Vec::new(),
        tells_apart: true,
    };
    readers.begin(ClientId(1), Arc::new(Somewhere::default()), choices);
    assert_eq!(told(&readers, &[changed("k", &[1], None)]), pairs(&[(9, "k")]));
    assert!(!readers.shown(ClientId(1)).unwrap().is_broken);
    to.0.store(true, Ordering::Relaxed);
    assert_eq!(told(&readers, &[changed("k", &[1], None)]), pairs(&[(1, "broken 9")]));
    assert!(readers.shown(ClientId(1)).unwrap().is_broken);
}
