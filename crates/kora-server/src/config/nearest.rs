//! The known name a mistyped one most likely stands for.

/// The name nearest to `typed` among `known`, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let tolerance = typed.chars().count() / 3 + 1;
    known
        .map(|name| (distance(&typed, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= tolerance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance: insertions, deletions and replacements from `a` to `b`.
///
/// Complexity: O(length of `a` times length of `b`); only the previous row of the table is kept.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.chars().enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        for (cell, to) in above[1..].iter_mut().zip(&b) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        above[0] = row + 1;
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("port", "prot", 2)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["port", "maxclients", "maxmemory"];
        for (typed, expected) in
            [("prt", Some("port")), ("MaxClient", Some("maxclients")), ("appendonly", None), ("", None)]
        {
            assert_eq!(nearest(typed, known.into_iter()), expected, "{typed}");
        }
    }
}
