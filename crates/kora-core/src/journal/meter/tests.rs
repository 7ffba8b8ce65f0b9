use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

#[test]
fn timings_stand_for_all_calls() {
    fn clock() -> u64 {
        static NOW: AtomicU64 = AtomicU64::new(0);
        NOW.fetch_add(10, Ordering::Relaxed)
    }
    const NAME: &str = "get";
    let noted = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&noted);
    let mut meter = Meter::new(clock, Box::new(move |_, ns, weight| sink.lock().unwrap().push((ns, weight))));
    for _ in 0..TIMED_CALLS + 10 * CALLS_PER_TIMING {
        if let Some(timing) = meter.begin(NAME) {
            meter.end(NAME, timing);
        }
    }
    let noted = noted.lock().unwrap();
    assert!(noted.iter().all(|(ns, _)| *ns == 10));
    let calls: u64 = noted.iter().map(|(_, weight)| weight).sum();
    assert_eq!(calls, u64::from(TIMED_CALLS + 10 * CALLS_PER_TIMING));
    assert_eq!(noted.len(), TIMED_CALLS as usize + 10);
}
