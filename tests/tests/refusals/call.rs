//! One call, as different clients make it: from the same JSON.

use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::{Buf, BufMut};
use portolan_proto::FILE_DESCRIPTOR_SET;
use portolan_tests::api::{block_on, channel};
use portolan_tests::{Output, Server, run, tool};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Deserializer, Value, json as object};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("descriptors"));

/// A tonic client that speaks every RPC: messages are what their descriptors say.
#[derive(Clone)]
struct Dynamic(MethodDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let message = DynamicMessage::decode(self.0.output(), bytes);
        message
            .map(Some)
            .map_err(|e| Status::internal(e.to_string()))
    }
}

/// `'` stands for `"`, and `NS` for the usual namespace.
pub(crate) fn json(text: &str) -> String {
    text.replace('\'', "\"")
        .replace("NS", "clusters/default/namespaces/default")
}

fn method(path: &str) -> MethodDescriptor {
    let (service, name) = path.split_once('/').expect("SERVICE/METHOD");
    let service = POOL.get_service_by_name(&package(service)).expect(path);
    service.methods().find(|m| m.name() == name).expect(path)
}

fn package(service: &str) -> String {
    match service {
        "NodeSync" => format!("portolan.node.v1.{service}"),
        _ => format!("portolan.v1.{service}"),
    }
}

/// Calls until there is a status. What is answered until then is passed over.
pub(crate) fn by_tonic(url: &str, path: &str, request: &str) -> Result<(), Status> {
    let method = method(path);
    let read = |line: &str| {
        let mut line = Deserializer::from_str(line);
        DynamicMessage::deserialize(method.input(), &mut line).expect(request)
    };
    let messages: Vec<_> = json(request).lines().map(read).collect();
    let (service, name) = path.split_once('/').expect("SERVICE/METHOD");
    let uri = format!("/{}/{name}", package(service));
    let call = async {
        let mut client = Grpc::new(channel(url));
        client.ready().await.expect("a channel is ready");
        let request = Request::new(tokio_stream::iter(messages));
        let uri = uri.parse().expect("a path");
        let answers = client.streaming(request, uri, Dynamic(method)).await?;
        let mut answers = answers.into_inner();
        while answers.message().await?.is_some() {}
        Ok(())
    };
    let answered = async { tokio::time::timeout(Duration::from_mins(1), call).await };
    block_on(answered).expect("an answer within a minute")
}

/// The same by grpcurl, which knows nothing but what reflection tells. It writes masks as the messages they are.
pub(crate) fn by_grpcurl(server: &Server<'_>, path: &str, request: &str) -> Output {
    let (service, name) = path.split_once('/').expect("SERVICE/METHOD");
    let mut command = Command::new(tool("grpcurl"));
    command.args(["-plaintext", "-max-time", "60", "-d", "@"]);
    command.arg(server.api().to_string());
    command.arg(format!("{}/{name}", package(service)));
    let lines: Vec<_> = json(request).lines().map(plain_mask).collect();
    run(command, &lines.join("\n"))
}

fn plain_mask(line: &str) -> String {
    let mut message: Value = serde_json::from_str(line).expect(line);
    if let Some(mask) = message["updateMask"].as_str() {
        let paths: Vec<_> = mask.split(',').map(snake_case).collect();
        message["updateMask"] = object!({ "paths": paths });
    }
    message.to_string()
}

fn snake_case(path: &str) -> String {
    let letter = |c: char| match c {
        'A'..='Z' => format!("_{}", c.to_ascii_lowercase()),
        c => c.to_string(),
    };
    path.chars().map(letter).collect()
}
