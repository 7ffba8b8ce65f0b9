//! Groups of the system's users by their names: what `/etc/group` says.
//!
//! Groups that only a directory service knows are not found by name; their numbers do as well.

use std::io;

const FILE: &str = "/etc/group";

/// The number of the group called `name`, which may be a number itself.
///
/// # Errors
/// If there is none of that name, or groups can't be read.
pub(crate) fn number_of(name: &[u8]) -> io::Result<u32> {
    let text = std::fs::read(FILE)?;
    let named = find(&text, name);
    let number = named.or_else(|| std::str::from_utf8(name).ok()?.parse().ok());
    let refusal = || format!("unixsocketgroup: there is no group {}", String::from_utf8_lossy(name));
    number.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, refusal()))
}

/// The number in the line of a group: `name:password:number:members`.
fn find(text: &[u8], name: &[u8]) -> Option<u32> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let number = (fields.next()? == name).then(|| fields.nth(1))??;
        std::str::from_utf8(number).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found() {
        let text = b"root:x:0:\n# none\nwheel:x:10:me,you\nbroken\nbad:x:y:\n";
        assert_eq!((find(text, b"root"), find(text, b"wheel")), (Some(0), Some(10)));
        assert_eq!((find(text, b"whee"), find(text, b"bad"), find(text, b"broken")), (None, None, None));
        assert_eq!(number_of(b"4000000000").unwrap(), 4_000_000_000);
        assert!(number_of(b"no such group").unwrap_err().to_string().contains("no such group"));
    }
}
