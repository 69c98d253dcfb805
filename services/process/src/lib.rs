//! What every Portolan process does as a process: it logs, exports traces, ends when it is asked to, raises its limit of
//! descriptors, shows its metrics, and says who has a port that it wants.
//!
//! It knows nothing of Services, clusters or nodes; servers, agents and plugins share it.
//!
//! ```text
//!  RUST_LOG, OTEL_EXPORTER_OTLP_ENDPOINT --> Telemetry --> standard error, collector
//!  `traceparent` of a request or a commit --> trace::adopt --> the span's parent
//! ```
//! Start reading at [`Telemetry`].

mod descriptors;
mod holder;
pub mod metrics;
mod signals;
mod telemetry;
pub mod trace;

pub use descriptors::{descriptors, raise_limit};
pub use holder::holder;
pub use signals::terminated;
pub use telemetry::{Telemetry, TelemetryError};
