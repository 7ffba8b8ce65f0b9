//! The data sets: values of every type, at sizes just below, at and above every threshold.

use kora_testkit::simulation::random::Random;

/// Far from now, in milliseconds since 1970.
const LATER_MS: i64 = 4_000_000_000_123;

/// Commands that make data, and the settings under which servers hold them.
pub(super) struct DataSet {
    pub(super) name: &'static str,
    pub(super) options: Vec<&'static str>,
    pub(super) commands: Vec<Vec<Vec<u8>>>,
    pub(super) has_field_deadlines: bool,
}

impl DataSet {
    fn add<A: AsRef<[u8]>>(&mut self, words: &[A]) {
        self.commands.push(words.iter().map(|word| word.as_ref().to_vec()).collect());
    }

    fn line(&mut self, words: &str) {
        self.add(&words.split(' ').collect::<Vec<_>>());
    }

    /// One command for some elements, a few hundred at a time.
    fn add_all(&mut self, command: &str, key: &str, words: &[Vec<u8>]) {
        for part in words.chunks(600) {
            let mut all = vec![command.as_bytes().to_vec(), key.as_bytes().to_vec()];
            all.extend_from_slice(part);
            self.commands.push(all);
        }
    }
}

/// Every data set.
pub(super) fn data_sets() -> Vec<DataSet> {
    let plain: &[&str] = &["--rdbcompression", "no"];
    let small: &[&str] = &[
        ["--rdbcompression", "no", "--hash-max-listpack-entries", "4", "--hash-max-listpack-value", "8"],
        ["--set-max-listpack-entries", "4", "--set-max-intset-entries", "4", "--set-max-listpack-value", "8"],
        [
            "--zset-max-listpack-entries",
            "4",
            "--zset-max-listpack-value",
            "8",
            "--stream-node-max-entries",
            "3",
        ],
    ]
    .concat();
    let large: &[&str] = &[
        ["--hash-max-listpack-entries", "5000", "--hash-max-listpack-value", "4000"],
        ["--set-max-listpack-entries", "5000", "--set-max-intset-entries", "5000"],
        ["--zset-max-listpack-entries", "5000", "--zset-max-listpack-value", "4000"],
        ["--set-max-listpack-value", "4000", "--stream-node-max-entries", "5000"],
        ["--list-max-listpack-size", "-5", "--stream-node-max-bytes", "1mb"],
    ]
    .concat();
    let all = [strings, lists, hashes, sets, sorted_sets, streams, databases];
    let mut data_sets = Vec::new();
    for (name, options, makers) in [
        ("plain", plain, &all[..]),
        ("compressed", &[], &all),
        ("small-thresholds", small, &all),
        ("large-thresholds", large, &all),
        ("lists-of-128", &["--list-max-listpack-size", "128"], &[lists]),
        ("lists-of-1", &["--list-max-listpack-size", "1"], &[lists]),
        ("lists-compressed", &["--list-compress-depth", "1"], &[lists]),
        ("no-checksum", &["--rdbchecksum", "no"], &[strings, functions]),
        ("functions", &[], &[functions]),
        ("field-deadlines", &[], &[field_deadlines]),
        ("field-deadlines-small", small, &[field_deadlines]),
        ("nothing", &[], &[]),
    ] {
        let has_field_deadlines = name.starts_with("field");
        let mut set = DataSet { name, options: options.to_vec(), commands: Vec::new(), has_field_deadlines };
        makers.iter().for_each(|make: &fn(&mut DataSet)| make(&mut set));
        data_sets.push(set);
    }
    data_sets
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect()
}

/// Numbers about the ends of the ranges that have forms of their own.
const NUMBERS: [&str; 27] = [
    "0",
    "1",
    "-1",
    "12",
    "13",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "4095",
    "4096",
    "-4097",
    "32767",
    "32768",
    "-32769",
    "8388607",
    "8388608",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "007",
    "-0",
];

fn strings(set: &mut DataSet) {
    for number in NUMBERS.iter().chain(&["+1", " 1", "1 ", "1.5", "1e3", ""]) {
        set.add(&["SET", &format!("string:number:{number}"), number]);
    }
    for length in
        [1, 19, 20, 21, 43, 44, 45, 62, 63, 64, 65, 255, 256, 5000, 16_382, 16_383, 16_384, 16_385, 70_000]
    {
        set.add(&[b"SET", format!("string:same:{length}").as_bytes(), &vec![b'a'; length]]);
        set.add(&[b"SET", format!("string:noise:{length}").as_bytes(), &noise(length as u64, length)]);
        let words: Vec<u8> = b"some words ".iter().copied().cycle().take(length).collect();
        set.add(&[b"SET", format!("string:words:{length}").as_bytes(), &words]);
    }
    set.line("APPEND string:appended 12");
    set.line("APPEND string:appended 34");
    set.line("SETRANGE string:range 10 x");
    set.line("SETBIT string:bits 1000 1");
    set.line("SET string:counted 41");
    set.line("INCR string:counted");
    set.line("INCRBYFLOAT string:float 10.5");
    set.add(&[&b"SET"[..], b"", b"the key is empty"]);
    set.add(&[&b"SET"[..], b"binary\r\n\0\xff\xfe key", b"\0\r\n\xff"]);
    set.add(&[&b"SET"[..], &noise(1, 300), b"long binary key"]);
    set.add(&[&b"SET"[..], &vec![b'k'; 17_000], b"very long key"]);
    set.add(&["SET", "12345", "the key is a number"]);
    set.add(&["SET", "string:until", "v", "PXAT", &LATER_MS.to_string()]);
    for count in [0, 1, 100, 5000] {
        let key = format!("hll:{count}");
        set.add(&["PFADD", &key]);
        let elements: Vec<_> = (0..count).map(|number| format!("e{number}").into_bytes()).collect();
        set.add_all("PFADD", &key, &elements);
    }
    set.line("PFCOUNT hll:100");
    set.line("PFMERGE hll:merged hll:100 hll:5000");
}

fn numbered(count: usize, prefix: &str) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("{prefix}{number}").into_bytes()).collect()
}

fn lists(set: &mut DataSet) {
    for count in [1, 2, 3, 127, 128, 129, 130, 512, 2000] {
        set.add_all("RPUSH", &format!("list:numbers:{count}"), &numbered(count, ""));
        set.add_all("RPUSH", &format!("list:words:{count}"), &numbered(count, "element-"));
    }
    // Nodes of 8 KiB by default: one element, or many, just below and above.
    for length in [0, 63, 64, 4000, 4095, 4096, 8170, 8180, 8185, 8190, 8191, 8192, 8193, 10_000, 66_000] {
        for count in [1, 2, 5] {
            let elements: Vec<_> = (0..count).map(|seed| noise(seed, length)).collect();
            set.add_all("RPUSH", &format!("list:large:{length}:{count}"), &elements);
        }
    }
    let numbers: Vec<_> = NUMBERS.iter().map(|number| number.as_bytes().to_vec()).collect();
    set.add_all("LPUSH", "list:edges", &numbers);
    let mixed: Vec<_> = (0..60).map(|seed| noise(seed, usize::try_from(seed).unwrap_or(0) * 40)).collect();
    set.add_all("LPUSH", "list:mixed", &mixed);
    set.add_all("RPUSH", "list:shrunk", &numbered(1000, "element-"));
    set.line("LTRIM list:shrunk 10 14");
    set.add(&["PEXPIREAT", "list:edges", &LATER_MS.to_string()]);
}

fn hashes(set: &mut DataSet) {
    let pairs =
        |count: usize| -> Vec<_> { numbered(count, "f").into_iter().zip(numbered(count, "")).collect() };
    let flat =
        |pairs: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<_> { pairs.into_iter().flat_map(<[_; 2]>::from).collect() };
    for count in [1, 4, 5, 127, 128, 129, 511, 512, 513, 3000] {
        set.add_all("HSET", &format!("hash:{count}"), &flat(pairs(count)));
    }
    for length in [0, 8, 9, 63, 64, 65, 300, 5000] {
        set.add(&[b"HSET", format!("hash:value:{length}").as_bytes(), b"field", &noise(9, length)]);
        set.add(&[b"HSET", format!("hash:field:{length}").as_bytes(), &noise(9, length), b"value"]);
    }
    let edges = NUMBERS.map(|number| number.as_bytes().to_vec());
    set.add_all("HSET", "hash:edges", &flat(edges.iter().cloned().zip(edges.iter().cloned()).collect()));
    set.add_all("HSET", "hash:shrunk", &flat(pairs(600)));
    set.add_all("HDEL", "hash:shrunk", &numbered(598, "f"));
    set.add(&["PEXPIREAT", "hash:edges", &LATER_MS.to_string()]);
}

fn sets(set: &mut DataSet) {
    for count in [1, 4, 5, 127, 128, 129, 511, 512, 513, 3000] {
        set.add_all("SADD", &format!("set:numbers:{count}"), &numbered(count, ""));
        set.add_all("SADD", &format!("set:words:{count}"), &numbered(count, "m"));
    }
    for width in
        ["32767", "32768", "-32769", "2147483647", "2147483648", "-2147483649", "9223372036854775807"]
    {
        set.add(&["SADD", &format!("set:width:{width}"), "1", "-2", "300", width]);
    }
    for length in [0, 8, 9, 63, 64, 65, 5000] {
        set.add(&[b"SADD", format!("set:length:{length}").as_bytes(), &noise(3, length), b"12"]);
    }
    set.add(&["SADD", "set:mixed", "1", "2", "x", "007", "-0", "3"]);
    set.add_all("SADD", "set:shrunk", &numbered(600, "m"));
    set.add_all("SREM", "set:shrunk", &numbered(597, "m"));
    set.add_all("SADD", "set:turned", &numbered(10, ""));
    set.line("SADD set:turned word");
    set.line("SREM set:turned word");
    set.add(&["PEXPIREAT", "set:mixed", &LATER_MS.to_string()]);
}

fn sorted_sets(set: &mut DataSet) {
    for count in [1, 4, 5, 127, 128, 129, 3000] {
        let pairs = (0..count).flat_map(|number| {
            let score = format!("{}.{}", number * 7 % 1000, number % 4 * 25);
            [score.into_bytes(), format!("m{number}").into_bytes()]
        });
        set.add_all("ZADD", &format!("zset:{count}"), &pairs.collect::<Vec<_>>());
    }
    let scores = [
        "inf",
        "-inf",
        "0",
        "-0",
        "1.5",
        "1e300",
        "-1e-300",
        "3.0000000000000004",
        "0.1",
        "9007199254740993",
        "127",
        "-4096",
        "1e17",
        "123456789012345678",
        "5e-324",
        "1.7976931348623157e308",
    ];
    for length in [0, 8, 9, 63, 64, 65, 5000] {
        set.add(&[b"ZADD", format!("zset:length:{length}").as_bytes(), b"1", &noise(4, length)]);
    }
    for (name, filler) in [("zset:scores", 0), ("zset:scores:many", 200)] {
        for score in scores {
            set.add(&["ZADD", name, score, &format!("score {score}")]);
        }
        for number in 0..filler {
            set.add(&["ZADD", name, "7", &format!("tie {number}")]);
        }
    }
    for number in NUMBERS {
        set.add(&["ZADD", "zset:edges", number, number]);
    }
    set.line("GEOADD zset:geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    set.add(&["PEXPIREAT", "zset:edges", &LATER_MS.to_string()]);
}

fn streams(set: &mut DataSet) {
    for count in [1, 2, 3, 4, 99, 100, 101, 500] {
        for number in 1..=count {
            set.add(&[
                "XADD",
                &format!("stream:{count}"),
                &format!("{number}-1"),
                "field",
                &number.to_string(),
            ]);
        }
    }
    for number in 1..300 {
        let id = format!("{}-{number}", 1_700_000_000_000_u64 + number / 3);
        // Some entries have the fields of the one before, some have others.
        let other = format!("other-{}", number % 7);
        let field = if number % 5 < 3 { "field" } else { &other };
        set.add(&[
            "XADD",
            "stream:mixed",
            &id,
            field,
            "v",
            "second",
            &"x".repeat(usize::try_from(number % 90).unwrap_or(0)),
        ]);
        set.add(&[b"XADD", &b"stream:large"[..], id.as_bytes(), b"f", &noise(number, 200)]);
    }
    for number in (7..290).step_by(3) {
        set.add(&["XDEL", "stream:mixed", &format!("{}-{number}", 1_700_000_000_000_u64 + number / 3)]);
    }
    set.line("XTRIM stream:large MAXLEN 123");
    set.line("XADD stream:emptied 5-5 f v");
    set.line("XDEL stream:emptied 5-5");
    set.line("XGROUP CREATE stream:made g $ MKSTREAM");
    set.line("XADD stream:set 1-1 f v");
    set.line("XSETID stream:set 9-9 ENTRIESADDED 12 MAXDELETEDID 3-3");
    set.add(&["XADD", "stream:edges", "18446744073709551615-18446744073709551614", "f", "v"]);
    set.add(&["XADD", "stream:edges", "18446744073709551615-18446744073709551615", "", ""]);
    groups(set);
}

fn groups(set: &mut DataSet) {
    set.line("XGROUP CREATE stream:500 readers 0");
    set.line("XGROUP CREATE stream:500 late $");
    set.line("XGROUP CREATE stream:500 told 100-1 ENTRIESREAD 100");
    set.line("XGROUP CREATECONSUMER stream:500 readers idle");
    set.line("XREADGROUP GROUP readers one COUNT 150 STREAMS stream:500 >");
    set.line("XREADGROUP GROUP readers two COUNT 60 STREAMS stream:500 >");
    set.line("XREADGROUP GROUP told three COUNT 5 NOACK STREAMS stream:500 >");
    set.line("XREADGROUP GROUP told four COUNT 5 STREAMS stream:500 >");
    set.line("XACK stream:500 readers 3-1 4-1 5-1 160-1");
    set.line("XCLAIM stream:500 readers three 0 10-1 11-1 RETRYCOUNT 7");
    set.line("XCLAIM stream:500 readers three 0 12-1 TIME 1700000000000");
    // Pending, though deleted.
    set.line("XDEL stream:500 20-1 21-1 170-1");
    set.line("XGROUP CREATE stream:mixed g 0");
    set.line("XREADGROUP GROUP g c COUNT 1000 STREAMS stream:mixed >");
    set.line("XGROUP SETID stream:500 late 300-1");
}

/// Keys of several databases, with and without deadlines.
fn databases(set: &mut DataSet) {
    for db in [1, 2, 9, 15] {
        set.line(&format!("SELECT {db}"));
        for number in 0..20 {
            set.line(&format!("SET key:{number} value-{db}"));
        }
        set.line(&format!("PEXPIREAT key:{db} {LATER_MS}"));
        set.line(&format!("RPUSH list a b {db}"));
    }
    set.line("SELECT 0");
}

fn functions(set: &mut DataSet) {
    let first = "#!lua name=first\nredis.register_function('one', function(keys, args) return 1 end)\n\
                 redis.register_function{function_name='two', callback=function() return 2 end, \
                 flags={'no-writes', 'allow-stale'}, description='gives two'}";
    let second = format!(
        "#!lua name=second\n-- {}\nredis.register_function('three', function() return 3 end)",
        "x".repeat(3000)
    );
    set.add(&["FUNCTION", "LOAD", first]);
    set.add(&["FUNCTION", "LOAD", &second]);
    set.line("SET key value");
}

fn field_deadlines(set: &mut DataSet) {
    for count in [1_usize, 4, 5, 127, 128, 129, 512, 513, 2000] {
        let key = format!("hash:{count}");
        let pairs: Vec<_> =
            numbered(count, "f").into_iter().flat_map(|field| [field, b"value".to_vec()]).collect();
        set.add_all("HSET", &key, &pairs);
        for number in (0..count).step_by(3) {
            let at = (LATER_MS + i64::try_from(number * 13 % 1000).unwrap_or(0)).to_string();
            set.add(&["HPEXPIREAT", &key, &at, "FIELDS", "1", &format!("f{number}")]);
        }
    }
    set.line("HSET hash:persisted a 1 b 2");
    set.line(&format!("HPEXPIREAT hash:persisted {LATER_MS} FIELDS 2 a b"));
    set.line("HPERSIST hash:persisted FIELDS 2 a b");
    set.line("HSET hash:both a 1");
    set.line(&format!("HPEXPIREAT hash:both {LATER_MS} FIELDS 1 a"));
    set.line(&format!("PEXPIREAT hash:both {LATER_MS}"));
    set.add(&[b"HSET", &b"hash:long"[..], b"a", &noise(5, 65)]);
    set.line(&format!("HPEXPIREAT hash:long {LATER_MS} FIELDS 1 a"));
}
