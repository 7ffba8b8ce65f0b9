//! Which words of a query a document has.

use super::Match;
use crate::matcher::Matcher;

/// A word or value of a query that a document has, as the dictionary has it: stems have a `+` before them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundTerm<'m> {
    /// The word.
    pub text: &'m str,
    /// Its inverse document frequency.
    pub rarity: f64,
    /// Whether it is a value of a tag field, and no word of a text.
    pub is_value: bool,
}

impl<'m> Match<'m> {
    /// The words and values that it has of the query, in the order in which they are looked up; of a pattern the first one.
    ///
    /// Complexity: O(parts of the query).
    #[must_use]
    pub fn terms(&self) -> Vec<FoundTerm<'m>> {
        let mut found = Vec::new();
        self.collect(self.matcher, &mut found);
        found
    }

    /// Parts lie in each other no deeper than those of the plan.
    fn collect(&self, part: &'m Matcher<'m>, found: &mut Vec<FoundTerm<'m>>) {
        match part {
            Matcher::Term { cursor, text, idf, .. } => {
                // Words have positions, unless the index keeps none.
                let is_value = !cursor.layout().positions;
                found.push(FoundTerm { text, rarity: idf.0, is_value });
            }
            Matcher::And(and) => and.parts.iter().for_each(|part| self.collect(part, found)),
            Matcher::Or(or) => or.matching().for_each(|part| self.collect(part, found)),
            Matcher::Optional { inner, at, .. } if inner.at() == *at => self.collect(inner, found),
            Matcher::Counted(counted) => self.collect(&counted.inner, found),
            _ => {}
        }
    }
}
