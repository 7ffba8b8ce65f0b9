//! Bodies of fuzz targets: hostile conditions.

use kora_json::Json;

use crate::condition::Condition;

/// A text is a condition or is refused, and what it is can be asked of a document.
pub fn condition_input(input: &[u8]) {
    let document = r#"{"a":1,"b":"x","c":[1,"y",{"d":null}],"e":true}"#;
    if let (Ok(condition), Ok(json)) = (Condition::parse(input), Json::parse_all(document)) {
        let mut terms = Vec::new();
        condition.terms(&mut terms);
        let _ = condition.holds(json.root());
    }
}
