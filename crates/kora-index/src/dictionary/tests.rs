use std::collections::BTreeMap;

use proptest::prelude::*;

use super::patterns::FUZZY_CHARACTERS_MAX;
use super::*;
use crate::query::Pattern;

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[abc]{1,5}", "[a-zé日]{1,7}", Just(String::new())]
}

fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let change = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

/// Whether a text is a few edits away as the oracle has it: it, or it without its last character while more characters could still make it match.
fn is_near(text: &str, pattern: &str, edits: usize) -> bool {
    if distance(text, pattern) <= edits {
        return true;
    }
    let Some((at, _)) = text.char_indices().next_back() else { return false };
    let ends: Vec<usize> = pattern.char_indices().map(|(at, _)| at).chain([pattern.len()]).collect();
    distance(&text[..at], pattern) <= edits
        && ends.iter().any(|end| distance(text, &pattern[..*end]) <= edits)
}

/// By all ways of sharing out the text, as a definition.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
        (Some(('?', rest)), Some((_, after))) => fits(rest, after),
        (Some((wanted, rest)), Some((character, after))) => wanted == character && fits(rest, after),
        _ => false,
    }
}

fn expand(dictionary: &Dictionary<u64>, pattern: &Pattern, budget: usize) -> Vec<String> {
    go_through(dictionary, Compiled::new(pattern), budget)
}

fn go_through(dictionary: &Dictionary<u64>, mut compiled: Compiled, budget: usize) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let mut steps = budget;
        let done = dictionary.expand(&mut compiled, &mut steps, |text, _| {
            found.push(text.to_owned());
            true
        });
        if done {
            return found;
        }
    }
}

proptest! {
    #[test]
    fn as_a_map_and_patterns_as_defined(
        changes in prop::collection::vec((words(), any::<bool>()), 1..700),
        part in "[abcé]{0,3}",
        glob in "[abé?*]{0,6}",
        edits in 1_u8..=3,
        with_suffixes in any::<bool>(),
        budget in 1_usize..50,
    ) {
        let mut dictionary = Dictionary::<u64>::new(with_suffixes, RandomState::with_seeds(1, 2, 3, 4));
        let mut model = BTreeMap::new();
        for (at, (word, adds)) in changes.iter().enumerate() {
            if *adds {
                let number = dictionary.insert(word);
                *dictionary.value_mut(number).unwrap() = at as u64;
                model.insert(word.clone(), at as u64);
            } else if let Some(number) = dictionary.find(word) {
                dictionary.remove(number);
                prop_assert!(model.remove(word).is_some());
            } else {
                prop_assert!(!model.contains_key(word));
            }
        }
        let all: Vec<(String, u64)> = dictionary.iter_from(b"").map(|(_, text, value)| (text.to_owned(), *value)).collect();
        prop_assert_eq!(&all, &model.clone().into_iter().collect::<Vec<_>>());
        for (word, value) in &model {
            prop_assert_eq!(dictionary.value(dictionary.find(word).unwrap()), Some(value));
        }
        let glob_characters: Vec<char> = glob.chars().collect();
        let chosen = |test: &dyn Fn(&str) -> bool| -> Vec<String> { model.keys().filter(|word| test(word)).cloned().collect() };
        prop_assert_eq!(expand(&dictionary, &Pattern::Prefix(part.clone()), budget), chosen(&|word| word.starts_with(&part)));
        prop_assert_eq!(expand(&dictionary, &Pattern::Suffix(part.clone()), budget), chosen(&|word| word.ends_with(&part) && (!with_suffixes || !part.is_empty())));
        prop_assert_eq!(expand(&dictionary, &Pattern::Infix(part.clone()), budget), chosen(&|word| word.contains(&part) && (!with_suffixes || !word.is_empty())));
        prop_assert_eq!(expand(&dictionary, &Pattern::Fuzzy(part.clone(), edits), budget), chosen(&|word| is_near(word, &part, usize::from(edits))));
        prop_assert_eq!(
            expand(&dictionary, &Pattern::Wildcard(glob.clone()), budget),
            chosen(&|word| fits(&glob_characters, &word.chars().collect::<Vec<_>>()))
        );
        let characters_of_bytes = |text: &str| -> Vec<char> { text.bytes().map(char::from).collect() };
        prop_assert_eq!(
            go_through(&dictionary, Compiled::of_bytes(&Pattern::Wildcard(glob.clone())), budget),
            chosen(&|word| fits(&characters_of_bytes(&glob), &characters_of_bytes(word)))
        );
        for word in model.keys() {
            dictionary.remove(dictionary.find(word).unwrap());
        }
        prop_assert_eq!((dictionary.len(), dictionary.memory_bytes()), (0, 0));
    }
}

/// Recorded from RediSearch 2.10.5: words over `abc` that `%bab%` finds and that are two edits away.
#[test]
fn fuzzy_as_the_oracle() {
    let mut dictionary = Dictionary::<u64>::new(false, RandomState::with_seeds(1, 2, 3, 4));
    for word in ["aba", "bba", "abb", "bab", "ba", "babca", "beta", "ca", "acb"] {
        dictionary.insert(word);
    }
    assert_eq!(expand(&dictionary, &Pattern::Fuzzy("bab".into(), 1), 9), ["aba", "ba", "bab", "bba"]);
    assert_eq!(expand(&dictionary, &Pattern::Fuzzy("ab".into(), 1), 9), ["aba", "abb", "acb", "ba", "bab"]);
    assert!(expand(&dictionary, &Pattern::Fuzzy("bar".into(), 2), 9).contains(&"beta".to_owned()));
    assert!(expand(&dictionary, &Pattern::Fuzzy("abc".into(), 2), 9).contains(&"ca".to_owned()));
}

#[test]
fn long_fuzzy_words_match_as_they_are() {
    let mut dictionary = Dictionary::<u64>::new(false, RandomState::with_seeds(1, 2, 3, 4));
    let long = "x".repeat(FUZZY_CHARACTERS_MAX + 1);
    let short = &long[1..];
    for text in [&long, short] {
        dictionary.insert(text);
    }
    assert_eq!(expand(&dictionary, &Pattern::Fuzzy(long.clone(), 1), 9), std::slice::from_ref(&long));
    assert_eq!(expand(&dictionary, &Pattern::Fuzzy(short.to_owned(), 1), 9), [short.to_owned(), long]);
}
