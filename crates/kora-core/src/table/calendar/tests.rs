use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{BATCH_LEN, Calendar, LEVELS, PAGE_BITS, RING_PAGES, SHEET_LEN, TIME_BITS, come_at};
use crate::time::UnixMs;

impl Calendar {
    /// All reminders, each with the time at which its page comes.
    pub(crate) fn reminders(&self) -> Vec<(u64, UnixMs)> {
        let mut all = Vec::new();
        let loose = self.loose.iter().map(|page| (0, page));
        let rings = self.rings.iter().enumerate().filter_map(|(level, ring)| Some((level, ring.as_ref()?)));
        let noted = rings.flat_map(|(level, ring)| {
            let base = self.bases[level];
            (base..base + RING_PAGES).map(move |page| (come_at(page, level), &ring.0[super::place_of(page)]))
        });
        for (come, page) in loose.chain(noted) {
            let reminders = page.sheets.iter().flatten().chain(&page.open);
            all.extend(reminders.map(|&reminder| (reminder, UnixMs(come.cast_signed()))));
        }
        assert_eq!(all.len(), self.len());
        all
    }
}

/// A calendar and what must be in it: reminders are numbers, and times are found by them.
#[derive(Default)]
struct Fixture {
    calendar: Calendar,
    times: BTreeMap<u64, i64>,
    now: i64,
    next_number: u64,
}

impl Fixture {
    fn at(now: i64) -> Self {
        let mut fixture = Self { now, ..Self::default() };
        fixture.calendar.tell(UnixMs(now));
        fixture
    }

    fn note(&mut self, at: i64) {
        self.next_number += 1;
        self.times.insert(self.next_number, at);
        self.calendar.note(UnixMs(at), self.next_number);
    }

    /// Takes what has come; what is not due is noted again. Returns how many were taken.
    fn drain(&mut self) -> usize {
        let mut taken = 0;
        self.calendar.tell(UnixMs(self.now));
        let limit = (self.times.len() + 1) * (LEVELS + 2);
        loop {
            let batch = self.calendar.take(BATCH_LEN);
            if batch.is_empty() {
                return taken;
            }
            taken += batch.len();
            assert!(taken <= limit, "a reminder is taken once for each level");
            for number in batch {
                let at = *self.times.get(&number).expect("a reminder is taken once");
                if at < self.now {
                    self.times.remove(&number);
                } else {
                    self.calendar.note(UnixMs(at), number);
                }
            }
        }
    }

    /// When what is due at `at` must come.
    fn latest(at: i64) -> i64 {
        ((at.max(0) >> PAGE_BITS) + 1) << PAGE_BITS
    }

    fn check(&self) {
        assert_eq!(self.calendar.len(), self.times.len());
        let first = self.times.values().min().copied();
        assert_eq!(self.calendar.next().is_some(), first.is_some());
        if let (Some(first), Some(next)) = (first, self.calendar.next()) {
            assert!(next.0 <= Self::latest(first), "{next:?} is too late for {first}");
        }
        for (number, come) in self.calendar.reminders() {
            let at = self.times[&number].max(self.now);
            assert!(come.0 <= Self::latest(at), "{number} due at {at} comes at {come:?}");
        }
    }
}

#[test]
fn an_empty_calendar_has_nothing() {
    let mut calendar = Calendar::default();
    calendar.tell(UnixMs(1 << 41));
    assert_eq!((calendar.len(), calendar.next(), calendar.take(10).len()), (0, None, 0));
    assert_eq!((calendar.memory_bytes(), calendar.allocations(), calendar.free_some(10)), (0, 0, 0));
    assert_eq!(calendar.review(|_| unreachable!("there is nothing to review")), 0);
}

#[test]
fn reminders_come_within_a_page_after_their_time() {
    let start = 1_790_000_000_000;
    let mut fixture = Fixture::at(start);
    let day = 86_400_000;
    for after in [0, 1, 15, 16, 17, 1000, 2047, 2048, 70_000, 3_600_000, day, 30 * day, 40_000 * day] {
        fixture.note(start + after);
    }
    let mut rounds = 0;
    while let Some(next) = fixture.calendar.next() {
        let first = *fixture.times.values().min().expect("there is what comes next");
        assert!(next.0 <= Fixture::latest(first));
        fixture.now = next.0;
        fixture.drain();
        assert!(fixture.times.values().all(|&at| Fixture::latest(at) > fixture.now), "{:?}", fixture.times);
        rounds += 1;
    }
    assert!(fixture.times.is_empty() && rounds < 13 * LEVELS, "{rounds}");
}

#[test]
fn a_million_for_one_moment_are_taken_in_small_batches() {
    let mut fixture = Fixture::at(5_000_000);
    let at = 5_000_000 + 90_000;
    (0..1_000_000u64).for_each(|number| fixture.calendar.note(UnixMs(at), number));
    let bytes = fixture.calendar.memory_bytes();
    assert!(bytes < 8_100_000, "{bytes}");
    fixture.calendar.tell(UnixMs(at + 100));
    let mut taken = BTreeSet::new();
    loop {
        let batch = fixture.calendar.take(usize::MAX);
        assert!(batch.len() <= BATCH_LEN);
        if batch.is_empty() {
            break;
        }
        taken.extend(batch);
    }
    assert_eq!((taken.len(), fixture.calendar.len()), (1_000_000, 0));
    assert!(fixture.calendar.memory_bytes() < 20_000, "its sheets are freed");
}

#[test]
fn a_clock_that_goes_back_delays_nothing() {
    let mut fixture = Fixture::at(10_000_000_000);
    for after in [0, 500, 5000, 10_000_000] {
        fixture.note(fixture.now + after);
    }
    fixture.now -= 8_000_000_000;
    fixture.drain();
    fixture.note(fixture.now + 100);
    fixture.check();
    fixture.now += 200;
    fixture.drain();
    assert_eq!(fixture.times.len(), 4);
    fixture.check();
    fixture.now += 9_000_000_000;
    fixture.drain();
    assert!(fixture.times.is_empty());
}

#[test]
fn a_review_meets_each_reminder_and_takes_out_what_it_is_told() {
    let mut fixture = Fixture::at(1000);
    for number in 0..20_000 {
        fixture.note(1000 + number * number);
    }
    let mut met = BTreeSet::new();
    let mut looked_at = 0;
    while met.len() < 20_000 {
        looked_at += fixture.calendar.review(|sheet| {
            assert!(sheet.len() <= SHEET_LEN);
            met.extend(sheet.iter().copied());
            sheet.retain(|number| number.is_multiple_of(3));
        });
        assert!(looked_at < 60_000, "{looked_at} for {}", met.len());
    }
    fixture.times.retain(|number, _| number.is_multiple_of(3));
    fixture.check();
}

#[test]
fn memory_is_freed_in_slices() {
    let mut fixture = Fixture::at(1000);
    (0..200_000).for_each(|number| fixture.note(1000 + number * 10));
    let mut slices = 0;
    while fixture.calendar.free_some(100) == 100 {
        slices += 1;
    }
    assert!(slices >= 3, "{slices}");
}

#[derive(Clone, Debug)]
enum Step {
    /// Notes so many for times so far away, as a power of two in milliseconds and sixteenths of that.
    Note(u16, u32, i64),
    /// Lets the time pass, likewise.
    Wait(u32, i64),
    /// Puts the clock back.
    Back(i64),
    Drain,
    Review,
    /// Moves the time of some reminders back, which the calendar does not learn.
    Delay(u64, i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..700u16, 0..42u32, 0..16i64).prop_map(|(count, power, part)| Step::Note(count, power, part)),
        4 => (0..34u32, 0..16i64).prop_map(|(power, part)| Step::Wait(power, part)),
        1 => (0..5_000_000i64).prop_map(Step::Back),
        4 => Just(Step::Drain),
        1 => Just(Step::Review),
        1 => (2..9u64, 0..1_000_000i64).prop_map(|(one_in, ms)| Step::Delay(one_in, ms)),
    ]
}

fn scaled(power: u32, part: i64) -> i64 {
    (1 << power) + (1 << power) / 16 * part
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_calendar_is_a_map_by_time(steps in prop::collection::vec(step(), 0..60), start in 0..1_790_000_000_000i64) {
        let mut fixture = Fixture::at(start);
        for step in steps {
            match step {
                Step::Note(count, power, part) => for number in 0..i64::from(count) {
                    fixture.note((fixture.now + scaled(power, part) + number).min((1 << TIME_BITS) - 1));
                },
                Step::Wait(power, part) => fixture.now += scaled(power, part),
                Step::Back(ms) => {
                    fixture.now = (fixture.now - ms).max(0);
                    fixture.calendar.tell(UnixMs(fixture.now));
                }
                Step::Drain => {
                    fixture.drain();
                    let now = fixture.now;
                    prop_assert!(fixture.times.values().all(|&at| Fixture::latest(at) > now - 1000));
                    prop_assert!(fixture.calendar.next().is_none_or(|next| next.0 > now - 1000));
                }
                Step::Review => {
                    let Fixture { calendar, times, .. } = &mut fixture;
                    calendar.review(|sheet| sheet.retain(|number| {
                        let keeps = !number.is_multiple_of(5);
                        if !keeps {
                            times.remove(number);
                        }
                        keeps
                    }));
                }
                Step::Delay(one_in, ms) => {
                    let delayed = fixture.times.iter_mut().filter(|(number, _)| number.is_multiple_of(one_in));
                    delayed.for_each(|(_, at)| *at = (*at + ms).min((1 << TIME_BITS) - 1));
                }
            }
            prop_assert_eq!(fixture.calendar.len(), fixture.times.len());
        }
        fixture.drain();
        fixture.check();
    }
}
