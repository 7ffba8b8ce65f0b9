//! Runs the fuzz bodies on the corpus in `fuzz/corpus` and on generated inputs.

use std::fs;
use std::path::Path;

use super::{
    block_input, blocks, intset_input, intsets, listpack_input, listpacks, sketch_input, sketches,
    stored_values,
};

/// Runs a body on each input kept for it, and on every beginning of it.
fn on_corpus(target: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&directory).expect("the corpus is there") {
        let input = fs::read(entry.expect("a file").path()).expect("a file can be read");
        body(&input);
        (0..input.len().min(300)).for_each(|len| body(&input[..len]));
        count += 1;
    }
    assert!(count > 0, "{} is empty", directory.display());
}

#[test]
fn corpus_of_sketches() {
    on_corpus("sketches", sketch_input);
}

#[test]
fn corpus_of_listpacks() {
    on_corpus("listpacks", listpack_input);
}

#[test]
fn corpus_of_intsets() {
    on_corpus("intsets", intset_input);
}

#[test]
fn corpus_of_blocks() {
    on_corpus("blocks", block_input);
}

#[test]
fn generated_stored_values() {
    let tally = stored_values(1, 4_000);
    assert!((400..3_600).contains(&tally.refused), "{tally:?}");
}

#[test]
fn generated_blocks() {
    let tally = blocks(1, 20_000);
    assert!((2_000..18_000).contains(&tally.refused), "{tally:?}");
}

#[test]
fn generated_sketches() {
    let tally = sketches(1, 3000);
    assert!((500..2500).contains(&tally.refused), "{tally:?}");
}

#[test]
fn generated_listpacks() {
    let tally = listpacks(1, 100_000);
    assert!((10_000..90_000).contains(&tally.refused), "{tally:?}");
}

#[test]
fn generated_intsets() {
    let tally = intsets(1, 100_000);
    assert!((10_000..90_000).contains(&tally.refused), "{tally:?}");
}
