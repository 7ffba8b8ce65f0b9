//! Kora command line client.
fn main() {}
