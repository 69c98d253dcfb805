//! ServiceCidrAPI.

use portolan_allocator::{Action, Operation, ServiceCidrAction};
use portolan_model::ServiceCidr;
use portolan_proto::convert::{name, service_cidr};
use portolan_proto::v1;
use portolan_proto::v1::service_cidr_api_server::ServiceCidrApi;
use tonic::{Request, Response, Status};

use super::rpcs::rpcs;
use crate::api::Api;
use crate::conditions::service_cidr_conditions;
use crate::context::context;
use crate::resource::{Exposed, View, message, write};
use crate::shape::{parse, required};

impl Exposed for ServiceCidr {
    type Message = v1::ServiceCidr;

    fn message(&self, cluster: &str) -> v1::ServiceCidr {
        service_cidr::to_wire(cluster, self)
    }

    fn shown(&self, view: &View<'_>) -> v1::ServiceCidr {
        v1::ServiceCidr {
            status: Some(v1::ServiceCidrStatus {
                conditions: service_cidr_conditions(view.state, self),
                ..service_cidr::status(view.state, self)
            }),
            ..self.message(view.cluster.name())
        }
    }
}

message!(ServiceCidr in "service_cidr");

rpcs! {
    ServiceCidrApi: ServiceCidr, service_cidr, service_cidrs;
    get get_service_cidr(GetServiceCidrRequest) -> ServiceCidr;
    list list_service_cidrs(ListServiceCidrsRequest) -> ListServiceCidrsResponse;
    delete delete_service_cidr(DeleteServiceCidrRequest, drain) -> ServiceCidr
        by |name, delete| Action::ServiceCidr(ServiceCidrAction::Delete { name, drain, delete });
    watch watch_service_cidrs(WatchServiceCidrsRequest) -> WatchServiceCidrsResponse;
    stream WatchServiceCidrsStream of WatchServiceCidrsResponse;
    more {
        async fn create_service_cidr(
            &self,
            request: Request<v1::CreateServiceCidrRequest>,
        ) -> Result<Response<v1::ServiceCidr>, Status> {
            create(self, &request).await
        }
    }
}

/// Nothing but its ranges can be said of a new one, and they must be.
async fn create(
    api: &Api,
    request: &Request<v1::CreateServiceCidrRequest>,
) -> Result<Response<v1::ServiceCidr>, Status> {
    let m = request.get_ref();
    let (parent, operation) = parse(|v| {
        let parent = name::cluster("parent", &m.parent, v);
        let id = name::new_label("service_cidr_id", &m.service_cidr_id, v);
        let (id_of_request, only) = (&m.request_id, m.validate_only);
        let context = context("CreateServiceCidr", request, id_of_request, only, v);
        let sent = required("service_cidr", m.service_cidr.as_ref(), v)?;
        let spec = required("service_cidr.spec", sent.spec.as_ref(), v)?;
        let cidrs = service_cidr::cidrs("service_cidr.spec.cidrs", &spec.cidrs, v);
        let action = Action::ServiceCidr(ServiceCidrAction::Create { name: id?, cidrs });
        Some((parent?, Operation { action, context }))
    })?;
    write::put::<ServiceCidr>(&api.cluster(&parent)?, operation).await
}
