//! Transactions of ours, told from those of others.

use std::io;

use portolan_netlink::nftables::{Batch, generation};
use portolan_netlink::{NetlinkError, Socket};

/// A socket, and the number of the last transaction that we know of: the kernel numbers those of a network namespace, whoever
/// makes them. If the number is ours, nothing of ours can have changed.
pub struct Transactions {
    socket: Socket,
    last: Option<u32>,
}

impl Transactions {
    /// Opens a socket; nothing is known at first.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            last: None,
        })
    }

    /// The socket, to ask the kernel by.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// How often the kernel was asked for elements, rules or chains.
    pub fn listings(&self) -> u64 {
        self.socket.listings()
    }

    /// The number of the last one that we know of.
    pub fn last(&self) -> Option<u32> {
        self.last
    }

    /// The number that ours will have if nobody's comes before it.
    pub fn next(&self) -> Option<u32> {
        // The kernel passes over 0 when it wraps.
        self.last.map(|last| last.wrapping_add(1).max(1))
    }

    /// Commits, and counts it as ours. Nothing is no transaction.
    pub async fn commit(&mut self, batch: Batch) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let next = self.next();
        self.socket.commit(batch).await?;
        self.last = next;
        Ok(())
    }

    /// Whether somebody committed anything since [`look`](Self::look) but us.
    pub async fn is_disturbed(&mut self) -> Result<bool, NetlinkError> {
        let now = generation(&mut self.socket).await?;
        Ok(self.last != Some(now))
    }

    /// From now on every transaction that is not ours counts as a disturbance. What stands is to be listed after this.
    pub async fn look(&mut self) -> Result<(), NetlinkError> {
        self.last = Some(generation(&mut self.socket).await?);
        Ok(())
    }

    /// From now on until the next look everything counts as disturbed.
    pub fn forget(&mut self) {
        self.last = None;
    }
}
