//! Conditions of nodes.

use portolan_model::{ConditionReason as Why, Node, NodeReport, NodeSpec};
use portolan_proto::v1;
use portolan_proto::v1::ConditionStatus::{False, True, Unknown};

use super::Word;

/// Conditions of a node.
pub(crate) fn node_conditions(
    node: &Node,
    runtime: Option<&NodeReport>,
    described: Option<&NodeSpec>,
) -> Vec<v1::Condition> {
    let generation = node.meta.generation;
    // Of an open stream the last sign of life is no transition.
    let since = runtime.filter(|r| !r.connected).map(|r| r.last_contact);
    let connected = match runtime {
        Some(runtime) if runtime.connected => {
            Word(True, Why::StreamOpen, "its plugin is connected".to_owned())
        }
        Some(_) => Word(
            False,
            Why::StreamClosed,
            "its plugin is not connected; the node keeps its last state".to_owned(),
        ),
        None => Word(
            Unknown,
            Why::NeverConnected,
            "its plugin was not seen yet".to_owned(),
        ),
    };
    let mut conditions = vec![connected.condition("Connected", generation, since)];
    if let Some(difference) = described.and_then(|described| difference(&node.spec, described)) {
        let message = format!(
            "its plugin says otherwise: {difference}; change the node, or the plugin's flags"
        );
        let differs = Word(True, Why::HelloDiffers, message);
        conditions.push(differs.condition("NodeSpecMismatch", generation, None));
    }
    conditions
}

/// What a plugin says of its node that is not registered so.
fn difference(registered: &NodeSpec, described: &NodeSpec) -> Option<String> {
    let addresses = |list: &[std::net::IpAddr]| {
        list.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let pairs = [
        (
            "addresses",
            addresses(&registered.addresses),
            addresses(&described.addresses),
        ),
        (
            "node_port_addresses",
            addresses(&registered.node_port_addresses()),
            addresses(&described.node_port_addresses()),
        ),
        ("zone", registered.zone.clone(), described.zone.clone()),
        (
            "dataplane",
            registered.dataplane.clone(),
            described.dataplane.clone(),
        ),
    ];
    let differing = pairs
        .into_iter()
        .filter(|(_, registered, described)| registered != described);
    let words: Vec<_> = differing
        .map(|(field, is, says)| format!("{field} {says:?} instead of {is:?}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}
