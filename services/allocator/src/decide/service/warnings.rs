//! What is accepted, but has no effect, or not everywhere.

use portolan_model::{Protocol, ServiceSpec, ServiceType};

/// Accepted, but without effect.
pub(super) fn warnings(spec: &ServiceSpec) -> Vec<String> {
    let is_alias = spec.kind == ServiceType::ExternalName;
    let is_headless = !is_alias && spec.cluster_ips.is_headless();
    let rows = [
        (
            !is_alias && spec.external_name.is_some(),
            "spec.external_name has no effect unless the type is ExternalName",
        ),
        (
            is_alias && !spec.selector.is_empty(),
            "spec.selector has no effect for type ExternalName",
        ),
        (
            (is_headless || is_alias) && !spec.session_affinity.is_none(),
            "spec.session_affinity has no effect without a virtual address",
        ),
        (
            spec.kind != ServiceType::LoadBalancer && !spec.requested_load_balancer_ips.is_empty(),
            "spec.requested_load_balancer_ips has no effect unless the type is LoadBalancer",
        ),
    ];
    let in_effect = rows.into_iter().filter(|(applies, _)| *applies);
    let texts = in_effect.map(|(_, text)| text.to_owned());
    texts.chain(sctp(spec)).collect()
}

/// Not every dataplane and not every kernel forwards SCTP.
fn sctp(spec: &ServiceSpec) -> Option<String> {
    let mut ports = spec.ports.iter();
    let at = ports.position(|port| port.protocol == Protocol::Sctp)?;
    Some(format!(
        "spec.ports[{at}].protocol: SCTP is forwarded only by nodes whose dataplane and kernel can; the condition Programmed tells of those that can't"
    ))
}
