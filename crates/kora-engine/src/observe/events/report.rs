//! LATENCY DOCTOR: what the events come to, in words, and what to do.

use std::fmt::Write as _;

use super::{Event, LatencyEvents, Series};

/// Writes the report.
#[must_use]
pub fn report(events: &LatencyEvents, now_seconds: i64) -> String {
    if !events.is_on() {
        return "Latency events are not kept: set latency-monitor-threshold to the number of milliseconds from which \
                on something takes too long.\n"
            .to_owned();
    }
    let all = events.all();
    if all.is_empty() {
        return "Nothing has taken longer than latency-monitor-threshold so far.\n".to_owned();
    }
    let mut text = "Some things took longer than latency-monitor-threshold:\n\n".to_owned();
    for (number, (event, series)) in (1..).zip(&all) {
        describe(&mut text, number, *event, series, now_seconds);
    }
    text.push_str("\nWhat may help:\n\n");
    for (event, _) in &all {
        for advice in advice_for(*event) {
            if !text.contains(advice) {
                let _ = writeln!(text, "- {advice}");
            }
        }
    }
    text
}

fn describe(text: &mut String, number: usize, event: Event, series: &Series, now_seconds: i64) {
    let count = series.samples.len().max(1) as u64;
    let sum: u64 = series.samples.iter().map(|sample| sample.milliseconds).sum();
    let average = sum / count;
    let deviation: u64 =
        series.samples.iter().map(|sample| sample.milliseconds.abs_diff(average)).sum::<u64>() / count;
    let first = series.samples.front().map_or(now_seconds, |sample| sample.at_seconds);
    let last = series.samples.back().map_or(now_seconds, |sample| sample.at_seconds);
    let _ = writeln!(
        text,
        "{number}. {}: {count} samples within {} s, the last {} s ago; {average} ms on average, {deviation} ms from \
         that on average, {} ms at most.",
        event.name(),
        last - first + 1,
        now_seconds - last,
        series.longest_ms
    );
}

/// What to do about an event.
fn advice_for(event: Event) -> &'static [&'static str] {
    match event {
        Event::Command => &[
            "SLOWLOG GET shows which commands took long: smaller ranges, COUNT and SCAN in place of KEYS, SMEMBERS and \
             HGETALL of large values help most.",
            "With more workers a long command holds up the keys of its own shards only.",
        ],
        Event::FastCommand => &[
            "A command that is fast by its kind was slow: look whether the machine swaps, or other processes or too \
             many workers share its processors.",
        ],
        Event::LogWrite | Event::LogSync | Event::LogSyncApart => &[
            "The disk is slow to take the log: appendfsync everysec lets replies go without waiting for it, and \
             another disk than that of snapshots or other programs is faster.",
        ],
        Event::ExpireCycle => {
            &["Many keys expire at once: spread their deadlines, or lower active-expire-effort."]
        }
        Event::EvictionCycle => &[
            "Writes have to wait for evictions: raise maxmemory, or lower maxmemory-eviction-tenacity to evict in \
             smaller portions.",
        ],
    }
}
