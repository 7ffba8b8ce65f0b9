//! Runs the fuzz bodies on the corpus in `fuzz/corpus` and on generated inputs.

use std::fs;
use std::path::Path;

use super::{document_input, documents, path_input, payload_input};

/// Runs a body on each input kept for it, and on every beginning of it.
fn on_corpus(target: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&directory).expect("the corpus is there") {
        let input = fs::read(entry.expect("a file").path()).expect("a file can be read");
        (0..=input.len()).for_each(|len| body(&input[..len]));
        count += 1;
    }
    assert!(count > 0, "{} is empty", directory.display());
}

#[test]
fn corpus_of_documents() {
    on_corpus("json_documents", document_input);
}

#[test]
fn corpus_of_paths() {
    on_corpus("json_paths", path_input);
}

#[test]
fn corpus_of_payloads() {
    on_corpus("json_payloads", payload_input);
}

#[test]
fn generated_documents() {
    let tally = documents(1, 20_000);
    assert!((2_000..18_000).contains(&tally.refused), "{tally:?}");
}
