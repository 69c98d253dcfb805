//! In which order manifests are sent, and what is left out of them.

use std::collections::HashMap;

use portolan_proto::v1;

use crate::manifest::{Item, Manifest};

/// What may be sent together: first what others need; and of two manifests for one resource, or that ask for one
/// address or node port, one after the other, so that the first has it.
pub(in crate::commands) fn stages(manifests: Vec<Manifest>) -> Vec<Vec<Manifest>> {
    let mut rounds: HashMap<String, usize> = HashMap::new();
    let mut order: Vec<((u8, usize), Manifest)> = Vec::new();
    for manifest in manifests {
        let keys = contested(&manifest.item);
        let round = keys.iter().filter_map(|key| rounds.get(key)).max();
        let round = round.copied().unwrap_or_default();
        rounds.extend(keys.into_iter().map(|key| (key, round + 1)));
        order.push(((manifest.item.stage(), round), manifest));
    }
    order.sort_by_key(|(key, _)| *key);
    let mut stages: Vec<((u8, usize), Vec<Manifest>)> = Vec::new();
    for (key, manifest) in order {
        match stages.last_mut() {
            Some((last, stage)) if *last == key => stage.push(manifest),
            _ => stages.push((key, vec![manifest])),
        }
    }
    stages.into_iter().map(|(_, stage)| stage).collect()
}

/// What only one manifest at a time can write or have.
fn contested(item: &Item) -> Vec<String> {
    let name = item.name();
    match item {
        Item::Endpoints(request) => vec![format!("endpoints of {name} from {}", request.source)],
        Item::Service(v1::Service {
            spec: Some(spec), ..
        }) => {
            let addresses = spec.cluster_ips.iter().filter(|ip| *ip != "None");
            let ports = spec.ports.iter().map(|port| port.node_port);
            let ports = ports.filter(|port| *port != 0);
            [name.to_owned()]
                .into_iter()
                .chain(addresses.map(|ip| format!("address {ip}")))
                .chain(ports.map(|port| format!("node port {port}")))
                .collect()
        }
        _ => vec![name.to_owned()],
    }
}

/// Forgets what another cluster allocated; `None` is no address, but says headless.
pub(super) fn reallocate(item: &mut Item) {
    let Item::Service(v1::Service {
        spec: Some(spec), ..
    }) = item
    else {
        return;
    };
    spec.cluster_ips.retain(|ip| ip == "None");
    spec.health_check_node_port = 0;
    for port in &mut spec.ports {
        port.node_port = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Reading, Scope, read};

    #[test]
    fn who_comes_first_has_what_two_ask_for() {
        let service = |name: &str, spec: &str| {
            format!(
                "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n"
            )
        };
        let port = "type: NodePort, ports: [{port: 80, nodePort: 31080}]";
        let text = [
            service("a", port),
            service("b", "clusterIP: 10.96.0.1"),
            service("c", port),
            service(
                "d",
                "clusterIP: 10.96.0.1, type: NodePort, ports: [{port: 80, nodePort: 31080}]",
            ),
            service("e", "clusterIP: None"),
            service("f", "clusterIP: None"),
        ];
        let scope = Scope {
            cluster: "default".into(),
            namespace: None,
        };
        let manifest = |reading| match reading {
            Reading::Manifest(manifest) => *manifest,
            other => panic!("{other:?}"),
        };
        let readings = read("a.yaml", &text.concat(), &scope);
        let stages = stages(readings.into_iter().map(manifest).collect());
        let labels: Vec<Vec<_>> = stages
            .iter()
            .map(|stage| {
                stage
                    .iter()
                    .map(|manifest| manifest.label.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(
            labels,
            [
                vec!["service/a", "service/b", "service/e", "service/f"],
                vec!["service/c"],
                vec!["service/d"],
            ]
        );
    }
}
