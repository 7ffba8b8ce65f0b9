//! Explanations of scores recorded from RediSearch 2.10.5: `FT.SEARCH i QUERY NOCONTENT WITHSCORES EXPLAINSCORE SCORER s DIALECT 2`.

use super::oracle::{SCORERS, and, index, not, optional, pattern, phrase, range, tags, with, word};
use super::*;
use crate::query::{NodeKind, Pattern};
use crate::score::Explanation;

/// An explanation as the reply's nested arrays.
fn shown(explanation: &Explanation) -> String {
    match explanation {
        Explanation::Line(line) => line.clone(),
        Explanation::Group(head, parts) => {
            format!("[{head}, [{}]]", parts.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
    }
}

/// What EXPLAINSCORE says of the first document.
#[test]
fn explanations() {
    let mut parts = Parts(vec![index()]);
    for (text, node, expected) in explained() {
        for (scorer, expected) in SCORERS.into_iter().zip(expected) {
            let mut running = parts.begin(&node, scorer, super::ALL);
            let mut best: Option<(Hit, String)> = None;
            let index = &parts.0[0];
            let scoring = SearchScoring { scorer, ..SearchScoring::default() };
            running.searches[0].step(index, usize::MAX, &scoring, |found| {
                let hit = Hit { document: found.document, score: found.score(), order: found.order() };
                if best.as_ref().is_none_or(|(other, _)| hit < *other) {
                    best = Some((hit, shown(&found.explain())));
                }
                Flow::Continue
            });
            assert_eq!(best.map(|(_, text)| text).as_deref(), Some(expected), "{text} {scorer:?}");
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn explained() -> Vec<(&'static str, Node, [&'static str; 5])> {
    vec![
        (
            "running",
            word("running"),
            [
                "[Final TFIDF : words TFIDF 8.00 * document score 1.00 / norm 4 / slop 1, [[(Weight 1.00 * total children TFIDF 8.00), [(TFIDF 6.00 = Weight 1.00 * TF 3 * IDF 2.00), (TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final TFIDF : words TFIDF 8.00 * document score 1.00 / norm 10 / slop 1, [[(Weight 1.00 * total children TFIDF 8.00), [(TFIDF 6.00 = Weight 1.00 * TF 3 * IDF 2.00), (TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final BM25 : words BM25 1.08 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 1.08), [(0.75 = IDF 2.00 * F 3 / (F 3 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40))), (0.33 = IDF 2.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]",
                "[Final BM25 : words BM25 2.87 * document score 1.00, [[(Weight 1.00 * children BM25 2.87), [running: (2.07 = IDF 1.39 * (F 3.00 * (k1 1.2 + 1)) / (F 3.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40))), +run: (0.80 = IDF 0.88 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40)))]]]]",
                "[3.00 = Weight 1.00 * children DISMAX 3.00, [DISMAX 3.00 = Weight 1.00 * Frequency 3, DISMAX 1.00 = Weight 1.00 * Frequency 1]]",
            ],
        ),
        (
            "hello world",
            and(vec![word("hello"), word("world")]),
            [
                "[Final TFIDF : words TFIDF 3.00 * document score 1.00 / norm 1 / slop 1, [[(Weight 1.00 * total children TFIDF 3.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), [(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]]]",
                "[Final TFIDF : words TFIDF 3.00 * document score 1.00 / norm 3 / slop 1, [[(Weight 1.00 * total children TFIDF 3.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), [(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]]]",
                "[Final BM25 : words BM25 0.61 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 0.61), [(0.44 = IDF 1.00 * F 4 / (F 4 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40))), [(Weight 1.00 * children BM25 0.17), [(0.17 = IDF 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]]]",
                "[Final BM25 : words BM25 2.30 * document score 1.00, [[(Weight 1.00 * children BM25 2.30), [world: (0.64 = IDF 0.54 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40))), [(Weight 1.00 * children BM25 1.65), [+hello: (1.65 = IDF 1.39 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]]]]]]",
                "[5.00 = Weight 1.00 * children DISMAX 5.00, [DISMAX 4.00 = Weight 1.00 * Frequency 4, [1.00 = Weight 1.00 * children DISMAX 1.00, [DISMAX 1.00 = Weight 1.00 * Frequency 1]]]]",
            ],
        ),
        (
            r#""hello world""#,
            phrase(&["hello", "world"]),
            [
                "[Final TFIDF : words TFIDF 5.00 * document score 1.00 / norm 4 / slop 1, [[(Weight 1.00 * total children TFIDF 5.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), (TFIDF 4.00 = Weight 1.00 * TF 4 * IDF 1.00)]]]]",
                "[Final TFIDF : words TFIDF 5.00 * document score 1.00 / norm 10 / slop 1, [[(Weight 1.00 * total children TFIDF 5.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), (TFIDF 4.00 = Weight 1.00 * TF 4 * IDF 1.00)]]]]",
                "[Final BM25 : words BM25 0.61 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 0.61), [(0.17 = IDF 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40))), (0.44 = IDF 1.00 * F 4 / (F 4 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]",
                "[Final BM25 : words BM25 1.14 * document score 1.00, [[(Weight 1.00 * children BM25 1.14), [hello: (0.26 = IDF 0.29 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40))), world: (0.88 = IDF 0.54 * (F 4.00 * (k1 1.2 + 1)) / (F 4.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40)))]]]]",
                "[5.00 = Weight 1.00 * children DISMAX 5.00, [DISMAX 1.00 = Weight 1.00 * Frequency 1, DISMAX 4.00 = Weight 1.00 * Frequency 4]]",
            ],
        ),
        (
            "@n:[2 4]",
            range("n", 2.0, 4.0),
            [
                "[Final TFIDF : words TFIDF 1.00 * document score 1.00 / norm 1 / slop 1, [(TFIDF 1.00 = Weight 1.00 * Frequency 1)]]",
                "[Final TFIDF : words TFIDF 1.00 * document score 1.00 / norm 3 / slop 1, [(TFIDF 1.00 = Weight 1.00 * Frequency 1)]]",
                "[Final BM25 : words BM25 0.17 * document score 1.00 / slop 1, [(0.17 = Weight 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]",
                "[Final BM25 : words BM25 0.00 * document score 1.00, [Irrelevant token -> score is 0]]",
                "DISMAX 1.00 = Weight 1.00 * Frequency 1",
            ],
        ),
        (
            "@g:{a|bc}",
            tags("g", &["a", "bc"]),
            [
                "[Final TFIDF : words TFIDF 4.00 * document score 1.00 / norm 4 / slop 1, [[(Weight 1.00 * total children TFIDF 4.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00), (TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final TFIDF : words TFIDF 4.00 * document score 1.00 / norm 10 / slop 1, [[(Weight 1.00 * total children TFIDF 4.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00), (TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final BM25 : words BM25 0.66 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 0.66), [(0.33 = IDF 2.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40))), (0.33 = IDF 2.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]",
                "[Final BM25 : words BM25 1.60 * document score 1.00, [[(Weight 1.00 * children BM25 1.60), [a: (0.80 = IDF 0.88 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40))), bc: (0.80 = IDF 0.88 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 10 / Average Doc Len 7.40)))]]]]",
                "[1.00 = Weight 1.00 * children DISMAX 1.00, [DISMAX 1.00 = Weight 1.00 * Frequency 1, DISMAX 1.00 = Weight 1.00 * Frequency 1]]",
            ],
        ),
        (
            "hello ~foo",
            and(vec![word("hello"), optional(word("foo"))]),
            [
                "[Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 1 / slop 1, [[(Weight 1.00 * total children TFIDF 2.00), [[(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]], (TFIDF 0.00 = Weight 0.00 * Frequency 1)]]]]",
                "[Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 3 / slop 1, [[(Weight 1.00 * total children TFIDF 2.00), [[(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]], (TFIDF 0.00 = Weight 0.00 * Frequency 1)]]]]",
                "[Final BM25 : words BM25 0.50 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 0.50), [[(Weight 1.00 * children BM25 0.17), [(0.17 = IDF 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]], (0.33 = IDF 2.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]",
                "[Final BM25 : words BM25 1.65 * document score 1.00, [[(Weight 1.00 * children BM25 1.65), [[(Weight 1.00 * children BM25 1.65), [+hello: (1.65 = IDF 1.39 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]], Irrelevant token -> score is 0]]]]",
                "[3.00 = Weight 1.00 * children DISMAX 3.00, [[3.00 = Weight 1.00 * children DISMAX 3.00, [DISMAX 3.00 = Weight 1.00 * Frequency 3]], DISMAX 0.00 = Weight 0.00 * Frequency 1]]",
            ],
        ),
        (
            "hello -foo",
            and(vec![word("hello"), not(word("foo"))]),
            [
                "[Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 1 / slop 1, [[(Weight 1.00 * total children TFIDF 2.00), [[(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]], (TFIDF 0.00 = Weight 1.00 * Frequency 0)]]]]",
                "[Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 3 / slop 1, [[(Weight 1.00 * total children TFIDF 2.00), [[(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]], (TFIDF 0.00 = Weight 1.00 * Frequency 0)]]]]",
                "[Final BM25 : words BM25 0.37 * document score 1.00 / slop 1, [[(Weight 1.00 * children BM25 0.37), [[(Weight 1.00 * children BM25 0.37), [(0.37 = IDF 1.00 * F 3 / (F 3 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]], Frequency 0 -> value 0]]]]",
                "[Final BM25 : words BM25 1.65 * document score 1.00, [[(Weight 1.00 * children BM25 1.65), [[(Weight 1.00 * children BM25 1.65), [+hello: (1.65 = IDF 1.39 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]], Irrelevant token -> score is 0]]]]",
                "[3.00 = Weight 1.00 * children DISMAX 3.00, [[3.00 = Weight 1.00 * children DISMAX 3.00, [DISMAX 3.00 = Weight 1.00 * Frequency 3]], DISMAX 0.00 = Weight 1.00 * Frequency 0]]",
            ],
        ),
        (
            "*",
            Node::new(NodeKind::All),
            [
                "[Final TFIDF : words TFIDF 1.00 * document score 1.00 / norm 1 / slop 1, [(TFIDF 1.00 = Weight 1.00 * Frequency 1)]]",
                "[Final TFIDF : words TFIDF 1.00 * document score 1.00 / norm 3 / slop 1, [(TFIDF 1.00 = Weight 1.00 * Frequency 1)]]",
                "[Final BM25 : words BM25 0.17 * document score 1.00 / slop 1, [(0.17 = Weight 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]",
                "[Final BM25 : words BM25 1.19 * document score 1.00, [*: (1.19 = IDF 1.00 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]]",
                "DISMAX 1.00 = Weight 1.00 * Frequency 1",
            ],
        ),
        (
            "ismissing(@z)",
            Node::new(NodeKind::Missing("z".into())),
            [
                "[Final TFIDF : words TFIDF 0.00 * document score 1.00 / norm 4 / slop 1, [(TFIDF 0.00 = Weight 0.00 * Frequency 1)]]",
                "[Final TFIDF : words TFIDF 0.00 * document score 1.00 / norm 10 / slop 1, [(TFIDF 0.00 = Weight 0.00 * Frequency 1)]]",
                "[Final BM25 : words BM25 0.00 * document score 1.00 / slop 1, [(0.00 = Weight 0.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]",
                "[Final BM25 : words BM25 0.00 * document score 1.00, [Irrelevant token -> score is 0]]",
                "DISMAX 0.00 = Weight 0.00 * Frequency 1",
            ],
        ),
        (
            "(hello world)=>{$weight: 2}",
            with(and(vec![word("hello"), word("world")]), Some(2.0), None, None),
            [
                "[Final TFIDF : words TFIDF 6.00 * document score 1.00 / norm 1 / slop 1, [[(Weight 2.00 * total children TFIDF 3.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), [(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]]]",
                "[Final TFIDF : words TFIDF 6.00 * document score 1.00 / norm 3 / slop 1, [[(Weight 2.00 * total children TFIDF 3.00), [(TFIDF 1.00 = Weight 1.00 * TF 1 * IDF 1.00), [(Weight 1.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]]]",
                "[Final BM25 : words BM25 1.22 * document score 1.00 / slop 1, [[(Weight 2.00 * children BM25 0.61), [(0.44 = IDF 1.00 * F 4 / (F 4 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40))), [(Weight 1.00 * children BM25 0.17), [(0.17 = IDF 1.00 * F 1 / (F 1 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]]]",
                "[Final BM25 : words BM25 4.60 * document score 1.00, [[(Weight 2.00 * children BM25 2.30), [world: (0.64 = IDF 0.54 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40))), [(Weight 1.00 * children BM25 1.65), [+hello: (1.65 = IDF 1.39 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]]]]]]",
                "[10.00 = Weight 2.00 * children DISMAX 5.00, [DISMAX 4.00 = Weight 1.00 * Frequency 4, [1.00 = Weight 1.00 * children DISMAX 1.00, [DISMAX 1.00 = Weight 1.00 * Frequency 1]]]]",
            ],
        ),
        (
            "hel*=>{$weight:3}",
            with(pattern(Pattern::Prefix("hel".into())), Some(3.0), None, None),
            [
                "[Final TFIDF : words TFIDF 6.00 * document score 1.00 / norm 1 / slop 1, [[(Weight 3.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final TFIDF : words TFIDF 6.00 * document score 1.00 / norm 3 / slop 1, [[(Weight 3.00 * total children TFIDF 2.00), [(TFIDF 2.00 = Weight 1.00 * TF 1 * IDF 2.00)]]]]",
                "[Final BM25 : words BM25 1.12 * document score 1.00 / slop 1, [[(Weight 3.00 * children BM25 0.37), [(0.37 = IDF 1.00 * F 3 / (F 3 + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len 7.40)))]]]]",
                "[Final BM25 : words BM25 3.13 * document score 1.00, [[(Weight 3.00 * children BM25 1.04), [hellos: (1.04 = IDF 0.88 * (F 1.00 * (k1 1.2 + 1)) / (F 1.00 + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 3 / Average Doc Len 7.40)))]]]]",
                "[9.00 = Weight 3.00 * children DISMAX 3.00, [DISMAX 3.00 = Weight 1.00 * Frequency 3]]",
            ],
        ),
    ]
}
