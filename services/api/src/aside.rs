//! Work that takes long is done aside, so that it keeps no other request waiting.

use std::panic::resume_unwind;

use tokio::sync::Semaphore;

/// So much of it is done at once; whoever serves requests has the rest of the processors.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Does some work on a thread of its own. If the caller goes away before its turn has come, it is never done.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // Nobody closes it; and it is kept by the work, which goes on if the caller goes away.
    let place = PLACES.acquire().await;
    let work = move || {
        let _place = place;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it everybody who waits.
            Err(_) => std::future::pending().await,
        },
    }
}
