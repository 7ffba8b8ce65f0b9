//! One who asks over HTTP, and a server to ask.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kora_testkit::process::free_port;

use crate::server::{Program, start, wait_until};

/// A server with a port for metrics.
pub(crate) struct Site {
    pub(crate) program: Program,
    pub(crate) http: SocketAddr,
}

impl Site {
    pub(crate) fn start(workers: u16, options: &[&str]) -> Self {
        let port = free_port().unwrap();
        let text = port.to_string();
        let (program, _) = start(workers, &[&["--metrics-port", &text], options].concat());
        let site = Self { program, http: SocketAddr::from(([127, 0, 0, 1], port)) };
        site.wait_for("/ready", 200);
        site
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends bytes, and takes all that comes until the server closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // One that has closed already has answered.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        String::from_utf8_lossy(&all).into_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("Host", &self.http.to_string())], "")
    }

    /// As the console's page does it, with a session's cookie if there is one.
    pub(crate) fn post(&self, path: &str, cookie: Option<&str>, body: &str) -> Answer {
        let (host, origin) = (self.http.to_string(), format!("http://{}", self.http));
        let mut headers =
            vec![("Host", host.as_str()), ("Origin", &origin), ("Content-Type", "application/json")];
        headers.extend(cookie.map(|cookie| ("Cookie", cookie)));
        self.ask("POST", path, &headers, body)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let text = self.raw(
            format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                .as_bytes(),
        );
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Waits until a path is answered with a status.
    pub(crate) fn wait_for(&self, path: &str, status: u16) -> Answer {
        let mut last = self.get(path);
        wait_until(path, || {
            last = self.get(path);
            last.status == status
        });
        last
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The cookie that it sets, as it is to be sent back.
    pub(crate) fn cookie(&self) -> Option<String> {
        let line = self.head.lines().find_map(|line| line.strip_prefix("Set-Cookie: "))?;
        Some(line.split(';').next().unwrap().to_owned())
    }
}
