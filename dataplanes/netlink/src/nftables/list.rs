//! What the kernel has.

use super::{Element, Family};
use crate::abi::{
    NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, NFT_MSG_GETGEN, NFT_MSG_GETRULE, NFT_MSG_GETSET,
    NFT_MSG_GETSETELEM, NFT_MSG_GETTABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_TABLE, NFTA_GEN_ID,
    NFTA_LIST_ELEM, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE,
    NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_FLAGS,
    NFTA_SET_KEY_LEN, NFTA_SET_NAME, NFTA_SET_TABLE, NFTA_TABLE_NAME, NFTA_TABLE_USERDATA,
};
use crate::socket::Request;
use crate::tlv::{Reader, Writer};
use crate::{NetlinkError, Socket};

/// `ENOENT`: what is asked about is not there.
const ENOENT: i32 = 2;

/// A table without the elements of its sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The table's userdata.
    pub userdata: Vec<u8>,
    /// Names, in order of creation.
    pub chains: Vec<String>,
    /// Chain and encoded expressions; in order within a chain.
    pub rules: Vec<(String, Vec<u8>)>,
    /// Name, flags and bytes of a key.
    pub sets: Vec<(String, u32, u32)>,
}

/// The number of the last transaction of anybody in the network namespace.
pub async fn generation(socket: &mut Socket) -> Result<u32, NetlinkError> {
    let request = request(NFT_MSG_GETGEN, None, Writer::new(), "read the generation");
    let mut generation = None;
    let read = |message: crate::message::Message<'_>| {
        generation = message
            .attributes()
            .get(NFTA_GEN_ID)
            .and_then(|id| id.u32());
    };
    socket.get(&request, read).await?;
    generation.ok_or(NetlinkError::Malformed("generation"))
}

/// A table's chains, rules and sets; `None` if there is no such table.
pub async fn program(
    socket: &mut Socket,
    family: Family,
    table: &str,
) -> Result<Option<Listed>, NetlinkError> {
    let mut listed = None;
    let ours = |attributes: &Reader<'_>, kind| {
        attributes.get(kind).and_then(|name| name.str()) == Some(table)
    };
    let all = request(NFT_MSG_GETTABLE, Some(family), Writer::new(), "list tables");
    let found = |message: crate::message::Message<'_>| {
        let attributes = message.attributes();
        if ours(&attributes, NFTA_TABLE_NAME) {
            let userdata = attributes.get(NFTA_TABLE_USERDATA);
            listed = Some(Listed {
                userdata: userdata.map_or_else(Vec::new, |userdata| userdata.value.to_vec()),
                ..Listed::default()
            });
        }
    };
    socket.dump(&all, found).await?;
    let Some(mut listed) = listed else {
        return Ok(None);
    };
    for (kind, of, what) in [
        (NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, "list chains"),
        (NFT_MSG_GETSET, NFTA_SET_TABLE, "list sets"),
        (NFT_MSG_GETRULE, NFTA_RULE_TABLE, "list rules"),
    ] {
        let mut attributes = Writer::new();
        // Chains can't be filtered, and strict checking minds the attribute.
        if kind != NFT_MSG_GETCHAIN {
            attributes.put_str(of, table);
        }
        let request = request(kind, Some(family), attributes, what);
        let each = |message: crate::message::Message<'_>| {
            let attributes = message.attributes();
            if ours(&attributes, of) {
                listed.take(kind, &attributes);
            }
        };
        socket.dump(&request, each).await?;
    }
    Ok(Some(listed))
}

impl Listed {
    fn take(&mut self, kind: u16, attributes: &Reader<'_>) {
        let text = |kind| {
            let text = attributes.get(kind).and_then(|text| text.str());
            text.unwrap_or_default().to_owned()
        };
        let number = |kind| attributes.get(kind).and_then(|n| n.u32()).unwrap_or(0);
        match kind {
            NFT_MSG_GETCHAIN => self.chains.push(text(NFTA_CHAIN_NAME)),
            NFT_MSG_GETSET => {
                let set = (
                    text(NFTA_SET_NAME),
                    number(NFTA_SET_FLAGS),
                    number(NFTA_SET_KEY_LEN),
                );
                self.sets.push(set);
            }
            _ => {
                let expressions = attributes.get(NFTA_RULE_EXPRESSIONS);
                let expressions = expressions.map_or_else(Vec::new, |e| e.value.to_vec());
                self.rules.push((text(NFTA_RULE_CHAIN), expressions));
            }
        }
    }
}

/// Every element of a set; `None` if there is no such set or table.
pub async fn elements(
    socket: &mut Socket,
    (family, table): (Family, &str),
    set: &str,
) -> Result<Option<Vec<Element>>, NetlinkError> {
    let mut attributes = Writer::new();
    attributes.put_str(NFTA_SET_ELEM_LIST_TABLE, table);
    attributes.put_str(NFTA_SET_ELEM_LIST_SET, set);
    let what = "list elements";
    let request = request(NFT_MSG_GETSETELEM, Some(family), attributes, what);
    let mut elements = Vec::new();
    let each = |message: crate::message::Message<'_>| {
        let lists = message.attributes().get(NFTA_SET_ELEM_LIST_ELEMENTS);
        let items = lists.into_iter().flat_map(|list| list.nested());
        let items = items.filter(|item| item.kind == NFTA_LIST_ELEM);
        elements.extend(items.filter_map(|item| Element::read(&item.nested())));
    };
    match socket.dump(&request, each).await {
        Ok(()) => Ok(Some(elements)),
        Err(error) if error.errno() == Some(ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn request(kind: u16, family: Option<Family>, attributes: Writer, what: &str) -> Request {
    Request {
        kind: NFNL_SUBSYS_NFTABLES << 8 | kind,
        family: family.map_or(0, |family| family as u8),
        attributes,
        what: what.to_owned(),
    }
}
