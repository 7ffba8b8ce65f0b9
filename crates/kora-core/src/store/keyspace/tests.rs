use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::config::{CoreConfig, Tracking};
use crate::db::DbIndex;
use crate::entry::{Encoding, Entry, StringRef, Ttl};
use crate::error::CommandError;
use crate::journal::{EventClass, Journal};
use crate::slot::ShardId;
use crate::store::{Keyspace, ShardStore};
use crate::time::UnixMs;

/// A store with its journal and clock.
struct Fixture {
    store: ShardStore,
    journal: Journal,
    now: UnixMs,
}

const DB: DbIndex = DbIndex(0);
const OTHER: DbIndex = DbIndex(3);

impl Fixture {
    fn new(config: CoreConfig) -> Self {
        let mut journal = Journal::default();
        journal.set_recording(true);
        journal.set_event_mask(u32::MAX);
        Self { store: ShardStore::new(ShardId(0), config, 42), journal, now: UnixMs(1_000_000) }
    }

    fn keyspace(&mut self) -> Keyspace<'_> {
        self.keyspace_of(DB)
    }

    fn keyspace_of(&mut self, db: DbIndex) -> Keyspace<'_> {
        Keyspace::new(&mut self.store, &mut self.journal, db, self.now, false)
    }

    /// Fills `db` with `count` keys of which every `one_in`-th lives for `ttl_ms`.
    fn fill(&mut self, db: DbIndex, count: u32, one_in: u32, ttl_ms: i64) {
        let at = UnixMs(self.now.0 + ttl_ms);
        for number in 0..count {
            let ttl = if number % one_in == 0 { Ttl::At(at) } else { Ttl::Clear };
            self.keyspace_of(db).set_string(&number.to_be_bytes(), b"value", ttl);
        }
    }

    fn events(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        self.journal.take_events().into_iter().map(|event| (event.name, event.key.into())).collect()
    }

    fn effects(&mut self) -> Vec<Vec<Vec<u8>>> {
        let effects = self.journal.take_effects().into_iter();
        effects.map(|effect| effect.args.iter().map(|arg| arg.to_vec()).collect()).collect()
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new(CoreConfig::default())
    }
}

fn text(entry: &Entry) -> Vec<u8> {
    match entry.string().expect("these tests hold strings") {
        StringRef::Integer(value) => value.to_string().into_bytes(),
        StringRef::Bytes(bytes) => bytes.to_vec(),
    }
}

#[test]
fn reads_count_and_peeks_do_not() {
    let mut fixture = Fixture::default();
    fixture.keyspace().set_string(b"k", b"v", Ttl::Clear);
    assert!(fixture.keyspace().read(b"k").is_some());
    assert!(fixture.keyspace().read(b"missing").is_none());
    assert!(fixture.keyspace().peek(b"k").is_some());
    assert!(fixture.keyspace().peek(b"missing").is_none());
    assert!(fixture.keyspace().write(b"missing").is_none());
    let stats = fixture.store.stats();
    assert_eq!((stats.hits, stats.misses), (1, 1));
    assert_eq!(fixture.events(), [("new", b"k".to_vec()), ("keymiss", b"missing".to_vec())]);
}

#[test]
fn a_key_expires_after_its_deadline_wherever_it_is_met() {
    let meet: [fn(&mut Keyspace<'_>) -> bool; 8] = [
        |keyspace| keyspace.read(b"k").is_some(),
        |keyspace| keyspace.peek(b"k").is_some(),
        |keyspace| keyspace.write(b"k").is_some(),
        |keyspace| keyspace.remove(b"k").is_some(),
        |keyspace| keyspace.delete(b"k"),
        |keyspace| keyspace.set_expiry(b"k", None),
        |keyspace| keyspace.random_key().is_some(),
        |keyspace| {
            let mut seen = 0;
            keyspace.scan(0, 10, &mut |_| seen += 1);
            seen != 0
        },
    ];
    for meet in meet {
        let mut fixture = Fixture::default();
        let deadline = fixture.now;
        fixture.keyspace().set_string(b"k", b"v", Ttl::At(deadline));
        assert!(fixture.keyspace().peek(b"k").is_some(), "a key lives up to its deadline and through it");
        fixture.events();
        fixture.now.0 += 1;
        let changes = fixture.journal.changes();
        assert!(!meet(&mut fixture.keyspace()));
        assert_eq!(fixture.journal.changes(), changes + 1);
        assert_eq!(fixture.effects(), [[b"DEL".to_vec(), b"k".to_vec()]]);
        assert!(fixture.events().contains(&("expired", b"k".to_vec())));
        assert_eq!(fixture.store.stats().expired, 1);
        assert_eq!(fixture.store.database(DB).expires(), 0);
        assert!(fixture.keyspace().is_empty());
    }
}

#[test]
fn expiry_does_not_hide_the_command_that_met_it() {
    let mut fixture = Fixture::default();
    fixture.keyspace().set_string(b"k", b"v", Ttl::At(UnixMs(0)));
    let mark = fixture.journal.open_command(UnixMs(0));
    fixture.keyspace().set_string(b"k", b"w", Ttl::Clear);
    fixture.keyspace().changed(EventClass::STRING, "set", b"k");
    fixture.journal.close_command(mark, DB, "set", &[b"SET", b"k", b"w"]);
    let names: Vec<_> = fixture.effects().into_iter().map(|effect| effect[0].clone()).collect();
    assert_eq!(names, [b"DEL", b"SET"]);

    fixture.keyspace().set_string(b"k", b"v", Ttl::At(UnixMs(0)));
    let mark = fixture.journal.open_command(UnixMs(0));
    assert!(fixture.keyspace().read(b"k").is_none());
    fixture.journal.close_command(mark, DB, "get", &[b"GET", b"k"]);
    assert_eq!(fixture.effects(), [[b"DEL".to_vec(), b"k".to_vec()]], "a read is no effect");
}

#[test]
fn wrong_types_are_told_apart() {
    let mut fixture = Fixture::default();
    let entry = crate::entry::tests::tokens_entry(b"tokens");
    fixture.keyspace().insert(b"tokens", entry);
    assert_eq!(fixture.keyspace().read_string(b"tokens"), Err(CommandError::WrongType));
    assert!(matches!(fixture.keyspace().write_string(b"tokens"), Err(CommandError::WrongType)));
    assert_eq!(fixture.keyspace().read_string(b"none"), Ok(None));
    fixture.keyspace().set_string(b"tokens", b"12", Ttl::Clear);
    assert_eq!(fixture.keyspace().read_string(b"tokens"), Ok(Some(StringRef::Integer(12))));
}

#[test]
fn encodings_are_redis_s() {
    let mut fixture = Fixture::default();
    let mut encoding = |set: &dyn Fn(&mut Keyspace<'_>)| {
        set(&mut fixture.keyspace());
        fixture.keyspace().peek(b"k").map(Entry::encoding)
    };
    assert_eq!(encoding(&|ks| ks.set_string(b"k", b"-12", Ttl::Clear)), Some(Encoding::Int));
    assert_eq!(encoding(&|ks| ks.set_string(b"k", &[b'x'; 44], Ttl::Clear)), Some(Encoding::EmbStr));
    assert_eq!(encoding(&|ks| ks.set_string(b"k", &[b'x'; 45], Ttl::Clear)), Some(Encoding::Raw));
    assert_eq!(encoding(&|ks| ks.set_bytes(b"k", b"-12", Ttl::Clear)), Some(Encoding::EmbStr));
    assert_eq!(encoding(&|ks| ks.set_raw(b"k", b"-12")), Some(Encoding::Raw));
    assert_eq!(encoding(&|ks| ks.write(b"k").expect("set").set_integer(5)), Some(Encoding::Int));
    let append = |ks: &mut Keyspace<'_>| assert_eq!(ks.write(b"k").expect("set").append(b""), 1);
    assert_eq!(encoding(&|ks| append(ks)), Some(Encoding::Raw));
}

#[test]
fn use_is_marked_as_redis_does() {
    let mut fixture = Fixture::default();
    fixture.keyspace().set_string(b"k", b"v", Ttl::Clear);
    fixture.now.0 += 100_500;
    let now = fixture.now;
    assert_eq!(fixture.keyspace().peek(b"k").map(|entry| entry.idle_seconds(now)), Some(100));
    Keyspace::new(&mut fixture.store, &mut fixture.journal, DB, now, true).read(b"k");
    assert_eq!(fixture.keyspace().peek(b"k").map(|entry| entry.idle_seconds(now)), Some(100));
    assert_eq!(fixture.keyspace().read(b"k").map(|entry| entry.idle_seconds(now)), Some(0));
    fixture.keyspace().write(b"k").expect("set").set_idle_seconds(77, now);
    assert_eq!(fixture.keyspace().peek(b"k").map(|entry| entry.idle_seconds(now)), Some(77));
}

#[test]
fn frequency_grows_slowly_and_decays() {
    let config = CoreConfig { tracking: Tracking::Lfu, ..CoreConfig::default() };
    let mut fixture = Fixture::new(config.clone());
    fixture.keyspace().set_string(b"k", b"v", Ttl::Clear);
    let frequency = |fixture: &mut Fixture| {
        let now = fixture.now;
        fixture.keyspace().peek(b"k").map_or(0, |entry| entry.frequency(now, &config))
    };
    assert_eq!(frequency(&mut fixture), 5);
    for _ in 0..1000 {
        fixture.keyspace().read(b"k");
    }
    // Redis's table for factor 10: about 18 after 1000 hits.
    let after = frequency(&mut fixture);
    assert!((10..30).contains(&after), "{after}");
    fixture.now.0 += 3 * 60_000;
    assert_eq!(frequency(&mut fixture), after - 3);
    fixture.now.0 += 300 * 60_000;
    assert_eq!(frequency(&mut fixture), 0);
}

#[test]
fn the_sweep_finds_what_expired_in_all_databases() {
    let mut fixture = Fixture::default();
    fixture.fill(DB, 3000, 3, 10);
    fixture.fill(OTHER, 500, 1, 20);
    assert_eq!(fixture.store.database(DB).expires(), 1000);
    fixture.events();
    fixture.now.0 += 1000;
    let mut calls = 0;
    while fixture.store.database(DB).expires() + fixture.store.database(OTHER).expires() > 0 {
        let swept = fixture.store.sweep(&mut fixture.journal, fixture.now, 200);
        assert!(swept.examined <= 300 && swept.expired <= swept.examined, "{swept:?}");
        calls += 1;
        assert!(calls < 100);
    }
    assert_eq!(fixture.keyspace().len(), 2000);
    assert_eq!(fixture.keyspace_of(OTHER).len(), 0);
    assert_eq!(fixture.events().iter().filter(|(name, _)| *name == "expired").count(), 1500);
    assert_eq!(fixture.store.stats().expired, 1500);
}

#[test]
fn the_sweep_costs_little_where_nothing_expired() {
    let mut fixture = Fixture::default();
    fixture.fill(DB, 5000, 2, 60_000);
    let swept = fixture.store.sweep(&mut fixture.journal, fixture.now, 10_000);
    assert_eq!(swept.expired, 0);
    assert!(swept.examined < 50 && !swept.is_cut_short, "{swept:?}");
    assert_eq!(fixture.store.database(DB).mean_deadline(), UnixMs(fixture.now.0 + 60_000));
    assert_eq!(fixture.store.database(OTHER).mean_deadline(), UnixMs(0));
    fixture.store.set_config(CoreConfig { active_expire: false, ..CoreConfig::default() });
    fixture.now.0 += 100_000;
    assert_eq!(fixture.store.sweep(&mut fixture.journal, fixture.now, 10_000).examined, 0);
}

#[test]
fn clearing_leaves_garbage_to_free_later() {
    let mut fixture = Fixture::default();
    fixture.fill(DB, 5000, 2, 10);
    assert_eq!(fixture.keyspace().clear(), 5000);
    assert!(fixture.keyspace().is_empty() && fixture.store.database(DB).expires() == 0);
    let mut rounds = 0;
    while fixture.store.free_some(1000) {
        rounds += 1;
    }
    assert!((4..12).contains(&rounds), "{rounds}");
    fixture.keyspace().set_string(b"long", &vec![b'x'; 1_000_000], Ttl::Clear);
    assert!(fixture.keyspace().delete(b"long") && !fixture.keyspace().delete(b"long"));
    assert!(fixture.store.has_garbage());
    std::thread::spawn({
        let garbage = fixture.store.take_garbage();
        move || drop(garbage)
    })
    .join()
    .expect("dropping garbage does not panic");
    assert!(!fixture.store.has_garbage());
}

#[test]
fn databases_swap_with_all_that_belongs_to_them() {
    let mut fixture = Fixture::default();
    fixture.fill(DB, 10, 2, 10);
    fixture.store.swap_databases(DB, OTHER, UnixMs(0));
    assert_eq!((fixture.keyspace().len(), fixture.keyspace_of(OTHER).len()), (0, 10));
    assert_eq!(fixture.store.database(OTHER).expires(), 5);
}

#[test]
fn a_prefetch_changes_nothing() {
    let mut fixture = Fixture::default();
    let hash = fixture.store.prefetch_bucket(DB, b"k");
    fixture.store.prefetch_entry(DB, hash);
    fixture.keyspace().set_string(b"k", b"v", Ttl::Clear);
    let hash = fixture.store.prefetch_bucket(DB, b"k");
    fixture.store.prefetch_entry(DB, hash);
    assert_eq!(fixture.keyspace().peek(b"k").map(text), Some(b"v".to_vec()));
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, Vec<u8>, Option<i64>),
    Keep(u16, Vec<u8>),
    Raw(u16, Vec<u8>),
    Integer(u16, i64),
    Append(u16, Vec<u8>),
    Expire(u16, Option<i64>),
    Rename(u16, u16),
    Copy(u16, u16),
    Delete(u16),
    Wait(i64),
    Sweep,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..300u16;
    let value = || prop::collection::vec(any::<u8>(), 0..100);
    let ttl = || prop::option::of(0..50i64);
    prop_oneof![
        8 => (key(), value(), ttl()).prop_map(|(key, value, ttl)| Step::Set(key, value, ttl)),
        2 => (key(), value()).prop_map(|(key, value)| Step::Keep(key, value)),
        1 => (key(), value()).prop_map(|(key, value)| Step::Raw(key, value)),
        2 => (key(), any::<i64>()).prop_map(|(key, value)| Step::Integer(key, value)),
        2 => (key(), value()).prop_map(|(key, value)| Step::Append(key, value)),
        2 => (key(), ttl()).prop_map(|(key, ttl)| Step::Expire(key, ttl)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        4 => key().prop_map(Step::Delete),
        2 => (0..10i64).prop_map(Step::Wait),
        1 => Just(Step::Sweep),
        1 => Just(Step::Clear),
    ]
}

/// Keys with value and deadline.
type Model = BTreeMap<[u8; 2], (Vec<u8>, Option<UnixMs>)>;

/// The same change of both, as plainly as can be.
fn apply(fixture: &mut Fixture, model: &mut Model, step: Step) {
    let at = |ttl: Option<i64>| ttl.map(|ttl| UnixMs(fixture.now.0 + ttl));
    match step {
        Step::Set(key, value, ttl) => {
            let (key, at) = (key.to_be_bytes(), at(ttl));
            fixture.keyspace().set_string(&key, &value, at.map_or(Ttl::Clear, Ttl::At));
            model.insert(key, (value, at));
        }
        Step::Keep(key, value) => {
            let key = key.to_be_bytes();
            fixture.keyspace().set_string(&key, &value, Ttl::Keep);
            model.entry(key).or_default().0 = value;
        }
        Step::Raw(key, value) => {
            fixture.keyspace().set_raw(&key.to_be_bytes(), &value);
            model.insert(key.to_be_bytes(), (value, None));
        }
        Step::Integer(key, value) => {
            fixture.keyspace().set_integer(&key.to_be_bytes(), value, Ttl::Clear);
            model.insert(key.to_be_bytes(), (value.to_string().into_bytes(), None));
        }
        Step::Append(key, bytes) => {
            let len = fixture.keyspace().write(&key.to_be_bytes()).map(|mut entry| entry.append(&bytes));
            let expected = model.get_mut(&key.to_be_bytes()).map(|(value, _)| {
                value.extend(bytes);
                value.len()
            });
            assert_eq!(len, expected);
        }
        Step::Expire(key, ttl) => {
            let at = at(ttl);
            let found = fixture.keyspace().set_expiry(&key.to_be_bytes(), at);
            assert_eq!(found, model.get_mut(&key.to_be_bytes()).map(|(_, expiry)| *expiry = at).is_some());
        }
        Step::Rename(from, to) => {
            let entry = fixture.keyspace().remove(&from.to_be_bytes());
            let removed = model.remove(&from.to_be_bytes());
            assert_eq!(entry.is_some(), removed.is_some());
            if let (Some(entry), Some(removed)) = (entry, removed) {
                fixture.keyspace().insert(&to.to_be_bytes(), entry);
                model.insert(to.to_be_bytes(), removed);
            }
        }
        Step::Copy(from, to) => {
            let copy = fixture.keyspace().peek(&from.to_be_bytes()).map(Entry::duplicate);
            if let Some(copy) = copy {
                fixture.keyspace().insert(&to.to_be_bytes(), copy);
                model.insert(to.to_be_bytes(), model[&from.to_be_bytes()].clone());
            }
        }
        Step::Delete(key) => {
            let was_there = fixture.keyspace().delete(&key.to_be_bytes());
            assert_eq!(was_there, model.remove(&key.to_be_bytes()).is_some());
        }
        Step::Wait(ms) => fixture.now.0 += ms,
        Step::Sweep => drop(fixture.store.sweep(&mut fixture.journal, fixture.now, 100)),
        Step::Clear => {
            fixture.keyspace().clear();
            fixture.store.free_some(10);
            model.clear();
        }
    }
    let now = fixture.now;
    model.retain(|_, (_, expiry)| expiry.is_none_or(|at| at >= now));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_keyspace_is_a_map_with_deadlines(steps in prop::collection::vec(step(), 0..800)) {
        let mut fixture = Fixture::default();
        let mut model = Model::new();
        for step in steps {
            apply(&mut fixture, &mut model, step);
            prop_assert!(fixture.keyspace().len() >= model.len());
        }
        let mut found = Model::new();
        let mut cursor = 0;
        loop {
            cursor = fixture.keyspace().scan(cursor, 10, &mut |entry| {
                let key = entry.key().try_into().expect("keys of this test have two bytes");
                assert!(found.insert(key, (text(entry), entry.expiry())).is_none());
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&found, &model);
        prop_assert_eq!(fixture.keyspace().len(), model.len(), "a scan deletes what it finds expired");
        let expires = model.values().filter(|(_, expiry)| expiry.is_some()).count();
        prop_assert_eq!(fixture.store.database(DB).expires(), expires);
    }
}
