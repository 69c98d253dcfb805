//! What elements of backends carry for us.

use portolan_dataplane::Backend;
use portolan_model::Uid;
use portolan_nft::userdata::{get, put};

const BACKEND: u8 = 0x50;

/// What an element of `backends` carries: whose it is, and its weight.
pub(crate) fn of_backend(backend: &Backend) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(22);
    let value = [
        &backend.endpoint.as_bytes()[..],
        &backend.weight.to_be_bytes(),
    ]
    .concat();
    put(&mut bytes, BACKEND, &value);
    bytes
}

/// Reads the endpoint and its weight, as [`of_backend`] wrote them.
pub(crate) fn read_backend(bytes: &[u8]) -> Option<(Uid, u32)> {
    let (uid, weight) = get(bytes, BACKEND)?.split_first_chunk::<16>()?;
    Some((
        Uid::from_slice(uid)?,
        u32::from_be_bytes(weight.try_into().ok()?),
    ))
}
