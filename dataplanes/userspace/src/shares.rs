//! Room for connections: for all Services together, and a little that one in a flood can't take from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portolan_model::Uid;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// One in this many connections is kept for when all others are taken.
const RESERVE: usize = 32;
/// How many Services in a flood it takes to use up the reserve.
const GREEDY: usize = 8;

/// What a connection takes up, given back when it is dropped.
pub(crate) struct Room {
    _of_service: Option<OwnedSemaphorePermit>,
    _permit: OwnedSemaphorePermit,
}

/// The room there is.
#[derive(Debug)]
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// How much of the reserve a Service may take.
    each: usize,
    /// A share is known while a frontend or a connection of its Service lives.
    known: Mutex<HashMap<Uid, Weak<Semaphore>>>,
}

impl Shares {
    /// Shares out room for this many connections.
    pub(crate) fn new(connections: usize) -> Self {
        let reserve = connections / RESERVE;
        Self {
            all: Arc::new(Semaphore::new(connections - reserve)),
            reserve: Arc::new(Semaphore::new(reserve)),
            each: (reserve / GREEDY).max(1),
            known: Mutex::default(),
        }
    }

    /// Whether nothing but the reserve is left.
    pub(crate) fn is_full(&self) -> bool {
        self.all.available_permits() == 0
    }

    /// A Service's share of the reserve.
    pub(crate) fn of(&self, service: Uid) -> Arc<Semaphore> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = known.get(&service).and_then(Weak::upgrade) {
            return share;
        }
        known.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.each));
        known.insert(service, Arc::downgrade(&share));
        share
    }

    /// Room for one more connection of the Service with this share. Waits until there is some.
    pub(crate) async fn take(&self, share: Arc<Semaphore>) -> Result<Room, AcquireError> {
        let reserved = async {
            let of_service = share.acquire_owned().await?;
            let permit = Arc::clone(&self.reserve).acquire_owned().await?;
            Ok(Room {
                _of_service: Some(of_service),
                _permit: permit,
            })
        };
        tokio::select! {
            biased;
            permit = Arc::clone(&self.all).acquire_owned() => Ok(Room {
                _of_service: None,
                _permit: permit?,
            }),
            room = reserved => room,
        }
    }
}
