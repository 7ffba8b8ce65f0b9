use super::KeyStats;
use super::distribution::{Distribution, Percentile};

fn rows(distribution: &Distribution) -> Vec<(u64, f64, u64)> {
    let row = |Percentile { value, percent, count }| (value, percent, count);
    distribution.percentiles().into_iter().map(row).collect()
}

#[test]
fn percentiles_halve_the_way_to_the_largest() {
    let mut sizes = Distribution::precise();
    (1..=200).for_each(|value| sizes.add(value * 10));
    let rows = rows(&sizes);
    assert_eq!(&rows[..4], [(10, 0.0, 1), (1000, 50.0, 100), (1500, 75.0, 150), (1750, 87.5, 175)]);
    assert_eq!(rows.last(), Some(&(2000, 100.0, 200)));
    assert!((sizes.mean() - 1005.0).abs() < 0.01 && (sizes.deviation() - 577.3).abs() < 0.1);
}

#[test]
fn equal_numbers_take_one_line() {
    let mut sizes = Distribution::precise();
    assert_eq!(rows(&sizes), []);
    (0..5).for_each(|_| sizes.add(64));
    assert_eq!(rows(&sizes), [(64, 100.0, 5)]);
    sizes.add(u64::MAX);
    sizes.add(0);
    assert_eq!(rows(&sizes), [(0, 0.0, 1), (64, 50.0, 6), (u64::MAX, 100.0, 7)]);
}

#[test]
fn large_numbers_are_rounded_little_and_powers_of_two_end_buckets() {
    let mut sizes = Distribution::precise();
    sizes.add(1_000_003);
    sizes.add(2_000_000);
    let first = rows(&sizes)[0].0;
    assert!((1_000_003..1_000_003 + 1_000_003 / 8192).contains(&first), "{first}");
    let mut names = Distribution::of_powers();
    [3, 4, 5, 8, 9].into_iter().for_each(|length| names.add(length));
    assert_eq!(rows(&names), [(4, 0.0, 2), (8, 50.0, 4), (9, 100.0, 5)]);
}

#[test]
fn the_report_has_all_parts() {
    let mut stats = KeyStats::new(2);
    stats.add(b"a".to_vec(), "string", 64, 3);
    stats.add(b"b\n".to_vec(), "string", 128, 2);
    stats.add(b"h".to_vec(), "hash", 2048, 7);
    let mut out = Vec::new();
    stats.write(&mut out, 6).expect("writing to memory succeeds");
    let text = String::from_utf8(out).expect("ASCII");
    for part in [
        " 50.00% keys scanned\nKeys sampled: 3\nKeys size:    2.19K\n",
        "--- Top 2 key sizes ---\n  1    2.00K hash       \"h\"\n  2     128B string     \"b\\n\"\n\n",
        "--- Top size per type ---\nhash       h is 2.00K\nstring     b\\n is 128B\n",
        "hash       h has 7 fields\nstring     a has 3B\n",
        "     64B    0.0000%           1\n    128B   50.0000%           2\n   2.00K  100.0000%           3\n",
        "Total key length is 4B (1B avg)\n",
        "string               2  66.67%     192B      96B                 5B          2B\n",
        "hash                 1  33.33%    2.00K    2.00K           7 fields        7.00\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}
