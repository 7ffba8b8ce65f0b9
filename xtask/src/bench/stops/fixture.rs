//! What commands are measured on: a large value of each type, all on one shard, and many keys on all of them.

use super::Layout;
use super::line::Line;

/// The tag of the large values.
pub(super) const TAG: &str = "{big}";

/// Elements of one command.
const ELEMENTS: usize = 500;

/// Commands sent at once.
const COMMANDS: usize = 20;

/// Commands with one key sent at once.
const KEYS: usize = 2000;

/// Fills an empty server.
pub(super) fn fill(line: &mut Line, members: usize, layout: &Layout) -> anyhow::Result<()> {
    for (command, key, has_number) in [
        ("SADD", "set", None),
        ("RPUSH", "list", None),
        ("ZADD", "zset", Some(true)),
        ("HSET", "hash", Some(false)),
    ] {
        fill_value(line, command, &format!("{TAG}{key}"), (has_number, members))?;
    }
    for number in 0..members / 10 {
        let (id, key) = (format!("{}-0", number + 1), format!("{TAG}stream"));
        line.push(&[b"XADD", key.as_bytes(), id.as_bytes(), b"field", b"a value of 20 bytes."]);
        if number % KEYS == 0 {
            line.flush()?;
        }
    }
    line.call(&format!("SADD {TAG}few a b c"))?;
    line.call(&format!("ZADD {TAG}fewz 1 a 2 b 3 c"))?;
    for key in std::iter::once(&layout.near).chain(&layout.far) {
        line.call(&format!("SET {key} value"))?;
    }
    fill_keys(line, members)
}

/// Adds the elements of one value; `number`: each has one, in front of it or behind it.
fn fill_value(
    line: &mut Line,
    command: &str,
    key: &str,
    (number, members): (Option<bool>, usize),
) -> anyhow::Result<()> {
    for (batch, first) in (0..members).step_by(ELEMENTS).enumerate() {
        let texts: Vec<String> = (first..members.min(first + ELEMENTS))
            .flat_map(|at| {
                let member = format!("member:{at:09}");
                match number {
                    None => vec![member],
                    Some(true) => vec![at.to_string(), member],
                    Some(false) => vec![member, at.to_string()],
                }
            })
            .collect();
        let mut args = vec![command.as_bytes(), key.as_bytes()];
        args.extend(texts.iter().map(String::as_bytes));
        line.push(&args);
        if batch % COMMANDS == 0 {
            line.flush()?;
        }
    }
    line.flush().map(drop)
}

/// Sets the keys of all shards.
pub(super) fn fill_keys(line: &mut Line, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        line.push(&[b"SET", format!("key:{number:09}").as_bytes(), b"value"]);
        if number % KEYS == 0 {
            line.flush()?;
        }
    }
    line.flush().map(drop)
}
