//! The tools: modes that are more than a command and its reply.

pub(crate) mod keysizes;
pub(crate) mod latency;
pub(crate) mod pipe;
pub(crate) mod scan;
pub(crate) mod stat;
