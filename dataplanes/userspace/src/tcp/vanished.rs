//! Peers that are gone without a word: a machine without power, a namespace that was deleted.

use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::sys::info;

/// Silence while bytes are on their way after which a peer is taken for gone: some seven repetitions on a network of a
/// data centre. The kernel itself goes on for a quarter of an hour.
const SILENT_MS: u32 = 30_000;

/// Asks a peer that sends nothing whether it is there: after 15 seconds, three times in 30. The kernel ends the connection if
/// it is not. `vanished` is for peers that do not acknowledge: those the kernel does not ask.
pub(super) fn keep_alive(socket: &Socket) {
    let often = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    if let Err(error) = socket.set_tcp_keepalive(&often) {
        tracing::debug!(%error, "can't turn on keepalive");
    }
}

/// Whether bytes were repeated for a while and never acknowledged, or a closed window asked about in vain twice. A peer that
/// takes nothing more but answers the kernel's window probes is there, however slowly it reads; `TCP_USER_TIMEOUT` would end
/// that one, too.
pub(super) fn vanished(socket: &Socket) -> bool {
    info(socket).is_ok_and(|info| {
        let is_owed = info.tcpi_retransmits > 0 || info.tcpi_probes > 1;
        is_owed && info.tcpi_last_ack_recv >= SILENT_MS
    })
}
