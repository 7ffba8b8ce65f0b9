//! Requests: bytes in, their parts out.

use std::net::SocketAddr;

use crate::limits::Limits;

/// Headers that a request may have.
const HEADERS_MAX: usize = 64;

/// A request that has arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method, as it was sent: methods are told apart by case.
    pub method: String,
    /// The path, which begins with `/`, as it was sent: nothing in it is decoded.
    pub path: String,
    /// What stands behind the `?`, if there is one.
    pub query: String,
    /// Names and values of its headers, in order. Bytes of values that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// Its body; empty without one.
    pub body: Vec<u8>,
    /// Who sent it.
    pub peer: SocketAddr,
    /// Which of the server's addresses it came to, if that is known.
    pub local: Option<SocketAddr>,
    /// Whether the connection may take another.
    pub(crate) keeps_alive: bool,
}

impl Request {
    /// The value of a header that may be there once; none if it is there more often.
    #[must_use]
    pub fn only_header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        headers.next().filter(|_| headers.next().is_none()).map(|(_, value)| value.as_str())
    }

    /// Whether a media type is among those of `Accept` that are wanted.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        let values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case("accept"));
        values.flat_map(|(_, value)| value.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(media_type));
            let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            is_named && quality.is_none_or(|quality| quality.parse().is_ok_and(|quality: f64| quality > 0.0))
        })
    }

    /// The first value of a header, whose name is told in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why bytes are no request that is answered. The connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status that tells it.
    pub status: u16,
    /// In words.
    pub reason: &'static str,
}

const fn refuse<T>(status: u16, reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status, reason })
}

/// The request at the beginning of `bytes` and its length; none while it is not whole.
///
/// # Errors
/// If it will never be one, or is larger than `limits` allow.
///
/// Complexity: O(bytes), so a caller asks again only when more have come.
pub fn parse(bytes: &[u8], peer: SocketAddr, limits: &Limits) -> Result<Option<(Request, usize)>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let head_length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= limits.head_bytes => length,
        Ok(httparse::Status::Partial) if bytes.len() <= limits.head_bytes => return Ok(None),
        Ok(_) => return refuse(431, "the head of the request is too large"),
        Err(httparse::Error::TooManyHeaders) => return refuse(431, "too many headers"),
        Err(httparse::Error::Version) => return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
        Err(_) => return refuse(400, "this is no HTTP request"),
    };
    let is_old = head.version == Some(0);
    let mut headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).trim().to_owned()))
        .collect();
    let body_length = body_length(&headers, is_old, limits)?;
    let target = match absolute(head.path.unwrap_or_default()) {
        Some((host, path)) => {
            // The target is held against what the header says.
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
            headers.push(("Host".to_owned(), host.to_owned()));
            path
        }
        None => head.path.unwrap_or_default(),
    };
    let (target, query) = target.split_once('?').unwrap_or((target, ""));
    let target = if target.is_empty() { "/" } else { target };
    if !target.starts_with('/') {
        return refuse(400, "the target of a request is a path");
    }
    let Some(body) = bytes.get(head_length..head_length.saturating_add(body_length)) else {
        return Ok(None);
    };
    let asks = |word: &str| {
        let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
        values.any(|(_, value)| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let keeps_alive = if is_old { asks("keep-alive") } else { !asks("close") };
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: target.to_owned(),
        query: query.to_owned(),
        body: body.to_vec(),
        headers,
        peer,
        local: None,
        keeps_alive,
    };
    Ok(Some((request, head_length + body_length)))
}

/// The host of a target that names one, as those who ask by way of a proxy write it (RFC 9112, 3.2.2), and what follows.
fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    (!host.is_empty() && !host.contains('@')).then_some((host, path))
}

/// How long a request's body is. Whatever two parties on the way might read in different ways is refused.
fn body_length(headers: &[(String, String)], is_old: bool, limits: &Limits) -> Result<usize, Refusal> {
    let count = |name: &str| headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
    if count("transfer-encoding") > 0 {
        return refuse(501, "bodies in chunks are not taken");
    }
    if count("host") > 1 || (count("host") == 0 && !is_old) {
        return refuse(400, "a request names one host");
    }
    let mut lengths = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let Some((_, length)) = lengths.next() else { return Ok(0) };
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    if lengths.next().is_some() || !is_number {
        return refuse(400, "the length of the body is not a number");
    }
    match length.parse() {
        Ok(length) if length <= limits.body_bytes => Ok(length),
        _ => refuse(413, "the body of the request is too large"),
    }
}
