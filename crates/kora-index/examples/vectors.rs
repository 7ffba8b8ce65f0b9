//! What vectors of an index cost: CPU time for each put and query, what a step of a query takes on the average, and the share of the nearest that is found.
//!
//! `cargo run --release -p kora-index --example vectors [vectors] [elements]`. Vectors lie around 200 points; each document has one and a number from 0
//! to 999 that filters ask for. Times are of this thread's CPU, from the scheduler.

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::sync::Arc;

use kora_index::Index;
use kora_index::document::{Content, Document, Values};
use kora_index::plan::{Options, Plan};
use kora_index::query::{Bound, Near, Nearest, NearestWay, Node, NodeKind, Policy, Range};
use kora_index::schema::{Algorithm, Element, Field, FieldKind, GraphKind, Metric, Schema, VectorKind};
use kora_index::search::{Flow, NearestSearch, Search, SearchScoring};
use kora_index::statistics::Gathering;

/// Steps between two looks at the clock, as queries on their way have.
const STEPS: usize = 512;
/// Queries of each kind.
const QUERIES: u64 = 100;

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

    #[expect(clippy::cast_precision_loss, reason = "numbers of 20 bits")]
    fn float(&mut self) -> f32 {
        // The sum of several is about normal.
        (0..4).map(|_| self.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5).sum()
    }

    fn vector(&mut self, elements: usize, points: &[Vec<f32>]) -> Vec<u8> {
        let point = &points[usize::try_from(self.below(points.len() as u64)).unwrap_or(0)];
        point[..elements].iter().flat_map(|one| (one + 0.5 * self.float()).to_le_bytes()).collect()
    }
}

fn schema(elements: usize, algorithm: Algorithm) -> Schema {
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
    let kind = VectorKind { element: Element::Float32, dimensions: elements, metric: Metric::L2, algorithm };
    Schema {
        fields: vec![field("n", FieldKind::Numeric), field("v", FieldKind::Vector(kind))],
        ..Schema::default()
    }
}

fn put(index: &mut Index, at: u64, number: u64, vector: &[u8]) {
    #[expect(clippy::cast_precision_loss, reason = "it is below 1000")]
    let contents = [Content::Numbers(vec![number as f64]), Content::Vectors(vec![vector])];
    let fields = contents.map(|content| Values { content, sort: None }).to_vec();
    index.put(&at.to_le_bytes(), &Document { fields, order: at, ..Document::default() }).expect("it fits");
}

fn filter(below: u64) -> Node {
    #[expect(clippy::cast_precision_loss, reason = "it is at most 1000")]
    let to = Bound { value: below as f64, is_exclusive: true };
    let range = Range { from: Bound { value: f64::NEG_INFINITY, is_exclusive: false }, to };
    Node::new(if below < 1000 { NodeKind::Range("n".to_owned(), range) } else { NodeKind::All })
}

fn nearest(vector: &[u8], below: u64, way: NearestWay) -> Node {
    Node::new(NodeKind::Nearest(Box::new(Nearest {
        field: "v".to_owned(),
        vector: vector.to_vec(),
        count: 10,
        distance: "d".to_owned(),
        filter: filter(below),
        way,
    })))
}

fn search(index: &mut Index, node: &Node) -> Search {
    let plan = Arc::new(Plan::new(index, node, &Options::default()).expect("a query of the index"));
    let statistics = Arc::new(Gathering::all(index, &plan));
    let snapshot = index.snapshot();
    Search::new(index, plan, statistics, snapshot)
}

/// What is found, and in how many steps.
fn find(index: &mut Index, node: &Node) -> (Vec<u32>, u64) {
    let mut search = NearestSearch::new(search(index, node));
    let mut steps = 1;
    while !search.step(index, STEPS, &mut |_| true) {
        steps += 1;
    }
    (search.finish().into_iter().map(|(_, hit)| hit.document).collect(), steps)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let count = arguments.next().unwrap_or(100_000);
    let elements = usize::try_from(arguments.next().unwrap_or(384)).unwrap_or(384);
    let mut random = Random(1);
    let points: Vec<Vec<f32>> = (0..200).map(|_| (0..elements).map(|_| random.float()).collect()).collect();
    for (name, algorithm) in [("FLAT", Algorithm::Flat), ("HNSW", Algorithm::Hnsw(GraphKind::default()))] {
        let mut random = Random(2);
        let mut index = Index::new(&schema(elements, algorithm), 1).expect("a schema");
        let mut spent = 0;
        for at in 0..count {
            let (number, vector) = (random.below(1000), random.vector(elements, &points));
            let start = cpu_ns();
            put(&mut index, at, number, &vector);
            spent += cpu_ns() - start;
        }
        println!("{name}, {count} vectors of {elements}: put {:.1} us", us(spent, count));
        println!("{} bytes for each vector", index.memory().vector_bytes as u64 / count);
        for below in [1000, 500, 100, 10, 1] {
            let (mut found, mut all, mut spent, mut steps, mut exactly) = (0, 0, 0, 0, 0);
            for _ in 0..QUERIES {
                let vector = random.vector(elements, &points);
                let node = nearest(&vector, below, NearestWay::default());
                let start = cpu_ns();
                let (hits, taken) = find(&mut index, &node);
                spent += cpu_ns() - start;
                steps += taken;
                let way = NearestWay { policy: Some(Policy::Exact), ..NearestWay::default() };
                let start = cpu_ns();
                let (exact, _) = find(&mut index, &nearest(&vector, below, way));
                exactly += cpu_ns() - start;
                all += exact.len();
                found += exact.iter().filter(|one| hits.contains(one)).count();
            }
            println!(
                "10 nearest of {:.1} %: {:.0} us, exactly {:.0}, a step {:.0}, {found} of {all} found",
                us(below * 100, 1),
                us(spent, QUERIES),
                us(exactly, QUERIES),
                us(spent, steps),
            );
        }
        let (mut matched, mut spent) = (0, 0);
        for _ in 0..QUERIES {
            #[expect(clippy::cast_precision_loss, reason = "a count of elements")]
            let radius = elements as f64 * 0.15;
            let (field, vector) = ("v".to_owned(), random.vector(elements, &points));
            let near = NodeKind::Near(Near { field, vector, radius, epsilon: None, distance: None });
            let start = cpu_ns();
            let mut search = search(&mut index, &Node::new(near));
            while !search.step(&index, STEPS, &SearchScoring::default(), |_| Flow::Continue) {}
            spent += cpu_ns() - start;
            matched += search.matched();
        }
        println!("within a radius: {} hits, {:.0} us", matched / QUERIES, us(spent, QUERIES));
        let start = cpu_ns();
        (0..count / 10).for_each(|at| _ = index.remove(&at.to_le_bytes()));
        println!("remove: {:.1} us", us(cpu_ns() - start, count / 10));
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures")]
fn us(ns: u64, count: u64) -> f64 {
    ns as f64 / count as f64 / 1000.0
}
