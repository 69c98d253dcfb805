//! Writing: each kind by its own call, with one answer.

mod cluster;

use portolan_proto::v1;
use tonic::{Response, Status};
use v1::endpoint_api_client::EndpointApiClient;
use v1::namespace_api_client::NamespaceApiClient;

use super::{Client, MAX_MESSAGE, client};
use crate::kinds::kinds;
use crate::manifest::Item;
use crate::object::Object;

/// What a manifest asks for, as it is written.
trait Write {
    /// Writes it, or with `validate_only` only says what would come of it.
    async fn write(self, client: &Client, validate_only: bool) -> Result<Put, Status>;
}

macro_rules! writes {
    ($($kind:ident {
        called $called:tt
        message($message:ident: $($common:tt)*)
        calls($module:ident::$api:ident: $($calls:tt)*)
        applied($stage:literal as $item:ident($asked:ident) $(by $update:ident($request:ident $($mask:literal)?))? $(from $($from:literal)+)?)
    })*) => {
        impl Client {
            /// Writes what a manifest asks for, or with `validate_only` only says what would come of it.
            pub(crate) async fn put(&self, item: Item, validate_only: bool) -> Result<Put, Status> {
                match item {
                    $(Item::$item(asked) => asked.write(self, validate_only).await,)*
                }
            }
        }

        $($(
            impl Write for v1::$kind {
                async fn write(self, client: &Client, validate_only: bool) -> Result<Put, Status> {
                    let request = v1::$request {
                        $message: Some(self),
                        $(update_mask: Some(mask([$mask])),)?
                        allow_missing: true,
                        validate_only,
                        ..v1::$request::default()
                    };
                    client!(v1::$module::$api, client).$update(request).await.map(Put::of)
                }
            }
        )?)*
    };
}

kinds!(writes);

fn mask<'a>(paths: impl IntoIterator<Item = &'a str>) -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: paths.into_iter().map(ToOwned::to_owned).collect(),
    }
}

impl Write for v1::UpdateNamespaceRequest {
    async fn write(mut self, client: &Client, validate_only: bool) -> Result<Put, Status> {
        self.validate_only = validate_only;
        let mut client = client!(NamespaceApiClient, client);
        client.update_namespace(self).await.map(Put::of)
    }
}

impl Write for v1::ReplaceEndpointsRequest {
    async fn write(mut self, client: &Client, validate_only: bool) -> Result<Put, Status> {
        self.validate_only = validate_only;
        let mut client = client!(EndpointApiClient, client);
        let answer = client.replace_endpoints(self).await?;
        let outcome = outcome(&answer);
        let endpoints = answer.into_inner().endpoints;
        Ok(Put {
            outcome,
            objects: endpoints.into_iter().map(Object::from).collect(),
            warnings: Vec::new(),
        })
    }
}

/// What became of a write, or would.
#[derive(Debug)]
pub(crate) struct Put {
    /// `created`, `configured` or `unchanged`.
    pub(crate) outcome: String,
    /// What is there now: one resource, or all endpoints of one source.
    pub(crate) objects: Vec<Object>,
    pub(crate) warnings: Vec<String>,
}

impl Put {
    fn of<T: Into<Object>>(answer: Response<T>) -> Self {
        let outcome = outcome(&answer);
        let object = answer.into_inner().into();
        let warnings = match &object {
            Object::Service(service) => service.warnings.clone(),
            _ => Vec::new(),
        };
        Self {
            outcome,
            objects: vec![object],
            warnings,
        }
    }
}

fn outcome<T>(answer: &Response<T>) -> String {
    let outcome = answer.metadata().get("portolan-outcome");
    let outcome = outcome.and_then(|outcome| outcome.to_str().ok());
    outcome.unwrap_or("configured").to_owned()
}
