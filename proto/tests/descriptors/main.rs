//! What is published beside the messages, held against every RPC there is.

mod http;
mod service_config;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

/// Every RPC of every public service.
fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(portolan_proto::FILE_DESCRIPTOR_SET)
        .expect("what the build wrote is a set of descriptors");
    let services: Vec<_> = pool.services().collect();
    let methods: Vec<_> = services
        .iter()
        .flat_map(ServiceDescriptor::methods)
        .collect();
    assert!(methods.len() > 40, "only {} RPCs", methods.len());
    methods
}
