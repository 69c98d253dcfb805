//! Rules about requests that hold whatever the stored state: SEMANTICS of the Kubernetes Service API, as far as they
//! concern what is supported. Rules that need the state are in the allocator's `decide`.

mod address;
mod endpoint;
mod labels;
mod service;
mod workload;

pub use address::usable;
pub use endpoint::{endpoint_address, endpoint_ports};
pub use labels::{annotations, labels, text};
pub use service::{dns_label, port_number, service};
pub use workload::workload;
