//! Clusters, which are created with their first ranges; later ones are a kind of their own.

use portolan_proto::v1;

use super::answer::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::resource::resource;
use super::{Item, Scope};
use crate::kind::Kind;
use crate::shape::Message;

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.of(Kind::Cluster));
    let mut service_cidrs = Vec::new();
    let spec = fields.fields("spec").map(|fields| {
        service_cidrs = fields.texts("serviceCIDRs");
        v1::ClusterSpec::read(&fields)
    });
    fields.refuse_unknown(&["status"]);
    let notes = metadata.unlabelled("a Cluster");
    let item = Item::Cluster(v1::CreateClusterRequest {
        cluster_id: metadata.name.clone(),
        cluster: Some(resource(metadata, spec.unwrap_or_default(), scope)),
        service_cidrs,
        ..v1::CreateClusterRequest::default()
    });
    Answer::noted(item, notes)
}
