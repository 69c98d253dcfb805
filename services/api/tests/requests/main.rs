//! Requests as a fuzzer makes them: any bytes for any RPC, through the generated server, the conversion and deciding,
//! over a store in memory.
//!
//! `cargo test` sends the corpus in `__fuzz__`; `tests/run --long` searches on. The first message of the node stream
//! is a request like the others.

mod base;
mod bounds;
mod excess;
mod server;

use std::sync::LazyLock;

use portolan_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;
use server::Server;

const LONGEST: usize = 4096;
/// Inputs after the corpus, which is played whole; without a number the end would come after a second.
const INVENTED: usize = 200;
/// Requests of one input: the later ones find what the earlier ones made.
const REQUESTS: usize = 8;

/// `/portolan.v1.ServiceAPI/CreateService`, and so on: every RPC there is.
static METHODS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("descriptors");
    let files = set
        .file
        .iter()
        .filter(|f| f.package().starts_with("portolan."));
    let methods = files.flat_map(|file| {
        file.service.iter().flat_map(move |service| {
            let path = format!("/{}.{}/", file.package(), service.name());
            service
                .method
                .iter()
                .map(move |m| format!("{path}{}", m.name()))
        })
    });
    methods.collect()
});

/// An RPC in one byte, the length of a message in two, and the message.
fn requests(mut bytes: &[u8]) -> Vec<(&'static str, &[u8])> {
    let mut requests = Vec::new();
    while let [method, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (message, later) = rest.split_at(length);
        requests.push((
            METHODS[usize::from(*method) % METHODS.len()].as_str(),
            message,
        ));
        bytes = later;
    }
    requests.truncate(REQUESTS);
    requests
}

/// Waiting is for nothing here: the clock runs ahead as soon as nothing else is to be done.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    builder.build().expect("a runtime")
}

#[test]
fn any_bytes_are_answered_with_an_object_or_a_reason() {
    bolero::check!()
        .with_max_len(LONGEST)
        .with_iterations(INVENTED)
        .for_each(|bytes: &[u8]| {
            runtime().block_on(async {
                let server = Server::start().await;
                for (path, message) in requests(bytes) {
                    server.call(path, message).await;
                }
            });
        });
}

/// The corpus and its seeds name RPCs by their place in this list: new ones shift them, and the corpus is made anew.
#[test]
fn every_rpc_is_among_the_methods() {
    assert!(METHODS.len() > 40, "{METHODS:?}");
    for path in [
        "/portolan.v1.ServiceAPI/CreateService",
        "/portolan.node.v1.NodeSync/Sync",
    ] {
        assert!(METHODS.iter().any(|method| method == path), "no {path}");
    }
}
