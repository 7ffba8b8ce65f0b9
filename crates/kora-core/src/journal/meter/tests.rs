use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

const NAME: &str = "get";
const WHOSE: Whose = Whose { client: 1, db: DbIndex(0), now: UnixMs(0), is_again: false };
const SEEN: Seen<'static> = Seen { name: NAME, args: &[b"GET", b"k"], whose: WHOSE };

/// What an observer was told.
#[derive(Debug, Default)]
struct Told {
    took: Vec<(u64, u64)>,
    slow: Vec<u64>,
}

#[derive(Default)]
struct Listener(Arc<Mutex<Told>>);

impl Observer for Listener {
    fn took(&mut self, _: &'static str, nanoseconds: u64, calls: u64) {
        self.0.lock().unwrap().took.push((nanoseconds, calls));
    }

    fn slow(&mut self, _: &Seen<'_>, nanoseconds: u64) {
        self.0.lock().unwrap().slow.push(nanoseconds);
    }
}

fn meter(clock: Clock, ticker: Clock, demand: &Arc<Demand>) -> (Meter, Arc<Mutex<Told>>) {
    let listener = Listener::default();
    let told = Arc::clone(&listener.0);
    (Meter::new(clock, ticker, Box::new(listener), Arc::clone(demand)), told)
}

#[test]
fn timings_stand_for_all_calls() {
    fn clock() -> u64 {
        static NOW: AtomicU64 = AtomicU64::new(0);
        NOW.fetch_add(10, Ordering::Relaxed)
    }
    let (mut meter, told) = meter(clock, || 0, &Arc::default());
    let count = 10_000;
    for _ in 0..count {
        let timing = meter.begin(NAME, false);
        meter.end(|| SEEN, timing, Ended::Over);
    }
    let took = &told.lock().unwrap().took;
    assert!(took.iter().all(|(ns, _)| *ns == 10));
    let calls: u64 = took.iter().map(|(_, weight)| weight).sum();
    assert!((count - 32..=count).contains(&calls), "{calls}");
    let timed = u64::from(TIMED_CALLS) + (count - u64::from(TIMED_CALLS)) / u64::from(CALLS_PER_TIMING);
    assert!((took.len() as u64).abs_diff(timed) < timed / 10, "{}", took.len());
}

#[test]
fn no_slow_call_is_missed() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    fn clock() -> u64 {
        NOW.load(Ordering::Relaxed)
    }
    let demand = Arc::new(Demand::default());
    demand.set_slow(10_000);
    let (mut meter, told) = meter(clock, || clock() / 4000, &demand);
    for call in 0..2000 {
        meter.mark_at(clock());
        let timing = meter.begin(NAME, call % 3 == 0);
        NOW.fetch_add(if call % 100 == 99 { 10_000 + call } else { 100 }, Ordering::Relaxed);
        meter.end(|| SEEN, timing, Ended::Over);
        // What takes long between two commands is neither's.
        NOW.fetch_add(50_000, Ordering::Relaxed);
        meter.refresh();
    }
    let expected: Vec<_> = (0..20).map(|hundred| 10_000 + hundred * 100 + 99).collect();
    assert_eq!(told.lock().unwrap().slow, expected);
}
