//! What elements carry for us that only this dataplane writes.

use portolan_dataplane::Backend;
use portolan_model::{Digest, Uid};
use portolan_netlink::nftables::comment;
use portolan_nft::userdata::{get, put};

use crate::seal::Seal;

const BACKEND: u8 = 0x50;
const SEAL: u8 = 0x53;

/// Of an element of `backends`: whose it is, and its weight.
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

/// Back: the endpoint and its weight.
pub(crate) fn read_backend(bytes: &[u8]) -> Option<(Uid, u32)> {
    let (uid, weight) = get(bytes, BACKEND)?.split_first_chunk::<16>()?;
    Some((
        Uid::from_slice(uid)?,
        u32::from_be_bytes(weight.try_into().ok()?),
    ))
}

/// Of the seal: the number of its transaction for people, and again with the digest.
pub(crate) fn of_seal(seal: &Seal) -> Vec<u8> {
    let mut bytes = comment(&format!("transaction {}", seal.generation));
    let value = [&seal.generation.to_be_bytes()[..], seal.digest.as_bytes()].concat();
    put(&mut bytes, SEAL, &value);
    bytes
}

/// Back.
pub(crate) fn read_seal(bytes: &[u8]) -> Option<Seal> {
    let (generation, digest) = get(bytes, SEAL)?.split_first_chunk::<4>()?;
    Some(Seal {
        generation: u32::from_be_bytes(*generation),
        digest: Digest::from_slice(digest)?,
    })
}
