//! The manifests that people write today, applied unchanged: what each of them becomes, and what it then carries.

mod apply;
mod traffic;

use portolan_tests::{Server, repository};
use serde_json::Value;

/// Path of a file in `tests/manifests`, by how its name begins.
fn manifest(start: &str) -> String {
    let files = std::fs::read_dir(directory()).expect("tests/manifests exists");
    let mut paths = files.map(|file| file.expect("it can be listed").path());
    let path = paths.find(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(start)
    });
    path.unwrap_or_else(|| panic!("no manifest {start}"))
        .display()
        .to_string()
}

fn directory() -> String {
    repository().join("tests/manifests").display().to_string()
}

/// The first manifest about `backend-service`, with endpoints to be written by hand.
fn without_selector() -> String {
    let text = std::fs::read_to_string(manifest("01")).expect("it is text");
    let mut inside = false;
    let kept = text.lines().filter(|line| {
        inside = if inside {
            line.starts_with("    ")
        } else {
            *line == "  selector:"
        };
        !inside
    });
    let without = kept.collect::<Vec<_>>().join("\n");
    assert!(without.len() < text.len(), "there was a selector");
    without
}

/// A resource as the command shows it to programs.
fn read(server: &Server<'_>, arguments: &[&str]) -> Value {
    let arguments = [&["get"], arguments, &["-o", "json"]].concat();
    let text = server.succeed(&arguments, "");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The virtual address of a Service.
fn cluster_ip(server: &Server<'_>, namespace: &str, name: &str) -> String {
    let service = read(server, &["service", name, "-n", namespace]);
    let address = service["spec"]["clusterIP"].as_str();
    address.expect("it has an address").to_owned()
}
