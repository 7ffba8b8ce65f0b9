//! Rows store what they claim: real payloads of the claimed size, and those that read have something to read.

use super::{WORKLOADS, words};

/// Commands that only read.
const READS: &[&str] = &["GET", "MGET", "LRANGE", "HGETALL", "ZRANGE", "EVAL", "EVALSHA"];

#[test]
fn payloads_have_the_size_that_the_row_claims() {
    for workload in WORKLOADS {
        let own = (workload.options, workload.command);
        let writes = workload.preparation.iter().chain([&own]);
        let payloads: Vec<usize> = writes
            .filter(|(_, command)| command.contains("__data__"))
            .flat_map(|(options, command)| {
                let filled = words(options, command).expect("the row says how long its data are");
                let template = command.split_whitespace();
                template.zip(filled).filter(|(word, _)| *word == "__data__").map(|(_, word)| word.len())
            })
            .collect();
        let claimed = workload.stored.as_ref().map(|stored| stored.bytes);
        assert!(payloads.iter().all(|&bytes| Some(bytes) == claimed), "{}: {payloads:?}", workload.name);
        assert_eq!(payloads.is_empty(), claimed.is_none(), "{}: no payload is checked", workload.name);
        let name =
            claimed.map(|bytes| if bytes == 16384 { "16 KiB".to_owned() } else { format!("{bytes} bytes") });
        let is_named =
            name.is_none_or(|name| workload.what.contains(&name) || workload.what.contains("the same"));
        assert!(is_named, "{} does not say what it stores", workload.name);
    }
}

#[test]
fn rows_that_read_fill_their_keys() {
    for workload in WORKLOADS {
        let command = workload.command.split(' ').next().unwrap_or_default();
        assert!(
            !READS.contains(&command) || !workload.preparation.is_empty(),
            "{} reads nothing",
            workload.name
        );
    }
}

#[test]
fn data_without_a_size_is_an_error() {
    assert!(words("-c 50", "SET key __data__").is_err());
    assert_eq!(words("-c 50 -d 3", "SET key __data__").expect("it has a size"), ["SET", "key", "xxx"]);
}
