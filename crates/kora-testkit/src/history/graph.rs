//! The order that a history of events demands, as a graph: if it has a cycle, no sequential order exists.
//!
//! Real time is part of it. "Ended before the other began" has too many pairs, so it goes through a chain of moments:
//! each event leads to the moment it ended, each moment to the next, and the last moment before an event began leads
//! to that event.

/// A place in time, in nanoseconds since the history began.
pub(super) type Nanoseconds = u64;

/// A directed graph. Nodes below the number of events are events; the others are moments.
#[derive(Debug)]
pub(super) struct Graph {
    event_count: usize,
    edges: Vec<Vec<usize>>,
}

impl Graph {
    /// The graph of real time among events, given when each began and ended.
    pub(super) fn of_real_time(spans: &[(Nanoseconds, Nanoseconds)]) -> Self {
        let event_count = spans.len();
        let mut edges = vec![Vec::new(); 2 * event_count];
        let mut by_end: Vec<usize> = (0..event_count).collect();
        by_end.sort_by_key(|&event| spans[event].1);
        for (moment, &event) in by_end.iter().enumerate() {
            edges[event].push(event_count + moment);
            if moment + 1 < event_count {
                edges[event_count + moment].push(event_count + moment + 1);
            }
        }
        for (event, &(began, _)) in spans.iter().enumerate() {
            let ended_before = by_end.partition_point(|&other| spans[other].1 < began);
            if ended_before > 0 {
                edges[event_count + ended_before - 1].push(event);
            }
        }
        Self { event_count, edges }
    }

    /// Demands that `before` comes before `after`.
    pub(super) fn add(&mut self, before: usize, after: usize) {
        if before != after {
            self.edges[before].push(after);
        }
    }

    /// The events of a cycle, if there is one.
    ///
    /// Source: R. Tarjan, "Depth-first search and linear graph algorithms" (1972), without recursion.
    /// Complexity: O(nodes + edges).
    pub(super) fn cycle(&self) -> Option<Vec<usize>> {
        let mut search = Search::new(self.edges.len());
        (0..self.edges.len()).find_map(|node| search.component_from(node, &self.edges)).map(
            |mut component| {
                component.retain(|&node| node < self.event_count);
                component.sort_unstable();
                component
            },
        )
    }
}

const UNSEEN: usize = usize::MAX;

/// Tarjan's search.
struct Search {
    next_index: usize,
    index: Vec<usize>,
    low: Vec<usize>,
    is_open: Vec<bool>,
    open: Vec<usize>,
}

impl Search {
    fn new(node_count: usize) -> Self {
        Self {
            next_index: 0,
            index: vec![UNSEEN; node_count],
            low: vec![UNSEEN; node_count],
            is_open: vec![false; node_count],
            open: Vec::new(),
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.next_index;
        self.low[node] = self.next_index;
        self.next_index += 1;
        self.is_open[node] = true;
        self.open.push(node);
    }

    /// The first strongly connected component of more than one node that is found from `root`.
    fn component_from(&mut self, root: usize, edges: &[Vec<usize>]) -> Option<Vec<usize>> {
        if self.index[root] != UNSEEN {
            return None;
        }
        self.enter(root);
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            if let Some(&to) = edges[node].get(*next) {
                *next += 1;
                if self.index[to] == UNSEEN {
                    self.enter(to);
                    path.push((to, 0));
                } else if self.is_open[to] {
                    self.low[node] = self.low[node].min(self.index[to]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                self.low[parent] = self.low[parent].min(self.low[node]);
            }
            if self.low[node] == self.index[node] {
                let component = self.close(node);
                if component.len() > 1 {
                    return Some(component);
                }
            }
        }
        None
    }

    fn close(&mut self, node: usize) -> Vec<usize> {
        let at = self.open.iter().rposition(|&open| open == node).expect("the node is open");
        let component = self.open.split_off(at);
        component.iter().for_each(|&node| self.is_open[node] = false);
        component
    }
}
