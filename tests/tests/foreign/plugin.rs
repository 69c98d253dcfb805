//! A plugin that has none of our code carries Services of a real control plane.

use std::path::Path;

use portolan_tests::{
    Backend, Namespace, Process, PythonPlugin, Server, Store, eventually, get, holds,
};

const MANIFESTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: time}, spec: {clusterIP: 10.96.0.11, selector: {app: web}, ports: [{port: 123, protocol: UDP}]}}
---
{apiVersion: portolan/v1, kind: Workload, metadata: {name: web-1, labels: {app: web}}, spec: {addresses: [10.1.1.1], node: n1}}
---
{apiVersion: portolan/v1, kind: Workload, metadata: {name: web-2, labels: {app: web}}, spec: {addresses: [10.1.1.2], node: n1}}
";

#[test]
fn a_plugin_in_python_carries_services_and_says_what_it_can_not() {
    let machine = Namespace::new();
    for address in ["192.0.2.1/32", "10.1.1.1/32", "10.1.1.2/32"] {
        machine.ip(&["addr", "add", address, "dev", "lo"]);
    }
    let server = Server::start(Some(&machine), &Store::Sqlite, &[]);
    let backends = [(1, "one"), (2, "two")].map(|(last, name)| {
        let at = ([10, 1, 1, last], 8080).into();
        Backend::start(Some(&machine), name, at)
    });
    server.succeed(&["apply", "-f", "-"], MANIFESTS);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _plugin = start(&machine, &server, dir.path());

    let ask = || machine.enter(|| get(([10, 96, 0, 10], 80).into(), "/"));
    for backend in &backends {
        let name = &backend.process.name().to_owned();
        eventually("every backend answers", || {
            let body = ask().map_err(|error| error.to_string())?;
            holds(body.contains(name.as_str()), body)
        });
    }
    eventually("what it can't carry is told, with the remedy", || {
        let said = server.portolan(&["explain", "service", "time"]);
        let told =
            said.out.contains("UNSUPPORTED_BY_NODE") && said.out.contains("use protocol TCP");
        holds(told, said.out)
    });

    server.succeed(&["delete", "service", "web"], "");
    eventually("nobody answers any more", || {
        let asked = ask();
        holds(asked.is_err(), format!("{asked:?}"))
    });
}

fn start(machine: &Namespace, server: &Server<'_>, dir: &Path) -> (Process, PythonPlugin) {
    let plugin = PythonPlugin::new("plugin.py");
    let mut command = machine.command(Path::new("sh"));
    command.args(["-c", &plugin.command]).envs([
        ("PORTOLAN_SERVER", server.url()),
        ("PORTOLAN_NODE", "n1".to_owned()),
        ("PORTOLAN_ADDRESSES", "192.0.2.1".to_owned()),
        ("PORTOLAN_STATE_DIR", dir.display().to_string()),
    ]);
    (Process::start("plugin.py", command), plugin)
}
