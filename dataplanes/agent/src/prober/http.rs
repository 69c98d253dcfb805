//! HTTP: a status from 200 to 399 passes. Redirections are not followed.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use portolan_model::HttpHeader;
use tokio::net::TcpStream;

use super::outcome::Outcome;

/// A request.
pub(super) struct Get<'a> {
    pub(super) at: SocketAddr,
    pub(super) path: &'a str,
    pub(super) host: &'a str,
    pub(super) headers: &'a [HttpHeader],
}

impl Get<'_> {
    /// Asks once, on a connection of its own, and reads no further than the status.
    pub(super) async fn attempt(self) -> Outcome {
        let request = match self.request() {
            Ok(request) => request,
            Err(error) => return Outcome::Fail(format!("the probe is no HTTP request: {error}")),
        };
        let stream = match TcpStream::connect(self.at).await {
            Ok(stream) => stream,
            Err(error) => return Outcome::of_connection(&error),
        };
        let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
            Ok(opened) => opened,
            Err(error) => return Outcome::Fail(error.to_string()),
        };
        // Whatever ends the connection, the response says.
        let connection = async {
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        };
        let response = tokio::select! {
            biased;
            response = sender.send_request(request) => response,
            never = connection => match never {},
        };
        match response.map(|response| response.status()) {
            Ok(status) if (200..400).contains(&status.as_u16()) => Outcome::Pass,
            Ok(status) => Outcome::Fail(format!("HTTP status {}", status.as_u16())),
            Err(error) => Outcome::Fail(error.to_string()),
        }
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
        let mut request = Request::get(self.path).body(Empty::new())?;
        *request.headers_mut() = self.header_map()?;
        Ok(request)
    }

    /// A header of the probe replaces one of ours; among themselves they add up.
    fn header_map(&self) -> Result<HeaderMap, hyper::http::Error> {
        let host = if self.host.is_empty() {
            self.at.to_string()
        } else {
            self.host.to_owned()
        };
        let mut own = HeaderMap::new();
        own.insert(HOST, HeaderValue::from_str(&host)?);
        own.insert(USER_AGENT, HeaderValue::from_static("portolan-probe"));
        own.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let mut map = HeaderMap::new();
        for header in self.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes())?;
            map.append(name, HeaderValue::from_str(&header.value)?);
        }
        for (name, value) in &own {
            if !map.contains_key(name) {
                map.insert(name, value.clone());
            }
        }
        map.insert(CONNECTION, HeaderValue::from_static("close"));
        Ok(map)
    }
}
