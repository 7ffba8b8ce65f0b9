//! Server addresses as URIs: `redis://[[user]:password@]host[:port][/db]`, with `%XX` escapes in user and password.

/// What a URI says; parts it leaves out are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Uri {
    /// Whether the scheme asks for encryption.
    pub(crate) tls: bool,
    /// User name.
    pub(crate) user: Option<String>,
    /// Password.
    pub(crate) password: Option<String>,
    /// Host.
    pub(crate) host: Option<String>,
    /// Port.
    pub(crate) port: Option<u16>,
    /// Database.
    pub(crate) db: Option<u32>,
}

/// Reads a URI.
///
/// # Errors
/// If it is none, or its scheme is another one.
pub(crate) fn parse(text: &str) -> Result<Uri, String> {
    let (scheme, rest) = text.split_once("://").ok_or("Invalid URI scheme")?;
    let tls = match scheme {
        "redis" | "kora" | "valkey" => false,
        "rediss" | "koras" | "valkeys" => true,
        _ => return Err("Invalid URI scheme".to_owned()),
    };
    let mut uri = Uri { tls, ..Uri::default() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = match authority.rsplit_once('@') {
        Some((login, address)) => {
            read_login(&mut uri, login)?;
            address
        }
        None => authority,
    };
    read_address(&mut uri, address)?;
    let db = path.split_once('?').map_or(path, |(db, _)| db);
    if !db.is_empty() {
        uri.db = Some(db.parse().map_err(|_| format!("invalid database '{db}'"))?);
    }
    Ok(uri)
}

fn read_login(uri: &mut Uri, login: &str) -> Result<(), String> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, password),
        None => ("", login),
    };
    if !user.is_empty() {
        uri.user = Some(percent_decode(user)?);
    }
    uri.password = Some(percent_decode(password)?);
    Ok(())
}

/// Reads `host`, `host:port` or `[v6]:port`.
fn read_address(uri: &mut Uri, address: &str) -> Result<(), String> {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match address.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    if !host.is_empty() {
        uri.host = Some(host.to_owned());
    }
    if let Some(port) = port {
        uri.port = Some(port.parse().map_err(|_| format!("invalid port '{port}'"))?);
    }
    Ok(())
}

fn percent_decode(text: &str) -> Result<String, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = digit().zip(digit()).ok_or("Incomplete URI encoding")?;
        decoded.push(u8::try_from(high << 4 | low).expect("two hexadecimal digits fit a byte"));
    }
    String::from_utf8(decoded).map_err(|_| "user and password must be UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Uri, parse};

    #[test]
    fn parts_may_be_left_out() {
        assert_eq!(parse("redis://").as_ref(), Ok(&Uri::default()));
        let host = Some("h".to_owned());
        assert_eq!(parse("redis://h"), Ok(Uri { host: host.clone(), ..Uri::default() }));
        assert_eq!(
            parse("redis://h:7/3"),
            Ok(Uri { host: host.clone(), port: Some(7), db: Some(3), ..Uri::default() })
        );
        assert_eq!(
            parse("rediss://:pw@h"),
            Ok(Uri { tls: true, host: host.clone(), password: Some("pw".into()), ..Uri::default() })
        );
        assert_eq!(parse("redis://pw@h"), Ok(Uri { host, password: Some("pw".into()), ..Uri::default() }));
    }

    #[test]
    fn user_and_password_are_decoded() {
        let uri = parse("redis://a%40b:p%3a%2F@[::1]:6380/0").expect("valid");
        assert_eq!(uri.user.as_deref(), Some("a@b"));
        assert_eq!(uri.password.as_deref(), Some("p:/"));
        assert_eq!(uri.host.as_deref(), Some("::1"));
        assert_eq!((uri.port, uri.db), (Some(6380), Some(0)));
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "h:6379",
            "http://h",
            "redis://h:x",
            "redis://h:70000",
            "redis://h/x",
            "redis://%4@h",
            "redis://%zz@h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
