#![allow(clippy::all, unused)]
use std::io::Write as _;

use kora_core::hash::splitmix64;
use kora_hnsw::Metric;
use crate::filter::Filter;
use crate::set::{Quantization, Shape, VectorSet, Wanted};

const SEARCHES: u32 = 20;

/// Processor time of this thread, in seconds.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn vector(state: &mut u64, dimensions: usize) -> Vec<f32> {
    (0..dimensions).map(|_| f32::from(splitmix64(state).to_le_bytes()[0]) - 127.5).collect()
}

/// Searches for each vector with a filter: microseconds of one, calls of the filter, and nodes that the walk has met.
fn measure(set: &VectorSet, queries: &[Vec<f32>], filter: Option<&str>, is_exact: bool) -> (f64, usize, usize) {
    let wanted =
        Wanted { count: 10, ef: 100, visits_max: usize::MAX, is_exact, is_filtered: filter.is_some() };
    let filter = filter.map(|text| Filter::compile(text.as_bytes()).expect("an expression"));
    let (begun, mut calls, mut met) = (cpu_s(), 0, 0);
    for query in queries {
        let mut search = set.search(set.query(query).expect("the number of elements"), wanted);
        search.advance(set.graph(), usize::MAX, |number| {
            calls += 1;
            let attributes = set.attributes(number);
            filter.as_ref().is_none_or(|filter| attributes.is_some_and(|text| filter.matches(text)))
        });
        met += search.met();
        search.finish(set.graph());
    }
    ((cpu_s() - begun) * 1e6 / queries.len() as f64, calls / queries.len(), met / queries.len())
}

#[test]
#[ignore]
fn tmp_filters() {
    let (count, dimensions) = (20_000, 50);
    let shape = Shape { dimensions, quantization: Quantization::Int8, m: 16, metric: Metric::Cosine };
    let mut set = VectorSet::new(shape, 1).expect("a shape");
    let mut state = 1;
    for number in 0..count {
        let insertion = set.insertion(&vector(&mut state, dimensions), 100).expect("the number of elements");
        set.put(number.to_string().as_bytes(), insertion).expect("room");
        let rank = splitmix64(&mut state) % 1000;
        let number = set.number(number.to_string().as_bytes()).expect("it was put in");
        set.set_attributes(number, Some(format!("{{\"r\":{rank}}}").as_bytes()));
    }
    let queries: Vec<Vec<f32>> = (0..SEARCHES).map(|_| vector(&mut state, dimensions)).collect();
    let mut lines = String::new();
    let mut tell = |name: &str, filter: Option<&str>| {
        let own = measure(&set, &queries, filter, false);
        let exact = measure(&set, &queries, filter, true);
        lines += &format!("{name}: {:.0} us, {} calls, {} met; exact {:.0} us\n", own.0, own.1, own.2, exact.0);
    };
    tell("none", None);
    for share in [500, 200, 100, 50, 20, 10, 1] {
        tell(&format!("{share} of 1000"), Some(&format!(".r < {share}")));
    }
    println!("{lines}");
}
