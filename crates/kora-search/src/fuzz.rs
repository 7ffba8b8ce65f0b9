//! Bodies of fuzz targets: what must hold of any bytes.

use kora_index::schema::Schema;

use crate::expression::Expression;
use crate::query::{Dialect, Expand, Expansion, Options, Query};
use crate::stop_words::StopWords;
use crate::value::Value;

struct Nothing;

impl Expand for Nothing {
    fn expansions(&self, _: &str, _: Option<&[String]>, _: Option<bool>) -> Vec<Expansion> {
        Vec::new()
    }
}

/// Any bytes are a query or refused, in any dialect; what is read can be explained and has a meaning.
pub fn query_input(input: &[u8]) {
    let parameters = [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), Vec::new())];
    for dialect in (1..=4).filter_map(Dialect::new) {
        let options =
            Options { dialect, stop_words: StopWords::Default, parameters: &parameters, is_verbatim: false };
        if let Ok(query) = Query::parse(input, options) {
            let _ = query.check(&Schema::default(), true);
            let _ = query.node();
            assert!(query.explain(&Schema::default(), &Nothing).ends_with('\n'), "it ends with a line end");
        }
    }
}

/// Any bytes are an expression or refused; an expression has a value or an error.
pub fn expression_input(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let row = [Some(Value::Number(3.5)), Some(Value::text("Hello")), None];
    if let Ok(expression) = Expression::parse(&text, |name| Some(name.len() % row.len())) {
        let _ = expression.evaluate(&row[..]);
    }
}
