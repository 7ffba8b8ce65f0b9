//! Rows.

use crate::expression::Row as Readable;
use crate::value::Value;

/// A row on its way through the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Values by column; none where the row has none.
    pub values: Vec<Option<Value>>,
    /// Its place among the rows that it came with, the same for no two of them: it decides between rows that are sorted alike.
    pub order: u64,
    /// Words of the query that its document matched.
    pub matched_terms: Vec<Value>,
}

impl Row {
    /// Gives it a value in a column.
    pub fn set(&mut self, column: usize, value: Value) {
        if self.values.len() <= column {
            self.values.resize(column + 1, None);
        }
        self.values[column] = Some(value);
    }
}

impl Readable for Row {
    fn value(&self, column: usize) -> Option<&Value> {
        self.values.get(column)?.as_ref()
    }

    fn matched_terms(&self) -> &[Value] {
        &self.matched_terms
    }
}
