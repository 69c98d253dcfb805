//! The operator's command against a running server: what it changes, what it shows, what it refuses.

mod apply;
mod change;
mod kinds;
mod refusals;

use portolan_tests::{Output, Server, Store};

fn server() -> Server<'static> {
    Server::start(None, &Store::Sqlite, &["--service-cidr", "10.96.0.0/12"])
}

fn service(name: &str, metadata: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}{metadata}}}, spec: {{{spec}}}}}\n"
    )
}

fn apply(server: &Server<'_>, text: &str) -> String {
    server.succeed(&["apply", "-f", "-"], text)
}

/// Exit code, and what was said where.
fn said(output: &Output) -> (i32, &str, &str) {
    (output.code, &output.out, &output.err)
}

/// A field of what `get` shows of a Service.
fn field(server: &Server<'_>, name: &str, pointer: &str) -> serde_json::Value {
    let text = server.succeed(&["get", "service", name, "-o", "json"], "");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    json.pointer(pointer).cloned().unwrap_or_default()
}
