//! Runs the fuzz bodies on the corpus in `fuzz/corpus` and on generated inputs.

use std::{fs, path::Path};

use super::*;

fn on_corpus(target: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        body(&input);
        for length in 0..input.len().min(300) {
            body(&input[..length]);
        }
        count += 1;
    }
    assert!(count > 0, "{} is empty", directory.display());
}

#[test]
fn corpus_of_requests() {
    on_corpus("requests", request_input);
}

#[test]
fn corpus_of_replies() {
    on_corpus("replies", reply_input);
}

#[test]
fn corpus_of_lines() {
    on_corpus("lines", line_input);
}

#[test]
fn generated_requests() {
    let tally = requests(1, 1_000_000);
    assert_eq!(tally.inputs, 1_000_000);
    assert!(tally.frames > 500_000 && tally.refused > 100_000, "{tally:?}");
}

#[test]
fn generated_replies() {
    let tally = replies(1, 100_000);
    assert!(tally.frames > 50_000 && tally.refused > 10_000, "{tally:?}");
}
