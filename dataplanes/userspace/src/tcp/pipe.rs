//! Pipes for `splice`, which moves pages between sockets without copying them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::pipe2;

/// Asked of the kernel: 16 slots a 64 KiB, and a slot holds up to a whole fragment of a segment. Without privileges a user's
/// pipes share `fs.pipe-user-pages-soft`; beyond it they stay as small as the kernel made them.
const SIZE: i32 = 256 * 1024;

/// Asked of one `splice`: more than a pipe holds.
const MOST: usize = 1 << 20;

/// Pipes that wait for their next use.
const MOST_IDLE: usize = 64;

/// Lends pipes. A direction of a connection holds one only while bytes are on their way, so there are far fewer pipes than
/// connections.
#[derive(Debug)]
pub(crate) struct Pipes {
    idle: Mutex<Vec<Ends>>,
    /// How many more may be lent.
    left: AtomicUsize,
}

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipes {
    /// Lends so many at a time; directions without one copy.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            idle: Mutex::default(),
            left: AtomicUsize::new(most),
        }
    }

    /// An empty pipe, or nothing if there are enough of them already.
    pub(super) fn lend(self: &Arc<Self>) -> Option<Pipe> {
        let take = |left: usize| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        let idle = self.idle().pop();
        match idle.map_or_else(Ends::open, Ok) {
            Ok(ends) => Some(Pipe {
                ends: Some(ends),
                held: 0,
                pipes: Arc::clone(self),
            }),
            Err(error) => {
                self.left.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, "can't open a pipe; copying instead");
                None
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Ends>> {
        // Nothing panics while it holds the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn open() -> io::Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // A smaller one works, too.
        let _size = fcntl(&write, FcntlArg::F_SETPIPE_SZ(SIZE));
        Ok(Self { read, write })
    }
}

/// A pipe and how much is in it. Dropping it gives it back if it is empty, and closes it otherwise.
#[derive(Debug)]
pub(super) struct Pipe {
    ends: Option<Ends>,
    held: usize,
    pipes: Arc<Pipes>,
}

impl Pipe {
    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes what has arrived at a socket; 0 at its end. The pipe has to be empty: otherwise "would block" could mean that
    /// it is full.
    pub(super) fn fill(&mut self, from: impl AsFd) -> io::Result<usize> {
        let taken = transfer(from, &self.ends().write)?;
        self.held += taken;
        Ok(taken)
    }

    /// Hands on as much as a socket takes.
    pub(super) fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let given = transfer(&self.ends().read, to)?;
        self.held = self.held.saturating_sub(given);
        Ok(given)
    }

    fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("only drop takes them")
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.pipes.left.fetch_add(1, Ordering::Relaxed);
        let mut idle = self.pipes.idle();
        if self.held == 0 && idle.len() < MOST_IDLE {
            idle.extend(self.ends.take());
        }
    }
}

fn transfer(from: impl AsFd, to: impl AsFd) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK;
    Ok(splice(from, None, to, None, MOST, flags)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn an_empty_pipe_is_used_again_and_a_full_one_is_not() {
        let all = 2;
        let pipes = Arc::new(Pipes::new(all));
        let (mut source, from) = UnixStream::pair().unwrap();
        let (to, mut sink) = UnixStream::pair().unwrap();
        for (row, drained) in [("drained", true), ("dropped with bytes in it", false)] {
            let mut pipe = pipes.lend().unwrap();
            assert_eq!(pipes.left.load(Ordering::Relaxed), all - 1, "{row}");
            source.write_all(b"abc").unwrap();
            assert_eq!(pipe.fill(&from).unwrap(), 3, "{row}");
            if drained {
                assert_eq!(pipe.drain(&to).unwrap(), 3, "{row}");
                let mut arrived = [0; 3];
                sink.read_exact(&mut arrived).unwrap();
                assert_eq!(&arrived, b"abc", "{row}");
            }
            assert_eq!(pipe.is_empty(), drained, "{row}");
            drop(pipe);
            assert_eq!(pipes.idle().len(), usize::from(drained), "{row}");
            assert_eq!(pipes.left.load(Ordering::Relaxed), all, "{row}");
        }
    }

    #[test]
    fn no_more_pipes_are_lent_than_there_may_be() {
        let pipes = Arc::new(Pipes::new(1));
        let only = pipes.lend();
        assert!(only.is_some());
        assert!(pipes.lend().is_none());
        drop(only);
        assert!(pipes.lend().is_some());
    }
}
