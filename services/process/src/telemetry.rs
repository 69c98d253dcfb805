//! Logs for people, traces for collectors; the same for every Portolan process.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Where the OTLP endpoint is named (OpenTelemetry's own variable); unset: nothing is exported.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Logs and traces of this process. What is still to be exported goes out when it is dropped.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Tracing could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter refuses its endpoint.
    #[error("{ENDPOINT}: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Somebody was faster.
    #[error("logging is set up already: {0}")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
}

impl Telemetry {
    /// Logs to standard error, filtered by `RUST_LOG` or else by `default`; spans to the OTLP endpoint if one is named.
    /// Must run within a Tokio runtime.
    pub fn start(service: &'static str, default: &str) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        let logs = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_filter(filter);
        let provider = std::env::var(ENDPOINT)
            .ok()
            .filter(|e| !e.is_empty())
            .map(|e| exporter(service, &e))
            .transpose()?;
        let spans = provider.as_ref().map(|provider| {
            // Spans of libraries would drown ours.
            let filter = EnvFilter::new("off,portolan=debug");
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer(service))
                .with_filter(filter)
        });
        tracing_subscriber::registry()
            .with(logs)
            .with(spans)
            .try_init()?;
        Ok(Self { provider })
    }
}

fn exporter(service: &'static str, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(error = %error, "the last spans were not exported");
        }
    }
}
