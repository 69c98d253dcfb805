//! What sets and maps hold, in nft's types.

use portolan_netlink::nftables::{Family, Set, Values, comment};

/// A type of nft's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// `ipv4_addr`.
    Ipv4,
    /// `ipv6_addr`.
    Ipv6,
    /// `inet_proto`.
    Protocol,
    /// `inet_service`.
    Port,
    /// `mark`.
    Mark,
    /// `classid`, which is how nft shows `skb->priority`.
    ClassId,
}

impl Datatype {
    /// The type of an address.
    pub fn address(family: Family) -> Self {
        match family {
            Family::V4 => Self::Ipv4,
            Family::V6 => Self::Ipv6,
        }
    }

    /// The number in nft's `enum datatypes`; the kernel only keeps it.
    fn number(self) -> u32 {
        match self {
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Mark => 19,
            Self::ClassId => 23,
        }
    }

    /// How many bytes a value has.
    fn length(self) -> u32 {
        match self {
            Self::Ipv4 | Self::Mark | Self::ClassId => 4,
            Self::Ipv6 => 16,
            Self::Protocol => 1,
            Self::Port => 2,
        }
    }

    /// The word by which `nft` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4_addr",
            Self::Ipv6 => "ipv6_addr",
            Self::Protocol => "inet_proto",
            Self::Port => "inet_service",
            Self::Mark => "mark",
            Self::ClassId => "classid",
        }
    }
}

/// What elements lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// Nothing: it is a set.
    Nowhere,
    /// Values of these fields.
    Data(Vec<Datatype>),
    /// Verdicts, which never change: one that does would make the kernel check the whole map again.
    Verdicts,
}

/// What a set or map holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The fields of the key.
    pub key: Vec<Datatype>,
    /// What its keys lead to.
    pub leads: Leads,
    /// [`INTERVAL`](Self::INTERVAL), [`CONCAT`](Self::CONCAT), [`DYNAMIC`](Self::DYNAMIC).
    pub flags: u32,
    /// Most elements; 0: no limit.
    pub size: u32,
}

impl Shape {
    /// `NFT_SET_INTERVAL`: keys are ranges.
    pub const INTERVAL: u32 = 0x4;
    /// `NFT_SET_TIMEOUT` and `_EVAL`: packets add elements, which expire.
    pub const DYNAMIC: u32 = 0x30;
    /// `NFT_SET_CONCAT`, which ranges of several fields need.
    pub const CONCAT: u32 = 0x80;

    /// A set.
    pub fn set(key: &[Datatype]) -> Self {
        Self {
            key: key.to_vec(),
            leads: Leads::Nowhere,
            flags: 0,
            size: 0,
        }
    }

    /// A map to values.
    pub fn map(key: &[Datatype], value: &[Datatype]) -> Self {
        let leads = Leads::Data(value.to_vec());
        Self {
            leads,
            ..Self::set(key)
        }
    }

    /// A constant map to verdicts.
    pub fn verdicts(key: &[Datatype]) -> Self {
        let leads = Leads::Verdicts;
        Self {
            leads,
            ..Self::set(key)
        }
    }

    /// Sets the flags.
    pub fn with(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    /// The set as netlink has it; `what` is its comment.
    pub fn declare(&self, name: &str, what: &str) -> Set {
        Set {
            name: name.to_owned(),
            flags: self.flags,
            key_type: number(&self.key),
            fields: self.key.iter().map(|kind| kind.length()).collect(),
            values: self.values(),
            size: self.size,
            userdata: self.userdata(what),
        }
    }

    fn values(&self) -> Option<Values> {
        match &self.leads {
            Leads::Nowhere => None,
            Leads::Verdicts => Some(Values::Verdicts),
            Leads::Data(value) => {
                let bytes = value.iter().map(|kind| kind.length().next_multiple_of(4));
                Some(Values::Data(number(value), bytes.sum()))
            }
        }
    }

    /// What libnftnl keeps there: the byte orders of key (0) and value (1), without which nft prints numbers swapped, and a
    /// comment (7).
    fn userdata(&self, what: &str) -> Vec<u8> {
        let value: &[_] = match &self.leads {
            Leads::Data(value) => value,
            Leads::Nowhere | Leads::Verdicts => &[],
        };
        let mut bytes = Vec::new();
        for (kind, types) in [(0, self.key.as_slice()), (1, value)] {
            bytes.extend_from_slice(&[kind, 4]);
            bytes.extend_from_slice(&order(types).to_ne_bytes());
        }
        let mut comment = comment(what);
        comment[0] = 7;
        bytes.extend_from_slice(&comment);
        bytes
    }
}

/// nft's number of a type of several fields: six bits a field.
fn number(types: &[Datatype]) -> u32 {
    types.iter().fold(0, |all, kind| all << 6 | kind.number())
}

/// nft's number of a byte order. 1: the host's, 2: the network's, 0: of none or several fields.
fn order(types: &[Datatype]) -> u32 {
    match types {
        [Datatype::Mark | Datatype::ClassId] => 1,
        [_] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_declared_in_nfts_numbers() {
        use Datatype::{ClassId, Ipv4, Ipv6, Mark, Port, Protocol};
        let frontend = [Ipv4, Protocol, Port];
        let rows = [
            ("an address", Shape::set(&[Ipv6]), 8, vec![16], None, [2, 0]),
            (
                "a frontend and its mark",
                Shape::map(&frontend, &[Mark]),
                0x730D,
                vec![4, 1, 2],
                Some(Values::Data(19, 4)),
                [0, 1],
            ),
            (
                "a class and its backend",
                Shape::map(&[ClassId], &[Ipv4, Port]),
                23,
                vec![4],
                Some(Values::Data(0x1CD, 8)),
                [1, 0],
            ),
            (
                "a class and its chain",
                Shape::verdicts(&[ClassId]),
                23,
                vec![4],
                Some(Values::Verdicts),
                [1, 0],
            ),
        ];
        for (row, shape, key_type, fields, values, [key, value]) in rows {
            let set = shape.declare("name", "why");
            assert_eq!(set.key_type, key_type, "{row}");
            assert_eq!(set.fields, fields, "{row}");
            assert_eq!(set.values, values, "{row}");
            let mut userdata = Vec::new();
            for (kind, order) in [(0, key), (1, value)] {
                userdata.extend([kind, 4]);
                userdata.extend(u32::to_ne_bytes(order));
            }
            userdata.extend(b"\x07\x04why\0");
            assert_eq!(set.userdata, userdata, "{row}");
        }
    }
}
