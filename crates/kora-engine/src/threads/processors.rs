//! Which processors threads run on, as `server-cpulist` and its like say it.
//!
//! ```text
//! 0,2      two processors
//! 4-7      a range
//! 8-15:2   every second of a range
//! ```

use rustix::thread::{CpuSet, sched_setaffinity};

/// Processors have smaller numbers.
const NUMBER_MAX: usize = CpuSet::MAX_CPU;

/// A list of processors. An empty one leaves it to the system, and to the thread that starts another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processors {
    /// As it was given.
    text: Vec<u8>,
    numbers: Vec<usize>,
}

impl Processors {
    /// Reads a list; `None` if it is none. Complexity: O(N) for N processors.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut numbers = Vec::new();
        for item in text.split(|&byte| byte == b',').filter(|_| !text.is_empty()) {
            numbers.extend(parse_item(item)?);
        }
        Some(Self { text: text.to_vec(), numbers })
    }

    /// The list as it was given.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// From now on the calling thread, and those that it starts, run on these processors. If the process may use none of them, a
    /// warning is logged and nothing changes.
    pub fn bind(&self) {
        if self.numbers.is_empty() {
            return;
        }
        let mut set = CpuSet::new();
        self.numbers.iter().for_each(|&number| set.set(number));
        if let Err(error) = sched_setaffinity(None, &set) {
            let list = String::from_utf8_lossy(&self.text);
            tracing::warn!("a thread can't run on the processors {list}: {error}");
        }
    }
}

/// The numbers of one part of a list.
fn parse_item(item: &[u8]) -> Option<impl Iterator<Item = usize> + use<>> {
    let (range, step) = halves(item, b':');
    let (first, last) = halves(range, b'-');
    if step.is_some() && last.is_none() {
        return None;
    }
    let first = parse_number(first)?;
    let last = last.map_or(Some(first), parse_number)?;
    let step = step.map_or(Some(1), parse_number)?;
    (first <= last && step > 0).then(|| (first..=last).step_by(step))
}

/// What is before a byte, and what is behind it if it is there.
fn halves(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == at) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    }
}

fn parse_number(text: &[u8]) -> Option<usize> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()?;
    (number < NUMBER_MAX).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::spawn;

    fn numbers(text: &str) -> Option<Vec<usize>> {
        Processors::parse(text.as_bytes()).map(|list| list.numbers)
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(numbers("").unwrap(), []);
        assert_eq!(numbers("3").unwrap(), [3]);
        assert_eq!(numbers("0,2,5-7").unwrap(), [0, 2, 5, 6, 7]);
        assert_eq!(numbers("0-7:3,9").unwrap(), [0, 3, 6, 9]);
        assert_eq!(numbers("1023").unwrap(), [1023]);
        for wrong in
            [",", "1,", "a", "-1", "1-", "3-2", "0-4:0", "1:2", "0-3:", "1024", "1 ", "99999999999999999999"]
        {
            assert_eq!(numbers(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_thread_runs_where_it_is_told() {
        let may_run = rustix::thread::sched_getaffinity(None).unwrap();
        let first = (0..NUMBER_MAX).find(|&number| may_run.is_set(number)).unwrap();
        let here = || rustix::thread::sched_getaffinity(None).unwrap();
        let bound = spawn("test", move || {
            Processors::parse(first.to_string().as_bytes()).unwrap().bind();
            // Those that it starts, too.
            spawn("test", here).unwrap().join().unwrap()
        });
        let bound = bound.unwrap().join().unwrap();
        assert_eq!((bound.count(), bound.is_set(first)), (1, true));
        // There is no such one.
        let unbound = spawn("test", move || {
            Processors::parse(b"1023").unwrap().bind();
            here()
        });
        assert!(unbound.unwrap().join().unwrap().count() > 0);
    }
}
