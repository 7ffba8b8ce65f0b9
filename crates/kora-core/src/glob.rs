//! Glob patterns as KEYS, SCAN and CONFIG GET match them.
