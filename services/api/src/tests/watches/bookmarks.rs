//! What watches tell while nothing concerns them.

use std::time::Duration;

use portolan_proto::v1::WatchEventType::{Bookmark, Synced};

use super::super::Server;
use super::{Watch, told};

#[tokio::test(start_paused = true)]
async fn an_idle_watch_is_told_how_far_it_is() {
    let server = Server::start().await;
    let mut watch = Watch::open(&server, "name = none", 0).await;
    let start = server.revision();
    assert_eq!(watch.next().await, told(Synced, "", start));
    assert_eq!(watch.next().await, told(Bookmark, "", start));
    let later = server.put_service("a", &[]).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(watch.next().await, told(Bookmark, "", later));
    assert!(begun.elapsed() <= Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_nothing_concerns_is_told_how_far_it_is_while_others_write() {
    let server = Server::start().await;
    let mut watch = Watch::open(&server, "name = none", 0).await;
    assert_eq!(watch.next().await.0, Synced);
    let begun = tokio::time::Instant::now();
    let writes = async {
        for round in 0..70 {
            server
                .put_service("a", &[("round", &round.to_string())])
                .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (told, ()) = tokio::join!(
        async {
            let told = watch.next().await;
            (told, begun.elapsed())
        },
        writes
    );
    let ((event, _, revision), after) = told;
    assert_eq!(event, Bookmark);
    assert!(after <= Duration::from_secs(35), "{after:?}");
    assert!(revision > 20, "{revision}");
}
