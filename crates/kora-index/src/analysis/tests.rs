//! Expected words were recorded with `FT.DEBUG DUMP_TERMS` from RediSearch 2.10.5.

use super::*;

fn words_of(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    words(text, |word| found.push(word.to_owned()));
    found
}

#[test]
fn words_as_redisearch_parts_them() {
    let cases: [(&[u8], &[&str]); 15] = [
        (b"foo\\-bar baz", &["foo-bar", "baz"]),
        (b"foo\\\\bar", &["foo\\bar"]),
        (b"hello-world", &["hello", "world"]),
        (b"it's don't", &["it", "s", "don", "t"]),
        ("ÉCOLE École Straße ΣΙΣ".as_bytes(), &["École", "École", "straße", "ΣΙΣ"]),
        (b"a\\ b", &["a b"]),
        (b"foo\\", &["foo"]),
        (b"\\foo", &["foo"]),
        (b"x\\\\-y", &["x\\", "y"]),
        (b"hello_world foo@bar.com", &["hello_world", "foo", "bar", "com"]),
        (b"a\xff\xfe b", &["a", "b"]),
        (b"1.5 -3 2e5", &["1", "5", "3", "2e5"]),
        (b"foo\x01bar ab\ncd", &["foobar", "abcd"]),
        (b"aa\x00bb", &["aa"]),
        ("日本語 テスト".as_bytes(), &["日本語", "テスト"]),
    ];
    for (text, expected) in cases {
        assert_eq!(words_of(text), expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn separators_as_redisearch_has_them() {
    let separators: Vec<u8> = (0..128).filter(|byte| is_separator(*byte)).collect();
    assert_eq!(separators, b"\t !\"#$%&'()*+,-./:;<=>?@[]^`{|}~");
}

#[test]
fn stems() {
    let stemmer = Stemmer::new("ENGLISH").unwrap();
    assert_eq!(stemmer.stem("running").as_deref(), Some("run"));
    assert_eq!(stemmer.stem("cafés").as_deref(), Some("café"));
    assert_eq!(stemmer.stem("generously").as_deref(), Some("generous"));
    assert_eq!(stemmer.stem("ran"), None);
    assert!(is_language("turkish") && !is_language("klingon"));
}

#[test]
fn tags_are_trimmed_and_lowered() {
    let mut found = Vec::new();
    tags(b" Red ,blue,, Sea Green", Some(','), false, |tag| found.push(tag.to_owned()));
    tags(b" Red ,x", None, true, |tag| found.push(tag.to_owned()));
    assert_eq!(found, ["red", "blue", "", "sea green", "Red ,x"]);
}

#[test]
fn stems_that_were_found_before_are_the_same() {
    let languages = ["english", "german", "french"];
    let long = "incomprehensibilities".repeat(3);
    let words = ["running", "runs", "cat", "laufende", "nationales", "", &long];
    let all = || {
        let stems = languages.map(|language| {
            let stemmer = Stemmer::new(language).unwrap();
            words.map(|word| stemmer.stem(word).map(std::borrow::Cow::into_owned))
        });
        assert_eq!(stems[0][0].as_deref(), Some("run"));
        assert_eq!(stems[0][2], None);
        stems
    };
    let first = all();
    assert_ne!(first[0], first[1]);
    assert_eq!(all(), first);
    assert!(std::thread::scope(|scope| scope.spawn(|| all() == first).join().unwrap()));
}
