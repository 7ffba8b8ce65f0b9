use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{STAMP_BITS, VOID_LEN_MAX, find, reminder};
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::deadline::TIME_BITS;
use crate::entry::{Entry, Ttl};
use crate::hash::hash_key;
use crate::journal::Journal;
use crate::slot::ShardId;
use crate::store::{Keyspace, ShardStore};
use crate::time::UnixMs;

const DB: DbIndex = DbIndex(0);
const OTHER: DbIndex = DbIndex(3);
/// What is due has gone so many milliseconds later if the sweep runs.
const LATE_MS: i64 = 17;

struct Fixture {
    store: ShardStore,
    journal: Journal,
    now: UnixMs,
}

impl Fixture {
    fn new() -> Self {
        let store = ShardStore::new(ShardId(0), CoreConfig::default(), 42);
        let mut fixture = Self { store, journal: Journal::default(), now: UnixMs(1_790_000_000_000) };
        fixture.sweep();
        fixture
    }

    fn keyspace(&mut self, db: DbIndex) -> Keyspace<'_> {
        Keyspace::new(&mut self.store, &mut self.journal, db, self.now, false)
    }

    fn sweep(&mut self) -> usize {
        let mut expired = 0;
        loop {
            let swept = self.store.sweep(&mut self.journal, self.now, 100);
            assert!(swept.examined < 100 + 512, "{swept:?}");
            expired += swept.expired;
            if !swept.is_cut_short {
                assert!(self.store.next_due().is_none_or(|due| due > self.now));
                return expired;
            }
        }
    }

    fn after(&self, ms: i64) -> UnixMs {
        UnixMs(self.now.0.saturating_add(ms))
    }

    fn reminders(&self, db: DbIndex) -> usize {
        self.store.database(db).expiries().calendar.len()
    }

    /// Everything that deadlines, count and reminders promise.
    fn check(&mut self, db: DbIndex) {
        let mut reminders = BTreeMap::new();
        for (reminder, come) in self.store.database(db).expiries().calendar.reminders() {
            let first = reminders.entry(reminder).or_insert(come);
            *first = come.min(*first);
        }
        let (mut count, mut sum) = (0, 0);
        let table = self.store.database(db).table();
        table.scan(0, usize::MAX / 16, &self.store.hasher, &mut |entry| {
            let Some(deadline) = entry.deadline() else { return };
            count += 1;
            sum += i128::from(deadline.time().0);
            let Some(stamp) = deadline.stamp() else {
                assert!(deadline.time().0 >> TIME_BITS != 0);
                return;
            };
            let reminder = reminder(hash_key(&self.store.hasher, entry.key()), stamp);
            let come = reminders.get(&reminder).expect("each deadline has its reminder");
            assert!(come.0 <= deadline.time().0 + LATE_MS, "{come:?} for {deadline:?}");
        });
        let expiries = self.store.database(db).expiries();
        assert_eq!((expiries.count(), expiries.sum), (count, sum));
        let most = 3 * count + 2 * VOID_LEN_MAX;
        assert!(expiries.calendar.len() <= most, "{} for {count}", expiries.calendar.len());
    }
}

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

#[test]
fn few_deadlines_among_many_keys_without_are_kept() {
    let mut fixture = Fixture::new();
    for number in 0..100_000 {
        let ttl = if number % 1000 == 0 { Ttl::At(fixture.after(500)) } else { Ttl::Clear };
        fixture.keyspace(DB).set_string(&key(number), b"v", ttl);
    }
    assert_eq!(fixture.reminders(DB), 100);
    let due = fixture.store.next_due().expect("something is due");
    assert!(due.0 > fixture.now.0 + 400 && due.0 <= fixture.now.0 + 500 + LATE_MS, "{due:?}");
    fixture.now.0 += 500;
    assert_eq!(fixture.sweep(), 0, "a key lives up to its deadline and through it");
    fixture.now.0 += LATE_MS;
    let swept = fixture.store.sweep(&mut fixture.journal, fixture.now, 1000);
    assert_eq!((swept.expired, swept.examined, swept.is_cut_short), (100, 100, false));
    assert_eq!(fixture.store.next_due(), None);
    assert_eq!(fixture.keyspace(DB).len(), 99_900);
}

#[test]
fn all_at_once_go_in_slices() {
    let mut fixture = Fixture::new();
    let at = fixture.after(3_600_000);
    (0..50_000).for_each(|number| fixture.keyspace(DB).set_string(&key(number), b"v", Ttl::At(at)));
    fixture.now = UnixMs(at.0 + LATE_MS);
    let mut slices = 0;
    loop {
        let swept = fixture.store.sweep(&mut fixture.journal, fixture.now, 256);
        assert!(swept.examined <= 256, "{swept:?}");
        slices += 1;
        if !swept.is_cut_short {
            break;
        }
        assert!(fixture.store.overdue() <= 50_000);
    }
    assert!((50_000 / 256..50_000 / 32).contains(&slices), "{slices}");
    assert!(fixture.keyspace(DB).is_empty() && fixture.store.overdue() == 0);
    fixture.check(DB);
}

#[test]
fn a_deadline_that_moves_back_costs_nothing() {
    let mut fixture = Fixture::new();
    let at = fixture.after(30_000);
    fixture.keyspace(DB).set_string(b"session", b"v", Ttl::At(at));
    for turn in 0..10_000 {
        fixture.now.0 += 10;
        let at = fixture.after(30_000);
        if turn % 2 == 0 {
            assert!(fixture.keyspace(DB).set_expiry(b"session", Some(at)));
        } else {
            fixture.keyspace(DB).set_string(b"session", b"w", Ttl::At(at));
        }
        fixture.sweep();
        assert_eq!(fixture.reminders(DB), 1);
    }
    fixture.now.0 += 30_000 + LATE_MS;
    assert_eq!(fixture.sweep(), 1);
}

#[test]
fn deadlines_that_come_and_go_leave_no_more_than_a_few_reminders() {
    let patterns: [fn(&mut Keyspace<'_>, u32, UnixMs); 5] = [
        |keyspace, _, at| {
            // A lock.
            keyspace.set_string(b"lock", b"v", Ttl::At(at));
            keyspace.delete(b"lock");
        },
        |keyspace, _, at| {
            keyspace.set_string(b"k", b"v", Ttl::Clear);
            keyspace.set_expiry(b"k", Some(at));
        },
        |keyspace, turn, at| {
            // Always nearer, and then further away again.
            keyspace.set_string(b"k", b"v", Ttl::At(UnixMs(at.0 + 5000 - i64::from(turn % 5000))));
        },
        |keyspace, turn, at| {
            let key = key(turn % 1000);
            keyspace.set_string(&key, b"v", Ttl::At(at));
            keyspace.set_expiry(&key, None);
            keyspace.set_expiry(&key, Some(at));
        },
        |keyspace, turn, at| {
            keyspace.set_string(&key(turn), b"v", Ttl::At(at));
            keyspace.delete(&key(turn.wrapping_sub(100)));
        },
    ];
    for (number, pattern) in patterns.into_iter().enumerate() {
        let mut fixture = Fixture::new();
        let at = fixture.after(50_000_000);
        let mut most = 0;
        for turn in 0..100_000 {
            pattern(&mut fixture.keyspace(DB), turn, at);
            most = most.max(fixture.reminders(DB));
        }
        let count = fixture.store.database(DB).expires();
        assert!(most <= 3 * count + 2 * VOID_LEN_MAX, "pattern {number}: {most} reminders for {count} keys");
        fixture.check(DB);
    }
}

/// Sets a key with this deadline, whose reminder will have the stamp that the one of `like` has, and whose hash has the same byte in
/// the table: where there are few keys, one reminder may pass for the other.
fn set_twin(fixture: &mut Fixture, like: &[u8], at: UnixMs) -> [u8; 4] {
    let byte = |fixture: &Fixture, key: &[u8]| hash_key(&fixture.store.hasher, key) & 0xFF;
    let wanted = byte(fixture, like);
    let twin =
        (0..).map(key).find(|twin| twin != like && byte(fixture, twin) == wanted).expect("one in 256 has it");
    // Stamps come round.
    for _ in 1..1 << STAMP_BITS {
        fixture.keyspace(DB).set_string(b"other", b"v", Ttl::At(at));
        fixture.keyspace(DB).delete(b"other");
    }
    fixture.keyspace(DB).set_string(&twin, b"v", Ttl::At(at));
    let hash = hash_key(&fixture.store.hasher, &twin);
    let table = fixture.store.database(DB).table();
    let mut answering = 0;
    find(reminder(hash, fixture.store.database(DB).expiries().last_stamp), table, |_| {
        answering += 1;
        false
    });
    assert_eq!(answering, 2, "one reminder passes for the other");
    twin
}

#[test]
fn a_reminder_that_passes_for_another_delays_nothing() {
    for (first_ms, twin_ms) in [(86_400_000, 1000), (1000, 86_400_000)] {
        let mut fixture = Fixture::new();
        let (first_at, twin_at) = (fixture.after(first_ms), fixture.after(twin_ms));
        fixture.keyspace(DB).set_string(b"first", b"v", Ttl::At(first_at));
        set_twin(&mut fixture, b"first", twin_at);
        fixture.check(DB);
        fixture.now.0 += 1000 + LATE_MS;
        assert_eq!(fixture.sweep(), 1);
        fixture.check(DB);
        fixture.now.0 += 86_400_000;
        assert_eq!(fixture.sweep(), 1);
    }
}

#[test]
fn an_entry_keeps_its_reminder_when_one_goes_that_passes_for_it() {
    let mut fixture = Fixture::new();
    let at = fixture.after(1000);
    fixture.keyspace(DB).set_string(b"first", b"v", Ttl::At(at));
    let twin = set_twin(&mut fixture, b"first", at);
    fixture.now.0 += 1000 + LATE_MS;
    // One reminder comes. The table grows, and the twins part, before the other does.
    fixture.store.sweep(&mut fixture.journal, fixture.now, 1);
    fixture.check(DB);
    (1 << 20..(1 << 20) + 10_000)
        .for_each(|number| fixture.keyspace(DB).set_string(&key(number), b"v", Ttl::Clear));
    fixture.sweep();
    assert_eq!(fixture.keyspace(DB).len(), 10_000, "{twin:?}");
    assert_eq!(fixture.store.stats().expired, 2);
}

#[test]
fn what_deleted_keys_leave_behind_is_cleared_away_by_the_sweep() {
    let mut fixture = Fixture::new();
    let at = fixture.after(50_000_000);
    (0..20_000).for_each(|number| fixture.keyspace(DB).set_string(&key(number), b"v", Ttl::At(at)));
    (0..19_000).for_each(|number| assert!(fixture.keyspace(DB).delete(&key(number))));
    assert_eq!(fixture.store.next_due(), Some(UnixMs(0)), "there is something to do at once");
    fixture.sweep();
    assert!(fixture.reminders(DB) <= 2 * 1000 + VOID_LEN_MAX);
    fixture.check(DB);
    (19_000..20_000).for_each(|number| assert!(fixture.keyspace(DB).delete(&key(number))));
    fixture.sweep();
    assert!(fixture.reminders(DB) <= VOID_LEN_MAX);
}

#[test]
fn deadlines_beyond_the_calendar_are_kept() {
    let mut fixture = Fixture::new();
    for (number, at) in [(0, i64::MAX), (1, 1 << TIME_BITS), (2, (1 << TIME_BITS) - 1), (3, -7)] {
        fixture.keyspace(DB).set_string(&key(number), b"v", Ttl::At(UnixMs(at)));
    }
    fixture.sweep();
    let mut found = Vec::new();
    fixture.keyspace(DB).scan(0, 100, &mut |entry| found.extend(entry.expiry()));
    found.sort_unstable();
    assert_eq!(found, [UnixMs((1 << TIME_BITS) - 1), UnixMs(1 << TIME_BITS), UnixMs(i64::MAX)]);
    assert!(fixture.store.database(DB).mean_deadline().0 > 1 << 60);
    let at = fixture.after(10);
    fixture.keyspace(DB).set_expiry(&key(0), Some(at));
    fixture.check(DB);
    fixture.now.0 += 10 + LATE_MS;
    assert_eq!(fixture.sweep(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, Option<i64>),
    Keep(u16),
    Append(u16),
    Expire(u16, Option<i64>),
    Rename(u16, u16),
    Copy(u16, u16),
    Move(u16),
    Delete(u16),
    Swap,
    Clear,
    Wait(i64),
    Sweep,
    /// Sweeps with this budget.
    SweepSome(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..200u16;
    let ttl = || prop::option::of(prop_oneof![0..300i64, 0..100_000i64, 0..1i64 << 45, Just(1i64 << 60)]);
    prop_oneof![
        8 => (key(), ttl()).prop_map(|(key, ttl)| Step::Set(key, ttl)),
        2 => key().prop_map(Step::Keep),
        2 => key().prop_map(Step::Append),
        6 => (key(), ttl()).prop_map(|(key, ttl)| Step::Expire(key, ttl)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => key().prop_map(Step::Move),
        3 => key().prop_map(Step::Delete),
        1 => Just(Step::Swap),
        1 => Just(Step::Clear),
        3 => (0..200i64).prop_map(Step::Wait),
        1 => (0..200_000i64).prop_map(Step::Wait),
        2 => Just(Step::Sweep),
        2 => (1..50usize).prop_map(Step::SweepSome),
    ]
}

fn apply(fixture: &mut Fixture, step: Step) {
    let at = |ttl: Option<i64>| ttl.map(|ttl| fixture.after(ttl));
    let name = |key: u16| key.to_be_bytes();
    match step {
        Step::Set(key, ttl) => {
            let ttl = at(ttl).map_or(Ttl::Clear, Ttl::At);
            fixture.keyspace(DB).set_string(&name(key), b"value", ttl);
        }
        Step::Keep(key) => fixture.keyspace(DB).set_string(&name(key), b"another value", Ttl::Keep),
        Step::Append(key) => {
            fixture.keyspace(DB).write(&name(key)).map(|mut entry| entry.append(&[b'x'; 60]));
        }
        Step::Expire(key, ttl) => {
            let at = at(ttl);
            fixture.keyspace(DB).set_expiry(&name(key), at);
        }
        Step::Rename(from, to) => {
            if let Some(entry) = fixture.keyspace(DB).remove(&name(from)) {
                fixture.keyspace(DB).insert(&name(to), entry);
            }
        }
        Step::Copy(from, to) => {
            let copy = fixture.keyspace(DB).peek(&name(from)).map(Entry::duplicate);
            if let Some(copy) = copy {
                fixture.keyspace(DB).insert(&name(to), copy);
            }
        }
        Step::Move(key) => {
            if let Some(entry) = fixture.keyspace(DB).remove(&name(key)) {
                fixture.keyspace(OTHER).insert(&name(key), entry);
            }
        }
        Step::Delete(key) => drop(fixture.keyspace(DB).delete(&name(key))),
        Step::Swap => {
            let now = fixture.now;
            fixture.store.swap_databases(DB, OTHER, now);
        }
        Step::Clear => drop(fixture.keyspace(DB).clear()),
        Step::Wait(ms) => fixture.now.0 += ms,
        Step::Sweep => drop(fixture.sweep()),
        Step::SweepSome(budget) => {
            fixture.store.sweep(&mut fixture.journal, fixture.now, budget);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever commands do, each deadline has a reminder that comes in time, and after a sweep nothing is left that is due.
    #[test]
    fn each_deadline_is_looked_after(steps in prop::collection::vec(step(), 0..600)) {
        let mut fixture = Fixture::new();
        for (number, step) in steps.into_iter().enumerate() {
            apply(&mut fixture, step);
            if number % 64 == 0 {
                fixture.check(DB);
                fixture.check(OTHER);
            }
        }
        fixture.now.0 += LATE_MS;
        fixture.sweep();
        for db in [DB, OTHER] {
            fixture.check(db);
            let due = UnixMs(fixture.now.0 - LATE_MS);
            let table = fixture.store.database(db).table();
            table.scan(0, usize::MAX / 16, &fixture.store.hasher, &mut |entry| {
                assert!(!entry.is_expired(due), "{entry:?} at {due:?}");
            });
        }
    }
}
