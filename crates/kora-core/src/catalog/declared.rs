//! Declarations as a snapshot holds them: a list of commands with their arguments.
//!
//! Numbers of arguments and lengths are variable-length integers, seven bits in each byte, the lowest first. Whoever reads the commands runs them as if
//! they were sent, so that the form changes only where the commands' do.

/// Adds a command.
pub fn push<'a>(out: &mut Vec<u8>, name: &'a [u8], arguments: impl IntoIterator<Item = &'a [u8]>) {
    let all: Vec<_> = std::iter::once(name).chain(arguments).collect();
    push_number(out, all.len());
    for argument in all {
        push_number(out, argument.len());
        out.extend_from_slice(argument);
    }
}

fn push_number(out: &mut Vec<u8>, number: usize) {
    let digit = |number: usize| u8::try_from(number & 0x7f).expect("seven bits");
    let mut rest = number;
    while rest >= 0x80 {
        out.push(digit(rest) | 0x80);
        rest >>= 7;
    }
    out.push(digit(rest));
}

/// Calls with each command and its arguments, until a call fails.
///
/// # Errors
/// If the bytes are not whole, if a command has no name, and what the calls return.
pub fn read(bytes: &[u8], mut run: impl FnMut(&[u8], &[&[u8]]) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader(bytes);
    while !reader.0.is_empty() {
        let arguments = reader.command().ok_or("the declarations are not whole")?;
        let [name, rest @ ..] = &*arguments else { return Err("an empty declaration".to_owned()) };
        run(name, rest)?;
    }
    Ok(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn command(&mut self) -> Option<Vec<&'a [u8]>> {
        let count = self.number()?;
        // Each argument has a byte at least.
        let mut arguments = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            let len = self.number()?;
            arguments.push(self.0.split_off(..len)?);
        }
        Some(arguments)
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = *self.0.split_off_first()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_read() {
        let long = vec![b'x'; 300];
        let mut out = Vec::new();
        push(&mut out, b"ONE", [&b"a"[..], &long, b""]);
        push(&mut out, b"TWO", []);
        let mut found = Vec::new();
        let read_all = |bytes: &[u8], found: &mut Vec<(Vec<u8>, usize)>| {
            read(bytes, |name, arguments| {
                found.push((name.to_vec(), arguments.iter().map(|argument| argument.len()).sum()));
                Ok(())
            })
        };
        assert_eq!(read_all(&out, &mut found), Ok(()));
        assert_eq!(found, [(b"ONE".to_vec(), 301), (b"TWO".to_vec(), 0)]);
        for end in 1..out.len() {
            let whole = end == out.len() - 5;
            assert_eq!(read_all(&out[..end], &mut Vec::new()).is_ok(), whole, "{end}");
        }
        assert!(read_all(&[0], &mut Vec::new()).is_err());
        assert!(read_all(&[0xff; 20], &mut Vec::new()).is_err());
    }
}
