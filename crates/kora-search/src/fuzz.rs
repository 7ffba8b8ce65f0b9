//! Bodies of fuzz targets: what must hold of any bytes.

use kora_index::schema::Schema;

use crate::query::{Dialect, Expand, Expansion, Options, Query};
use crate::stop_words::StopWords;

struct Nothing;

impl Expand for Nothing {
    fn expansions(&self, _: &str, _: Option<&[String]>, _: Option<bool>) -> Vec<Expansion> {
        Vec::new()
    }
}

/// Any bytes are a query or refused, in any dialect; what is read can be explained and has a meaning.
pub fn query_input(input: &[u8]) {
    let parameters = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
    for dialect in (1..=4).filter_map(Dialect::new) {
        let options =
            Options { dialect, stop_words: StopWords::Default, parameters: &parameters, is_verbatim: false };
        if let Ok(query) = Query::parse(input, options) {
            let _ = query.check(&Schema::default());
            let _ = query.node();
            assert!(query.explain(&Schema::default(), &Nothing).ends_with('\n'), "it ends with a line end");
        }
    }
}
