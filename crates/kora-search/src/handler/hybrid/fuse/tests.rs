//! Combinations by their definitions.

use super::*;

fn ranked(number: u32, score: f64) -> Ranked {
    Ranked { place: (0, number), score, order: u64::from(number) }
}

#[test]
fn ranks_are_added_as_reciprocals() {
    let words = [ranked(1, 9.0), ranked(2, 8.0)];
    let vectors = [ranked(2, 0.5), ranked(3, 0.25)];
    let fused = fuse(Combination::Ranks { constant: 0.5 }, &words, &vectors);
    let found: Vec<_> = fused.iter().map(|one| (one.place.1, one.score)).collect();
    assert_eq!(found, [(2, 1.0 / 2.5 + 1.0 / 1.5), (1, 1.0 / 1.5), (3, 1.0 / 2.5)]);
    assert_eq!((fused[0].words, fused[0].vectors), (Some(8.0), Some(0.5)));
    assert_eq!((fused[1].words, fused[1].vectors), (Some(9.0), None));
}

#[test]
fn scores_are_added_with_factors() {
    let words = [ranked(5, 2.0), ranked(1, 2.0), ranked(2, 1.0)];
    let vectors = [ranked(2, 0.5)];
    let fused = fuse(Combination::Linear { words: 0.5, vectors: 2.0 }, &words, &vectors);
    let found: Vec<_> = fused.iter().map(|one| (one.place.1, one.score)).collect();
    assert_eq!(found, [(2, 1.5), (1, 1.0), (5, 1.0)], "equal ones in the order of the documents");
}

#[test]
fn similarities() {
    assert_eq!(similarity(Metric::L2, 0.0), 1.0);
    assert_eq!(similarity(Metric::L2, 3.0), 0.25);
    assert_eq!(similarity(Metric::Cosine, 0.0), 1.0);
    assert_eq!(similarity(Metric::Cosine, 2.0), 0.0);
    assert_eq!(similarity(Metric::InnerProduct, -1.0), 1.5);
    assert_eq!(similarity(Metric::Cosine, f64::NAN), 0.0);
}

#[test]
fn of_nothing_there_is_nothing() {
    assert_eq!(fuse(Combination::Ranks { constant: 60.0 }, &[], &[]), []);
}
