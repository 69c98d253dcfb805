//! What elements carry for us beside what the kernel reads, so that a restarted plugin knows what it finds: type, length,
//! value. `nft` shows comments (type 0) and passes over the rest.

use portolan_dataplane::{Frontend, Pool, ServiceRef};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_model::{Name, Uid};
use portolan_netlink::nftables::comment;

const COMMENT: u8 = 0;
const FRONTEND: u8 = 0x51;
const RANGE: u8 = 0x52;

const EXTERNAL: u8 = 1;
const DROPS: u8 = 2;
const SPLIT: u8 = 4;
const INSIDE_DROPS: u8 = 8;

/// What an element of `frontends` says beside its class.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose frontend it is.
    pub service: ServiceRef,
    /// Whom the frontend's policy concerns.
    pub reach: Reach,
    /// What happens while its pool is empty.
    pub when_empty: WhenEmpty,
    /// The same of the pool for sources inside, if that is another one.
    pub inside: Option<WhenEmpty>,
    /// Idle seconds for which a client keeps its backend; 0 without affinity.
    pub affinity_seconds: u32,
}

/// Adds a value of at most 255 bytes. Types from 0x50 on are ours; 0x51 and 0x52 are taken by this module.
pub fn put(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    bytes.push(kind);
    bytes.push(u8::try_from(value.len()).expect("callers keep values below 256 bytes"));
    bytes.extend_from_slice(value);
}

/// The first value of a type.
pub fn get(mut bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let ([kind, length], rest) = bytes.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        if *kind == wanted {
            return Some(value);
        }
        bytes = rest;
    }
}

/// What an element of `frontends` carries: the Service as a comment, and the facts.
pub fn of_frontend(frontend: &Frontend) -> Vec<u8> {
    let mut bytes = comment(&frontend.service.to_string());
    let drops = |pool: &Pool| pool.when_empty == WhenEmpty::Drop;
    let flags = [
        (EXTERNAL, frontend.reach == Reach::External),
        (DROPS, drops(&frontend.pool)),
        (SPLIT, frontend.inside.is_some()),
        (INSIDE_DROPS, frontend.inside.as_deref().is_some_and(drops)),
    ];
    let flags = flags
        .iter()
        .filter(|(_, is)| *is)
        .fold(0, |all, (flag, _)| all | flag);
    let mut value = frontend.service.uid.as_bytes().to_vec();
    value.extend_from_slice(&frontend.affinity_seconds.to_be_bytes());
    value.push(flags);
    put(&mut bytes, FRONTEND, &value);
    bytes
}

/// Reads what [`of_frontend`] wrote; `None` if it is not ours.
pub fn read_frontend(bytes: &[u8]) -> Option<Facts> {
    let text = std::str::from_utf8(get(bytes, COMMENT)?.strip_suffix(&[0])?).ok()?;
    let (namespace, rest) = text.split_once('/')?;
    let (name, port) = rest.split_once(':').unwrap_or((rest, ""));
    let (uid, rest) = get(bytes, FRONTEND)?.split_first_chunk::<16>()?;
    let (seconds, flags) = rest.split_first_chunk::<4>()?;
    let [flags] = flags else {
        return None;
    };
    let when = |flag| {
        if flags & flag == 0 {
            WhenEmpty::Reject
        } else {
            WhenEmpty::Drop
        }
    };
    Some(Facts {
        service: ServiceRef {
            uid: Uid::from_slice(uid)?,
            namespace: Name::trusted(namespace),
            name: Name::trusted(name),
            port: port.to_owned(),
        },
        reach: if flags & EXTERNAL == 0 {
            Reach::Internal
        } else {
            Reach::External
        },
        when_empty: when(DROPS),
        inside: (flags & SPLIT != 0).then(|| when(INSIDE_DROPS)),
        affinity_seconds: u32::from_be_bytes(*seconds),
    })
}

/// What an element of `allowed` carries: which of the source ranges it is.
pub fn of_range(index: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, RANGE, &index.to_be_bytes());
    bytes
}

/// Reads what [`of_range`] wrote.
pub fn read_range(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(get(bytes, RANGE)?.try_into().ok()?))
}
