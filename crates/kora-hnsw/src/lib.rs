//! Nearest neighbours of vectors, without any input or output: a graph in layers (HNSW) with true deletion, and exact scans.
//!
//! A [`Graph`] gives each vector a number (`u32`), which it uses again after a removal; names of vectors are its owner's business. A distance is less
//! for what is nearer: the square of the Euclidean distance, 1 less the inner product, or 1 less the cosine.
//!
//! Everything has a form for one go (`insert`, `remove`, `search`) and, where it may take long, one in slices: [`Search`] takes a budget of
//! distances; [`Insertion`] searches in slices or on another thread, and [`Graph::commit`] is the short step that changes the graph. Between slices the graph may change;
//! or they see a moment of it, [`Graph::view`]. [`Flat`] has vectors without a graph, for scans by whoever numbers them.
//! No call keeps memory of its own: it is given a [`Scratch`], one for each thread or each search on its way.
//!
//! ```
//! use kora_hnsw::{Config, Graph, Metric, Scratch, SearchOptions};
//!
//! let mut scratch = Scratch::default();
//! let mut graph = Graph::new(Config::new(2, Metric::L2))?;
//! for (x, y) in [(0.0, 0.0), (1.0, 0.0), (5.0, 5.0)] {
//!     graph.insert(&[x, y], &mut scratch)?;
//! }
//! let query = graph.query(&[0.9, 0.1])?;
//! let hits = graph.search(&query, SearchOptions::nearest(2, 64), &mut scratch, |_| true);
//! assert_eq!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>(), [1, 0]);
//! # Ok::<(), kora_hnsw::Error>(())
//! ```

mod arena;
mod beam;
mod choose;
mod config;
mod flat;
mod graph;
mod insert;
mod kernels;
mod links;
mod losses;
mod mend;
mod order;
mod parts;
mod random;
mod remove;
mod search;
mod vectors;
mod visited;

pub use config::{Config, DIMENSIONS_MAX, Error, LEVEL_MAX, M_RANGE, Metric, NODES_MAX, Storage};
pub use flat::Flat;
pub use graph::{Graph, Scratch};
pub use insert::Insertion;
pub use parts::Builder;
pub use search::{Hit, Search, SearchOptions};
pub use vectors::{Encoded, Query};
