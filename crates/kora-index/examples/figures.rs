//! What an index of 50,000 documents costs: CPU time for each put and each kind of query, and bytes for each document.
//!
//! `cargo run --release -p kora-index --example figures [documents] [part of a name] [rounds]`. The documents are those of the goals: a name, a city, a price that can be sorted
//! by, a stock, tags, and a body of 20 words out of 900. Times are of this thread's CPU, from the scheduler.

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::sync::Arc;

use kora_index::Index;
use kora_index::document::{Content, Document, SortValue, Values};
use kora_index::plan::{Options, Plan};
use kora_index::query::{Bound, Node, NodeKind, Pattern, Range, TagMatch};
use kora_index::schema::{Field, FieldKind, Schema};
use kora_index::score::Scorer;
use kora_index::search::{Direction, Flow, Hit, Search, SearchScoring, TopKeys, TopScores};
use kora_index::statistics::Gathering;

/// Nanoseconds that this thread ran.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Numbers without pattern, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn field(name: &str, kind: FieldKind, sortable: bool) -> Field {
    Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable,
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    }
}

fn schema() -> Schema {
    let text = || FieldKind::Text { weight: 1.0, no_stem: false, phonetic: None, with_suffixes: false };
    let tag = || FieldKind::Tag { separator: Some(','), case_sensitive: false, with_suffixes: false };
    Schema {
        fields: vec![
            field("name", text(), false),
            field("city", tag(), false),
            field("price", FieldKind::Numeric, true),
            field("stock", FieldKind::Numeric, false),
            field("tags", tag(), false),
            field("body", text(), false),
        ],
        ..Schema::default()
    }
}

fn word(number: u64) -> String {
    const PARTS: [&str; 30] = [
        "ba", "co", "di", "fu", "ga", "he", "ji", "ko", "la", "mo", "ni", "pu", "ra", "se", "ti", "vo", "wa",
        "xe", "yi", "zo", "bra", "cla", "dre", "flo", "gri", "plu", "sta", "tro", "ver", "ning",
    ];
    let part = |at: u64| PARTS[usize::try_from(at % 30).unwrap_or(0)];
    format!("{}{}{}", part(number / 30), part(number), part(number * 7 / 3))
}

fn put(index: &mut Index, at: u64, random: &mut Random) {
    let name = format!("{} {}", word(random.below(900)), at);
    let city = format!("city{}", random.below(16));
    let tags: Vec<String> = (0..3).map(|_| format!("tag{}", random.below(40))).collect();
    let body: Vec<String> = (0..20).map(|_| word(random.below(900))).collect();
    let body = body.join(" ");
    let price = f64::from(u32::try_from(random.below(100_000)).unwrap_or(0)) / 100.0;
    let stock = f64::from(u32::try_from(random.below(1000)).unwrap_or(0));
    let value = |content| Values { content, sort: None };
    let document = Document {
        fields: vec![
            value(Content::Text(vec![name.as_bytes()])),
            value(Content::Tags(vec![city.as_bytes()])),
            Values { content: Content::Numbers(vec![price]), sort: Some(SortValue::Number(price)) },
            value(Content::Numbers(vec![stock])),
            value(Content::Tags(tags.iter().map(String::as_bytes).collect())),
            value(Content::Text(vec![body.as_bytes()])),
        ],
        order: at,
        ..Document::default()
    };
    index.put(format!("doc:{at}").as_bytes(), &document).expect("the document fits the schema");
}

fn range(name: &str, from: f64, to: f64) -> Node {
    let bound = |value| Bound { value, is_exclusive: false };
    Node::new(NodeKind::Range(name.to_owned(), Range { from: bound(from), to: bound(to) }))
}

fn tag(name: &str, value: &str) -> Node {
    Node::new(NodeKind::Tags(name.to_owned(), vec![TagMatch::Value(value.to_owned())]))
}

fn text(word: String) -> Node {
    Node::new(NodeKind::Word { text: word, is_expandable: true })
}

/// How matches are ordered.
#[derive(Clone, Copy)]
enum By {
    Score(Scorer),
    Price,
    Nothing,
}

/// One query from its tree to its first ten; returns how many it matches.
fn query(index: &mut Index, node: &Node, by: By) -> u64 {
    let plan = Arc::new(Plan::new(index, node, &Options::default()).expect("the query fits the schema"));
    let snapshot = index.snapshot();
    let statistics = Arc::new(Gathering::all(index, &plan));
    let mut search = Search::new(index, plan, statistics, snapshot);
    let scorer = if let By::Score(scorer) = by { scorer } else { Scorer::DocScore };
    let scoring = SearchScoring { scorer, payload: None, is_unasked: !matches!(by, By::Score(_)) };
    let (mut scores, mut keys) = (TopScores::new(10), TopKeys::new(10, Direction::Ascending));
    while !search.step(index, 4096, &scoring, |found| {
        match by {
            By::Score(_) => return scores.consider(found),
            By::Price => {
                let hit = Hit { document: found.document, score: 0.0, order: found.order() };
                keys.offer(found.index().sortable(found.document, 2), hit);
            }
            By::Nothing => {}
        }
        Flow::Continue
    }) {}
    std::hint::black_box((scores.finish(), keys.finish()));
    search.matched()
}

fn main() {
    let count: u64 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(50_000);
    let mut index = Index::new(&schema(), 1).expect("English has a stemmer");
    let mut random = Random(1);
    let mut empty = Random(1);
    let start = cpu_ns();
    for at in 0..count {
        let _ = (word(empty.below(900)), at);
        for _ in 0..20 {
            std::hint::black_box(word(empty.below(900)));
        }
    }
    let making = cpu_ns() - start;
    let start = cpu_ns();
    (0..count).for_each(|at| put(&mut index, at, &mut random));
    println!(
        "put, {count} documents: {:.2} us each (making its words aside)",
        us(cpu_ns() - start - making, count)
    );
    let memory = index.memory();
    println!("{} bytes for each document: {memory:?}", memory.total_bytes() as u64 / count);
    let either = |one, other| Node::new(NodeKind::Or(vec![text(word(one)), text(word(other))]));
    let queries: [(&str, Node, By); 13] = [
        ("tag = x, TFIDF", tag("city", "city3"), By::Score(Scorer::TfIdf)),
        ("numeric range of 1 %", range("price", 100.0, 110.0), By::Score(Scorer::TfIdf)),
        (
            "tag (6 %) and numeric (10 %)",
            Node::new(NodeKind::And(vec![tag("city", "city3"), range("price", 100.0, 200.0)])),
            By::Score(Scorer::TfIdf),
        ),
        ("one common word, BM25STD", text(word(7)), By::Score(Scorer::Bm25Std)),
        ("one common word, TFIDF", text(word(7)), By::Score(Scorer::TfIdf)),
        (
            "two words",
            Node::new(NodeKind::And(vec![text(word(7)), text(word(412))])),
            By::Score(Scorer::TfIdf),
        ),
        ("either word, BM25STD", either(7, 412), By::Score(Scorer::Bm25Std)),
        (
            "two unions",
            Node::new(NodeKind::And(vec![either(7, 412), either(8, 413)])),
            By::Score(Scorer::TfIdf),
        ),
        ("prefix", Node::new(NodeKind::Pattern(Pattern::Prefix("bab".to_owned()))), By::Score(Scorer::TfIdf)),
        ("fuzzy", Node::new(NodeKind::Pattern(Pattern::Fuzzy(word(7), 1))), By::Score(Scorer::TfIdf)),
        ("tag 6 % SORTBY price", tag("city", "city3"), By::Price),
        ("all, by score", Node::new(NodeKind::All), By::Score(Scorer::TfIdf)),
        ("all, visited", Node::new(NodeKind::All), By::Nothing),
    ];
    let named = std::env::args().nth(2).unwrap_or_default();
    let rounds: u64 = std::env::args().nth(3).and_then(|count| count.parse().ok()).unwrap_or(2000);
    for (name, node, by) in queries.into_iter().filter(|(name, ..)| name.contains(&named)) {
        let matched = query(&mut index, &node, by);
        let start = cpu_ns();
        (0..rounds).for_each(|_| {
            query(&mut index, &node, by);
        });
        println!("{name}: {matched} hits, {:.1} us", us(cpu_ns() - start, rounds));
    }
    let start = cpu_ns();
    (0..count).for_each(|at| put(&mut index, at, &mut random));
    println!("put again: {:.2} us each", us(cpu_ns() - start - making, count));
    println!("{} bytes for each document after that", index.memory_bytes() as u64 / count);
    let start = cpu_ns();
    (0..count).for_each(|at| {
        index.remove(format!("doc:{at}").as_bytes());
    });
    println!("remove: {:.2} us each; {} bytes are left", us(cpu_ns() - start, count), index.memory_bytes());
}

#[expect(clippy::cast_precision_loss, reason = "figures")]
fn us(ns: u64, count: u64) -> f64 {
    ns as f64 / count as f64 / 1000.0
}
