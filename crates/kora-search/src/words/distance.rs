//! Levenshtein's distance between words, by characters, and which words RediSearch takes for near.

/// The distance of two words if it is at most `max`: insertions, deletions and substitutions.
/// Complexity: O(n m) with n and m characters.
#[must_use]
pub(super) fn within(left: &str, right: &str, max: usize) -> Option<usize> {
    let left: Vec<_> = left.chars().collect();
    let right: Vec<_> = right.chars().collect();
    if left.len().abs_diff(right.len()) > max {
        return None;
    }
    let last = last_row(&left, &right, max)?;
    last.get(right.len()).copied().filter(|distance| *distance <= max)
}

/// The distance of a known word to another one, if it is at most `max`, or that of the known word without its last character, if more characters
/// could bring the whole of it as near: so `hello` is near to `helol`. It is what a search for fuzzy words finds, too.
/// Complexity: O(n m) with n and m characters.
#[must_use]
pub fn near(known: &str, word: &str, max: usize) -> Option<usize> {
    within(known, word, max).or_else(|| {
        let mut shorter = known.chars();
        shorter.next_back()?;
        let distance = within(shorter.as_str(), word, max)?;
        let (known, word): (Vec<_>, Vec<_>) = (known.chars().collect(), word.chars().collect());
        last_row(&known, &word, max).map(|_| distance)
    })
}

/// The least distance between a word and a beginning of another one, if it is at most `max`.
pub(super) fn of_prefix(word: &[char], whole: &[char], max: usize) -> Option<usize> {
    let whole = &whole[..whole.len().min(word.len() + max)];
    let last = last_row(word, whole, max)?;
    last.into_iter().min().filter(|distance| *distance <= max)
}

/// The last row of the table of distances: between all of `left` and each beginning of `right`. None if no distance is at most `max`.
fn last_row(left: &[char], right: &[char], max: usize) -> Option<Vec<usize>> {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(character != other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(row[column] + 1).min(diagonal + 1);
        }
        if row.iter().all(|distance| *distance > max) {
            return None;
        }
    }
    Some(row)
}
