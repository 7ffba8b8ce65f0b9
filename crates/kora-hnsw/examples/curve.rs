//! Recall and cost of searches over `ef`, on vectors from a file.
//!
//! `cargo run --release -p kora-hnsw --example curve -- BASE QUERIES DIMENSIONS [OPTION=VALUE ...]`: both files hold elements in single precision,
//! one vector after the other. Options: `metric` (`cosine`, `l2`, `ip`), `storage` (`f32`, `f16`, `bf16`, `q8`, `bin`, `rot`), `original` (`yes`),
//! `m`, `efc`, `queries`, and `run`: a list of `churn` (half of the vectors is replaced three times), `filter` (searches with filters),
//! `mend` (a pass over all), `self` (each vector is searched for), `load` (from parts), `drop` (freed in pieces).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;

use kora_hnsw::{Builder, Config, Error, Graph, Metric, Query, Scratch, SearchOptions, Storage};

/// How many neighbours are asked for.
const K: usize = 10;
const EFS: [usize; 8] = [10, 16, 32, 64, 100, 128, 200, 400];

/// Vectors of a set, how they are compared, and queries.
struct Bench {
    graph: Graph,
    /// The vector of each number.
    vectors: Vec<Vec<f32>>,
    raw: Vec<Vec<f32>>,
    queries: Vec<Query>,
    scratch: Scratch,
}

/// Processor time of this thread.
fn cpu_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("somebody reads");
}

fn read(path: &str, dimensions: usize) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).expect("the file can be read");
    let floats: Vec<f32> = bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    floats.chunks_exact(dimensions).map(<[f32]>::to_vec).collect()
}

/// What is less for nearer vectors: computed apart from the index.
fn far(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let term = |a: f32, b: f32| if metric == Metric::L2 { (a - b) * (a - b) } else { -a * b };
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        a.iter().zip(b).zip(&mut sums).for_each(|((a, b), sum)| *sum += term(*a, *b));
    }
    sums.iter().sum()
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|one| one * one).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|one| one / norm).collect()
}

impl Bench {
    fn add(&mut self, vector: Vec<f32>) -> u32 {
        let id = self.graph.insert(&vector, &mut self.scratch).expect("as long as the others");
        let metric = self.graph.config().metric;
        let kept = if metric == Metric::Cosine { unit(&vector) } else { vector };
        if self.vectors.len() <= id as usize {
            self.vectors.resize(id as usize + 1, Vec::new());
        }
        self.vectors[id as usize] = kept;
        id
    }

    /// Exact answers among what a filter lets through.
    fn exact(&self, count: usize, filter: impl Fn(usize, u32) -> bool) -> Vec<HashSet<u32>> {
        let metric = self.graph.config().metric;
        let one = |(at, raw): (usize, &Vec<f32>)| {
            let ids = self.graph.ids().filter(|id| filter(at, *id));
            let mut all: Vec<(f32, u32)> =
                ids.map(|id| (far(metric, raw, &self.vectors[id as usize]), id)).collect();
            let k = K.min(all.len());
            if k > 0 && k < all.len() {
                all.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0));
            }
            all.truncate(k);
            all.iter().map(|(_, id)| *id).collect()
        };
        self.raw.iter().take(count).enumerate().map(one).collect()
    }

    fn curve(&mut self, name: &str, exact: &[HashSet<u32>]) {
        let mut line = format!("{name}:");
        for ef in EFS {
            let start = cpu_us();
            let mut found = 0;
            for (query, exact) in self.queries.iter().zip(exact) {
                let options = SearchOptions::nearest(K, ef);
                let hits = self.graph.search(query, options, &mut self.scratch, |_| true);
                found += hits.iter().filter(|hit| exact.contains(&hit.id)).count();
            }
            let us = (cpu_us() - start) / exact.len() as f64;
            write!(line, " {ef}: {:.4} {us:.1} us;", found as f64 / (exact.len() * K) as f64)
                .expect("to memory");
        }
        say(&line);
    }

    fn churn(&mut self) {
        let count = self.queries.len();
        for round in 1..=3 {
            let ids: Vec<u32> = self.graph.ids().filter(|id| id % 2 == round % 2).collect();
            let start = cpu_us();
            for id in &ids {
                self.graph.remove(*id, &mut self.scratch);
            }
            let us = (cpu_us() - start) / ids.len() as f64;
            let gone: Vec<Vec<f32>> =
                ids.iter().map(|id| std::mem::take(&mut self.vectors[*id as usize])).collect();
            let start = cpu_us();
            for vector in gone {
                self.add(vector);
            }
            let insert_us = (cpu_us() - start) / ids.len() as f64;
            let exact = self.exact(count, |_, _| true);
            self.curve(&format!("churn {round}: remove {us:.1} us, insert {insert_us:.1} us"), &exact);
        }
    }

    /// Filters that let a share through: any, the nearest, or the farthest.
    fn filters(&mut self, ef: usize) {
        let count = self.queries.len().min(100);
        let metric = self.graph.config().metric;
        for kind in ["any", "near", "far"] {
            for part in [2, 10, 100, 1000] {
                let (mut found, mut wanted, mut returned) = (0, 0, 0);
                let (mut us, mut scan_us) = (0.0, 0.0);
                for at in 0..count {
                    let raw = self.raw[at].clone();
                    let allowed = self.allowed(kind, part, &raw, metric);
                    let exact = &self.exact_one(&raw, &allowed);
                    let query = &self.queries[at];
                    let start = cpu_us();
                    let options = SearchOptions::nearest(K, ef);
                    let hits =
                        self.graph.search(query, options, &mut self.scratch, |id| allowed[id as usize]);
                    us += cpu_us() - start;
                    let start = cpu_us();
                    let scan = SearchOptions::exact(K);
                    self.graph.search(query, scan, &mut self.scratch, |id| allowed[id as usize]);
                    scan_us += cpu_us() - start;
                    found += hits.iter().filter(|hit| exact.contains(&hit.id)).count();
                    returned += hits.len();
                    wanted += exact.len();
                }
                let (us, scan_us) = (us / count as f64, scan_us / count as f64);
                let recall = found as f64 / wanted as f64;
                say(&format!(
                    "filter {kind} 1/{part}: {recall:.4} {us:.1} us, scan {scan_us:.1} us, missing {}",
                    wanted - returned
                ));
            }
        }
    }

    fn allowed(&self, kind: &str, part: usize, raw: &[f32], metric: Metric) -> Vec<bool> {
        let mut ids: Vec<(f32, u32)> = self
            .graph
            .ids()
            .map(|id| {
                let distance = match kind {
                    "any" => (id.wrapping_mul(2_654_435_761) >> 8) as f32,
                    "near" => far(metric, raw, &self.vectors[id as usize]),
                    _ => -far(metric, raw, &self.vectors[id as usize]),
                };
                (distance, id)
            })
            .collect();
        ids.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut allowed = vec![false; self.vectors.len()];
        let count = (ids.len() / part).max(K);
        ids.iter().take(count).for_each(|(_, id)| allowed[*id as usize] = true);
        allowed
    }

    fn exact_one(&self, raw: &[f32], allowed: &[bool]) -> HashSet<u32> {
        let metric = self.graph.config().metric;
        let ids = self.graph.ids().filter(|id| allowed[*id as usize]);
        let mut all: Vec<(f32, u32)> =
            ids.map(|id| (far(metric, raw, &self.vectors[id as usize]), id)).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        all.iter().take(K).map(|(_, id)| *id).collect()
    }

    /// How many vectors find themselves.
    fn find_selves(&mut self) {
        for ef in [10, 32, 64] {
            let mut lost = 0;
            for id in 0..self.graph.bound() {
                let Ok(query) = self.graph.query(&self.vectors[id as usize]) else { continue };
                let hits =
                    self.graph.search(&query, SearchOptions::nearest(1, ef), &mut self.scratch, |_| true);
                let nearest =
                    hits[0].distance.min(self.graph.distance_from(&query, hits[0].id).unwrap_or(9.0));
                let own = self.graph.distance_from(&query, id).unwrap_or(0.0);
                lost += usize::from(hits[0].id != id && nearest > own);
            }
            say(&format!("self, ef {ef}: {lost} of {} do not find themselves", self.graph.len()));
        }
    }

    fn load(&mut self) -> Result<(), Error> {
        let graph = &self.graph;
        let start = cpu_us();
        let mut builder = Builder::new(*graph.config())?;
        for id in graph.ids() {
            let (level, vector) = (graph.level(id).unwrap_or(0), graph.encoded(id).ok_or(Error::Missing)?);
            let copy = builder.push(level, &vector, graph.norm(id).unwrap_or(1.0), graph.original(id))?;
            for level in 0..=level {
                builder.set_links(copy, level, graph.links(id, level))?;
            }
        }
        let same = builder.finish(graph.entry(), &mut self.scratch)?;
        let rate = same.len() as f64 / ((cpu_us() - start) / 1e6);
        say(&format!("load: {rate:.0} vectors/s"));
        self.graph = same;
        Ok(())
    }
}

/// What the program was asked for.
struct Options(Vec<String>);

impl Options {
    fn text(&self, name: &str, default: &str) -> String {
        let found = self.0.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or(default).to_owned()
    }

    fn number(&self, name: &str, default: &str) -> usize {
        self.text(name, default).parse().expect("a number")
    }

    fn config(&self) -> Config {
        let metric = match self.text("metric", "cosine").as_str() {
            "l2" => Metric::L2,
            "ip" => Metric::InnerProduct,
            _ => Metric::Cosine,
        };
        let storage = match self.text("storage", "f32").as_str() {
            "f16" => Storage::Float16,
            "bf16" => Storage::BFloat16,
            "q8" => Storage::Int8,
            "bin" => Storage::Binary,
            "rot" => Storage::BinaryRotated,
            _ => Storage::Float32,
        };
        Config {
            dimensions: self.0[2].parse().expect("a number of dimensions"),
            metric,
            storage,
            keeps_original: self.text("original", "no") == "yes",
            m: self.number("m", "16"),
            ef_construction: self.number("efc", "200"),
            seed: 1,
        }
    }
}

fn main() {
    let options = Options(std::env::args().skip(1).collect());
    let config = options.config();
    let dimensions = config.dimensions;
    let graph = Graph::new(config).expect("in range");
    let mut raw = read(&options.0[1], dimensions);
    raw.truncate(options.number("queries", "500"));
    let queries = raw.iter().map(|raw| graph.query(raw).expect("as long")).collect();
    let scratch = Scratch::default();
    let mut bench = Bench { graph, vectors: Vec::new(), raw, queries, scratch };
    let base = read(&options.0[0], dimensions);
    let count = base.len();
    let start = cpu_us();
    base.into_iter().for_each(|vector| {
        bench.add(vector);
    });
    let us = (cpu_us() - start) / count as f64;
    let bytes = bench.graph.memory() as f64 / count as f64;
    let links: usize = bench.graph.ids().map(|id| bench.graph.links(id, 0).len()).sum();
    let links = links as f64 / count as f64;
    say(&format!("{count} vectors, {us:.1} us each, {bytes:.1} bytes each, {links:.1} links each"));
    let exact = bench.exact(bench.queries.len(), |_, _| true);
    bench.curve("curve", &exact);
    let run = options.text("run", "");
    if run.contains("mend") {
        bench.mend(count, options.number("mendef", "10"));
        bench.curve("mended", &exact);
    }
    if run.contains("self") {
        bench.find_selves();
    }
    if run.contains("load") {
        bench.load().expect("parts of a graph");
        bench.curve("loaded", &exact);
    }
    if run.contains("filter") {
        bench.filters(options.number("ef", "100"));
    }
    if run.contains("churn") {
        bench.churn();
    }
    if run.contains("drop") {
        bench.free();
    }
}

impl Bench {
    /// Mends all of the graph, four times.
    fn mend(&mut self, count: usize, ef: usize) {
        for round in 0..4 {
            let start = cpu_us();
            let (mut lost, mut from) = (0, Some(0));
            while let Some(at) = from {
                let (next, missing) = self.graph.mend_some(at, 1000, ef, &mut self.scratch);
                lost += missing;
                from = next;
            }
            say(&format!("mend {round}: {lost} were lost, {:.1} us each", (cpu_us() - start) / count as f64));
        }
    }

    /// Frees the graph in pieces.
    fn free(&mut self) {
        let (mut longest, mut total) = (0.0_f64, 0.0);
        loop {
            let start = cpu_us();
            let is_left = self.graph.clear_some(1);
            longest = longest.max(cpu_us() - start);
            total += cpu_us() - start;
            if !is_left {
                break;
            }
        }
        say(&format!("drop: {total:.0} us in all, the longest piece {longest:.0} us"));
    }
}
