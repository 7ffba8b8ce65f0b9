//! How fast a set is written to a file and read again: `cargo run --release -p kora-vector --example load -- [COUNT] [DIMENSIONS]`.

use std::io::Write as _;

use kora_core::config::CoreConfig;
use kora_core::entry::Entry;
use kora_core::entry::data_type::{Extensions, Loader};
use kora_core::hash::splitmix64;
use kora_core::rdb::{Style, build, write_value};
use kora_hnsw::Metric;
use kora_vector::{Quantization, Shape, VectorSet};

/// Processor time of this thread, in seconds.
fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().expect("a number"));
    let (count, dimensions) = (args.next().unwrap_or(50_000), args.next().unwrap_or(300));
    let shape = Shape { dimensions, quantization: Quantization::Int8, m: 16, metric: Metric::Cosine };
    let mut set = VectorSet::new(shape, 1).expect("a shape");
    let mut state = 1;
    for number in 0..count {
        // A few directions and noise.
        let mut direction = splitmix64(&mut state) % 200;
        let vector: Vec<f32> = (0..dimensions)
            .map(|_| {
                let [own, noise] = [splitmix64(&mut direction), splitmix64(&mut state)]
                    .map(|one| f32::from(one.to_le_bytes()[0]));
                own + noise / 2.0 - 190.0
            })
            .collect();
        let insertion = set.insertion(&vector, 40).expect("the number of elements");
        set.put(format!("element:{number}").as_bytes(), insertion).expect("room");
    }
    let entry = Entry::new_object(b"key", Box::new(set), None);
    let begun = cpu_s();
    let mut payload = Vec::new();
    write_value(&entry, Style { compress: true }, &mut payload);
    let mut lines =
        format!("written: {:.0}/s, {} bytes each\n", count as f64 / (cpu_s() - begun), payload.len() / count);
    let config = CoreConfig::default();
    let (code, bytes) = payload.split_first().expect("it begins with a code");
    for _ in 0..3 {
        let begun = cpu_s();
        let loader = Loader { config: &config, seed: 7, extensions: Extensions::new(kora_vector::TYPES) };
        let (entry, _) = build(*code, bytes, (b"key", None), &loader).expect("an own payload");
        lines += &format!("read: {:.0}/s\n", count as f64 / (cpu_s() - begun));
        drop(entry);
    }
    std::io::stdout().write_all(lines.as_bytes()).expect("somebody reads");
}
