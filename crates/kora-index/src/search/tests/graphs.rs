//! Searches through graphs against a look at every vector: exact where all are candidates or few match, else by recall.

use std::collections::HashSet;

use super::super::*;
use crate::document::{Content, Document, Values};
use crate::index::{Index, Indexed};
use crate::plan::Options;
use crate::query::{Bound, Near, Nearest, NearestWay, Node, NodeKind, Policy, Range};
use crate::schema::{
    Algorithm, Element, Field, FieldKind, GraphKind, Metric, Schema, VamanaKind, VectorKind,
};
use crate::statistics::Gathering;

const DIMENSIONS: usize = 8;
const ELEMENTS: [Element; 6] =
    [Element::Float32, Element::Float64, Element::Float16, Element::BFloat16, Element::Int8, Element::UInt8];

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to 126.
    fn vector(&mut self) -> [u8; DIMENSIONS] {
        std::array::from_fn(|_| (self.next() % 127) as u8)
    }
}

fn schema(kind: VectorKind) -> Schema {
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
    let fields = vec![field("n", FieldKind::Numeric), field("v", FieldKind::Vector(kind))];
    Schema { fields, ..Schema::default() }
}

fn kind(element: Element, metric: Metric, candidates: u64) -> VectorKind {
    let graph = GraphKind { runtime: Some(candidates), ..GraphKind::default() };
    VectorKind { element, dimensions: DIMENSIONS, metric, algorithm: Algorithm::Hnsw(graph) }
}

fn blob(element: Element, vector: &[u8; DIMENSIONS]) -> Vec<u8> {
    let bytes = |one: &u8| match element {
        Element::Float32 => f32::from(*one).to_le_bytes().to_vec(),
        Element::Float64 => f64::from(*one).to_le_bytes().to_vec(),
        Element::Float16 => half::f16::from_f32(f32::from(*one)).to_le_bytes().to_vec(),
        Element::BFloat16 => half::bf16::from_f32(f32::from(*one)).to_le_bytes().to_vec(),
        Element::Int8 | Element::UInt8 => vec![*one],
    };
    vector.iter().flat_map(bytes).collect()
}

/// An index of documents with one vector each, or more, and what they hold.
struct Filled {
    index: Index,
    kind: VectorKind,
    random: Random,
    /// By the number that is their key.
    rows: Vec<Option<(u32, Vec<[u8; DIMENSIONS]>)>>,
    order: u64,
}

impl Filled {
    fn new(kind: VectorKind, count: u32, vectors: usize) -> Self {
        let index = Index::new(&schema(kind.clone()), 3).unwrap();
        let mut filled = Self { index, kind, random: Random(0x9e37_79b9), rows: Vec::new(), order: 0 };
        (0..count).for_each(|key| filled.put(key, vectors));
        filled
    }

    fn put(&mut self, key: u32, vectors: usize) {
        let row: Vec<_> = (0..vectors).map(|_| self.random.vector()).collect();
        let number = (self.random.next() % 1000) as u32;
        self.put_row(key, number, row);
    }

    fn put_row(&mut self, key: u32, number: u32, row: Vec<[u8; DIMENSIONS]>) {
        self.order += 1;
        let blobs: Vec<_> = row.iter().map(|vector| blob(self.kind.element, vector)).collect();
        let contents = [
            Content::Numbers(vec![f64::from(number)]),
            Content::Vectors(blobs.iter().map(Vec::as_slice).collect()),
        ];
        let fields = contents.map(|content| Values { content, sort: None }).to_vec();
        let document = Document { fields, order: self.order, ..Document::default() };
        self.index.put(&key.to_le_bytes(), &document).unwrap();
        self.rows.resize((key as usize + 1).max(self.rows.len()), None);
        self.rows[key as usize] = Some((number, row));
    }

    fn remove(&mut self, key: u32) {
        assert!(self.index.remove(&key.to_le_bytes()));
        self.rows[key as usize] = None;
    }

    fn distance(&self, vectors: &[[u8; DIMENSIONS]], target: &[u8; DIMENSIONS]) -> f64 {
        let norm =
            |vector: &[u8; DIMENSIONS]| vector.iter().map(|one| f64::from(*one).powi(2)).sum::<f64>().sqrt();
        let one = |vector: &[u8; DIMENSIONS]| {
            let pairs = || vector.iter().zip(target).map(|(one, other)| (f64::from(*one), f64::from(*other)));
            let product = pairs().map(|(one, other)| one * other).sum::<f64>();
            match self.kind.metric {
                Metric::L2 => pairs().map(|(one, other)| (one - other).powi(2)).sum(),
                Metric::InnerProduct => 1.0 - product,
                Metric::Cosine => 1.0 - product / (norm(vector) * norm(target)),
            }
        };
        vectors.iter().map(one).min_by(f64::total_cmp).unwrap()
    }

    /// All that match, by a look at each: nearest first.
    fn expected(&self, target: &[u8; DIMENSIONS], below: u32) -> Vec<(f64, u32)> {
        let rows = (0..).zip(&self.rows).filter_map(|(key, row)| Some((key, row.as_ref()?)));
        let matching = rows.filter(|(_, (number, _))| *number < below);
        let mut all: Vec<_> =
            matching.map(|(key, (_, vectors))| (self.distance(vectors, target), key)).collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        all
    }

    fn node(&self, target: &[u8; DIMENSIONS], below: u32, (count, way): (usize, NearestWay)) -> Node {
        let filter = if below == u32::MAX { NodeKind::All } else { below_node(below) };
        Node::new(NodeKind::Nearest(Box::new(Nearest {
            field: "v".to_owned(),
            vector: blob(self.kind.element, target),
            count,
            distance: "d".to_owned(),
            filter: Node::new(filter),
            way,
        })))
    }

    fn search(&mut self, node: &Node) -> Search {
        let plan = Arc::new(Plan::new(&self.index, node, &Options::default()).unwrap());
        let statistics = Arc::new(Gathering::all(&self.index, &plan));
        let snapshot = self.index.snapshot();
        Search::new(&self.index, plan, statistics, snapshot)
    }

    fn nearest(&mut self, node: &Node) -> NearestSearch {
        NearestSearch::new(self.search(node))
    }

    fn keys(&self, snapshot: &Snapshot, hits: Vec<(KeptKey, Hit)>) -> Vec<u32> {
        let of = |hit: Hit| self.index.key(snapshot, hit.document).try_into().map(u32::from_le_bytes);
        hits.into_iter().map(|(_, hit)| of(hit).unwrap()).collect()
    }

    /// Keys of the nearest, found in slices.
    fn find(&mut self, node: &Node, steps: usize) -> Vec<u32> {
        let mut search = self.nearest(node);
        while !search.step(&self.index, steps, &mut |_| true) {}
        let snapshot = self.index.snapshot();
        self.keys(&snapshot, search.finish())
    }
}

fn below_node(below: u32) -> NodeKind {
    let bound = |value, is_exclusive| Bound { value, is_exclusive };
    let (from, to) = (bound(f64::NEG_INFINITY, false), bound(f64::from(below), true));
    NodeKind::Range("n".to_owned(), Range { from, to })
}

/// The share of the nearest that is among what was found; each that is found is to be there, and as many as there are.
fn recall(expected: &[(f64, u32)], found: &[u32], count: usize) -> f64 {
    let wanted = count.min(expected.len());
    assert_eq!(found.len(), wanted, "never fewer than there are");
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), wanted, "each document once");
    assert!(found.iter().all(|key| expected.iter().any(|(_, other)| other == key)), "only what matches");
    // Equal distances are as good as each other; types of few bits round.
    let limit = wanted.checked_sub(1).map_or(0.0, |last| expected[last].0);
    let limit = limit + limit.abs() * 0.01 + 1e-3;
    let good = found
        .iter()
        .filter(|key| expected.iter().any(|(distance, other)| other == *key && *distance <= limit));
    if wanted == 0 { 1.0 } else { good.count() as f64 / wanted as f64 }
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

#[test]
fn recall_of_all_types_with_and_without_filters() {
    for (element, metric) in
        ELEMENTS.into_iter().zip([Metric::L2, Metric::Cosine, Metric::InnerProduct].repeat(2))
    {
        let mut filled = Filled::new(kind(element, metric, 24), 1300, 1);
        for below in [u32::MAX, 900, 500, 100, 10, 0] {
            let mut recalls = Vec::new();
            for _ in 0..12 {
                let target = filled.random.vector();
                let expected = filled.expected(&target, below);
                let node = filled.node(&target, below, (10, NearestWay::default()));
                let found = filled.find(&node, 300);
                recalls.push(recall(&expected, &found, 10));
            }
            assert!(mean(&recalls) >= 0.95, "{element:?} {metric:?} below {below}: {}", mean(&recalls));
        }
    }
}

#[test]
fn a_walk_is_asked_for_or_forbidden() {
    let mut filled = Filled::new(kind(Element::Float32, Metric::L2, 10), 700, 1);
    for below in [500, 30] {
        for _ in 0..10 {
            let target = filled.random.vector();
            let expected = filled.expected(&target, below);
            let way = |policy, candidates| NearestWay { policy: Some(policy), candidates };
            let exact = filled.node(&target, below, (7, way(Policy::Exact, None)));
            assert_eq!(recall(&expected, &filled.find(&exact, 50), 7), 1.0);
            // As many candidates as there are vectors: all are found.
            let wide = filled.node(&target, below, (7, way(Policy::Graph(None), Some(700))));
            assert_eq!(recall(&expected, &filled.find(&wide, 50), 7), 1.0);
            let batches = filled.node(&target, below, (7, way(Policy::Graph(Some(700)), None)));
            assert_eq!(recall(&expected, &filled.find(&batches, 50), 7), 1.0);
            let narrow = filled.node(&target, below, (7, way(Policy::Graph(None), Some(10))));
            assert!(recall(&expected, &filled.find(&narrow, 50), 7) >= 0.5);
        }
    }
}

#[test]
fn several_vectors_count_by_the_best() {
    let mut filled = Filled::new(kind(Element::Float32, Metric::L2, 16), 250, 5);
    // One document whose vectors all lie where the others have none.
    filled.put_row(999, 1, (0..60).map(|at| [200, 200, 200, 200, 200, 200, 200, 100 + at]).collect());
    let mut recalls = Vec::new();
    for _ in 0..20 {
        let target = filled.random.vector();
        let expected = filled.expected(&target, u32::MAX);
        let node = filled.node(&target, u32::MAX, (10, NearestWay::default()));
        recalls.push(recall(&expected, &filled.find(&node, 100), 10));
    }
    assert!(mean(&recalls) >= 0.95, "{}", mean(&recalls));
    let target = [200, 200, 200, 200, 200, 200, 200, 150];
    let node = filled.node(&target, u32::MAX, (10, NearestWay::default()));
    let found = filled.find(&node, 100);
    assert_eq!((found.len(), found[0]), (10, 999), "its vectors do not stand in the way of others");
}

#[test]
fn a_search_aside_sees_its_moment() {
    let mut filled = Filled::new(kind(Element::Float32, Metric::L2, 24), 1300, 1);
    let mut recalls = Vec::new();
    for round in 0..10_u32 {
        let target = filled.random.vector();
        for below in [u32::MAX, 600] {
            let expected = filled.expected(&target, below);
            let node = filled.node(&target, below, (10, NearestWay::default()));
            let snapshot = filled.index.snapshot();
            let mut search = filled.nearest(&node);
            let nearest: Vec<u32> = expected[..5].iter().map(|(_, key)| *key).collect();
            let mut at = 0;
            while !search.step(&filled.index, 40, &mut |_| true) {
                // The nearest go, others come that are nearer, and some are written again as they are.
                match (at, filled.rows[nearest[at as usize % 5] as usize].clone()) {
                    (0..4, Some(_)) => filled.remove(nearest[at as usize]),
                    (4..8, _) => filled.put_row(5000 + round * 10 + at, 1, vec![target]),
                    (_, Some((_, row))) => filled.put_row(nearest[4], 2, row),
                    _ => {}
                }
                at += 1;
            }
            let found = filled.keys(&snapshot, search.finish());
            recalls.push(recall(&expected, &found, 10));
        }
    }
    assert!(mean(&recalls) >= 0.95, "{}", mean(&recalls));
}

#[test]
fn what_is_written_again_keeps_its_vectors() {
    let mut filled = Filled::new(kind(Element::Float16, Metric::Cosine, 24), 200, 2);
    let slots = |filled: &Filled, key: u32| {
        let document = filled.index.document(&key.to_le_bytes()).unwrap();
        let Indexed::Vectors(vectors) = &filled.index.fields()[1].indexed else { panic!("it has vectors") };
        vectors.slots(document).collect::<Vec<_>>()
    };
    let before = slots(&filled, 7);
    assert_eq!(before.len(), 2);
    let (_, row) = filled.rows[7].clone().unwrap();
    filled.put_row(7, 5, row.clone());
    assert_eq!(slots(&filled, 7), before);
    let expected = filled.expected(&row[0], u32::MAX);
    let node = filled.node(&row[0], u32::MAX, (3, NearestWay::default()));
    assert_eq!(filled.find(&node, 1000)[0], expected[0].1);
    // Another vector, or a snapshot that may see the one before.
    let other = [[120, 0, 0, 0, 0, 0, 0, 0], row[0]];
    filled.put_row(7, 5, other.to_vec());
    let node = filled.node(&other[0], u32::MAX, (1, NearestWay::default()));
    assert_eq!(filled.find(&node, 1000), [7]);
    let before = slots(&filled, 7);
    let held = filled.index.snapshot();
    filled.put_row(7, 6, other.to_vec());
    assert_ne!(slots(&filled, 7), before);
    drop(held);
    for key in 0..200 {
        filled.remove(key);
    }
    filled.index.reclaim(usize::MAX);
    assert_eq!(filled.index.memory().vector_bytes, 0);
}

#[test]
fn what_is_within_a_radius_is_found_through_the_graph() {
    for element in [Element::Float32, Element::Int8] {
        let mut filled = Filled::new(kind(element, Metric::L2, 64), 2400, 1);
        let mut recalls = Vec::new();
        for round in 0..16 {
            let target = filled.random.vector();
            let below = if round % 2 == 0 { u32::MAX } else { 400 };
            let all = filled.expected(&target, below);
            let radius = all[20].0;
            let expected: HashSet<u32> =
                all.iter().filter(|(distance, _)| *distance <= radius).map(|(_, key)| *key).collect();
            let near = NodeKind::Near(Near {
                field: "v".to_owned(),
                vector: blob(element, &target),
                radius,
                epsilon: Some(0.2),
                distance: None,
            });
            let node = match below {
                u32::MAX => Node::new(near),
                _ => Node::new(NodeKind::And(vec![Node::new(near), Node::new(below_node(below))])),
            };
            let mut search = filled.search(&node);
            let mut found = HashSet::new();
            while !search.step(&filled.index, 200, &SearchScoring::default(), |one| {
                found.insert(u32::from_le_bytes(filled.index.current_key(one.document).try_into().unwrap()));
                Flow::Continue
            }) {}
            assert!(found.is_subset(&expected), "nothing that is farther");
            recalls.push(found.len() as f64 / expected.len() as f64);
            // What is not near is what is left.
            let rest = Node::new(NodeKind::Not(Box::new(node)));
            let mut search = filled.search(&rest);
            while !search.step(&filled.index, 200, &SearchScoring::default(), |_| Flow::Continue) {}
            assert_eq!(search.matched(), 2400 - found.len() as u64);
        }
        assert!(mean(&recalls) >= 0.95, "{element:?}: {}", mean(&recalls));
    }
}

#[test]
fn compressed_vectors_are_found_by_their_codes() {
    let graph = GraphKind { runtime: Some(40), ..GraphKind::default() };
    let compression = Some("LVQ8".to_owned());
    let vamana = VamanaKind { compression, training_threshold: None, reduce: None };
    let algorithm = Algorithm::Vamana(graph, vamana);
    let plain = kind(Element::Float32, Metric::Cosine, 40);
    let mut filled = Filled::new(VectorKind { algorithm, ..plain.clone() }, 2200, 1);
    let mut recalls = Vec::new();
    for _ in 0..20 {
        let target = filled.random.vector();
        let expected = filled.expected(&target, u32::MAX);
        let node = filled.node(&target, u32::MAX, (10, NearestWay::default()));
        recalls.push(recall(&expected, &filled.find(&node, 500), 10));
    }
    assert!(mean(&recalls) >= 0.9, "{}", mean(&recalls));
    let bytes = Filled::new(plain, 2200, 1).index.memory().vector_bytes;
    assert!(filled.index.memory().vector_bytes < bytes, "a byte for each element");
}

#[test]
fn hostile_declarations_take_no_memory() {
    for (dimensions, links) in [(1 << 28, 16), (3, u64::MAX)] {
        let graph = GraphKind { links, construction: u64::MAX, ..GraphKind::default() };
        let algorithm = Algorithm::Hnsw(graph);
        let kind = VectorKind { element: Element::Float32, dimensions, metric: Metric::L2, algorithm };
        let index = Index::new(&schema(kind), 1).unwrap();
        assert_eq!(index.memory().vector_bytes, 0);
    }
}

#[test]
fn vectors_that_are_no_numbers_are_last() {
    let mut filled = Filled::new(kind(Element::Float32, Metric::Cosine, 10), 600, 1);
    for key in 600..640 {
        filled.put_row(key, 1, vec![[0; DIMENSIONS]]);
    }
    let target = filled.random.vector();
    let node = filled.node(&target, u32::MAX, (640, NearestWay::default()));
    let found = filled.find(&node, 1000);
    assert_eq!(found.len(), 640);
    assert!(found[600..].iter().all(|key| *key >= 600));
    let from_nowhere = filled.node(&[0; DIMENSIONS], u32::MAX, (5, NearestWay::default()));
    assert_eq!(filled.find(&from_nowhere, 1000).len(), 5);
    let keys: Vec<u32> = (0..640).collect();
    keys.iter().for_each(|key| filled.remove(*key));
    assert_eq!(filled.index.memory().vector_bytes, 0);
}
