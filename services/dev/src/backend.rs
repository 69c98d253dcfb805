//! `portolan demo-backend`: an HTTP server that says who it is.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use clap::Args;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use portolan_server::{ServerError, listen};

/// One of the backends of `portolan dev --demo`
#[derive(Args)]
pub struct DemoBackend {
    /// Where to listen; may be repeated
    #[arg(long, value_name = "ADDRESS:PORT", required = true)]
    listen: Vec<SocketAddr>,
    /// Who to say it is
    #[arg(long)]
    name: String,
    /// End when standard input ends, so that it never outlives what started it
    #[arg(long)]
    until_eof: bool,
}

impl DemoBackend {
    /// Serves until it is told to end.
    pub fn run(self) -> BoxFuture<'static, Result<(), ServerError>> {
        Box::pin(self.serve())
    }

    async fn serve(self) -> Result<(), ServerError> {
        let answer = format!("{} (pid {})\n", self.name, std::process::id());
        let router = Router::new()
            .route("/", get(async move || answer))
            .route("/healthz", get(async || "ok\n"));
        let mut serving = JoinSet::new();
        for address in self.listen {
            let listener = listen("--listen", address).await?;
            let router = router.clone();
            serving.spawn(async { axum::serve(listener, router).await });
        }
        let until_eof = self.until_eof;
        let end = async move {
            if until_eof {
                // An error is an end, too.
                let _ = end_of_input().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            Some(served) = serving.join_next() => {
                let served = served.map_err(std::io::Error::other).flatten();
                served.map_err(|e| ServerError::Start(e.to_string()))
            }
            () = end => Ok(()),
        }
    }
}

/// Done at the end of standard input. Read on a thread of its own: a read can't be cancelled, and a runtime's end would
/// wait for it.
fn end_of_input() -> tokio::sync::oneshot::Receiver<()> {
    let (over, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = over.send(());
    });
    ended
}
