//! Generic netlink: families that have names, and numbers from the running kernel. Their header is as long as netfilter's:
//! command, version, two bytes of nothing; no family that we use looks at the version.

use crate::abi::{CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_ID_CTRL};
use crate::socket::Request;
use crate::tlv::Writer;
use crate::{NetlinkError, Socket};

/// The number of a family. Asking makes the kernel load the module that has it; without one it refuses with `ENOENT`.
pub(crate) async fn family(socket: &mut Socket, name: &str) -> Result<u16, NetlinkError> {
    let mut attributes = Writer::new();
    attributes.put_str(CTRL_ATTR_FAMILY_NAME, name);
    let request = Request {
        kind: GENL_ID_CTRL,
        family: CTRL_CMD_GETFAMILY,
        attributes,
        what: format!("find the netlink family {name}"),
    };
    let mut number = None;
    let read = |message: crate::message::Message<'_>| {
        let id = message.attributes().get(CTRL_ATTR_FAMILY_ID);
        number = id.and_then(|id| id.host_u16());
    };
    socket.get(&request, read).await?;
    number.ok_or(NetlinkError::Malformed("netlink family"))
}
