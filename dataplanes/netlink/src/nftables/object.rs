//! Tables, chains, rules and sets, as they are written and as they are listed.

use super::{Expression, Family};
use crate::abi::{
    NFT_DATA_VERDICT, NFT_SET_MAP, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_TABLE,
    NFTA_CHAIN_TYPE, NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY, NFTA_LIST_ELEM, NFTA_RULE_CHAIN,
    NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE, NFTA_RULE_USERDATA, NFTA_SET_DATA_LEN,
    NFTA_SET_DATA_TYPE, NFTA_SET_DESC, NFTA_SET_DESC_CONCAT, NFTA_SET_DESC_SIZE,
    NFTA_SET_FIELD_LEN, NFTA_SET_FLAGS, NFTA_SET_ID, NFTA_SET_KEY_LEN, NFTA_SET_KEY_TYPE,
    NFTA_SET_NAME, NFTA_SET_TABLE, NFTA_SET_USERDATA, NFTA_TABLE_NAME, NFTA_TABLE_USERDATA,
    NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE,
};
use crate::tlv::Writer;

/// libnftnl's type of a comment in the userdata of tables, sets, rules and elements.
const COMMENT: u8 = 0;

/// A comment as `nft` shows it: type, length, text with a zero byte. Of at most 254 bytes.
pub fn comment(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() + 1).expect("a comment has at most 254 bytes");
    let mut bytes = vec![COMMENT, length];
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Opaque to the kernel; [`comment`] makes one that people see.
    pub userdata: Vec<u8>,
}

impl Table {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.put_str(NFTA_TABLE_NAME, &self.name);
        if !self.userdata.is_empty() {
            writer.put(NFTA_TABLE_USERDATA, &self.userdata);
        }
    }
}

/// A chain; without a hook it is only jumped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets enter it.
    pub hook: Option<Hook>,
}

/// Where packets enter a chain.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `nat`, `filter` or `route`.
    pub kind: &'static str,
    /// `NF_INET_*`: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting.
    pub number: u32,
    /// Lower ones come first.
    pub priority: i32,
}

impl Chain {
    pub(super) fn write(&self, table: &str, writer: &mut Writer) {
        writer.put_str(NFTA_CHAIN_TABLE, table);
        writer.put_str(NFTA_CHAIN_NAME, &self.name);
        if let Some(hook) = &self.hook {
            writer.nest(NFTA_CHAIN_HOOK, |w| {
                w.put_u32(NFTA_HOOK_HOOKNUM, hook.number);
                w.put(NFTA_HOOK_PRIORITY, &hook.priority.to_be_bytes());
            });
            writer.put_str(NFTA_CHAIN_TYPE, hook.kind);
        }
    }
}

/// A rule at the end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The chain's name.
    pub chain: String,
    /// What it does, from left to right.
    pub expressions: Vec<Expression>,
    /// Opaque to the kernel.
    pub userdata: Vec<u8>,
}

impl Rule {
    pub(super) fn write(&self, table: &str, writer: &mut Writer) {
        writer.put_str(NFTA_RULE_TABLE, table);
        writer.put_str(NFTA_RULE_CHAIN, &self.chain);
        writer.nest(NFTA_RULE_EXPRESSIONS, |w| self.write_expressions(w));
        if !self.userdata.is_empty() {
            writer.put(NFTA_RULE_USERDATA, &self.userdata);
        }
    }

    /// The expressions as the kernel lists them.
    pub fn encoded(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write_expressions(&mut writer);
        writer.bytes
    }

    fn write_expressions(&self, writer: &mut Writer) {
        for expression in &self.expressions {
            writer.nest(NFTA_LIST_ELEM, |w| expression.write(w));
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on behind the hook.
    Accept,
    /// It is thrown away.
    Drop,
    /// It goes back to where the chain was jumped from.
    Return,
    /// It goes to a chain, and back.
    Jump(String),
    /// It goes to a chain, and from its end to where this one was jumped from.
    Goto(String),
}

impl Verdict {
    pub(super) fn write(&self, writer: &mut Writer) {
        let (code, chain): (i32, _) = match self {
            Self::Drop => (0, None),
            Self::Accept => (1, None),
            Self::Jump(chain) => (-3, Some(chain)),
            Self::Goto(chain) => (-4, Some(chain)),
            Self::Return => (-5, None),
        };
        writer.put(NFTA_VERDICT_CODE, &code.to_be_bytes());
        if let Some(chain) = chain {
            writer.put_str(NFTA_VERDICT_CHAIN, chain);
        }
    }
}

/// A set, or a map if it has values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// `NFT_SET_*`: 4 interval, 0x10 timeout, 0x20 dynamic, 0x80 concatenated intervals. A map's flag is added.
    pub flags: u32,
    /// nft's number of the key's type; six bits a field.
    pub key_type: u32,
    /// Bytes of the key's fields, each rounded up to four in the key itself.
    pub fields: Vec<u32>,
    /// What it maps to.
    pub values: Option<Values>,
    /// Most elements; 0: no limit.
    pub size: u32,
    /// Opaque to the kernel; nft keeps byte orders there.
    pub userdata: Vec<u8>,
}

/// What a map maps to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Values of nft's type and so many bytes.
    Data(u32, u32),
    /// Verdicts.
    Verdicts,
}

impl Set {
    /// `id` is any number that no other new set of the batch has.
    pub(super) fn write(&self, table: &str, id: u32, writer: &mut Writer) {
        writer.put_str(NFTA_SET_TABLE, table);
        writer.put_str(NFTA_SET_NAME, &self.name);
        writer.put_u32(NFTA_SET_FLAGS, self.all_flags());
        writer.put_u32(NFTA_SET_KEY_TYPE, self.key_type);
        writer.put_u32(NFTA_SET_KEY_LEN, self.key_length());
        match self.values {
            None => {}
            Some(Values::Verdicts) => writer.put_u32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT),
            Some(Values::Data(kind, length)) => {
                writer.put_u32(NFTA_SET_DATA_TYPE, kind);
                writer.put_u32(NFTA_SET_DATA_LEN, length);
            }
        }
        let intervals = self.fields.len() > 1 && self.flags & 0x80 != 0;
        if self.size != 0 || intervals {
            writer.nest(NFTA_SET_DESC, |w| self.describe(intervals, w));
        }
        writer.put_u32(NFTA_SET_ID, id);
        if !self.userdata.is_empty() {
            writer.put(NFTA_SET_USERDATA, &self.userdata);
        }
    }

    fn describe(&self, intervals: bool, writer: &mut Writer) {
        if self.size != 0 {
            writer.put_u32(NFTA_SET_DESC_SIZE, self.size);
        }
        if intervals {
            writer.nest(NFTA_SET_DESC_CONCAT, |w| {
                for field in &self.fields {
                    w.nest(NFTA_LIST_ELEM, |w| w.put_u32(NFTA_SET_FIELD_LEN, *field));
                }
            });
        }
    }

    /// Flags as the kernel lists them.
    pub fn all_flags(&self) -> u32 {
        self.flags | self.values.map_or(0, |_| NFT_SET_MAP)
    }

    /// How many bytes a key has.
    pub fn key_length(&self) -> u32 {
        self.fields
            .iter()
            .map(|field| field.next_multiple_of(4))
            .sum()
    }
}
