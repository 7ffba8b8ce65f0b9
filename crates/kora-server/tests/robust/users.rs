//! Users: every command is judged as DRYRUN says it is, whichever way it comes; changes hold at once on every worker; files
//! of users count as a whole.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_protocol::Frame;
use kora_testkit::differential;
use kora_testkit::process::free_port;
use kora_testkit::target::tcp::TcpTarget;

use crate::client::{Client, bulk, error_text, ok, request};
use crate::server::{Program, command, start};
use crate::size;

fn items(frame: &Frame) -> &[Frame] {
    match frame {
        Frame::Array(items) | Frame::Set(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

fn text(frame: &Frame) -> String {
    match frame {
        Frame::Simple(text) | Frame::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("no text: {other:?}"),
    }
}

/// A command with as many words as it needs, and one more if it may have that.
struct Command {
    words: Vec<String>,
    may_be_queued: bool,
    is_for_scripts: bool,
}

/// A server with a configuration file, which stands in front of all options.
fn with_file(file: &str) -> Program {
    let port = free_port().unwrap();
    let mut command = process::Command::new(command(port, &[]).get_program());
    command.args([file, "--port", &port.to_string(), "--bind", "127.0.0.1"]).stdin(process::Stdio::null());
    Program::spawn(command, port)
}

/// All commands that are no containers.
fn commands(client: &mut Client) -> Vec<Command> {
    let mut all = Vec::new();
    for command in items(&client.line("COMMAND")) {
        let subcommands = items(&items(command)[9]);
        for leaf in if subcommands.is_empty() { std::slice::from_ref(command) } else { subcommands } {
            let fields = items(leaf);
            let Frame::Integer(arity) = fields[1] else { panic!("{:?}", fields[1]) };
            let mut words: Vec<String> = text(&fields[0]).split('|').map(str::to_owned).collect();
            let count = usize::try_from(arity.unsigned_abs()).unwrap() + usize::from(arity < 0);
            words.resize(count.max(words.len()), "x".to_owned());
            let has = |name: &str| items(&fields[2]).iter().any(|flag| text(flag) == name);
            let (may_be_queued, is_for_scripts) = (!has("no_multi"), !has("noscript"));
            // What would change modules is refused whoever asks.
            if !(words[0] == "module" && words[1].contains("load")) {
                all.push(Command { words, may_be_queued, is_for_scripts });
            }
        }
    }
    assert!(all.len() > 300, "{} commands", all.len());
    all
}

/// What DRYRUN has against a command of `user`.
fn against(admin: &mut Client, user: &str, words: &[String]) -> Option<String> {
    let mut args = ["acl", "dryrun", user].map(str::to_owned).to_vec();
    args.extend_from_slice(words);
    let reply = admin.call(&args);
    (reply != ok()).then(|| text(&reply))
}

/// A refusal as it is told to whom DRYRUN would show the key or channel.
fn told(against: &str) -> String {
    ["key", "channel"]
        .into_iter()
        .find(|what| against.ends_with(&format!("' {what}")))
        .map_or_else(|| against.to_owned(), |what| format!("No permissions to access a {what}"))
}

/// Sends a command that must be refused, as it is, between MULTI and EXEC, and from a script.
fn is_refused(client: &mut Client, Command { words, may_be_queued, is_for_scripts }: &Command, reason: &str) {
    assert_eq!(error_text(&client.call(words)), format!("NOPERM {reason}"), "{words:?}");
    if *may_be_queued {
        assert_eq!(client.line("MULTI"), ok());
        assert_eq!(error_text(&client.call(words)), format!("NOPERM {reason}"), "{words:?} in MULTI");
        client.line("DISCARD");
    }
    if *is_for_scripts {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let script = format!("return redis.pcall({})", quoted.join(","));
        let reply = client.call(&["EVAL", &script, "0"]);
        assert_eq!(
            error_text(&reply),
            format!("ERR ACL failure in script: {reason}"),
            "{words:?} in a script"
        );
    }
}

fn every_command_is_judged_as_dryrun_says(workers: u16) {
    let (_program, address) = start(workers, &["--enable-debug-command", "yes"]);
    let mut admin = Client::connect(address);
    let all = commands(&mut admin);
    let needed = ["eval", "multi", "discard", "exec", "auth", "hello", "quit", "reset"];
    let (mut by_command, mut by_key) = (0, 0);
    let set = |admin: &mut Client, rules: &str| {
        assert_eq!(admin.line(&format!("ACL SETUSER limited reset on nopass {rules}")), ok(), "{rules}");
    };
    set(&mut admin, "+@all");
    let mut client = Client::connect(address);
    assert_eq!(client.line("AUTH limited x"), ok());
    for command in all.iter().filter(|command| !needed.contains(&command.words[0].as_str())) {
        let words = &command.words;
        let full = words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join("|");
        let name = if is_subcommand(&full, &all) { full } else { words[0].clone() };
        set(&mut admin, &format!("~* &* +@all -{name}"));
        let reason = against(&mut admin, "limited", words).expect("the command was taken away");
        assert!(reason.contains("has no permissions to run the"), "{words:?}: {reason}");
        is_refused(&mut client, command, &told(&reason));
        by_command += 1;
        for rules in ["~other &other +@all", "%W~x &other +@all", "%R~x &other +@all"] {
            set(&mut admin, rules);
            if let Some(reason) = against(&mut admin, "limited", words) {
                is_refused(&mut client, command, &told(&reason));
                by_key += 1;
            }
        }
        set(&mut admin, &format!("(~* &* +@all -{name}) (~other &other +{name}) +eval +multi +discard"));
        if let Some(reason) = against(&mut admin, "limited", words) {
            is_refused(&mut client, command, &told(&reason));
        }
    }
    assert!(by_command > 300 && by_key > 300, "{by_command} and {by_key}");
}

fn is_subcommand(full: &str, all: &[Command]) -> bool {
    all.iter().any(|Command { words, .. }| {
        words.len() > 1 && words[1] != "x" && format!("{}|{}", words[0], words[1]) == full
    })
}

#[test]
fn every_command_is_judged_as_dryrun_says_by_one_worker() {
    every_command_is_judged_as_dryrun_says(1);
}

#[test]
fn every_command_is_judged_as_dryrun_says_by_four_workers() {
    every_command_is_judged_as_dryrun_says(4);
}

/// Clients write without a pause; once their user may not any more, and that was answered, nothing is written.
#[test]
fn changes_hold_at_once_on_every_worker() {
    let (_program, address) = start(4, &["--gather-connections", "no"]);
    let mut admin = Client::connect(address);
    let changes: [(&str, &str); 4] = [
        ("ACL SETUSER busy -incr", "NOPERM"),
        ("ACL SETUSER busy resetkeys ~other", "NOPERM"),
        ("ACL SETUSER busy reset on nopass +get", "NOPERM"),
        ("ACL DELUSER busy", ""),
    ];
    for (change, error) in changes {
        assert_eq!(admin.line("ACL SETUSER busy reset on nopass ~* +@all"), ok());
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    assert_eq!(client.line("AUTH busy x"), ok());
                    let incr = request(&["INCR".to_owned(), format!("n{number}")]).repeat(16);
                    while !is_over.load(Ordering::Relaxed) {
                        if client.send(&incr).is_err() {
                            break;
                        }
                        for _ in 0..16 {
                            match client.receive() {
                                Some(Frame::Integer(_)) => {}
                                Some(reply) => assert!(error_text(&reply).starts_with(error), "{reply:?}"),
                                None => return,
                            }
                        }
                    }
                });
            }
            let keys: Vec<String> = (0..8).map(|number| format!("n{number}")).collect();
            let mget: Vec<String> = std::iter::once("MGET".to_owned()).chain(keys).collect();
            std::thread::sleep(std::time::Duration::from_millis(100));
            admin.line(change);
            let then = admin.call(&mget);
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert_eq!(admin.call(&mget), then, "{change}");
            is_over.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn an_index_is_used_by_one_set_of_rules() {
    let (_server, address) = start(4, &[]);
    let mut admin = Client::connect(address);
    for line in [
        "HSET sec:1 t x",
        "HSET own:1 t x",
        "FT.CREATE i PREFIX 1 sec: SCHEMA t TEXT",
        "FT.CREATE o PREFIX 1 own: SCHEMA t TEXT",
        "FT.ALIASADD alias i",
    ] {
        assert!(!matches!(admin.line(line), Frame::Error(_)), "{line}");
    }
    let refused = "NOPERM User does not have the required permissions to query the index";
    for (rules, line) in [
        ("+ft.search ~own:* (+type ~sec:*)", "FT.SEARCH i *"),
        ("+ft.dropindex +del ~own:* (+ttl ~sec:*)", "FT.DROPINDEX i DD"),
        ("+ft.dropindex %R~sec:*", "FT.DROPINDEX i DD"),
        ("+ft.del %R~sec:*", "FT.DEL i sec:1"),
        ("+ft.create %R~sec:*", "FT.CREATE t TEMPORARY 1 PREFIX 1 sec: SCHEMA t TEXT"),
        ("+@all ~sec[:*", "FT.SEARCH i *"),
        ("+@all ~own:*", "FT.ALIASDEL alias"),
        ("+@all ~own:*", "FT.ALIASUPDATE alias o"),
        ("+@all ~own:*", "FT.CREATE alias PREFIX 1 own: SCHEMA t TEXT"),
    ] {
        admin.line(&format!("ACL SETUSER u reset on nopass {rules}"));
        let mut client = Client::connect(address);
        assert_eq!(client.line("AUTH u any"), ok());
        assert_eq!(error_text(&client.line(line)), refused, "{rules}: {line}");
    }
    admin.line("ACL SETUSER u reset on nopass +@read +@write ~*");
    let mut client = Client::connect(address);
    assert_eq!(client.line("AUTH u any"), ok());
    assert!(error_text(&client.line("FT.CONFIG SET TIMEOUT 1")).starts_with("NOPERM"));
    assert_eq!(admin.line("EXISTS sec:1"), Frame::Integer(1));
    admin.line("ACL SETUSER u reset on nopass +ft.search +type ~sec:*");
    assert!(!matches!(client.line("FT.SEARCH i *"), Frame::Error(_)));
}

#[test]
fn a_file_of_users_counts_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.acl");
    let file = path.to_str().unwrap();
    std::fs::write(&path, "user alice on >secret ~a* +@all\nuser default on nopass ~* &* +@all\n").unwrap();
    let program = Program::start(&["--aclfile", file]);
    let (mut admin, mut alice) = (program.client(), program.client());
    assert_eq!(alice.line("AUTH alice secret"), ok());
    assert_eq!(error_text(&alice.line("SET b 1")), "NOPERM No permissions to access a key");
    std::fs::write(&path, "user alice on nopass ~b* +@all\nuser bob +nosuch\n").unwrap();
    let error = error_text(&admin.line("ACL LOAD"));
    assert!(error.contains("users.acl:2: Error in applying operation '+nosuch'"), "{error}");
    assert!(error_text(&alice.line("SET b 1")).starts_with("NOPERM"), "nothing has changed");
    std::fs::write(&path, "user alice on nopass ~b* +@all\n").unwrap();
    assert_eq!(admin.line("ACL LOAD"), ok());
    assert_eq!(alice.line("SET b 1"), ok());
    assert_eq!(admin.line("ACL SETUSER carol on +get (~x +set)"), ok());
    assert_eq!(admin.line("ACL SAVE"), ok());
    let saved = std::fs::read_to_string(&path).unwrap();
    let expected = "user alice on nopass sanitize-payload ~b* resetchannels -@all +@all\n";
    assert!(saved.contains(&expected.replace("-@all +@all", "+@all")), "{saved}");
    assert!(
        saved.contains(
            "user carol on sanitize-payload resetchannels -@all +get (~x resetchannels -@all +set)\n"
        )
    );
    let again = Program::start(&["--aclfile", file]);
    assert_eq!(again.client().line("ACL LIST"), admin.line("ACL LIST"));
    std::fs::write(&path, "user default on nopass ~* &* +@all\n").unwrap();
    assert_eq!(admin.line("ACL LOAD"), ok());
    assert!(alice.receive().is_none(), "a user who is no more is disconnected");
}

#[test]
fn users_are_kept_in_the_configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kora.conf");
    std::fs::write(&path, "# mine\nrequirepass first\nuser alice on nopass +get\n").unwrap();
    let file = path.to_str().unwrap();
    let program = with_file(file);
    let mut admin = program.client();
    assert!(error_text(&admin.line("PING")).starts_with("NOAUTH"));
    assert_eq!(admin.line("AUTH first"), ok());
    assert_eq!(admin.line("CONFIG SET requirepass second"), ok());
    assert!(error_text(&program.client().line("AUTH first")).starts_with("WRONGPASS"));
    assert_eq!(admin.line("ACL SETUSER bob on >pw ~b*"), ok());
    assert_eq!(admin.line("CONFIG REWRITE"), ok());
    let again = with_file(file);
    let mut other = again.client();
    assert_eq!(other.line("AUTH second"), ok());
    assert_eq!(other.line("ACL LIST"), admin.line("ACL LIST"));
    assert_eq!(admin.line("ACL DELUSER alice bob"), Frame::Integer(2));
    assert_eq!(admin.line("CONFIG REWRITE"), ok());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("# mine") && text.contains("requirepass") && !text.contains("\nuser "), "{text}");
    assert_eq!(admin.line("ACL WHOAMI"), bulk("default"));
}

#[test]
fn random_users_are_behind_a_file_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.acl");
    std::fs::write(&path, "").unwrap();
    for workers in [1, 4] {
        let (_program, address) = start(workers, &["--aclfile", path.to_str().unwrap()]);
        let mut targets = [TcpTarget::new(&address.to_string()).unwrap()];
        differential::run_kept_users(7, size(300, 20_000), &mut targets).unwrap();
    }
}
