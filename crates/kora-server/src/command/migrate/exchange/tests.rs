use super::*;

fn target(auth: Option<&[&str]>) -> Target {
    let auth = auth.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect());
    let server = Remote { host: "there".to_owned(), port: 7, security: None };
    Target { server, db: 3, timeout: Duration::from_secs(1), auth }
}

fn answers(has_auth: bool, replies: &[&str]) -> (Outcome, usize) {
    let mut answers = Answers::new(has_auth, vec![b"a".to_vec(), b"b".to_vec()]);
    for reply in replies {
        answers.take(&match reply.strip_prefix('-') {
            Some(error) => Frame::Error(error.as_bytes().to_vec()),
            None => Frame::Simple(reply.as_bytes().to_vec()),
        });
    }
    let left = answers.left();
    (answers.outcome, left)
}

fn outcome(taken: &[&str], error: Option<&str>) -> Outcome {
    let error = error.map(|error| format!("ERR Target instance replied with error: {error}"));
    Outcome { taken: taken.iter().map(|key| key.as_bytes().to_vec()).collect(), error }
}

#[test]
fn the_commands_are_said_at_once() {
    let mut request = Request::new(target(Some(&["AUTH", "me", "secret"])));
    assert!(request.is_empty());
    request.restore(b"k", 0, b"\x00payload", false);
    request.restore(b"l", 9, b"p", true);
    let said = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n\
        *4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$8\r\n\0payload\r\n\
        *5\r\n$7\r\nRESTORE\r\n$1\r\nl\r\n$1\r\n9\r\n$1\r\np\r\n$7\r\nREPLACE\r\n";
    assert_eq!(request.bytes, said.as_bytes());
}

#[test]
fn a_key_has_moved_when_the_other_server_says_so() {
    assert_eq!(answers(false, &["OK"]), (outcome(&[], None), 2));
    assert_eq!(answers(false, &["OK", "OK"]), (outcome(&["a"], None), 1));
    assert_eq!(answers(true, &["OK", "OK", "OK", "OK"]), (outcome(&["a", "b"], None), 0));
    let second = (outcome(&["b"], Some("BUSYKEY")), 0);
    assert_eq!(answers(false, &["OK", "-BUSYKEY", "OK"]), second);
    let first_of_two = (outcome(&[], Some("one")), 0);
    assert_eq!(answers(false, &["OK", "-one", "-two"]), first_of_two);
}

#[test]
fn what_went_into_another_database_has_not_moved() {
    assert_eq!(answers(false, &["-ERR DB", "OK", "OK"]), (outcome(&[], Some("ERR DB")), 0));
}

#[test]
fn who_is_refused_says_no_more() {
    assert_eq!(answers(true, &["-WRONGPASS"]), (outcome(&[], Some("WRONGPASS")), 0));
}

#[test]
fn a_connection_that_fails_is_told_before_refusals() {
    let mut answers = Answers::new(false, vec![b"a".to_vec(), b"b".to_vec()]);
    answers.take(&Frame::Simple(b"OK".to_vec()));
    answers.take(&Frame::Simple(b"OK".to_vec()));
    let failed = answers.failed(READING);
    assert_eq!(failed, Outcome { taken: vec![b"a".to_vec()], error: Some(READING.to_owned()) });
}

#[test]
fn connections_are_kept_by_target_and_rights() {
    let names = [None, Some(&["AUTH", "a"][..]), Some(&["AUTH", "a", "b"]), Some(&["AUTH", "ab"])]
        .map(|auth| target(auth).name());
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "{}", name.escape_ascii());
    }
}
