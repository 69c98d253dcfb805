//! Framing: length (4 bytes, little endian), BLAKE2b-128 of the payload, payload (a message of the node stream).

use portolan_model::Digest;
use portolan_proto::node::v1 as wire;
use prost::Message;
use wire::sync_response::Message as Frame;

const LENGTH: usize = 4;
const HEADER: usize = LENGTH + 16;

/// A frame as it lies in a file.
pub(super) fn encode(frame: Frame) -> Vec<u8> {
    let payload = wire::SyncResponse {
        message: Some(frame),
    }
    .encode_to_vec();
    let length = u32::try_from(payload.len()).expect("a frame is far below 4 GiB");
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(Digest::of(&[&payload]).as_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// The first frame in these bytes and how long it is; `None` if it is torn or broken.
pub(super) fn decode(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let (digest, rest) = rest.split_at_checked(HEADER - LENGTH)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let payload = rest.get(..length)?;
    if Digest::of(&[payload]).as_bytes() != digest {
        return None;
    }
    let frame = wire::SyncResponse::decode(payload).ok()?.message?;
    Some((frame, HEADER + length))
}
