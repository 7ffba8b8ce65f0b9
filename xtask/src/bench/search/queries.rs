//! The queries that are measured, with their goals.

use super::documents::Random;

/// A kind of query.
pub(super) struct Query {
    pub(super) name: &'static str,
    /// How often it is asked in a round.
    pub(super) operations: f64,
    /// The command, in words that no blank is in; quotes are not known.
    pub(super) command: fn(&mut Random) -> Vec<String>,
    pub(super) goal: Goal,
}

/// The most CPU time that it may take.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    /// Of what it takes beside.
    Ratio(f64),
    /// In milliseconds.
    Milliseconds(f64),
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ratio(ratio) => write!(f, "≤ {ratio:.2}"),
            Self::Milliseconds(ms) => write!(f, "≤ {ms} ms"),
        }
    }
}

const fn query(
    name: &'static str,
    operations: f64,
    goal: Goal,
    command: fn(&mut Random) -> Vec<String>,
) -> Query {
    Query { name, operations, command, goal }
}

/// The aggregate that others are measured beside.
pub(super) const GROUPS: &str =
    "FT.AGGREGATE idx * GROUPBY 1 @city REDUCE COUNT 0 AS n SORTBY 2 @n DESC LIMIT 0 10";

pub(super) const QUERIES: &[Query] = &[
    query("tag, 100 hits, NOCONTENT", 40e3, Goal::Ratio(0.5), |random| {
        find(format!("@tags:{{{}}}", random.tag()), "NOCONTENT")
    }),
    query("tag, 100 hits, with documents", 20e3, Goal::Ratio(0.5), |random| {
        find(format!("@tags:{{{}}}", random.tag()), "")
    }),
    query("tag of 6 %, NOCONTENT", 5e3, Goal::Ratio(0.5), |random| {
        find(format!("@city:{{{}}}", random.city()), "NOCONTENT")
    }),
    query("numeric range of 1 %", 10e3, Goal::Ratio(0.35), |random| find(range(random, 9), "NOCONTENT")),
    query("tag (6 %) and numeric (10 %)", 4e3, Goal::Ratio(0.3), |random| {
        find(format!("@city:{{{}}} {}", random.city(), range(random, 90)), "NOCONTENT")
    }),
    query("one word, 1,100 hits, BM25STD", 15e3, Goal::Ratio(0.3), |random| {
        find(random.word(), "NOCONTENT SCORER BM25STD")
    }),
    query("one word, TFIDF", 15e3, Goal::Ratio(0.3), |random| find(random.word(), "NOCONTENT")),
    query("two words", 15e3, Goal::Ratio(0.5), |random| {
        find(format!("{} {}", random.word(), random.word()), "NOCONTENT")
    }),
    query("prefix, 3,300 hits", 3e3, Goal::Ratio(0.3), |random| {
        find(format!("{}*", &random.word()[..3]), "NOCONTENT")
    }),
    query("tag of 6 % SORTBY price", 6e3, Goal::Ratio(0.3), |random| {
        find(format!("@city:{{{}}}", random.city()), "NOCONTENT SORTBY price")
    }),
    query("count of all", 1e3, Goal::Ratio(0.1), |_| find("*".to_owned(), "LIMIT 0 0")),
    query("GROUPBY a tag over all, COUNT", 20.0, Goal::Milliseconds(30.0), |_| words(GROUPS)),
    query("AVG of a sortable over all", 300.0, Goal::Milliseconds(3.0), |_| {
        words("FT.AGGREGATE idx * GROUPBY 0 REDUCE AVG 1 @price")
    }),
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn find(query: String, options: &str) -> Vec<String> {
    let mut command = words("FT.SEARCH idx");
    command.push(query);
    command.extend(words(options));
    command
}

/// A range of so many of the 900 prices.
fn range(random: &mut Random, width: u64) -> String {
    let from = 100 + random.below(900 - width);
    format!("@price:[{from} ({}]", from + width)
}
