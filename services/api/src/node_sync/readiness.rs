//! Readiness reports on their way to the allocator, one after the other, and not in the way of Acks.

use portolan_allocator::{
    Action, Allocator, Context, NodeAction, Operation, ReadinessItem, ReadinessReport, SubmitError,
};
use portolan_distributor::{SessionId, StreamHandle};
use portolan_model::limits::HEALTH_ITEMS;
use portolan_model::{Name, Uid};
use portolan_proto::node::v1::{HealthAck, HealthReport, WorkloadHealth, sync_response};
use tokio::sync::mpsc;
use tonic::Status;

use crate::cluster::Cluster;
use crate::status::from_submit;
use crate::status::stream::{failed, violation};

/// Reports of a node that may wait; one that does not wait for its `HealthAck`s repeats the rest.
const QUEUE: usize = 8;

/// Takes the reports of one stream.
pub(super) struct ReadinessQueue {
    allocator: Allocator,
    stream: StreamHandle,
    node: Name,
    session: SessionId,
    /// Opened by the first report: most streams never see one, and the queue weighs as much as the rest of them.
    waiting: Option<mpsc::Sender<ReadinessReport>>,
}

impl ReadinessQueue {
    /// It works until it is dropped.
    pub(super) fn open(
        cluster: &Cluster,
        node: &Name,
        session: SessionId,
        stream: StreamHandle,
    ) -> Self {
        Self {
            allocator: cluster.allocator.clone(),
            stream,
            node: node.clone(),
            session,
            waiting: None,
        }
    }

    /// Takes a report. If too many wait, it is dropped without a `HealthAck`, and the node sends it again.
    pub(super) fn take(&mut self, report: HealthReport) -> Result<(), Status> {
        let items = report.items.len();
        if items > HEALTH_ITEMS.value {
            let said = format!("a health report has {}", HEALTH_ITEMS.exceeded(items));
            return Err(violation(said));
        }
        let items: Option<_> = report.items.into_iter().map(item).collect();
        let report = ReadinessReport {
            node: self.node.clone(),
            node_uid: self.session.uid,
            session: self.session.number,
            seq: report.seq,
            full: report.full,
            items: items.ok_or_else(|| violation("a workload's uid has 16 bytes"))?,
        };
        let (allocator, stream) = (&self.allocator, &self.stream);
        let waiting = self.waiting.get_or_insert_with(|| {
            let (waiting, reports) = mpsc::channel(QUEUE);
            tokio::spawn(work(allocator.clone(), reports, stream.clone()));
            waiting
        });
        if waiting.try_send(report).is_err() {
            tracing::debug!(node = %self.node, "a health report has to be sent again");
        }
        Ok(())
    }
}

fn item(sent: WorkloadHealth) -> Option<ReadinessItem> {
    Some(ReadinessItem {
        workload: Uid::from_slice(&sent.workload_uid)?,
        probe_generation: sent.probe_generation,
        serving: sent.serving,
        reason: sent.reason,
    })
}

async fn work(
    allocator: Allocator,
    mut reports: mpsc::Receiver<ReadinessReport>,
    stream: StreamHandle,
) {
    while let Some(report) = reports.recv().await {
        let seq = report.seq;
        let context = Context {
            principal: format!("nodes/{}", report.node),
            method: "ReportReadiness",
            ..Context::default()
        };
        let action = Action::Node(NodeAction::ReportReadiness(report));
        match allocator.submit(Operation { action, context }).await {
            Ok(_) => stream.send(sync_response::Message::HealthAck(HealthAck { seq })),
            // A newer session speaks for the node, or the report can never be taken.
            Err(error @ SubmitError::Refused(_)) => {
                let cluster = allocator.cache().cluster();
                stream.end(failed(&from_submit(cluster.as_str(), error)));
            }
            // Without a HealthAck the node sends it again.
            Err(error) => tracing::debug!(error = %error, "a health report was not committed"),
        }
    }
}
