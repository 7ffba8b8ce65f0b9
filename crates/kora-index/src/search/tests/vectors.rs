//! Searches of vectors against a look at every one of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use crate::document::{Content, Document, SortKey, Values};
use crate::index::Index;
use crate::plan::Options;
use crate::query::{Bound, Near, Nearest, NearestWay, Node, NodeKind, Range};
use crate::schema::{Algorithm, Element, Field, FieldKind, Metric, Schema, VectorKind};
use crate::statistics::Gathering;

const DIMENSIONS: usize = 3;

#[derive(Clone, Debug)]
struct Row {
    number: u8,
    vectors: Vec<[i8; DIMENSIONS]>,
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, Row),
    Remove(u8),
}

#[derive(Clone, Debug)]
struct Query {
    target: [i8; DIMENSIONS],
    /// None: all vectors.
    radius: Option<u8>,
    is_negated: bool,
    least: u8,
    /// None: all of them.
    count: Option<usize>,
}

fn kind(metric: Metric) -> VectorKind {
    VectorKind { element: Element::Float32, dimensions: DIMENSIONS, metric, algorithm: Algorithm::Flat }
}

fn schema(metric: Metric) -> Schema {
    let field = |name: &str, kind| Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable: false,
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    let fields = vec![field("n", FieldKind::Numeric), field("v", FieldKind::Vector(kind(metric)))];
    Schema { fields, ..Schema::default() }
}

fn blob(vector: &[i8; DIMENSIONS]) -> Vec<u8> {
    vector.iter().flat_map(|one| f32::from(*one).to_le_bytes()).collect()
}

fn put(index: &mut Index, key: u8, row: &Row, order: u64) {
    let blobs: Vec<_> = row.vectors.iter().map(blob).collect();
    let content = match &blobs[..] {
        [] => Content::Missing,
        _ => Content::Vectors(blobs.iter().map(Vec::as_slice).collect()),
    };
    let number = Content::Numbers(vec![f64::from(row.number)]);
    let fields = [number, content].map(|content| Values { content, sort: None }).to_vec();
    index.put(&[key], &Document { fields, order, ..Document::default() }).unwrap();
}

/// The least distance of a row's vectors, by the definition.
fn distance(metric: Metric, row: &Row, target: &[i8; DIMENSIONS]) -> Option<f64> {
    let one = |vector: &[i8; DIMENSIONS]| {
        let pairs = || vector.iter().zip(target).map(|(one, other)| (f64::from(*one), f64::from(*other)));
        match metric {
            Metric::L2 => pairs().map(|(one, other)| (one - other).powi(2)).sum::<f64>(),
            Metric::InnerProduct | Metric::Cosine => {
                1.0 - pairs().map(|(one, other)| one * other).sum::<f64>()
            }
        }
    };
    row.vectors.iter().map(one).min_by(f64::total_cmp)
}

impl Query {
    fn node(&self) -> Node {
        let bound = |value| Bound { value, is_exclusive: false };
        let range = Range { from: bound(f64::from(self.least)), to: bound(f64::INFINITY) };
        let mut parts = vec![Node::new(NodeKind::Range("n".to_owned(), range))];
        if let Some(radius) = self.radius {
            let near = Node::new(NodeKind::Near(Near {
                field: "v".to_owned(),
                vector: blob(&self.target),
                radius: f64::from(radius),
                epsilon: None,
                distance: Some("near".to_owned()),
            }));
            parts.push(if self.is_negated { Node::new(NodeKind::Not(Box::new(near))) } else { near });
        }
        let filter = Node::new(NodeKind::And(parts));
        let Some(count) = self.count else { return filter };
        let (field, vector) = ("v".to_owned(), blob(&self.target));
        Node::new(NodeKind::Nearest(Box::new(Nearest {
            field,
            vector,
            count,
            distance: "d".to_owned(),
            filter,
            way: NearestWay::default(),
        })))
    }

    /// The keys of what it matches: the nearest in their order, or else all in the order of writes.
    fn expected(&self, metric: Metric, model: &BTreeMap<u8, (u64, Row)>) -> Vec<u8> {
        let mut found: Vec<(f64, u64, u8)> = Vec::new();
        for (key, (order, row)) in model {
            let distance = distance(metric, row, &self.target);
            let is_near = |radius: u8| distance.is_some_and(|distance| distance <= f64::from(radius));
            if row.number < self.least
                || self.radius.is_some_and(|radius| is_near(radius) == self.is_negated)
                || (self.count.is_some() && distance.is_none())
            {
                continue;
            }
            found.push((distance.filter(|_| self.count.is_some()).unwrap_or(0.0), *order, *key));
        }
        found.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        found.truncate(self.count.unwrap_or(usize::MAX));
        found.into_iter().map(|(_, _, key)| key).collect()
    }
}

/// A search through all parts that stands aside after a few steps.
struct Running {
    searches: Vec<Search>,
    top: Vec<(f64, u64, u8)>,
    count: usize,
}

impl Running {
    fn new(parts: &mut [Index], query: &Query) -> Self {
        let plan = Arc::new(Plan::new(&parts[0], &query.node(), &Options::default()).unwrap());
        let mut statistics = Statistics::default();
        parts.iter().for_each(|part| statistics.merge(Gathering::all(part, &plan), &plan));
        let statistics = Arc::new(statistics);
        let begin = |part: &mut Index| {
            let snapshot = part.snapshot();
            Search::new(part, Arc::clone(&plan), Arc::clone(&statistics), snapshot)
        };
        let searches = parts.iter_mut().map(begin).collect();
        Self { searches, top: Vec::new(), count: query.count.unwrap_or(usize::MAX) }
    }

    fn step(&mut self, parts: &[Index], steps: usize) -> bool {
        let mut is_over = true;
        for (search, part) in self.searches.iter_mut().zip(parts) {
            let snapshot = search.snapshot().clone();
            let mut top = TopKeys::new(self.count.min(100), Direction::Ascending);
            is_over &= search.step(part, steps, &SearchScoring::default(), |found| {
                let hit = Hit { document: found.document, score: found.score(), order: found.order() };
                match found.distance() {
                    Some(distance) => top.offer(SortKey::Number(distance), hit),
                    None if self.count == usize::MAX => top.offer(SortKey::Number(0.0), hit),
                    None => {}
                }
                Flow::Continue
            });
            for (key, hit) in top.finish() {
                let KeptKey::Number(distance) = key else { panic!("distances are numbers") };
                self.top.push((distance, hit.order, part.key(&snapshot, hit.document)[0]));
            }
        }
        is_over
    }

    fn finish(mut self) -> Vec<u8> {
        self.top.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        self.top.truncate(self.count);
        self.top.into_iter().map(|(_, _, key)| key).collect()
    }
}

fn vector() -> impl Strategy<Value = [i8; DIMENSIONS]> {
    prop::array::uniform3(-3_i8..4)
}

fn change() -> impl Strategy<Value = Change> {
    let row = (0_u8..4, prop::collection::vec(vector(), 0..3));
    prop_oneof![
        4 => (0_u8..40, row).prop_map(|(key, (number, vectors))| Change::Put(key, Row { number, vectors })),
        1 => (0_u8..40).prop_map(Change::Remove),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let count = prop::option::of(0_usize..12);
    (vector(), prop::option::of(0_u8..30), any::<bool>(), 0_u8..4, count).prop_map(
        |(target, radius, is_negated, least, count)| Query { target, radius, is_negated, least, count },
    )
}

fn apply(change: &Change, order: u64, parts: &mut [Index], model: &mut BTreeMap<u8, (u64, Row)>) {
    let (Change::Put(key, _) | Change::Remove(key)) = change;
    let count = parts.len();
    let part = &mut parts[usize::from(*key) % count];
    match change {
        Change::Put(key, row) => {
            put(part, *key, row, order);
            model.insert(*key, (order, row.clone()));
        }
        Change::Remove(key) => assert_eq!(part.remove(&[*key]), model.remove(key).is_some()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn finds_what_a_look_at_every_vector_finds(
        before in prop::collection::vec(change(), 0..80),
        after in prop::collection::vec(change(), 0..20),
        queries in prop::collection::vec(query(), 1..5),
        is_inner in any::<bool>(),
        steps in 1_usize..40,
    ) {
        let metric = if is_inner { Metric::InnerProduct } else { Metric::L2 };
        for part_count in [1_u64, 4] {
            let mut parts: Vec<_> = (0..part_count).map(|seed| Index::new(&schema(metric), seed).unwrap()).collect();
            let mut model = BTreeMap::new();
            let mut changes = (1..).zip(&before);
            changes.by_ref().for_each(|(order, change)| apply(change, order, &mut parts, &mut model));
            let mut running: Vec<_> = queries
                .iter()
                .map(|query| (Running::new(&mut parts, query), query.expected(metric, &model)))
                .collect();
            // What changes while they stand aside is not seen by them.
            for (order, change) in (1000..).zip(&after) {
                apply(change, order, &mut parts, &mut model);
                running.iter_mut().for_each(|(running, _)| _ = running.step(&parts, steps));
            }
            for (mut running, expected) in running {
                while !running.step(&parts, steps) {}
                prop_assert_eq!(running.finish(), expected);
            }
            for part in &mut parts {
                for key in 0..40 {
                    part.remove(&[key]);
                }
                part.reclaim(usize::MAX);
                prop_assert_eq!(part.memory().vector_bytes, 0);
            }
        }
    }
}

#[test]
fn among_documents_only_these_are_looked_at() {
    let mut index = Index::new(&schema(Metric::L2), 1).unwrap();
    for key in 0..10 {
        put(&mut index, key, &Row { number: 1, vectors: vec![[1, 1, 1]] }, u64::from(key));
    }
    let query = Query { target: [0, 0, 0], radius: None, is_negated: false, least: 0, count: None };
    let plan = Arc::new(Plan::new(&index, &query.node(), &Options::default()).unwrap());
    let statistics = Arc::new(Gathering::all(&index, &plan));
    let snapshot = index.snapshot();
    let mut search = Search::new(&index, plan, statistics, snapshot).among(vec![2, 5, 40]);
    let mut found = Vec::new();
    while !search.step(&index, 1, &SearchScoring::default(), |one| {
        found.push(one.document);
        Flow::Continue
    }) {}
    assert_eq!(found, [2, 5]);
}

#[test]
fn refuses_what_is_no_distance() {
    let index = Index::new(&schema(Metric::L2), 1).unwrap();
    let near = |field: &str, vector: &[u8], radius| {
        let (field, vector) = (field.to_owned(), vector.to_vec());
        Node::new(NodeKind::Near(Near { field, vector, radius, epsilon: None, distance: None }))
    };
    let error =
        |node: &Node| Plan::new(&index, node, &Options::default()).err().map(|error| error.to_string());
    let start = "Error parsing vector similarity query: ";
    let short = format!("{start}query vector blob size (3) does not match index's expected size (12).");
    assert_eq!(error(&near("v", b"abc", 1.0)), Some(short));
    let negative = format!("{start}negative radius (-0.5) given in a range query");
    assert_eq!(error(&near("v", &[0; 12], -0.5)), Some(negative));
    assert_eq!(error(&near("n", b"abc", 1.0)), None);
    let nearest = Node::new(NodeKind::Nearest(Box::new(Nearest {
        field: "v".to_owned(),
        vector: vec![0; 12],
        count: 1,
        distance: "d".to_owned(),
        filter: Node::new(NodeKind::All),
        way: NearestWay::default(),
    })));
    assert!(error(&Node::new(NodeKind::Not(Box::new(nearest)))).is_some());
}
