use super::*;

fn series(values: &[u64]) -> Series {
    let samples = (0..).zip(values);
    let samples = samples.map(|(at, ms)| Sample { at_seconds: 100 + at * 70, milliseconds: *ms }).collect();
    Series { samples, longest_ms: values.iter().copied().max().unwrap_or(0) }
}

#[test]
fn one_sample_a_second_is_kept() {
    let events = LatencyEvents::default();
    let note = |ms, at| events.note(Event::Command, Duration::from_millis(ms), at);
    note(50, 1);
    assert!(events.all().is_empty(), "it is off");
    events.configure(10);
    note(9, 1);
    note(20, 1);
    note(30, 1);
    note(10, 1);
    note(12, 2);
    let (event, found) = events.find(b"command").unwrap();
    assert_eq!(event, Event::Command);
    let kept: Vec<_> = found.samples.iter().map(|sample| (sample.at_seconds, sample.milliseconds)).collect();
    assert_eq!((kept, found.longest_ms), (vec![(1, 30), (2, 12)], 30));
    (0..500).for_each(|at| note(10, at));
    assert_eq!(events.find(b"command").unwrap().1.samples.len(), SAMPLES_MAX);
    assert_eq!(events.reset(&[b"nosuch", b"command"]), 1);
    assert_eq!(events.reset(&[]), 0);
}

#[test]
fn a_graph_has_a_column_for_each_sample() {
    let drawn = graph(Event::Command, &series(&[101, 250, 705, 575, 151]), 400);
    let rule = "-".repeat(80);
    let expected = format!(
        "command - high 705 ms, low 101 ms (all time high 705 ms)\n{rule}\n  #_ \n  || \n  || \n_#||_\n     \n53212\nmmmm0\n    s\n"
    );
    assert_eq!(drawn, expected, "{drawn}");
}

#[test]
fn the_report_says_what_to_do() {
    let events = LatencyEvents::default();
    assert!(report(&events, 0).contains("latency-monitor-threshold"));
    events.configure(1);
    assert!(report(&events, 0).contains("Nothing"));
    events.note(Event::Command, Duration::from_millis(30), 5);
    events.note(Event::LogWrite, Duration::from_millis(40), 5);
    let text = report(&events, 9);
    assert!(
        text.contains("1. aof-write: 1 samples within 1 s, the last 4 s ago; 40 ms on average"),
        "{text}"
    );
    assert!(text.contains("SLOWLOG GET") && text.contains("appendfsync everysec"), "{text}");
}
