//! WorkloadAPI.

use portolan_allocator::{Action, Delete, Put, Write};
use portolan_model::{Name, Scoped, Violations, Workload, WorkloadSpec, validate};
use portolan_proto::convert::{name, workload};
use portolan_proto::v1;
use portolan_proto::v1::workload_api_server::WorkloadApi;

use super::rpcs::rpcs;
use crate::conditions::workload_status;
use crate::mask::Table;
use crate::resource::{Exposed, View, Written, params};

impl Exposed for Workload {
    type Message = v1::Workload;

    fn shown(&self, view: &View<'_>) -> v1::Workload {
        v1::Workload {
            status: Some(workload_status(view.state, self)),
            ..workload::to_wire(view.cluster.name(), self)
        }
    }
}

impl Written for Workload {
    fn table() -> &'static Table<v1::Workload, WorkloadSpec> {
        static TABLE: Table<v1::Workload, WorkloadSpec> = Table {
            message: "portolan.v1.Workload",
            field: "workload",
            open: &["spec"],
            inwards: |sent, v| {
                let default = v1::WorkloadSpec::default();
                let spec = sent.spec.as_ref().unwrap_or(&default);
                let spec = workload::spec("workload.spec", spec, v);
                validate::labels("workload.labels", &sent.labels, v);
                validate::annotations("workload.annotations", &sent.annotations, v);
                params(sent, spec)
            },
            outwards: |params| v1::Workload {
                labels: params.labels.clone(),
                annotations: params.annotations.clone(),
                spec: Some(workload::spec_to_wire(&params.spec)),
                ..v1::Workload::default()
            },
            check: |params, v| validate::workload("workload.spec", &params.spec, v),
        };
        &TABLE
    }

    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_subdomain(field, text, violations)
    }

    fn put(key: Scoped, put: Put<WorkloadSpec>) -> Action {
        Action::Workload(Write::Put { key, put })
    }
}

fn deletion(key: Scoped, delete: Delete) -> Action {
    Action::Workload(Write::Delete { key, delete })
}

rpcs! {
    WorkloadApi: Workload, workload, workloads;
    get get_workload(GetWorkloadRequest) -> Workload;
    list list_workloads(ListWorkloadsRequest) -> ListWorkloadsResponse;
    create create_workload(CreateWorkloadRequest, workload_id) -> Workload;
    update update_workload(UpdateWorkloadRequest) -> Workload;
    delete delete_workload(DeleteWorkloadRequest) -> Workload;
    watch watch_workloads(WatchWorkloadsRequest) -> WatchWorkloadsResponse;
    stream WatchWorkloadsStream of WatchWorkloadsResponse;
    more {}
}
