//! Who may do what in the console: as its user may, and without a password nothing but look.

use crate::visitor::{Answer, Site};

pub(crate) const USERS: [&str; 14] = [
    "--user",
    "ada",
    "on",
    ">secret",
    "~*",
    "&*",
    "+@all",
    "--user",
    "bob",
    "on",
    ">word",
    "~bob:*",
    "+@read",
    "+@connection",
];

fn command(site: &Site, cookie: Option<&str>, words: &str) -> Answer {
    let words: Vec<String> = words.split(' ').map(|word| format!("\"{word}\"")).collect();
    site.post("/api/command", cookie, &format!("{{\"commands\":[[{}]]}}", words.join(",")))
}

pub(crate) fn log_in(site: &Site, user: &str, password: &str) -> Answer {
    site.post("/api/login", None, &format!("{{\"user\":\"{user}\",\"password\":\"{password}\"}}"))
}

#[test]
fn without_a_password_it_only_reads() {
    for workers in [1, 4] {
        let site = Site::start(workers, &[]);
        site.program.client().line("SET key value");
        assert!(site.get("/api/session").body.contains("\"mode\":\"anybody\""));
        for (words, part) in [
            ("GET key", "\"value\""),
            ("TYPE key", "string"),
            ("CLIENT LIST", "kora-console"),
            ("INFO server", "kora_version"),
            ("DBSIZE", "1"),
        ] {
            let answer = command(&site, None, words);
            assert_eq!(answer.status, 200, "{words}: {}", answer.body);
            assert!(answer.body.contains(part), "{words}: {}", answer.body);
        }
        for words in [
            "SET key other",
            "DEL key",
            "FLUSHALL",
            "CONFIG SET maxmemory 1",
            "CONFIG GET *",
            "SHUTDOWN",
            "DEBUG SLEEP 0",
            "EVAL return 0",
            "EVAL_RO return 0",
            "CLIENT KILL TYPE normal",
            "ACL SETUSER x",
            "ACL LIST",
            "SUBSCRIBE a",
            "MULTI",
            "SELECT 1",
            "HELLO 3",
            "AUTH default x",
            "RESET",
            "QUIT",
            "SORT key STORE b",
        ] {
            let answer = command(&site, None, words);
            assert_eq!(answer.status, 403, "{words}: {}", answer.body);
        }
        assert!(command(&site, None, "NOSUCHCOMMAND").body.contains("unknown command"));
        // The first user's password is anything: that is no reason to let anybody write.
        let cookie = log_in(&site, "default", "anything").cookie();
        assert_eq!(command(&site, cookie.as_deref(), "SET key other").status, 403);
        assert_eq!(site.program.client().line("GET key"), kora_protocol::Frame::Bulk(b"value".to_vec()));
    }
}

#[test]
fn one_who_logs_in_has_the_rights_of_the_user() {
    for workers in [1, 4] {
        let site = Site::start(workers, &USERS);
        assert_eq!(log_in(&site, "ada", "wrong").status, 401);
        assert_eq!(log_in(&site, "nobody", "secret").status, 401);
        let answer = log_in(&site, "ada", "secret");
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("HttpOnly; SameSite=Strict"), "{}", answer.head);
        let ada = answer.cookie();
        assert!(command(&site, ada.as_deref(), "SET bob:1 value").body.contains("OK"));
        assert!(command(&site, ada.as_deref(), "ACL WHOAMI").body.contains("ada"));
        assert_eq!(command(&site, ada.as_deref(), "MULTI").status, 403);
        let bob = log_in(&site, "bob", "word").cookie();
        assert!(command(&site, bob.as_deref(), "GET bob:1").body.contains("value"));
        for words in ["SET bob:1 x", "GET other", "FLUSHALL", "CONFIG GET *"] {
            let answer = command(&site, bob.as_deref(), words);
            assert!(answer.body.contains("NOPERM"), "{words}: {}", answer.body);
        }
        // A user that is gone is gone from the console, too.
        site.program.client().line("ACL DELUSER bob");
        crate::server::wait_until("the session ends", || {
            command(&site, bob.as_deref(), "ACL WHOAMI").status == 401
        });
        site.post("/api/logout", ada.as_deref(), "{}");
        assert_eq!(command(&site, ada.as_deref(), "SET bob:1 x").status, 401);
    }
}

#[test]
fn where_the_first_user_has_a_password_nobody_sees_anything_without_one() {
    let site = Site::start(2, &["--requirepass", "secret"]);
    assert!(site.get("/api/session").body.contains("\"mode\":\"stranger\""));
    assert_eq!(command(&site, None, "GET key").status, 401);
    assert_eq!(site.get("/api/live").status, 401);
    assert_eq!(site.get("/metrics").status, 200);
    let cookie = site.post("/api/login", None, r#"{"password":"secret"}"#).cookie();
    assert!(command(&site, cookie.as_deref(), "SET key value").body.contains("OK"));
    assert_eq!(command(&site, Some("kora_console=0123456789"), "GET key").status, 401);
    // Whoever guesses has to wait.
    let statuses: Vec<u16> =
        (0..12).map(|at| log_in(&site, "default", &format!("guess-{at}")).status).collect();
    assert_eq!((statuses[0], statuses[11]), (401, 429));
    assert!(command(&site, cookie.as_deref(), "GET key").body.contains("value"));
}

#[test]
fn pages_of_others_are_kept_out() {
    let site = Site::start(1, &["--console-hosts", "kora.example"]);
    let ours = site.http.to_string();
    let port = site.http.port();
    let body = r#"{"commands":[["PING"]]}"#;
    let post = |host: &str, origin: &str, kind: &str| {
        site.ask("POST", "/api/command", &[("Host", host), ("Origin", origin), ("Content-Type", kind)], body)
            .status
    };
    let origin = format!("http://{ours}");
    assert_eq!(post(&ours, &origin, "application/json"), 200);
    assert_eq!(post("kora.example", "https://kora.example", "application/json; charset=utf-8"), 200);
    let evil = format!("evil.example:{port}");
    assert_eq!(post(&evil, &format!("http://{evil}"), "application/json"), 421);
    assert_eq!(site.ask("GET", "/", &[("Host", &evil)], "").status, 421);
    assert_eq!(site.ask("GET", "/api/live", &[("Host", &evil)], "").status, 421);
    for origin in
        ["http://evil.example", "null", "", "http://127.0.0.1", &format!("http://127.0.0.1:{}", port ^ 1)]
    {
        assert_eq!(post(&ours, origin, "application/json"), 403, "{origin}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        assert_eq!(post(&ours, &origin, kind), 415, "{kind}");
    }
    let page = site.get("/");
    assert!(
        page.head.contains("Content-Security-Policy: default-src 'none'; script-src 'self'"),
        "{}",
        page.head
    );
    assert!(!page.head.contains("Access-Control-Allow-Origin"));
    assert!(!page.body.contains("http://") && !page.body.contains("https://"));
}

#[test]
fn commands_are_taken_as_they_are_meant_or_not_at_all() {
    let site = Site::start(2, &USERS);
    let ada = log_in(&site, "ada", "secret").cookie();
    let ask = |body: &str| site.post("/api/command", ada.as_deref(), body);
    for body in [
        "",
        "{}",
        "[]",
        "{\"commands\":[]}",
        "{\"commands\":[[]]}",
        "{\"commands\":[[null]]}",
        "{\"commands\":[\"PING\"]}",
        "{\"db\":99,\"commands\":[[\"PING\"]]}",
        "{\"db\":-1,\"commands\":[[\"PING\"]]}",
        "{\"db\":\"x\",\"commands\":[[\"PING\"]]}",
        "\u{7b}\"commands\":",
    ] {
        assert_eq!(ask(body).status, 400, "{body}");
    }
    let answer =
        ask(r#"{"db":3,"commands":[["SET",{"hex":"00ff"},"value"],["GET",{"hex":"00ff"}],["SCAN","0"]]}"#);
    assert_eq!(answer.body, r#"{"replies":["OK","value",["0",[{"hex":"00ff"}]]]}"#);
    assert_eq!(
        ask(r#"{"commands":[["DBSIZE"],["DBSIZE","x"]]}"#).body,
        r#"{"replies":[0,{"error":"ERR wrong number of arguments for 'dbsize' command"}]}"#
    );
    // A reply beyond the limit ends the session, and nothing else.
    let mut client = site.program.client();
    client.line("SETRANGE large 9000000 x");
    assert_eq!(ask(r#"{"commands":[["GET","large"]]}"#).status, 502);
    assert_eq!(ask(r#"{"commands":[["SET","a","b"]]}"#).status, 401);
    assert_eq!(site.get("/health").status, 200);
}

#[test]
fn it_can_be_turned_off() {
    let site = Site::start(1, &["--console", "no"]);
    for path in ["/", "/console.js", "/api/session", "/api/live"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    assert_eq!(site.get("/metrics").status, 200);
    site.program.client().line("CONFIG SET console yes");
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn a_session_that_was_ended_is_not_somebody_elses() {
    let site = Site::start(2, &USERS);
    let answer = log_in(&site, "ada", "secret");
    let ada = answer.cookie();
    let name = format!("kora_console_{}=", site.http.port());
    assert!(ada.as_ref().is_some_and(|cookie| cookie.starts_with(&name)), "{ada:?}");
    let list = command(&site, ada.as_deref(), "CLIENT LIST").body;
    assert!(list.contains(&format!("laddr={}", site.http)), "{list}");
    site.program.client().line("CLIENT KILL USER ada");
    crate::server::wait_until("the session ends", || command(&site, ada.as_deref(), "PING").status == 401);
    // Everybody may look, but not as who was sent away.
    assert_eq!(command(&site, None, "PING").status, 200);
    let host = site.http.to_string();
    let headers = [("Host", host.as_str()), ("Cookie", ada.as_deref().unwrap())];
    let told = site.ask("GET", "/api/session", &headers, "");
    assert!(told.body.contains("anybody") && told.head.contains("Max-Age=0"), "{} {}", told.head, told.body);
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let site = Site::start(1, &[]);
    let (host, ours) = (site.http.to_string(), format!("http://{}", site.http));
    let mut headers =
        vec![("Host", host.as_str()), ("Content-Type", "application/json"), ("Origin", ours.as_str())];
    let body = r#"{"commands":[["PING"]]}"#;
    assert_eq!(site.ask("POST", "/api/command", &headers, body).status, 200);
    headers.push(("Origin", "http://evil.example"));
    assert_eq!(site.ask("POST", "/api/command", &headers, body).status, 403);
    for (accept, is_open) in [
        ("application/openmetrics-text", true),
        ("text/plain, APPLICATION/openmetrics-text;version=1.0.0;q=0.3", true),
        ("application/openmetrics-textual", false),
        ("application/openmetrics-text;q=0", false),
        ("*/*", false),
    ] {
        let answer = site.ask("GET", "/metrics", &[("Host", host.as_str()), ("Accept", accept)], "");
        assert_eq!(answer.head.contains("openmetrics-text"), is_open, "{accept}");
    }
    let absolute =
        format!("GET http://{host}/api/session HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(site.raw(absolute.as_bytes()).starts_with("HTTP/1.1 200"));
    let absolute =
        format!("GET http://evil.example/api/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    assert!(site.raw(absolute.as_bytes()).starts_with("HTTP/1.1 421"));
}
