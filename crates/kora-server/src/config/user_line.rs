//! The line `user default ...` that CONFIG REWRITE of Redis and Valkey writes.
//!
//! There are no users beside the default one, who may do everything: a line that says just that is taken, with the
//! password it gives. Any other line asks for what is not available.

use sha2::{Digest, Sha256};

use super::value::InvalidValue;

/// The first word of such a line.
pub(super) const NAME: &[u8] = b"user";

/// Why other lines are refused.
const UNAVAILABLE: &str = "access control by users is not available in this version of Kora: only a 'user default' line \
                           that is on and allows all keys, channels and commands is";

/// What a line says of the default user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Password {
    /// The line says nothing of it.
    Unsaid,
    /// None is asked for.
    None,
    /// It is this.
    Plain(Vec<u8>),
    /// It has this SHA-256 digest, in hexadecimal digits.
    Hashed(String),
}

/// Reads the words behind `user`.
///
/// # Errors
/// If the line is not of the default user, or restricts it.
pub(super) fn parse(words: &[Vec<u8>]) -> Result<Password, InvalidValue> {
    let Some((name, rules)) = words.split_first() else { return Err("wrong number of arguments".into()) };
    if name != b"default" {
        return Err(UNAVAILABLE.into());
    }
    let mut password = Password::Unsaid;
    let [mut is_on, mut has_keys, mut has_channels, mut has_commands] = [false; 4];
    for rule in rules {
        match rule.to_ascii_lowercase().as_slice() {
            b"on" => is_on = true,
            b"~*" | b"allkeys" => has_keys = true,
            b"&*" | b"allchannels" => has_channels = true,
            b"+@all" | b"allcommands" => has_commands = true,
            b"sanitize-payload" | b"skip-sanitize-payload" => {}
            b"nopass" => password = Password::None,
            _ => match rule.split_first() {
                Some((b'>', plain)) => password = one_password(password, Password::Plain(plain.to_vec()))?,
                Some((b'#', digits)) => {
                    let digits = String::from_utf8_lossy(digits).to_ascii_lowercase();
                    password = one_password(password, Password::Hashed(digits))?;
                }
                _ => return Err(UNAVAILABLE.into()),
            },
        }
    }
    if is_on && has_keys && has_channels && has_commands { Ok(password) } else { Err(UNAVAILABLE.into()) }
}

fn one_password(before: Password, found: Password) -> Result<Password, InvalidValue> {
    if matches!(before, Password::Plain(_) | Password::Hashed(_)) && before != found {
        return Err("more than one password of a user is not available in this version of Kora".into());
    }
    Ok(found)
}

/// Whether `plain` has the SHA-256 digest `hashed`.
pub(super) fn is_of(plain: &[u8], hashed: &str) -> bool {
    let digest = Sha256::digest(plain);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits == hashed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Password, InvalidValue> {
        parse(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn lines_that_allow_everything_are_read() {
        assert_eq!(read("default on nopass sanitize-payload ~* &* +@all"), Ok(Password::None));
        assert_eq!(read("default ON allkeys allchannels allcommands"), Ok(Password::Unsaid));
        assert_eq!(read("default on >Secret ~* &* +@all"), Ok(Password::Plain(b"Secret".to_vec())));
        assert_eq!(read("default on #AB ~* &* +@all"), Ok(Password::Hashed("ab".into())));
    }

    #[test]
    fn lines_that_restrict_are_refused() {
        for line in [
            "default off nopass ~* &* +@all",
            "default on nopass ~* +@all",
            "default on nopass ~a* &* +@all",
            "default on nopass ~* &* +@all -flushall",
            "alice on nopass ~* &* +@all",
            "default on >a >b ~* &* +@all",
            "default on nopass ~* &* +@all (+get ~x)",
        ] {
            assert!(read(line).unwrap_err().contains("not available"), "{line}");
        }
    }

    #[test]
    fn digests_are_compared() {
        assert!(is_of(b"foo", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"));
        assert!(!is_of(b"fop", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"));
    }
}
