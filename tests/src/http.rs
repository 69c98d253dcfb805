//! HTTP, as little as a test needs.

use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Body of `GET path`, over a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .ok_or_else(|| Error::other("an incomplete answer"))?;
    if head.starts_with("HTTP/1.1 200") {
        Ok(body.trim_end().to_owned())
    } else {
        Err(Error::other(
            head.lines().next().unwrap_or_default().to_owned(),
        ))
    }
}

/// Sum of a metric's samples on a metrics page; `None` if it is not there.
pub fn metric(address: SocketAddr, name: &str) -> Option<f64> {
    let page = get(address, "/metrics").ok()?;
    let values = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let bare = key.split('{').next()?;
            (bare == name).then(|| value.parse::<f64>().ok()).flatten()
        });
    values.reduce(|a, b| a + b)
}
