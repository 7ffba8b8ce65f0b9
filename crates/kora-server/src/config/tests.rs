//! Error texts and accepted spellings are those of Redis 8.0.2.

use super::command_line::{Invocation, read};
use super::load::{ConfigError, Loader};
use super::rewrite::rewritten;
use super::table::{Apply, Directive};
use super::value::{parse_bytes, quote};
use super::*;

fn set(config: &mut Config, pairs: &[&str]) -> Result<access::Changes, String> {
    let pairs: Vec<&[u8]> = pairs.iter().map(|word| word.as_bytes()).collect();
    config.set(&pairs).map_err(|error| error.to_string())
}

fn get(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|word| word.as_bytes()).collect();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    config.get(&patterns).into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn get_one(config: &Config, name: &str) -> String {
    let found = get(config, &[name]);
    assert_eq!(found.len(), 1, "{name}");
    found.into_iter().next().unwrap().1
}

fn load(text: &str) -> Result<load::Loaded, ConfigError> {
    let mut loader = Loader::default();
    loader.stdin(text.as_bytes())?;
    loader.finish()
}

fn loaded(text: &str) -> Config {
    load(text).unwrap().config
}

#[test]
fn every_directive_takes_back_what_it_shows_and_spells() {
    let defaults = Config::default();
    for directive in Directive::all() {
        let value = directive.get(&defaults);
        assert_eq!(value, directive.default_setting(), "{}", directive.name);
        let spelled = kora_protocol::split_line(&value.spelled()).unwrap();
        if directive.name != "dir" {
            let mut config = defaults.clone();
            directive
                .set(&mut config, &spelled)
                .unwrap_or_else(|error| panic!("{}: {error}", directive.name));
            assert_eq!(directive.get(&config), value, "{}", directive.name);
        }
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = Directive::all().flat_map(Directive::names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn set_refuses_in_redis_words() {
    let words = "volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, \
                 allkeys-random, noeviction";
    let policies = format!("argument(s) must be one of the following: {words}");
    for (name, value, reason) in [
        ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
        ("port", "99999", "argument must be between 0 and 65535 inclusive"),
        ("port", "zzz", "argument couldn't be parsed into an integer"),
        ("timeout", "05", "argument couldn't be parsed into an integer"),
        ("timeout", "+5", "argument couldn't be parsed into an integer"),
        ("timeout", "", "argument couldn't be parsed into an integer"),
        (
            "list-max-listpack-size",
            "-3000000000",
            "argument must be between -2147483648 and 2147483647 inclusive",
        ),
        ("maxmemory", "1.5gb", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("proto-max-bulk-len", "1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ("protected-mode", "maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory-policy", "x", policies.as_str()),
        ("databases", "16", "can't set immutable config"),
        ("enable-debug-command", "no", "can't set immutable config"),
        ("dir", "/", "it can't change while the server runs"),
        ("dbfilename", "a/b", "dbfilename can't be a path, just a filename"),
        (
            "client-output-buffer-limit",
            "normal 1mb 2mb",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "master 1 1 1",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1 1 x",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
    ] {
        let expected = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut Config::default(), &[name, value]).unwrap_err(), expected);
    }
}

#[test]
fn set_checks_its_form() {
    let config = &mut Config::default();
    for (pairs, error) in [
        (&["foo", "1"][..], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"),
        (
            &["maxclients", "10", "foo", "1"],
            "ERR Unknown option or number of arguments for CONFIG SET - 'foo'",
        ),
        (&["maxclients", "1", "timeout"], "ERR syntax error"),
        (
            &["maxclients", "1", "MaxClients", "2"],
            "ERR CONFIG SET failed (possibly related to argument 'MaxClients') - duplicate parameter",
        ),
    ] {
        assert_eq!(set(config, pairs).unwrap_err(), error);
    }
}

#[test]
fn set_is_all_or_nothing() {
    let mut config = Config::default();
    set(&mut config, &["maxclients", "5", "loglevel", "bad"]).unwrap_err();
    assert_eq!(config.max_clients, 10_000);
    let changes = set(&mut config, &["maxclients", "5", "loglevel", "DEBUG", "timeout", "0"]).unwrap();
    let names: Vec<_> = changes.changed.iter().map(|directive| directive.name).collect();
    assert_eq!(names, ["maxclients", "loglevel"]);
    assert!(changes.need(Apply::Log) && !changes.need(Apply::Listeners));
    assert_eq!((config.max_clients, config.log_level), (5, LogLevel::Debug));
}

#[test]
fn what_does_not_exist_yet_is_refused_but_its_off_value_is_not() {
    for (name, off, on) in [
        ("activedefrag", "no", "yes"),
        ("rdb-version-check", "strict", "relaxed"),
        ("min-replicas-to-write", "0", "1"),
    ] {
        let mut config = Config::default();
        set(&mut config, &[name, off]).unwrap();
        let error = set(&mut config, &[name, on]).unwrap_err();
        assert!(error.ends_with("not available in this version of Kora"), "{error}");
        assert_eq!(get_one(&config, name), off);
    }
}

#[test]
fn lines_of_save_add_up() {
    let rules = |text| load(text).unwrap().config.persistence.save.rules().len();
    assert_eq!(rules("save 900 1\nsave 60 10 30 100"), 3);
    assert_eq!(rules("save 900 1\nsave \"\"\nsave 60 10"), 1);
    assert_eq!(rules("save 900 1\nsave \"\""), 0);
    assert_eq!(rules("save \"900 1\"\nsave \"60 10\""), 2);
    let mut config = load("save 900 1").unwrap().config;
    set(&mut config, &["save", "60 10"]).unwrap();
    assert_eq!(get_one(&config, "save"), "60 10");
}

#[test]
fn a_policy_says_what_may_go_and_how_use_is_tracked() {
    let core = |policy| {
        let mut config = Config::default();
        set(&mut config, &["maxmemory-policy", policy, "maxmemory-samples", "10"]).unwrap();
        let core = config.core();
        assert_eq!(core.eviction.samples, 10);
        (core.eviction.scope, core.eviction.order, core.tracking)
    };
    assert_eq!(core("allkeys-lfu"), (EvictionScope::AllKeys, EvictionOrder::Lfu, Tracking::Lfu));
    assert_eq!(core("volatile-ttl"), (EvictionScope::Volatile, EvictionOrder::Ttl, Tracking::Lru));
    assert_eq!(core("allkeys-random"), (EvictionScope::AllKeys, EvictionOrder::Random, Tracking::Lru));
    assert_eq!(core("noeviction").0, EvictionScope::Nothing);
}

#[test]
fn values_are_refused_as_in_redis() {
    for (name, value, refusal) in [
        ("hz", "1\0", "couldn't be parsed into an integer"),
        ("maxmemory-clients", "9223372036854775808", "less or equal to 100"),
        ("save", " 10 1", "Invalid save parameters"),
        ("save", "10  1", "Invalid save parameters"),
        ("save", "10 0x1", "Invalid save parameters"),
        ("client-output-buffer-limit", "normal 0 0 0 ", "Wrong number of arguments"),
        ("oom-score-adj-values", " 0 200 800", "wrong number of arguments"),
    ] {
        let error = set(&mut Config::default(), &[name, value]).unwrap_err();
        assert!(error.contains(refusal), "{name} {value}: {error}");
    }
}

#[test]
fn values_are_shown_as_redis_shows_them() {
    for (name, value, shown) in [
        ("maxmemory", "1gb", "1073741824"),
        ("maxmemory", "1G", "1000000000"),
        ("maxmemory", "99999999999999999999", "18446744073709551615"),
        ("maxmemory-clients", "18446744073709551615", "1%"),
        ("maxmemory-clients", "9223372036854775807", "9223372036854775807"),
        ("maxmemory-clients", "1mb\0garbage", "1048576"),
        ("appendonly", "yes\0", "yes"),
        ("proc-title-template", "a\0b", "a"),
        ("requirepass", "a\0b", "a\0b"),
        ("save", "10 ", "10 0"),
        ("save", "10 1 +20 007", "10 1 20 7"),
        ("save", "\0", ""),
        ("oom-score-adj-values", "0 200 ", "0 200 0"),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("loglevel", "NOTICE", "notice"),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("slave-priority", "5", "5"),
        (
            "client-output-buffer-limit",
            "normal 1mb 2mb 3 slave 1k 2kb 3",
            "normal 1048576 2097152 3 slave 1000 2048 3 pubsub 33554432 8388608 60",
        ),
    ] {
        let mut config = Config::default();
        set(&mut config, &[name, value]).unwrap();
        assert_eq!(get_one(&config, name), shown, "{name} {value}");
    }
}

#[test]
fn get_matches_globs_and_names_in_any_case_once() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        get(&config, patterns).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&["MAXCLIENTS", "maxc*"]), ["MAXCLIENTS"]);
    assert_eq!(names(&["port", "nothing", "PORT"]), ["port"]);
    assert_eq!(names(&["unixsocket*"]), ["unixsocket", "unixsocketperm", "unixsocketgroup"]);
    assert_eq!(names(&["HASH-MAX-*-entries"]), ["hash-max-listpack-entries", "hash-max-ziplist-entries"]);
    assert_eq!(names(&["*"]).len(), Directive::all().flat_map(Directive::names).count());
}

#[test]
fn files_are_read_line_by_line() {
    let config = loaded(
        "# comment\n\n  port 7000  \r\nrequirepass \"a b\\x01\"\nclient-output-buffer-limit pubsub 1kb 1kb 2\n\
         bind 10.0.0.1 ::1\nmaxclients 5\nmaxclients 6\nsave \"\"\nunixsocketperm 770\n",
    );
    assert_eq!((config.port, config.password.as_slice()), (7000, b"a b\x01".as_slice()));
    assert_eq!(
        config.output_limits.pubsub,
        OutputLimit { hard_bytes: 1024, soft_bytes: 1024, soft_seconds: 2 }
    );
    assert_eq!(config.output_limits.replica, Config::default().output_limits.replica);
    assert_eq!((config.bind, config.max_clients), (vec!["10.0.0.1".into(), "::1".into()], 6));
    assert_eq!(config.unix_socket_mode, FileMode(0o770));
}

#[test]
fn wrong_lines_stop_the_start_with_their_place() {
    for (text, error) in [
        ("\nport abc", "standard input:2: 'port abc': argument couldn't be parsed into an integer"),
        ("port 1 2", "standard input:1: 'port 1 2': wrong number of arguments"),
        ("port", "standard input:1: 'port': wrong number of arguments"),
        (
            "maxclient 10",
            "standard input:1: 'maxclient 10': unknown directive 'maxclient'; did you mean 'maxclients'?",
        ),
        ("qwertyuiop 1", "standard input:1: 'qwertyuiop 1': unknown directive 'qwertyuiop'"),
        ("logfile \"x", "standard input:1: 'logfile \"x': Unbalanced quotes in configuration line"),
        ("save 900", "standard input:1: 'save 900': Invalid save parameters"),
        ("dbfilename a/b", "standard input:1: 'dbfilename a/b': dbfilename can't be a path, just a filename"),
        ("user", "standard input:1: 'user': wrong number of arguments"),
    ] {
        assert_eq!(load(text).unwrap_err().to_string(), error);
    }
}

/// What is wrong with the users that a file declares.
fn users_error(text: &str) -> String {
    crate::server::check_users(&loaded(text)).unwrap_err().to_string()
}

#[test]
fn users_are_declared_by_lines() {
    let digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let text = format!(
        "requirepass \"foo\"\nuser default on sanitize-payload #{digest} ~* &* +@all\nuser alice on nopass (~a +get) +@read"
    );
    let config = loaded(&text);
    crate::server::check_users(&config).unwrap();
    assert_eq!((config.password.as_slice(), config.user_lines.len()), (&b"foo"[..], 2));
    let lines = config.user_lines.iter().map(|line| line.text().into_bytes()).collect::<Vec<_>>();
    let again = rewritten(&config, &lines[1..], text.as_bytes());
    let again = String::from_utf8(again).unwrap();
    assert!(
        again.contains("user alice on nopass (~a +get) +@read") && !again.contains("user default"),
        "{again}"
    );
    assert_eq!(
        users_error("port 1\nuser a +nosuch"),
        "standard input:2: 'user a +nosuch': Error in user declaration '+nosuch': Unknown command or category name in ACL"
    );
    assert_eq!(
        users_error("user a on\nuser a off"),
        "standard input:2: 'user a off': Error in user declaration 'a': Duplicate user found. A user can only be defined \
         once in config files"
    );
    assert!(users_error("aclfile nosuch").contains("Error loading ACLs, opening file 'nosuch'"));
    assert!(users_error("aclfile x\nuser a on").contains("only one of the two"));
}

#[test]
fn several_words_may_be_one_argument() {
    for text in ["bind \"10.0.0.1 ::1\"", "bind 10.0.0.1 ::1"] {
        assert_eq!(loaded(text).bind, ["10.0.0.1", "::1"]);
    }
    let config = loaded("client-output-buffer-limit \"normal 0 0 0\"\nsave \"900 1 60 1000\"");
    assert_eq!(config.output_limits.normal, OutputLimit::default());
    assert_eq!(config.persistence.save.rules().len(), 2);
}

/// The directives that Redis 8.0.2 and Valkey 8.1.1 set in the configuration files that they come with, and those that
/// CONFIG GET of either shows and the files only mention.
#[test]
fn every_directive_of_redis_and_valkey_is_known() {
    let known = include_str!("tests/directives.txt");
    let unknown: Vec<_> =
        known.split_whitespace().filter(|name| Directive::find(name.as_bytes()).is_none()).collect();
    assert!(known.split_whitespace().count() > 200 && unknown.is_empty(), "{unknown:?}");
}

#[test]
fn lines_of_valkeys_own_file_are_taken() {
    let config = loaded(
        "dual-channel-replication-enabled no\nrdb-version-check strict\ncommandlog-execution-slower-than 10000\n\
         commandlog-slow-execution-max-len 128\ncommandlog-request-larger-than 1048576\n\
         commandlog-large-request-max-len 128\ncommandlog-reply-larger-than 1048576\n\
         commandlog-large-reply-max-len 128\nlist-compress-depth 0\nshutdown-timeout 10\n",
    );
    assert_eq!(get_one(&config, "commandlog-slow-execution-max-len"), "128");
}

#[test]
fn dir_is_shown_as_an_absolute_path() {
    let shown = get_one(&Config::default(), "dir");
    assert_eq!(PathBuf::from(&shown), std::env::current_dir().unwrap());
    assert!(!String::from_utf8(rewritten(&Config::default(), &[], b"")).unwrap().contains("dir"));
    let given = Config { dir: shown.clone().into_bytes(), ..Config::default() };
    let lines = String::from_utf8(rewritten(&given, &[], b"")).unwrap();
    assert!(lines.lines().any(|line| line == format!("dir {shown}")), "{lines}");
}

#[test]
fn directives_without_effect_are_noted_by_reason() {
    let notes =
        load("set-proc-title yes\nio-threads 4\ndisable-thp no\ndisable-thp yes\nport 1").unwrap().notes;
    assert_eq!(
        notes,
        [
            "accepted, but without effect in Kora: io-threads ('workers' sets the number of threads)",
            "accepted, but without effect in Kora: set-proc-title, disable-thp \
             (it is left to the service manager and the system)",
        ]
    );
}

#[test]
fn files_include_others() {
    let folder = Folder::new("include");
    folder.write("main.conf", &format!("port 1\ninclude {}/*.part\nmaxclients 3\n", folder.path.display()));
    folder.write("b.part", "maxclients 2\nport 3\n");
    folder.write("a.part", "port 2\n");
    folder.write("loop.conf", &format!("include {}/loop.conf\n", folder.path.display()));
    let mut loader = Loader::default();
    loader.main_file(&folder.path.join("main.conf")).unwrap();
    let config = loader.finish().unwrap().config;
    assert_eq!((config.port, config.max_clients), (3, 3));
    let looped = Loader::default().main_file(&folder.path.join("loop.conf")).unwrap_err().to_string();
    assert!(looped.contains("include one another"), "{looped}");
    let missing = Loader::default().main_file(&folder.path.join("none")).unwrap_err();
    assert!(matches!(missing, ConfigError::Unreadable { .. }));
}

#[test]
fn the_command_line_comes_after_file_and_standard_input() {
    let folder = Folder::new("command-line");
    folder.write("kora.conf", "port 1\nmaxclients 1\ntimeout 1\n");
    let file = folder.path.join("kora.conf");
    let args = [file.to_str().unwrap(), "--port", "3", "--bind", "127.0.0.1", "-::1", "--save", "", "-"];
    let Invocation::Run(loaded) = read(&args, &mut "port 2\nmaxclients 2\n".as_bytes()).unwrap() else {
        panic!("these arguments run the server")
    };
    let config = loaded.config;
    assert_eq!((config.port, config.max_clients, config.timeout_seconds), (3, 2, 1));
    assert_eq!((config.bind.len(), config.file), (2, Some(file)));
}

#[test]
fn the_command_line_knows_its_own_options() {
    let invocation = |args: &[&str]| read(args, &mut std::io::empty()).map_err(|error| error.to_string());
    assert!(matches!(invocation(&["-v"]), Ok(Invocation::Version)));
    assert!(matches!(invocation(&["--help"]), Ok(Invocation::Help)));
    assert!(matches!(invocation(&["--port", "1", "--print-config"]), Ok(Invocation::Print(_))));
    for (args, error) in [
        (&["--maxclients"][..], "command line: '--maxclients': wrong number of arguments"),
        (&["--prot", "1"], "command line: '--prot 1': unknown directive 'prot'; did you mean 'port'?"),
        (&["-x"], "unexpected argument '-x'; see --help"),
        (&["--check-config"], "--check-config takes one file; see --help"),
    ] {
        assert_eq!(invocation(args).unwrap_err(), error);
    }
}

#[test]
fn rewriting_keeps_comments_order_and_spelling() {
    let old = "# head\nport 7290\n\n# about maxclients\nmaxclients 1000\nmaxclients 2000\nmaxmemory 1024mb\n\
               slave-priority 50\nclient-output-buffer-limit normal 0 0 0\ntimeout 0\n";
    let mut config = loaded(old);
    set(&mut config, &["maxclients", "3000", "lfu-log-factor", "11", "requirepass", "b c"]).unwrap();
    set(&mut config, &["client-output-buffer-limit", "replica 1gb 1gb 5"]).unwrap();
    let expected = "# head\nport 7290\n\n# about maxclients\nmaxclients 3000\nmaxmemory 1024mb\n\
                    slave-priority 50\nclient-output-buffer-limit normal 0 0 0\n\
                    client-output-buffer-limit replica 1gb 1gb 5\n\
                    client-output-buffer-limit pubsub 32mb 8mb 60\ntimeout 0\n\n\
                    # Generated by CONFIG REWRITE\nlfu-log-factor 11\nrequirepass \"b c\"\n";
    let once = rewritten(&config, &[], old.as_bytes());
    assert_eq!(String::from_utf8(once.clone()).unwrap(), expected);
    assert_eq!(rewritten(&config, &[], &once), once, "a second rewrite changes nothing");
}

#[test]
fn what_is_printed_or_rewritten_reads_back_the_same() {
    let mut config = Config::default();
    set(
        &mut config,
        &["requirepass", "\"#\\ \n\u{e9}", "bind", "", "maxmemory", "1500", "io-threads-do-reads", "x"],
    )
    .unwrap_err();
    set(&mut config, &["requirepass", "\"#\\ \n\u{e9}", "bind", "", "maxmemory", "1500", "masterauth", "'"])
        .unwrap();
    config.dir = b"/".to_vec();
    for text in [config.print(), rewritten(&config, &[], b"")] {
        let read = loaded(&String::from_utf8(text).unwrap());
        assert_eq!(get(&read, &["*"]), get(&config, &["*"]));
    }
}

#[test]
fn rewriting_replaces_the_file_it_was_read_from() {
    let folder = Folder::new("rewrite");
    folder.write("kora.conf", "port 1\n");
    let path = folder.path.join("kora.conf");
    let mut loader = Loader::default();
    loader.main_file(&path).unwrap();
    let mut config = loader.finish().unwrap().config;
    set(&mut config, &["port", "2"]).unwrap();
    config.rewrite(&[]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "port 2\n");
    assert_eq!(std::fs::read_dir(&folder.path).unwrap().count(), 1);
    let none = Config::default().rewrite(&[]).unwrap_err();
    assert_eq!(none.to_string(), "ERR The server is running without a config file");
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("10", Some(10)),
        ("10B", Some(10)),
        ("1k", Some(1000)),
        ("1Kb", Some(1024)),
        ("2m", Some(2_000_000)),
        ("2mb", Some(2 << 20)),
        ("3g", Some(3_000_000_000)),
        ("3GB", Some(3 << 30)),
        ("99999999999999999999", Some(u64::MAX)),
        ("", Some(0)),
        ("mb", Some(0)),
        ("1t", None),
        (" 1", None),
        ("1 ", None),
    ] {
        assert_eq!(parse_bytes(text.as_bytes()), bytes, "{text:?}");
    }
}

#[test]
fn quotes_are_used_only_where_needed() {
    for (bytes, quoted) in [
        (&b"plain/path-1.2"[..], "plain/path-1.2"),
        (b"", "\"\""),
        (b"a b", "\"a b\""),
        (b"a\"b\\", "\"a\\\"b\\\\\""),
        (b"\x00\xff\r\n\t", "\"\\x00\\xff\\r\\n\\t\""),
    ] {
        assert_eq!(String::from_utf8(quote(bytes)).unwrap(), quoted);
    }
}

/// A folder that is deleted at the end of its test.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kora-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path.join(name), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
