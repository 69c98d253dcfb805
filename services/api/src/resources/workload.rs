//! WorkloadAPI.

use portolan_allocator::{Action, Put, Write};
use portolan_model::{Name, Scoped, Violations, Workload, WorkloadSpec, validate};
use portolan_proto::convert::{name, workload};
use portolan_proto::v1;
use portolan_proto::v1::workload_api_server::WorkloadApi;

use super::rpcs::rpcs;
use crate::conditions::workload_status;
use crate::resource::{Exposed, View, Written, message};

impl Exposed for Workload {
    type Message = v1::Workload;

    fn message(&self, cluster: &str) -> v1::Workload {
        workload::to_wire(cluster, self)
    }

    fn shown(&self, view: &View<'_>) -> v1::Workload {
        v1::Workload {
            status: Some(workload_status(view.state, self)),
            ..self.message(view.cluster.name())
        }
    }
}

message!(Workload in "workload", WorkloadSpec; warnings);

impl Written for Workload {
    fn read(field: &str, sent: &v1::WorkloadSpec, violations: &mut Violations) -> WorkloadSpec {
        workload::spec(field, sent, violations)
    }

    fn write(spec: &WorkloadSpec) -> v1::WorkloadSpec {
        workload::spec_to_wire(spec)
    }

    fn check(field: &str, spec: &WorkloadSpec, violations: &mut Violations) {
        validate::workload(field, spec, violations);
    }

    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_subdomain(field, text, violations)
    }

    fn put(key: Scoped, put: Put<WorkloadSpec>) -> Action {
        Action::Workload(Write::Put { key, put })
    }
}

rpcs! {
    WorkloadApi: Workload, workload, workloads;
    get get_workload(GetWorkloadRequest) -> Workload;
    list list_workloads(ListWorkloadsRequest) -> ListWorkloadsResponse;
    create create_workload(CreateWorkloadRequest, workload_id) -> Workload;
    update update_workload(UpdateWorkloadRequest) -> Workload;
    delete delete_workload(DeleteWorkloadRequest) -> Workload
        by |key, delete| Action::Workload(Write::Delete { key, delete });
    watch watch_workloads(WatchWorkloadsRequest) -> WatchWorkloadsResponse;
    stream WatchWorkloadsStream of WatchWorkloadsResponse;
    more {}
}
