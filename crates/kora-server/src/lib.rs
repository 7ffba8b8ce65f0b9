//! The Kora server.
