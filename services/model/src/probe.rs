//! Readiness probes.

use serde::{Deserialize, Serialize};

/// A readiness probe, every default filled in (SEMANTICS of kubelet: period 10 s, timeout 1 s, thresholds 1 and 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What is done.
    pub action: ProbeAction,
    /// Seconds before the first probe.
    pub initial_delay_seconds: u32,
    /// Seconds between probes, at least 1.
    pub period_seconds: u32,
    /// Seconds until a probe has failed, at least 1.
    pub timeout_seconds: u32,
    /// Passes in a row that make the workload serve, at least 1.
    pub success_threshold: u32,
    /// Failures in a row that make it not serve, at least 1.
    pub failure_threshold: u32,
}

/// What a probe does, always at the workload's own address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeAction {
    /// An HTTP request; 200–399 passes.
    HttpGet {
        /// Where.
        port: ProbePort,
        /// Path and query, starting with `/`.
        path: String,
        /// Host header; empty means the address.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        host: String,
        /// Further headers, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<HttpHeader>,
    },
    /// A TCP connection; established passes.
    TcpConnect {
        /// Where.
        port: ProbePort,
    },
    /// A call of grpc.readiness.v1.Health/Check; SERVING passes.
    GrpcCheck {
        /// Where.
        port: u16,
        /// The service to ask for.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        service: String,
    },
}

/// A port by number or by the workload's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbePort {
    /// By number.
    Number(u16),
    /// By name; TCP.
    Name(String),
}

/// One header of an HTTP probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHeader {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}
