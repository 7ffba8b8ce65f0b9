//! Criterion benches of the core: see `benches/`.
