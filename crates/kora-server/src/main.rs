//! The Kora server.
fn main() {}
