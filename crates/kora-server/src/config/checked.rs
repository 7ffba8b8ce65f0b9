//! Values of directives that change nothing here, and are checked as in Redis: a file that Redis refuses is not to pass unnoticed.

use super::value::{InvalidValue, Setting};

/// Names of hosts are shorter than this.
const HOST_NAME_BYTES_MAX: usize = 256;

/// What a node's name may not have.
const NODE_NAME_REFUSED: &[u8] = b"\0!#$%&()*+:;<>?@[]^{|}~";

/// What a process's title may show.
const TITLE_VARIABLES: [&[u8]; 7] =
    [b"title", b"listen-addr", b"server-mode", b"port", b"tls-port", b"unixsocket", b"config-file"];

/// Locales in which strings are ordered by their bytes, as they are here whatever is set.
const LOCALES: [&[u8]; 6] = [b"", b"C", b"POSIX", b"C.UTF-8", b"C.utf8", b"C.UTF8"];

/// The least that a backlog of replication has.
const BACKLOG_BYTES_MIN: u64 = 16 * 1024;

fn text_of(setting: &Setting) -> &[u8] {
    let Setting::Text(text) = setting else { unreachable!("its shape is text") };
    text
}

/// The setting, if that holds for its text.
fn accept(
    setting: Setting,
    is_right: impl Fn(&[u8]) -> bool,
    refusal: &str,
) -> Result<Setting, InvalidValue> {
    if is_right(text_of(&setting)) { Ok(setting) } else { Err(refusal.into()) }
}

/// The name of a host.
pub(super) fn host_name(setting: Setting) -> Result<Setting, InvalidValue> {
    let is_short = |text: &[u8]| text.len() < HOST_NAME_BYTES_MAX;
    let setting = accept(setting, is_short, "Hostnames must be less than 256 characters")?;
    let is_right = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let refusal = "Hostnames may only contain alphanumeric characters, hyphens or dots";
    accept(setting, |text| text.iter().all(is_right), refusal)
}

/// The name of a node for people.
pub(super) fn node_name(setting: Setting) -> Result<Setting, InvalidValue> {
    let is_right = |byte: &u8| !NODE_NAME_REFUSED.contains(byte);
    let refusal = "Announced human node name contained invalid character";
    accept(setting, |text| text.iter().all(is_right), refusal)
}

/// The template of a process's title: names in braces, of which two at the beginning stand for one. Something must be left of it if the
/// title is empty.
pub(super) fn title_template(setting: Setting) -> Result<Setting, InvalidValue> {
    accept(setting, is_template, "template format is invalid or contains unknown variables")
}

fn is_template(text: &[u8]) -> bool {
    let (mut rest, mut is_empty) = (text, true);
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        is_empty &= rest[..open].iter().all(|byte| *byte == b' ');
        rest = &rest[open + 1..];
        if let Some(behind) = rest.strip_prefix(b"{") {
            (rest, is_empty) = (behind, false);
            continue;
        }
        let Some(close) = rest.iter().position(|byte| *byte == b'}') else { return false };
        let name = &rest[..close];
        if !TITLE_VARIABLES.contains(&name) {
            return false;
        }
        is_empty &= name == b"title";
        rest = &rest[close + 1..];
    }
    !(is_empty && rest.iter().all(|byte| *byte == b' '))
}

/// The order of strings: that of their bytes.
pub(super) fn locale(setting: Setting) -> Result<Setting, InvalidValue> {
    accept(setting, |text| LOCALES.contains(&text), "Invalid locale name")
}

/// The size of a backlog of replication.
pub(super) fn backlog(setting: Setting) -> Result<Setting, InvalidValue> {
    let Setting::Bytes(bytes) = setting else { unreachable!("its shape is a size") };
    Ok(Setting::Bytes(bytes.max(BACKLOG_BYTES_MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(check: fn(Setting) -> Result<Setting, InvalidValue>, text: &[u8]) -> bool {
        check(Setting::Text(text.to_vec())).is_ok()
    }

    #[test]
    fn names_are_checked() {
        assert!(
            passes(host_name, b"a-1.example") && passes(host_name, b"") && passes(host_name, &[b'a'; 255])
        );
        assert!(!passes(host_name, b"a b") && !passes(host_name, b"a_b") && !passes(host_name, &[b'a'; 256]));
        assert!(passes(node_name, b"a b_\xff-") && !passes(node_name, b"a*b") && !passes(node_name, b"a\0"));
    }

    #[test]
    fn templates_are_checked() {
        for right in
            [&b"a"[..], b"}", b"{port}}", b"{{port}", b"{{", b"{title} {listen-addr} {config-file}", b"\t"]
        {
            assert!(passes(title_template, right), "{right:?}");
        }
        for wrong in [
            &b""[..],
            b"{title}",
            b" {title} ",
            b"  ",
            b"{",
            b"{}",
            b"{port",
            b"{port}x{",
            b"{bogus}",
            b"{PORT}",
            b"{ port }",
        ] {
            assert!(!passes(title_template, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn no_locale_is_ignored() {
        assert!(passes(locale, b"") && passes(locale, b"C") && passes(locale, b"C.UTF-8"));
        assert!(!passes(locale, b"c") && !passes(locale, b"en_US.UTF-8"));
        assert_eq!(backlog(Setting::Bytes(1)), Ok(Setting::Bytes(BACKLOG_BYTES_MIN)));
    }
}
