//! What elements carry for us that only this dataplane writes.

use portolan_dataplane::Backend;
use portolan_model::Uid;
use portolan_nft::userdata::{get, put};

const BACKENDS: u8 = 0x50;
const MARK: u8 = 0x53;

/// Bytes of an endpoint: uid, weight, pools.
const ENDPOINT: usize = 21;

/// An endpoint of a pool; several may listen at one address.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) endpoint: Uid,
    pub(crate) weight: u32,
    /// Whether it is of the pool for sources inside, instead of the other.
    pub(crate) inside: bool,
}

impl Member {
    pub(crate) fn new(backend: &Backend, inside: bool) -> Self {
        Self {
            endpoint: backend.endpoint,
            weight: backend.weight,
            inside,
        }
    }
}

/// What an element of `backends` carries: whose endpoints are there.
pub(crate) fn of_members(members: &[Member]) -> Vec<u8> {
    let mut value = Vec::with_capacity(members.len() * ENDPOINT);
    for member in members {
        value.extend_from_slice(&member.endpoint.as_bytes()[..]);
        value.extend_from_slice(&member.weight.to_be_bytes());
        value.push(member.inside.into());
    }
    let mut bytes = Vec::new();
    put(&mut bytes, BACKENDS, &value);
    bytes
}

/// Reads what [`of_members`] wrote.
pub(crate) fn read_members(bytes: &[u8]) -> Vec<Member> {
    let read = |bytes: &[u8]| {
        let (uid, rest) = bytes.split_first_chunk::<16>()?;
        let (weight, inside) = rest.split_first_chunk::<4>()?;
        Some(Member {
            endpoint: Uid::from_slice(uid)?,
            weight: u32::from_be_bytes(*weight),
            inside: inside == [1],
        })
    };
    let value = get(bytes, BACKENDS).unwrap_or_default();
    value.chunks_exact(ENDPOINT).filter_map(read).collect()
}

/// What an element of `served` carries: the frontend's mark.
pub(crate) fn of_mark(mark: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, MARK, &mark.to_be_bytes());
    bytes
}

/// Reads what [`of_mark`] wrote.
pub(crate) fn read_mark(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(get(bytes, MARK)?.try_into().ok()?))
}
