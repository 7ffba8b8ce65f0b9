//! One server's figures, which fit together, and the same with one of them wrong.

use super::{Info, LookUps, Scrape, compare, compare_look_ups};

const INFO: &str = "\
# Clients\r
connected_clients:3\r
# Threads\r
io_thread_0:clients=2,reads=9,writes=9\r
io_thread_1:clients=1,reads=3,writes=3\r
# Stats\r
total_connections_received:5\r
total_commands_processed:10\r
expired_subkeys:0\r
expired_keys:2\r
evicted_keys:1\r
keyspace_hits:4\r
keyspace_misses:3\r
total_error_replies:2\r
# Commandstats\r
cmdstat_client|list:calls=1,usec=5,usec_per_call=5.00,rejected_calls=0,failed_calls=0\r
cmdstat_get:calls=9,usec=9,usec_per_call=1.00,rejected_calls=1,failed_calls=1\r
# Errorstats\r
errorstat_ERR:count=1\r
errorstat_WRONGTYPE:count=1\r
# Keyspace\r
db0:keys=6,expires=2,avg_ttl=7,subexpiry=0\r
db9:keys=1,expires=1,avg_ttl=7,subexpiry=0\r
# Keysizes\r
db0_distrib_strings_sizes:1=6\r
";

const SCRAPE: &str = "\
# HELP kora_info What runs here
kora_info{version=\"0.1.0\",os=\"Linux 6 x86_64\"} 1
kora_cpu_seconds_total{mode=\"user\"} 0.25
kora_connected_clients 3
kora_worker_connections{worker=\"0\"} 2
kora_worker_connections{worker=\"1\"} 1
kora_connections_received_total{worker=\"0\"} 5
kora_commands_processed_total{worker=\"0\"} 7
kora_commands_processed_total{worker=\"1\"} 3
kora_command_calls_total{command=\"get\"} 9
kora_command_calls_total{command=\"client|list\"} 1
kora_error_replies_total{worker=\"0\"} 2
kora_errors_total{code=\"ERR\"} 1
kora_errors_total{code=\"WRONGTYPE\"} 1
kora_expired_keys_total{shard=\"0\"} 2
kora_evicted_keys_total{shard=\"1\"} 1
kora_keyspace_hits_total{shard=\"0\"} 1
kora_keyspace_hits_total{shard=\"1\"} 3
kora_keyspace_misses_total{shard=\"1\"} 3
kora_db_keys{db=\"0\"} 6
kora_db_keys{db=\"9\"} 1
kora_db_expiring_keys{db=\"0\"} 2
kora_db_expiring_keys{db=\"9\"} 1
kora_shard_keys{shard=\"0\"} 4
kora_shard_keys{shard=\"1\"} 3
kora_shard_expiring_keys{shard=\"0\"} 3
";

fn compared(before: &str, scrape: &str, after: &str) -> Result<(), String> {
    compare(&Info::parse(before), &Scrape::parse(scrape), &Info::parse(after)).map_err(|error| error.to_string())
}

#[test]
fn figures_that_fit_together_pass() {
    assert_eq!(compared(INFO, SCRAPE, INFO), Ok(()));
}

#[test]
fn what_grows_may_grow_between_the_texts() {
    let later = INFO.replace("total_commands_processed:10", "total_commands_processed:11");
    let later = later.replace("cmdstat_get:calls=9", "cmdstat_get:calls=10");
    assert_eq!(compared(INFO, SCRAPE, &later), Ok(()));
    assert!(compared(&later, SCRAPE, &later).is_err(), "it does not grow backwards");
}

#[test]
fn each_figure_that_is_wrong_is_told() {
    let wrong_in_info = [
        ("cmdstat_get:calls=9", "cmdstat_get:calls=8", "total_commands_processed"),
        ("errorstat_ERR:count=1", "errorstat_ERR:count=2", "total_error_replies"),
        ("io_thread_1:clients=1", "io_thread_1:clients=2", "connected_clients"),
        ("keyspace_hits:4", "keyspace_hits:5", "keyspace_hits"),
        ("keyspace_misses:3", "keyspace_misses:2", "keyspace_misses"),
        ("expired_keys:2", "expired_keys:3", "expired_keys"),
        ("evicted_keys:1", "evicted_keys:0", "evicted_keys"),
        ("total_connections_received:5", "total_connections_received:4", "total_connections_received"),
        ("db9:keys=1", "db9:keys=2", "kora_db_keys"),
        ("expires=2", "expires=1", "kora_db_expiring_keys"),
    ];
    for (right, wrong, word) in wrong_in_info {
        let info = INFO.replace(right, wrong);
        assert_ne!(info, INFO, "{right}");
        let complaint = compared(&info, SCRAPE, &info).expect_err(wrong);
        assert!(complaint.contains(word), "{wrong}: {complaint}");
    }
    let samples = SCRAPE.lines().filter(|line| {
        !line.starts_with('#') && !line.starts_with("kora_info") && !line.starts_with("kora_cpu")
    });
    for sample in samples {
        let scrape = SCRAPE.replace(sample, &format!("{sample}0"));
        let complaint = compared(INFO, &scrape, INFO).expect_err(sample);
        let name = sample.split(['{', ' ']).next().unwrap_or_default();
        assert!(complaint.contains(name), "{sample}: {complaint}");
        let without = SCRAPE.replace(sample, "");
        assert!(compared(INFO, &without, INFO).is_err(), "without {sample}");
    }
}

#[test]
fn what_goes_up_and_down_must_stand_still() {
    let later = INFO.replace("db9:keys=1", "db9:keys=2");
    assert!(compared(INFO, SCRAPE, &later).is_err_and(|complaint| complaint.contains("meanwhile")));
}

#[test]
fn look_ups_are_hits_and_misses() {
    let (before, after) =
        (Info::parse("keyspace_hits:4\r\nkeyspace_misses:3\r\n"), Info::parse("keyspace_hits:6\r\nkeyspace_misses:4\r\n"));
    let compared = |hits, misses| compare_look_ups(&before, &after, LookUps { hits, misses });
    assert!(compared(2, 1).is_ok());
    for (hits, misses) in [(3, 1), (2, 2), (1, 2), (2, 0)] {
        assert!(compared(hits, misses).is_err(), "{hits} and {misses}");
    }
    assert!(compare_look_ups(&after, &before, LookUps::default()).is_err(), "they never go down");
}

#[test]
fn a_field_that_is_missing_is_told() {
    let info = INFO.replace("expired_keys:2\r\n", "");
    assert!(compared(&info, SCRAPE, &info).is_err_and(|complaint| complaint.contains("expired_keys")));
}
