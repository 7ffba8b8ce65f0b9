//! How replies of some commands look to a person: documents laid out, results of searches as tables.

use kora_protocol::Frame;

use super::pretty::lay_out;
use super::table::Table;

/// Words that add to the rows of FT.SEARCH, which RESP2 can't tell apart.
const ADDING: [&str; 5] = ["NOCONTENT", "WITHSCORES", "WITHPAYLOADS", "WITHSORTKEYS", "EXPLAINSCORE"];

/// The name of a row's key among its columns.
const ID: &[u8] = b"id";

/// The reply to `args` as a person likes to see it; `None` if it is to be shown as it is.
pub(super) fn view(args: &[Vec<u8>], reply: &Frame) -> Option<Vec<u8>> {
    let name = args.first()?.to_ascii_uppercase();
    let has = |words: &[&str]| {
        args.iter().skip(2).any(|arg| words.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes())))
    };
    match name.as_slice() {
        b"JSON.GET" if !has(&["INDENT", "NEWLINE", "SPACE"]) => document(reply),
        b"JSON.MGET" => documents(reply),
        b"FT.SEARCH" => match reply.bare() {
            Frame::Array(elements) if !has(&ADDING) => found(elements),
            _ => rows_of_map(reply),
        },
        b"FT.AGGREGATE" if !has(&["WITHCURSOR"]) => match reply.bare() {
            Frame::Array(elements) => aggregated(elements),
            _ => rows_of_map(reply),
        },
        _ => None,
    }
}

fn document(reply: &Frame) -> Option<Vec<u8>> {
    let Frame::Bulk(text) = reply.bare() else { return None };
    let mut out = lay_out(text, 0)?;
    out.push(b'\n');
    Some(out)
}

fn documents(reply: &Frame) -> Option<Vec<u8>> {
    let Frame::Array(elements) = reply.bare() else { return None };
    let mut out = Vec::new();
    for (number, element) in (1..).zip(elements) {
        let head = format!("{number}) ");
        out.extend_from_slice(head.as_bytes());
        match element.bare() {
            Frame::Bulk(text) => out.extend(lay_out(text, head.len())?),
            _ => out.extend_from_slice(b"(nil)"),
        }
        out.push(b'\n');
    }
    (!elements.is_empty()).then_some(out)
}

/// FT.SEARCH in RESP2: a total, then a key and its values, and so on.
fn found(elements: &[Frame]) -> Option<Vec<u8>> {
    let (Frame::Integer(total), rest) = (elements.first()?.bare(), elements.get(1..)?) else { return None };
    let mut table = Table::default();
    for pair in rest.chunks(2) {
        let [id, values] = pair else { return None };
        table.add([(ID, id)].into_iter().chain(pairs(values)?));
    }
    Some(finish(&table, *total))
}

/// FT.AGGREGATE in RESP2: a total, then the rows.
fn aggregated(elements: &[Frame]) -> Option<Vec<u8>> {
    let (Frame::Integer(total), rest) = (elements.first()?.bare(), elements.get(1..)?) else { return None };
    let mut table = Table::default();
    for row in rest {
        table.add(pairs(row)?);
    }
    Some(finish(&table, *total))
}

/// Both in RESP3.
fn rows_of_map(reply: &Frame) -> Option<Vec<u8>> {
    let (Frame::Array(results), Frame::Integer(total)) =
        (field(reply, b"results")?.bare(), field(reply, b"total_results")?.bare())
    else {
        return None;
    };
    let mut table = Table::default();
    for result in results {
        let known = |name| field(result, name).map(|value| (name, value));
        let heads = [known(ID), known(b"score")].into_iter().flatten();
        let values = field(result, b"extra_attributes").map_or(Some(Vec::new()), pairs)?;
        table.add(heads.chain(values));
    }
    Some(finish(&table, *total))
}

fn finish(table: &Table, total: i64) -> Vec<u8> {
    let mut out = Vec::new();
    if table.len() > 0 {
        table.write(&mut out);
    }
    let shown = table.len();
    out.extend_from_slice(format!("({total} found, {shown} shown)\n").as_bytes());
    out
}

/// Names and values of a row.
pub(super) fn pairs(row: &Frame) -> Option<Vec<(&[u8], &Frame)>> {
    match row.bare() {
        Frame::Map(pairs) => pairs.iter().map(|(name, value)| Some((text(name)?, value))).collect(),
        Frame::Array(elements) => elements
            .chunks(2)
            .map(|pair| match pair {
                [name, value] => Some((text(name)?, value)),
                _ => None,
            })
            .collect(),
        Frame::Null => Some(Vec::new()),
        _ => None,
    }
}

fn field<'a>(map: &'a Frame, name: &[u8]) -> Option<&'a Frame> {
    let Frame::Map(pairs) = map.bare() else { return None };
    pairs.iter().find(|(key, _)| text(key) == Some(name)).map(|(_, value)| value)
}

fn text(frame: &Frame) -> Option<&[u8]> {
    match frame.bare() {
        Frame::Simple(text) | Frame::Bulk(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kora_protocol::Decoder;

    use super::view;

    fn check(command: &str, reply: &str, expected: Option<&str>) {
        let mut decoder = Decoder::new();
        decoder.feed(reply.as_bytes());
        let frame = decoder.next_frame().expect("valid").expect("whole");
        let args: Vec<Vec<u8>> = command.split(' ').map(|word| word.into()).collect();
        let seen = view(&args, &frame).map(|out| String::from_utf8(out).expect("it was UTF-8"));
        assert_eq!(seen.as_deref(), expected, "{command}");
    }

    #[test]
    fn documents_are_laid_out() {
        check("json.get k", "$7\r\n{\"a\":1}\r\n", Some("{\n  \"a\": 1\n}\n"));
        check("JSON.GET k INDENT x", "$7\r\n{\"a\":1}\r\n", None);
        check("JSON.GET k", "$-1\r\n", None);
        check("JSON.MGET k l $", "*2\r\n$3\r\n[1]\r\n$-1\r\n", Some("1) [\n     1\n   ]\n2) (nil)\n"));
    }

    #[test]
    fn results_are_tables() {
        let found = "*5\r\n:7\r\n$3\r\nd:1\r\n*2\r\n+t\r\n$2\r\nab\r\n$3\r\nd:2\r\n*4\r\n+n\r\n$1\r\n5\r\n+t\r\n$1\r\nc\r\n";
        let table = "id   t   n\n---  --  -\nd:1  ab\nd:2  c   5\n(7 found, 2 shown)\n";
        check("FT.SEARCH i *", found, Some(table));
        check("FT.SEARCH i * WITHSCORES", found, None);
        check("FT.SEARCH i *", "*1\r\n:0\r\n", Some("(0 found, 0 shown)\n"));
        check("FT.SEARCH i *", "-ERR no such index\r\n", None);
        check("FT.AGGREGATE i *", "*2\r\n:1\r\n*2\r\n+a\r\n+b\r\n", Some("a\n-\nb\n(1 found, 1 shown)\n"));
        let map = "%2\r\n+total_results\r\n:1\r\n+results\r\n*1\r\n%3\r\n+id\r\n+d\r\n+extra_attributes\r\n%1\r\n+a\r\n+b\r\n+values\r\n*0\r\n";
        check("FT.SEARCH i *", map, Some("id  a\n--  -\nd   b\n(1 found, 1 shown)\n"));
    }
}
