//! IPVS: virtual servers and the real servers behind them.
//!
//! The kernel has neither transactions nor a number of its last change: every request is one change, and somebody else's are
//! seen by listing. An acknowledgement tells that a request was understood, so tests read back what they wrote.

mod codec;

use std::fmt;
use std::net::SocketAddr;

use crate::abi::{
    IPVS_CMD_ATTR_DEST, IPVS_CMD_ATTR_SERVICE, IPVS_CMD_ATTR_TIMEOUT_TCP,
    IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, IPVS_CMD_ATTR_TIMEOUT_UDP, IPVS_CMD_DEL_DEST,
    IPVS_CMD_DEL_SERVICE, IPVS_CMD_GET_CONFIG, IPVS_CMD_GET_DEST, IPVS_CMD_GET_INFO,
    IPVS_CMD_GET_SERVICE, IPVS_CMD_NEW_DEST, IPVS_CMD_NEW_SERVICE, IPVS_CMD_SET_CONFIG,
    IPVS_CMD_SET_DEST, IPVS_CMD_SET_SERVICE, IPVS_INFO_ATTR_VERSION,
};
use crate::nftables::Family;
use crate::socket::Request;
use crate::tlv::Writer;
use crate::{NetlinkError, Socket, generic};

/// The kernel's name of its netlink family.
const FAMILY: &str = "IPVS";

/// What packets a virtual server takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerId {
    /// Those of a transport (its number) to an address and port.
    At(u8, SocketAddr),
    /// Those of a family with this mark, whatever their transport and port.
    Marked(Family, u32),
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(6, at) => write!(f, "{at}/TCP"),
            Self::At(17, at) => write!(f, "{at}/UDP"),
            Self::At(132, at) => write!(f, "{at}/SCTP"),
            Self::At(protocol, at) => write!(f, "{at}/{protocol}"),
            Self::Marked(family, mark) => write!(f, "mark {mark:#x} of {}", family.as_str()),
        }
    }
}

/// Bits of [`VirtualServer::flags`] (`IP_VS_SVC_F_*`).
pub mod flags {
    /// A client keeps its real server.
    pub const PERSISTENT: u32 = 0x1;
    /// The first of three that schedulers read as they like; `sh` and `mh`: pass over servers of weight 0.
    pub const SCHEDULER_1: u32 = 0x8;
    /// The third one, which no scheduler reads.
    pub const SCHEDULER_3: u32 = 0x20;
    /// All that can be set; the kernel keeps others of its own.
    pub const SETTABLE: u32 = 0x3d;
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    /// Its packets.
    pub id: ServerId,
    /// Name of the scheduler, for example `wrr`.
    pub scheduler: String,
    /// See [`flags`].
    pub flags: u32,
    /// Seconds for which a client is remembered, if persistent.
    pub timeout: u32,
}

/// A real server that is reached by translation of the destination.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Share of new connections; 0: none.
    pub weight: u32,
}

/// A real server as it is listed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Address and weight.
    pub server: RealServer,
    /// Whether it is reached by translation.
    pub is_translated: bool,
    /// Established connections.
    pub active: u32,
    /// Others that the kernel still knows of: beginning, ending, ended.
    pub inactive: u32,
}

/// Idle seconds after which connections are forgotten.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Established TCP.
    pub tcp: u32,
    /// TCP of which one end has said its last.
    pub tcp_fin: u32,
    /// UDP.
    pub udp: u32,
}

/// The IPVS of a network namespace.
pub struct Ipvs {
    socket: Socket,
    /// Number of the family, once it is known.
    family: Option<u16>,
}

impl Ipvs {
    /// That of this thread's network namespace. Asks the kernel nothing yet.
    pub fn open() -> std::io::Result<Self> {
        Ok(Self {
            socket: Socket::generic()?,
            family: None,
        })
    }

    /// How often it listed servers, virtual or real.
    pub fn listings(&self) -> u64 {
        self.socket.listings()
    }

    /// The version of IPVS, for example 0x010201. Loads the kernel's module if it has to: `ENOENT` if there is none.
    pub async fn version(&mut self) -> Result<u32, NetlinkError> {
        let request = self
            .request(IPVS_CMD_GET_INFO, Writer::new(), "read its version".into())
            .await?;
        let mut version = None;
        let read = |message: crate::message::Message<'_>| {
            let attribute = message.attributes().get(IPVS_INFO_ATTR_VERSION);
            version = attribute.and_then(|version| version.host_u32());
        };
        self.socket.get(&request, read).await?;
        version.ok_or(NetlinkError::Malformed("IPVS version"))
    }

    /// Adds a virtual server: `EEXIST` if there is one, `ENOENT` if the kernel has no such scheduler. A transport that it can't
    /// balance is taken all the same.
    pub async fn add(&mut self, server: &VirtualServer) -> Result<(), NetlinkError> {
        let what = format!("add {} with scheduler {}", server.id, server.scheduler);
        self.change(IPVS_CMD_NEW_SERVICE, server.whole(), what)
            .await
    }

    /// Changes scheduler, flags and timeout of one: `ESRCH` if it is not there. Connections stay.
    pub async fn set(&mut self, server: &VirtualServer) -> Result<(), NetlinkError> {
        let what = format!("change {} to scheduler {}", server.id, server.scheduler);
        self.change(IPVS_CMD_SET_SERVICE, server.whole(), what)
            .await
    }

    /// Deletes one with its real servers: `ESRCH` if it is not there. Packets of its connections are dropped.
    pub async fn delete(&mut self, id: ServerId) -> Result<(), NetlinkError> {
        let what = format!("delete {id}");
        self.change(IPVS_CMD_DEL_SERVICE, id.named(), what).await
    }

    /// Adds a real server: `EEXIST` if it is there, `ESRCH` if the virtual one is not.
    pub async fn add_real(&mut self, id: ServerId, real: RealServer) -> Result<(), NetlinkError> {
        let what = format!("add {} to {id}", real.address);
        self.change(IPVS_CMD_NEW_DEST, real.whole(id), what).await
    }

    /// Changes the weight of one: `ENOENT` if it is not there.
    pub async fn set_real(&mut self, id: ServerId, real: RealServer) -> Result<(), NetlinkError> {
        let what = format!("change {} of {id}", real.address);
        self.change(IPVS_CMD_SET_DEST, real.whole(id), what).await
    }

    /// Deletes one: `ENOENT` if it is not there. Packets of its connections are dropped, or go to another one where the
    /// sysctl `expire_nodest_conn` says so.
    pub async fn delete_real(
        &mut self,
        id: ServerId,
        address: SocketAddr,
    ) -> Result<(), NetlinkError> {
        let what = format!("delete {address} of {id}");
        let mut attributes = id.named();
        attributes.nest(IPVS_CMD_ATTR_DEST, |w| codec::write_address(address, w));
        self.change(IPVS_CMD_DEL_DEST, attributes, what).await
    }

    /// Every virtual server, also others'.
    pub async fn servers(&mut self) -> Result<Vec<VirtualServer>, NetlinkError> {
        let what = "list virtual servers".to_owned();
        let list = self
            .request(IPVS_CMD_GET_SERVICE, Writer::new(), what)
            .await?;
        let mut servers = Vec::new();
        let each = |message: crate::message::Message<'_>| {
            let attribute = message.attributes().get(IPVS_CMD_ATTR_SERVICE);
            servers.extend(attribute.and_then(|server| VirtualServer::read(&server.nested())));
        };
        self.socket.dump(&list, each).await?;
        Ok(servers)
    }

    /// The real servers of a virtual one; none if that is not there.
    pub async fn real_servers(&mut self, id: ServerId) -> Result<Vec<Listed>, NetlinkError> {
        let what = format!("list the real servers of {id}");
        let list = self.request(IPVS_CMD_GET_DEST, id.named(), what).await?;
        let mut listed = Vec::new();
        let family = id.family();
        let each = |message: crate::message::Message<'_>| {
            let attribute = message.attributes().get(IPVS_CMD_ATTR_DEST);
            listed.extend(attribute.and_then(|real| Listed::read(family, &real.nested())));
        };
        self.socket.dump(&list, each).await?;
        Ok(listed)
    }

    /// The timeouts of all connections of the namespace.
    pub async fn timeouts(&mut self) -> Result<Timeouts, NetlinkError> {
        let what = "read the timeouts".to_owned();
        let request = self
            .request(IPVS_CMD_GET_CONFIG, Writer::new(), what)
            .await?;
        let mut timeouts = None;
        let read = |message: crate::message::Message<'_>| {
            let attributes = message.attributes();
            let seconds = |kind| attributes.get(kind).and_then(|a| a.host_u32());
            timeouts = seconds(IPVS_CMD_ATTR_TIMEOUT_TCP)
                .zip(seconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN))
                .zip(seconds(IPVS_CMD_ATTR_TIMEOUT_UDP))
                .map(|((tcp, tcp_fin), udp)| Timeouts { tcp, tcp_fin, udp });
        };
        self.socket.get(&request, read).await?;
        timeouts.ok_or(NetlinkError::Malformed("IPVS timeouts"))
    }

    /// Sets them.
    pub async fn set_timeouts(&mut self, timeouts: Timeouts) -> Result<(), NetlinkError> {
        let mut attributes = Writer::new();
        attributes.put_host_u32(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp);
        attributes.put_host_u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin);
        attributes.put_host_u32(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp);
        let what = "set the timeouts".to_owned();
        self.change(IPVS_CMD_SET_CONFIG, attributes, what).await
    }

    async fn change(
        &mut self,
        command: u8,
        attributes: Writer,
        what: String,
    ) -> Result<(), NetlinkError> {
        let request = self.request(command, attributes, what).await?;
        self.socket.request(&request).await
    }

    async fn request(
        &mut self,
        command: u8,
        attributes: Writer,
        what: String,
    ) -> Result<Request, NetlinkError> {
        let kind = match self.family {
            Some(family) => family,
            None => generic::family(&mut self.socket, FAMILY).await?,
        };
        self.family = Some(kind);
        Ok(Request {
            kind,
            family: command,
            attributes,
            what: format!("{what} in IPVS"),
        })
    }
}
