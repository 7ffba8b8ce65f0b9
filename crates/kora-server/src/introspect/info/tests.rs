use super::snapshot::{CommandStat, DatabaseInfo, ErrorStat, MemoryInfo, ServerInfo};
use super::*;

fn headings(args: &[&str]) -> Vec<String> {
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let text = text(&InfoSnapshot::default(), Sections::parse(&args));
    text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
}

#[test]
fn sections_are_chosen_by_name() {
    let all: Vec<_> = SECTIONS.into_iter().map(heading).filter(|name| *name != "Debug").collect();
    let default: Vec<_> =
        all.iter().copied().filter(|name| !["Commandstats", "Latencystats"].contains(name)).collect();
    assert_eq!(headings(&[]), default);
    assert_eq!(headings(&["default"]), default);
    assert_eq!(headings(&["all"]), all);
    assert_eq!(headings(&["EVERYTHING", "nothing"]), all);
    assert_eq!(headings(&["debug"]), ["Debug"], "it must be asked for");
    assert_eq!(headings(&["CPU", "server", "cpu"]), ["Server", "CPU"]);
    assert_eq!(headings(&["default", "commandstats"]).len(), default.len() + 1);
    assert!(headings(&["nothing", "a"]).is_empty());
}

#[test]
fn lines_end_in_crlf_and_sections_stand_apart() {
    let snapshot = InfoSnapshot {
        keyspace: vec![
            DatabaseInfo { db: 0, keys: 2, expires: 1, average_ttl_ms: 99_998, expiring_hashes: 1 },
            DatabaseInfo { db: 3, ..DatabaseInfo::default() },
        ],
        errors: vec![ErrorStat { prefix: "WRONGTYPE".into(), count: 4 }],
        commands: vec![CommandStat { name: "config|get", calls: 8, total_us: 137, rejected: 1, failed: 3 }],
        ..InfoSnapshot::default()
    };
    let sections = Sections::parse(&[b"keyspace", b"errorstats", b"commandstats", b"modules"]);
    assert_eq!(
        text(&snapshot, sections),
        "# Modules\r\n\
         module:name=ReJSON,ver=20803,api=1,filters=0,usedby=[],using=[],options=[handle-io-errors]\r\n\
         module:name=search,ver=21005,api=1,filters=0,usedby=[],using=[],options=[handle-io-errors]\r\n\
         module:name=vectorset,ver=1,api=1,filters=0,usedby=[],using=[],options=[handle-io-errors]\r\n\r\n\
         # Commandstats\r\n\
         cmdstat_config|get:calls=8,usec=137,usec_per_call=17.12,rejected_calls=1,failed_calls=3\r\n\r\n\
         # Errorstats\r\nerrorstat_WRONGTYPE:count=4\r\n\r\n\
         # Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=99998,subexpiry=1\r\n"
    );
}

#[test]
fn memory_is_shown_with_units_and_ratios() {
    let memory = MemoryInfo {
        used: 908_504,
        resident: 14_778_368,
        peak: 1_132_328,
        allocator_allocated: 1000,
        allocator_active: 1230,
        system: 25_276_502_016,
        ..MemoryInfo::default()
    };
    let text = text(
        &InfoSnapshot { memory, memory_policy: "noeviction", ..InfoSnapshot::default() },
        Sections::parse(&[b"memory"]),
    );
    for line in [
        "used_memory_human:887.21K",
        "used_memory_rss_human:14.09M",
        "used_memory_peak_perc:80.23%",
        "total_system_memory_human:23.54G",
        "maxmemory_human:0B",
        "maxmemory_policy:noeviction",
        "allocator_frag_ratio:1.23",
        "allocator_frag_bytes:230",
        "allocator_rss_bytes:-1230",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[test]
fn the_server_says_what_it_is() {
    let server = ServerInfo {
        redis_version: "8.0.2".into(),
        kora_version: "0.1.0".into(),
        uptime_seconds: 200_000,
        listeners: vec![(0, "name=tcp,bind=127.0.0.1,port=6379".into())],
        ..ServerInfo::default()
    };
    let text = text(&InfoSnapshot { server, ..InfoSnapshot::default() }, Sections::parse(&[b"server"]));
    for line in [
        "redis_version:8.0.2",
        "server_name:kora",
        "kora_version:0.1.0",
        "redis_mode:standalone",
        "uptime_in_days:2",
        "listener0:name=tcp,bind=127.0.0.1,port=6379",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}
