//! Indexes, aliases, dictionaries and synonyms in the log and in snapshots: what is found before the end is found after it.

use kora_testkit::durability::program::Launch;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::{launch, line, text, wait_until};

const WITH_LOG: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes"];
const WITHOUT: [&str; 6] = ["--appendonly", "no", "--save", "", "--enable-debug-command", "yes"];

fn call(client: &mut TcpConnection, args: &[&str]) {
    let reply = client.call(args).unwrap();
    assert!(!reply.is_error(), "{args:?}: {reply}");
}

/// Declares all that there is to declare, and writes documents in all ways.
fn change(client: &mut TcpConnection) {
    let create = "FT.CREATE books PREFIX 1 book: STOPWORDS 1 the SCHEMA title TEXT WEIGHT 2 price NUMERIC SORTABLE tag TAG at GEO";
    call(client, &create.split(' ').collect::<Vec<_>>());
    for number in 0..40 {
        let (key, price) = (format!("book:{number}"), number.to_string());
        let title = format!("the word{} running", number % 7);
        let tag = if number % 2 == 0 { "even" } else { "odd,prime" };
        call(
            client,
            &["HSET", &key, "title", &title, "price", &price, "tag", tag, "at", "1.5,2.5", "added", "x y"],
        );
        call(
            client,
            &["JSON.SET", &format!("json:{number}"), "$", &format!(r#"{{"n":{number},"t":["a{number}"]}}"#)],
        );
    }
    for words in [
        "FT.CREATE values ON JSON FILTER @n>3 PREFIX 1 json: SCHEMA $.n AS n NUMERIC $.t[*] AS t TAG",
        "FT.CREATE gone PREFIX 1 dead: SCHEMA a TEXT",
        "HSET dead:1 a b",
        "FT.ALTER books SCHEMA ADD added TAG SEPARATOR y",
        "FT.ALIASADD shelf books",
        "FT.ALIASADD other values",
        "FT.ALIASDEL other",
        "FT.SYNUPDATE books group word1 wordly",
        "FT.DICTADD words one two three",
        "FT.DICTDEL words two",
        "FT.DROPINDEX gone DD",
        "RENAME book:1 book:renamed",
        "COPY book:2 book:copied",
        "HSET book:copied price 2.5",
        "RENAME book:3 elsewhere",
        "DEL book:4",
        "EXPIRE book:5 100000",
        "JSON.NUMINCRBY json:6 $.n 1000",
        "EVAL redis.call('HSET','book:scripted','title','scripted','price','1000') 0",
    ] {
        call(client, &words.split(' ').collect::<Vec<_>>());
    }
}

/// What queries find, and what is declared.
fn state(client: &mut TcpConnection) -> String {
    let mut all = String::new();
    for words in [
        "FT._LIST",
        "FT.SEARCH books word1 NOCONTENT SORTBY price LIMIT 0 100",
        "FT.SEARCH books wordly NOCONTENT SORTBY price LIMIT 0 100",
        "FT.SEARCH shelf run SORTBY price LIMIT 0 100",
        "FT.SEARCH books @tag:{prime} NOCONTENT SORTBY price DESC LIMIT 3 4 WITHSORTKEYS",
        "FT.SEARCH books @added:{x} SORTBY price NOCONTENT LIMIT 0 3",
        "FT.SEARCH books @at:[1.5|2.5|10|km] LIMIT 0 0",
        "FT.SEARCH books the LIMIT 0 0",
        "FT.SEARCH books scripted",
        "FT.SEARCH values * SORTBY n LIMIT 0 100",
        "FT.SEARCH values @t:{a39} NOCONTENT",
        "FT.AGGREGATE books * GROUPBY 1 @tag REDUCE SUM 1 @price AS sum SORTBY 1 @sum",
        "FT.TAGVALS books added",
        "FT.SYNDUMP books",
        "FT.DICTDUMP words",
        "FT.SEARCH other *",
        "EXISTS dead:1",
    ] {
        let words: Vec<String> = words.split(' ').map(|word| word.replace('|', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        all.push_str(&format!("{words:?}: {}\n", client.call(&words).unwrap()));
    }
    let info = client.call(&["FT.INFO", "books"]).unwrap();
    let definition = info.items().iter().take(8);
    definition.for_each(|item| all.push_str(&item.to_string()));
    all
}

/// Ends the program at once, and starts it again: it finds what it found.
fn assert_survives(launch: &Launch, end: impl FnOnce(&mut TcpConnection)) {
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    change(&mut client);
    let before = state(&mut client);
    assert!(before.contains("book:scripted") && before.contains("book:renamed"), "{before}");
    end(&mut client);
    program.kill().unwrap();
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(state(&mut client), before);
    // What is written from now on is indexed, too.
    call(&mut client, &["HSET", "book:new", "title", "brandnew"]);
    assert!(line(&mut client, "FT.SEARCH books brandnew NOCONTENT").to_string().contains("book:new"));
    program.kill().unwrap();
}

#[test]
fn the_log_brings_them_back() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        assert_survives(&launch(home.path(), &[&WITH_LOG[..], &["--workers", workers]].concat()), |_| ());
    }
}

#[test]
fn a_snapshot_brings_them_back() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        assert_survives(&launch(home.path(), &[&WITHOUT[..], &["--workers", workers]].concat()), |client| {
            assert_eq!(text(&line(client, "SAVE")), "OK");
        });
    }
}

#[test]
fn a_rewritten_log_brings_them_back() {
    let home = tempfile::tempdir().unwrap();
    assert_survives(&launch(home.path(), &WITH_LOG), |client| {
        line(client, "BGREWRITEAOF");
        wait_until("the log is rewritten", || {
            text(&line(client, "INFO persistence")).contains("aof_rewrite_in_progress:0")
        });
    });
}

#[test]
fn a_reload_brings_them_back() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let mut program =
            launch(home.path(), &[&WITHOUT[..], &["--workers", workers]].concat()).start().unwrap();
        let mut client = program.connect().unwrap();
        change(&mut client);
        let before = state(&mut client);
        assert_eq!(text(&line(&mut client, "DEBUG RELOAD")), "OK");
        assert_eq!(state(&mut client), before);
        program.kill().unwrap();
    }
}
