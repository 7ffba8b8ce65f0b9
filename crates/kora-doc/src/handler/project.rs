//! Some fields of a document, as a document: each stands under the members that its path names.
//!
//! What an element of an array is named by is a member, too: `tags.0` of `{"tags":["x"]}` is `{"tags":{"0":"x"}}`, in which `tags.0` finds the same.

use kora_core::error::CommandResult;
use kora_json::tree::Tree;
use kora_json::{Value, text as json_text};

use super::refusal;
use crate::path::Path;

/// Arguments as paths.
///
/// # Errors
/// If one is none.
pub(super) fn paths_of(args: &[&[u8]]) -> CommandResult<Vec<Path>> {
    args.iter().map(|arg| path_of(arg)).collect()
}

/// An argument as a path.
///
/// # Errors
/// If it is none.
pub(super) fn path_of(arg: &[u8]) -> CommandResult<Path> {
    Path::parse(arg).map_err(|error| refusal(format_args!("ERR {error}")))
}

/// The text of the fields of a document. Those that it does not have are left out.
pub(super) fn text(root: Value<'_>, paths: &[Path]) -> Vec<u8> {
    let mut tree = Tree::object();
    for path in paths {
        if let Some(value) = path.find(root) {
            put(&mut tree, path, value);
        }
    }
    // A path goes to where the value stands in the document, or to an element, which is nested as deep.
    tree.finish().map_or_else(|_| b"{}".to_vec(), |json| json_text::of(json.root()))
}

fn put<'a>(tree: &mut Tree<'a>, path: &'a Path, value: Value<'a>) {
    let mut at = tree;
    for step in path.steps() {
        // What stands there as a whole has it already.
        let Tree::Object(members) = at else { return };
        let place = members.iter().position(|(name, _)| *name == step).unwrap_or_else(|| {
            members.push((step, Tree::object()));
            members.len() - 1
        });
        at = &mut members[place].1;
    }
    *at = Tree::Kept(value);
}

#[cfg(test)]
mod tests {
    use kora_json::Json;

    use super::*;

    #[test]
    fn fields_stand_where_their_paths_say() {
        let json = Json::parse(r#"{"a":{"b":1,"c":[2,{"d":3}]},"e":null,"f":"x"}"#).unwrap();
        let project = |paths: &str| {
            let paths: Vec<&[u8]> = paths.split(' ').map(str::as_bytes).collect();
            String::from_utf8(text(json.root(), &paths_of(&paths).unwrap())).unwrap()
        };
        assert_eq!(project("f e"), r#"{"f":"x","e":null}"#);
        assert_eq!(project("a.b a.c.1.d"), r#"{"a":{"b":1,"c":{"1":{"d":3}}}}"#);
        assert_eq!(project("a.c.0 nothing a.x"), r#"{"a":{"c":{"0":2}}}"#);
        assert_eq!(project("a a.b"), r#"{"a":{"b":1,"c":[2,{"d":3}]}}"#);
        assert_eq!(project("a.b a"), r#"{"a":{"b":1,"c":[2,{"d":3}]}}"#);
        assert_eq!(project("nothing"), "{}");
        assert!(paths_of(&[b"a..b"]).is_err());
    }
}
