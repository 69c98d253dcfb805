//! Places for sessions.

use super::session::Session;
use super::upstream::Slot;

/// Sessions by slot: a number as small as it can be, which the session's socket is registered for.
#[derive(Default)]
pub(super) struct Slots {
    sessions: Vec<Option<Session>>,
    free: Vec<Slot>,
}

impl Slots {
    /// A slot for a new socket.
    pub(super) fn reserve(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        })
    }

    /// The socket that was registered for it is closed.
    pub(super) fn release(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    pub(super) fn put(&mut self, session: Session) {
        let slot = session.upstream.slot;
        self.sessions[slot] = Some(session);
    }

    /// Its slot belongs to its socket as long as that is open.
    pub(super) fn take(&mut self, slot: Slot) -> Option<Session> {
        self.sessions[slot].take()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Session> {
        self.sessions[slot].as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Session> {
        self.sessions[slot].as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().flatten()
    }
}
