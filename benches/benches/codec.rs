//! Cost of the codec: requests as clients pipeline them, and the replies most asked for.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kora_protocol::{Encoder, Limits, RequestParser, Resp, encode_double, encode_request};

/// Requests in one buffer: a full pipeline as one read delivers it.
const PIPELINE: u64 = 64;

fn pipeline(args: &[&[u8]]) -> Vec<u8> {
    let mut buffer = Vec::new();
    (0..PIPELINE).for_each(|_| encode_request(&mut buffer, args));
    buffer
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(PIPELINE));
    let value = [b'v'; 16_384];
    let key = b"key:000000000042".as_slice();
    let workloads: [(&str, &[&[u8]]); 6] = [
        ("get", &[b"GET", key]),
        ("set_16", &[b"SET", key, &value[..16]]),
        ("set_256", &[b"SET", key, &value[..256]]),
        ("set_16384", &[b"SET", key, &value]),
        ("mget_10", &[b"MGET", key, key, key, key, key, key, key, key, key, key]),
        ("ping", &[b"PING"]),
    ];
    for (name, args) in workloads {
        let buffer = pipeline(args);
        let (mut parser, limits, mut spans) = (RequestParser::new(), Limits::default(), Vec::new());
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut rest = black_box(buffer.as_slice());
                while let Ok(Some(request)) = parser.parse(rest, &limits, &mut spans) {
                    black_box(&spans);
                    rest = &rest[request.consumed..];
                }
            });
        });
    }
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    let value = [b'v'; 16_384];
    let mut out = Vec::with_capacity(64 * 1024);
    let mut bench = |name: &str, write: &dyn Fn(&mut Encoder<'_>)| {
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                write(&mut Encoder::new(black_box(&mut out), Resp::V2));
            });
        });
    };
    bench("ok", &|out| out.ok());
    bench("null", &|out| out.null());
    bench("integer", &|out| out.integer(black_box(12_345)));
    bench("bulk_16", &|out| out.bulk(black_box(&value[..16])));
    bench("bulk_256", &|out| out.bulk(black_box(&value[..256])));
    bench("bulk_16384", &|out| out.bulk(black_box(&value)));
    bench("double", &|out| out.double(black_box(1234.5678)));
    group.bench_function("double_text", |b| b.iter(|| encode_double(black_box(1.0e-5)).len()));
}

criterion_group!(benches, parse, encode);
criterion_main!(benches);
