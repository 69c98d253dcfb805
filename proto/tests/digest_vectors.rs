//! The examples of digests that authors of plugins check theirs against, made by another implementation of `BLAKE2b`.

use portolan_model::Digest;
use portolan_proto::node::v1 as wire;
use prost::Message;
use serde_json::Value;

const VECTORS: &str = include_str!("../proto/portolan/node/v1/digest_vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).expect("the examples are JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name]
        .as_array()
        .unwrap_or_else(|| panic!("no {name}"))
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("bytes are text");
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn hashes_are_blake2b_with_16_bytes_of_output() {
    for vector in list(&vectors(), "blake2b_128") {
        let hash = Digest::of(&[&bytes(&vector["input"])]);
        assert_eq!(Some(hash.to_string().as_str()), vector["hash"].as_str());
    }
}

#[test]
fn the_digest_of_a_state_is_the_xor_over_its_objects() {
    for state in list(&vectors(), "states") {
        let mut digest = Digest::EMPTY;
        for object in list(state, "objects") {
            let kind = u8::try_from(object["kind"].as_u64().expect("a number")).expect("a byte");
            let hash = Digest::of(&[&[kind], &bytes(&object["uid"]), &bytes(&object["body"])]);
            assert_eq!(Some(hash.to_string().as_str()), object["hash"].as_str());
            digest.toggle(hash);
        }
        let name = state["name"].as_str().expect("a name");
        assert_eq!(
            Some(digest.to_string().as_str()),
            state["digest"].as_str(),
            "{name}"
        );
    }
}

/// Bodies are messages of their kinds, so that a plugin can be shown what they say.
#[test]
fn bodies_can_be_read() {
    let vectors = vectors();
    for object in list(&vectors, "states")
        .iter()
        .flat_map(|state| list(state, "objects"))
    {
        let body = bytes(&object["body"]);
        let body = body.as_slice();
        let kind = i32::try_from(object["kind"].as_i64().expect("a number")).expect("small");
        match wire::Kind::try_from(kind) {
            Ok(wire::Kind::Cluster) => {
                let cluster = wire::ClusterConfig::decode(body).expect("a cluster");
                assert_eq!(cluster.service_cidrs, ["10.96.0.0/16"]);
            }
            Ok(wire::Kind::Service) => {
                let service = wire::Service::decode(body).expect("a Service");
                assert_eq!(
                    (service.name.as_str(), service.frontends[0].port),
                    ("web", 80)
                );
                assert_eq!(service.frontends[0].when_empty(), wire::WhenEmpty::Reject);
            }
            Ok(wire::Kind::Endpoint) => {
                let endpoint = wire::Endpoint::decode(body).expect("an endpoint");
                assert_eq!(endpoint.ports[0].port, 8080);
            }
            _ => {}
        }
    }
}
