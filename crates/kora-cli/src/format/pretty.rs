//! JSON on several lines, for people. Only blanks are put in: numbers, strings and the order of members stay as the server wrote them.

/// Columns of one level.
const STEP: usize = 2;

/// Values nested deeper stay on one line.
const DEPTH_MAX: usize = 200;

/// `json` with a line for each element and member, those after the first indented by `indent` columns; `None` if it is no JSON text that
/// can be laid out so.
pub(super) fn lay_out(json: &[u8], indent: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut open = Vec::new();
    let mut bytes = json.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => copy_string(&mut bytes, &mut out)?,
            b'[' | b'{' => {
                out.push(byte);
                let close = if byte == b'[' { b']' } else { b'}' };
                while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
                if bytes.next_if_eq(&close).is_some() {
                    out.push(close);
                    continue;
                }
                open.push(close);
                if open.len() > DEPTH_MAX {
                    return None;
                }
                new_line(&mut out, indent + STEP * open.len());
            }
            b']' | b'}' => {
                if open.pop() != Some(byte) {
                    return None;
                }
                new_line(&mut out, indent + STEP * open.len());
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(&mut out, indent + STEP * open.len());
            }
            b':' => out.extend_from_slice(b": "),
            _ if byte.is_ascii_whitespace() => {}
            _ if byte.is_ascii_control() => return None,
            _ => out.push(byte),
        }
    }
    open.is_empty().then_some(out)
}

fn copy_string(bytes: &mut impl Iterator<Item = u8>, out: &mut Vec<u8>) -> Option<()> {
    out.push(b'"');
    loop {
        let byte = bytes.next()?;
        out.push(byte);
        match byte {
            b'\\' => out.push(bytes.next()?),
            b'"' => return Some(()),
            _ if byte.is_ascii_control() => return None,
            _ => {}
        }
    }
}

fn new_line(out: &mut Vec<u8>, columns: usize) {
    out.push(b'\n');
    out.resize(out.len() + columns, b' ');
}

#[cfg(test)]
mod tests {
    use super::lay_out;

    fn check(json: &str, indent: usize, expected: Option<&str>) {
        let out = lay_out(json.as_bytes(), indent).map(|out| String::from_utf8(out).expect("it was UTF-8"));
        assert_eq!(out.as_deref(), expected, "{json}");
    }

    #[test]
    fn values_are_laid_out() {
        check("1.50", 0, Some("1.50"));
        check(r#""a,[b\"""#, 0, Some(r#""a,[b\"""#));
        check("[]", 0, Some("[]"));
        check(r#"{"a":[1,{}],"b":null}"#, 0, Some("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": null\n}"));
        check("[1, 2]", 3, Some("[\n     1,\n     2\n   ]"));
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in ["[", "]", "[}", "\"a", "{\"a\":\"\n\"}"] {
            check(text, 0, None);
        }
        check(&"[".repeat(1000), 0, None);
    }
}
