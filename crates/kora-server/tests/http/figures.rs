//! What the port tells is what INFO tells, and readiness follows the data.

use std::collections::HashMap;

use kora_protocol::Frame;

use crate::client::Client;
use crate::visitor::Site;

/// Samples by name and labels as they stand.
pub(crate) fn samples(text: &str) -> HashMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name, value.parse().unwrap()))
        .collect()
}

/// The sum over all samples of a name, whatever their labels.
pub(crate) fn sum(samples: &HashMap<&str, f64>, name: &str) -> f64 {
    let is_of = |series: &str| series.split('{').next() == Some(name);
    samples.iter().filter(|(series, _)| is_of(series)).map(|(_, value)| value).sum()
}

fn info(client: &mut Client) -> HashMap<String, String> {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO everything") else { panic!() };
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn metrics_are_what_info_tells() {
    for workers in [1, 4] {
        let site = Site::start(workers, &["--appendonly", "yes", "--appendfsync", "always"]);
        let mut client = site.program.client();
        for at in 0..500 {
            client.line(&format!("SET key:{at} value"));
            client.line(&format!("GET key:{}", at * 2));
        }
        client.line("EXPIRE key:1 1000");
        client.line("LPUSH key:1 x");
        client.line("MSET a 1 b 2 c 3 d 4");
        let fields = info(&mut client);
        let field = |name: &str| {
            fields
                .get(name)
                .unwrap_or_else(|| panic!("INFO has no {name}: {fields:?}"))
                .split(',')
                .next()
                .unwrap()
                .rsplit('=')
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        };
        let answer = site.get("/metrics");
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("text/plain; version=0.0.4"), "{}", answer.head);
        let samples = samples(&answer.body);
        for (name, other) in [
            ("kora_keyspace_hits_total", "keyspace_hits"),
            ("kora_keyspace_misses_total", "keyspace_misses"),
            ("kora_error_replies_total", "total_error_replies"),
            ("kora_db_keys{db=\"0\"}", "db0"),
            ("kora_command_calls_total{command=\"get\"}", "cmdstat_get"),
            ("kora_command_calls_total{command=\"mset\"}", "cmdstat_mset"),
            ("kora_errors_total{code=\"WRONGTYPE\"}", "errorstat_WRONGTYPE"),
            ("kora_connected_clients", "connected_clients"),
            ("kora_memory_startup_bytes", "used_memory_startup"),
            ("kora_workers", "workers"),
        ] {
            let exact = samples.get(name).copied().unwrap_or_else(|| sum(&samples, name));
            assert!((exact - field(other)).abs() < 0.5, "{name} is {exact}, {other} {}", field(other));
        }
        assert!(sum(&samples, "kora_commands_processed_total") >= field("total_commands_processed"));
        assert!((sum(&samples, "kora_shard_keys") - 504.0).abs() < 0.5);
        assert!(samples["kora_db_average_ttl_seconds{db=\"0\"}"] > 900.0);
        // Some calls are timed, and stand for the others.
        let timed = samples["kora_command_duration_seconds_count{command=\"set\",cmd=\"set\"}"];
        assert!((300.0..=800.0).contains(&timed), "{timed} for 500 calls");
        let all = samples["kora_command_duration_seconds_bucket{command=\"set\",cmd=\"set\",le=\"+Inf\"}"];
        assert!((timed - all).abs() < 0.5);
        assert!(samples["kora_log_fsync_duration_seconds_count"] >= 1.0);
        assert!(samples["kora_log_write_duration_seconds_sum"] > 0.0);
    }
}

#[test]
fn open_metrics_are_for_those_who_ask() {
    let site = Site::start(1, &[]);
    let host = site.http.to_string();
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let answer = site.ask("GET", "/metrics", &[("Host", &host), ("Accept", accept)], "");
    assert!(answer.head.contains("application/openmetrics-text; version=1.0.0"));
    assert!(answer.body.contains("# TYPE kora_keyspace_hits counter\nkora_keyspace_hits_total{"));
    assert!(answer.body.ends_with("# EOF\n"));
    let head = site.ask("HEAD", "/metrics", &[("Host", &host)], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn readiness_follows_what_hinders_writes() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(1, &["--save", "3600 1", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!(site.get("/health").body, "ok\n");
    assert_eq!(site.get("/ready").body, "ready\n");
    let mut client = site.program.client();
    client.line("SET key value");
    // The name is a folder's: the snapshot can't have it.
    std::fs::create_dir_all(dir.path().join("dump.rdb/inside")).unwrap();
    client.line("BGSAVE");
    let answer = site.wait_for("/ready", 503);
    assert!(answer.body.contains("MISCONF"), "{}", answer.body);
    assert_eq!(site.get("/health").status, 200);
    client.line("CONFIG SET stop-writes-on-bgsave-error no");
    site.wait_for("/ready", 200);
}

#[test]
fn without_a_port_nothing_listens() {
    let (program, _) = crate::server::start(1, &[]);
    let mut client = program.client();
    assert_eq!(
        client.line("CONFIG GET metrics-port"),
        Frame::Array(["metrics-port", "0"].map(|it| Frame::Bulk(it.into())).to_vec())
    );
    let refused = client.line("CONFIG SET metrics-port 1");
    assert!(refused.as_error().is_some());
}
