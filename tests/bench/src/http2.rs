//! As much of HTTP/2 (RFC 9113) as one gRPC stream takes, on a connection of its own. Nodes and server share the
//! machine, so a node that cost as much as a whole client would be half of what is measured.

use anyhow::{Context, bail, ensure};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags, stream.
const HEADER: usize = 9;
/// gRPC's own: compressed or not, length.
const PREFIX: usize = 5;
/// Octets that are read at once.
const READ: usize = 32 * 1024;
/// The only stream.
const STREAM: u32 = 1;
/// The largest window there is: nobody waits for this reader.
const WINDOW: u32 = i32::MAX as u32;
/// What everybody may send before being told more (RFC 9113, 6.9.2).
const FIRST_WINDOW: u32 = 65_535;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame that was received.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Bytes,
}

/// Types of frames.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

/// One call of a method that streams both ways.
pub(crate) struct Call {
    socket: TcpStream,
    /// Read, but not taken apart yet.
    received: BytesMut,
    /// Payload of DATA that is no whole message yet.
    body: BytesMut,
    /// Bytes that the server still takes, of the connection and of the stream.
    windows: [u32; 2],
}

impl Call {
    /// Calls a method of the server on the other end.
    pub(crate) async fn open(socket: TcpStream, path: &str) -> anyhow::Result<Self> {
        socket.set_nodelay(true)?;
        let mut opening = PREFACE.to_vec();
        let mut settings = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        settings.extend(WINDOW.to_be_bytes());
        put(&mut opening, kind::SETTINGS, 0, 0, &settings);
        let more = (WINDOW - FIRST_WINDOW).to_be_bytes();
        put(&mut opening, kind::WINDOW_UPDATE, 0, 0, &more);
        put(
            &mut opening,
            kind::HEADERS,
            END_HEADERS,
            STREAM,
            &headers(path),
        );
        let mut call = Self {
            socket,
            received: BytesMut::new(),
            body: BytesMut::new(),
            windows: [FIRST_WINDOW; 2],
        };
        call.socket.write_all(&opening).await?;
        Ok(call)
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        let length = u32::try_from(message.len() + PREFIX)?;
        for window in &mut self.windows {
            *window = window
                .checked_sub(length)
                .context("the server takes no more for now")?;
        }
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len())?.to_be_bytes());
        framed.extend(message);
        let mut data = Vec::with_capacity(framed.len() + HEADER);
        put(&mut data, kind::DATA, 0, STREAM, &framed);
        Ok(self.socket.write_all(&data).await?)
    }

    /// The next message.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Bytes> {
        loop {
            if let Some(message) = self.message() {
                return Ok(message);
            }
            if let Some(frame) = self.frame() {
                self.take(frame).await?;
            } else {
                self.received.reserve(READ);
                let read = self.socket.read_buf(&mut self.received).await?;
                ensure!(read > 0, "the server closed the connection");
            }
        }
    }

    fn message(&mut self) -> Option<Bytes> {
        let prefix: [u8; PREFIX] = *self.body.first_chunk()?;
        let [_, length @ ..] = prefix;
        let end = PREFIX + usize::try_from(u32::from_be_bytes(length)).ok()?;
        if self.body.len() < end {
            return None;
        }
        let message = self.body.split_to(end).freeze();
        Some(message.slice(PREFIX..))
    }

    fn frame(&mut self) -> Option<Frame> {
        let header: [u8; HEADER] = *self.received.first_chunk()?;
        let [a, b, c, kind, flags, stream @ ..] = header;
        let end = HEADER + usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        if self.received.len() < end {
            return None;
        }
        let frame = self.received.split_to(end).freeze();
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload: frame.slice(HEADER..),
        })
    }

    async fn take(&mut self, frame: Frame) -> anyhow::Result<()> {
        let Frame {
            kind,
            flags,
            stream,
            payload,
        } = frame;
        let mut answer = Vec::new();
        match kind {
            kind::DATA if flags & PADDED == 0 => self.body.extend_from_slice(&payload),
            kind::SETTINGS if flags & ACK == 0 => put(&mut answer, kind::SETTINGS, ACK, 0, &[]),
            kind::PING if flags & ACK == 0 => put(&mut answer, kind::PING, ACK, 0, &payload),
            kind::WINDOW_UPDATE => {
                let more = payload.first_chunk().context("an increment has 4 bytes")?;
                self.windows[usize::from(stream == STREAM)] += u32::from_be_bytes(*more);
            }
            kind::DATA | kind::RST_STREAM | kind::GOAWAY => {
                bail!("a frame of type {kind} with flags {flags}: {payload:?}")
            }
            // The response's headers, and acknowledgements.
            _ => {}
        }
        if !answer.is_empty() {
            self.socket.write_all(&answer).await?;
        }
        Ok(())
    }
}

/// Of a request, every field as a literal that no table keeps (RFC 7541, 6.2.2).
fn headers(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "portolan"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("texts are shorter than 127 bytes"));
            block.extend(text.as_bytes());
        }
    }
    block
}

fn put(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("payloads are small");
    bytes.extend(&length.to_be_bytes()[1..]);
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
}
