//! List-append: what readers of growing strings saw tells the order of the writes, and so who depends on whom.
//!
//! Every element is appended once and is unique, so the longest value read of a key is the order of its writes, and
//! every other read must be a beginning of it. Dependencies follow: the writer of an element before the writer of the
//! next (write-write), the writer of the last element read before the reader (write-read), the reader before the writer
//! of the first element it did not see (read-write). With each client's order and real time added, a cycle is an anomaly.
//!
//! Source: K. Kingsbury, P. Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations" (VLDB 2020).

use std::collections::HashMap;

use super::graph::{Graph, Nanoseconds};

/// Bytes of an element.
pub(super) const ELEMENT_BYTES: usize = 8;

/// A key, by number.
pub(super) type Key = usize;

/// An element of some key's list.
pub(super) type Element = u64;

/// What a command did.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// It appended an element, which made the list this long.
    Append(Key, Element, usize),
    /// It read lists at one moment.
    Read(Vec<(Key, Vec<Element>)>),
}

/// A command that was answered, or a transaction.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) process: usize,
    pub(super) began: Nanoseconds,
    pub(super) ended: Nanoseconds,
    /// What it did, in order and at one moment.
    pub(super) actions: Vec<Action>,
}

impl Event {
    /// All that it read.
    fn reads(&self) -> impl Iterator<Item = &(Key, Vec<Element>)> {
        self.actions.iter().flat_map(|action| match action {
            Action::Read(reads) => reads.as_slice(),
            Action::Append(..) => &[],
        })
    }
}

/// An element as text.
pub(super) fn render(element: Element) -> String {
    format!("{element:0ELEMENT_BYTES$}")
}

/// The elements of a list as text.
pub(super) fn parse(list: &[u8]) -> Option<Vec<Element>> {
    if !list.len().is_multiple_of(ELEMENT_BYTES) {
        return None;
    }
    list.chunks(ELEMENT_BYTES).map(|element| std::str::from_utf8(element).ok()?.parse().ok()).collect()
}

/// Checks that some sequential order explains `events`, each process's in the order it sent them. Every list must have
/// been read after its last append.
///
/// # Errors
/// Describes the anomaly.
pub(super) fn check(events: &[Event]) -> Result<(), String> {
    let lists = longest_reads(events);
    let writers = writers(events, &lists)?;
    let spans: Vec<_> = events.iter().map(|event| (event.began, event.ended)).collect();
    let mut graph = Graph::of_real_time(&spans);
    let mut last_of: HashMap<usize, usize> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        if let Some(last) = last_of.insert(event.process, at) {
            graph.add(last, at);
        }
        check_within(event)?;
        for (key, read) in event.reads() {
            let list = &lists[key];
            if !list.starts_with(read) {
                return Err(format!("key {key}: {read:?} is no beginning of {list:?}, event {event:?}"));
            }
            if let Some(last) = read.last() {
                graph.add(writers[last], at);
            }
            if let Some(next) = list.get(read.len()) {
                graph.add(at, writers[next]);
            }
        }
    }
    for list in lists.values() {
        list.windows(2).for_each(|pair| graph.add(writers[&pair[0]], writers[&pair[1]]));
    }
    match graph.cycle() {
        None => Ok(()),
        Some(cycle) => {
            let events: Vec<_> = cycle.iter().take(20).map(|&at| format!("{:?}", events[at])).collect();
            Err(format!("a cycle among {} events:\n{}", cycle.len(), events.join("\n")))
        }
    }
}

/// Checks that the actions of one event saw no change of a list but their own.
fn check_within(event: &Event) -> Result<(), String> {
    let mut lengths: HashMap<Key, usize> = HashMap::new();
    for action in &event.actions {
        let found = match action {
            Action::Append(key, _, length) => vec![(*key, *length - 1, *length)],
            Action::Read(reads) => reads.iter().map(|(key, read)| (*key, read.len(), read.len())).collect(),
        };
        for (key, before, after) in found {
            let known = lengths.insert(key, after);
            if known.is_some_and(|known| known != before) {
                return Err(format!("key {key} changed in the middle of {event:?}"));
            }
        }
    }
    Ok(())
}

/// The longest value read of each key.
fn longest_reads(events: &[Event]) -> HashMap<Key, Vec<Element>> {
    let mut lists: HashMap<Key, Vec<Element>> = HashMap::new();
    for event in events {
        for (key, read) in event.reads() {
            let list = lists.entry(*key).or_default();
            if read.len() > list.len() {
                list.clone_from(read);
            }
        }
    }
    lists
}

/// Who appended each element; each must stand once, and where its reply said.
fn writers(events: &[Event], lists: &HashMap<Key, Vec<Element>>) -> Result<HashMap<Element, usize>, String> {
    let mut writers = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        for action in &event.actions {
            let Action::Append(key, element, length) = action else { continue };
            let list = lists.get(key).map_or(&[][..], Vec::as_slice);
            if length.checked_sub(1).and_then(|place| list.get(place)) != Some(element) {
                return Err(format!(
                    "key {key}: the append in {event:?} is not where it was said to be: {list:?}"
                ));
            }
            writers.insert(*element, at);
        }
    }
    let unknown = lists.values().flatten().find(|element| !writers.contains_key(element));
    match unknown {
        None => Ok(writers),
        Some(element) => Err(format!("nobody appended {element}")),
    }
}
