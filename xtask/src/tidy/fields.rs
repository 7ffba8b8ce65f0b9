//! No type with more fields than a reader can keep in mind, unless a line says why.

/// Most fields of a struct.
const FIELDS_MAX: usize = 20;

/// What such a line begins with, above the type.
const REASON: &str = "// Many fields:";

/// Complains of large types in a file.
pub(super) fn check(file: &str, text: &str, complaints: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = struct_begun(line) else { continue };
        let body =
            lines[at + 1..].iter().take_while(|line| !line.trim_start().starts_with('}') || is_inner(line));
        let count = body.filter(|line| is_field(line)).count();
        let has_reason =
            lines[..at].iter().rev().take_while(|line| !line.is_empty()).any(|line| line.starts_with(REASON));
        if count > FIELDS_MAX && !has_reason {
            complaints.push(format!("{file}:{}: {name} has {count} fields, more than {FIELDS_MAX}", at + 1));
        }
    }
}

/// The name of a struct with named fields that begins on a line.
fn struct_begun(line: &str) -> Option<&str> {
    let rest =
        line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches(|c| c != ' ').trim_start());
    let rest = rest.strip_prefix("struct ")?;
    if !line.ends_with('{') {
        return None;
    }
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn is_inner(line: &str) -> bool {
    line.starts_with("    ")
}

/// Whether a line of a struct's body, which is indented once, declares a field.
fn is_field(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' ')) else { return false };
    let rest =
        rest.strip_prefix("pub").map_or(rest, |rest| rest.trim_start_matches(|c| c != ' ').trim_start());
    let name = rest.split(':').next().unwrap_or_default();
    rest.contains(':') && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        check("f.rs", text, &mut complaints);
        complaints
    }

    #[test]
    fn large_types_are_told_unless_a_line_says_why() {
        let fields = |count: usize| {
            (0..count)
                .map(|at| format!("    /// It is: one\n    pub(crate) f{at}: u8,\n"))
                .collect::<String>()
        };
        assert!(complaints(&format!("struct Small {{\n{}}}\n", fields(20))).is_empty());
        let large = format!("pub(crate) struct Large<T> {{\n{}}}\n", fields(21));
        assert_eq!(complaints(&large), ["f.rs:1: Large has 21 fields, more than 20"]);
        assert!(
            complaints(&format!("/// It.\n// Many fields: a reason.\n#[derive(Debug)]\n{large}")).is_empty()
        );
    }
}
