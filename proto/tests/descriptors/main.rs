//! What is published beside the messages, held against every RPC there is.

mod annotations;
mod http;
mod service_config;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

/// All that is described.
fn pool() -> DescriptorPool {
    DescriptorPool::decode(portolan_proto::FILE_DESCRIPTOR_SET)
        .expect("what the build wrote is a set of descriptors")
}

/// Every RPC of every public service.
fn methods() -> Vec<MethodDescriptor> {
    let services: Vec<_> = pool().services().collect();
    let methods: Vec<_> = services
        .iter()
        .flat_map(ServiceDescriptor::methods)
        .collect();
    assert!(methods.len() > 40, "only {} RPCs", methods.len());
    methods
}
