//! Rehearsals, differences and pruning.

use portolan_tests::Server;

use crate::{apply, field, said, server, service};

const PORT: &str = "ports: [{port: 80}]";

#[test]
fn a_rehearsal_says_what_would_happen_and_changes_nothing() {
    let server = server();
    apply(&server, &service("web", "", PORT));
    let revision = || server.succeed(&["get", "cluster", "default", "-o", "json"], "");
    let before = revision();
    let text = [
        "---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n".to_owned(),
        service("web", "", PORT),
        service("web", ", labels: {a: b}", PORT),
        service("new", "", PORT),
        service("later", ", namespace: shop", PORT),
    ];
    let rehearsed = server.portolan_with(&["apply", "--dry-run=server", "-f", "-"], &text.concat());
    let expected = "\
namespace/shop created (server dry run)
service/web unchanged (server dry run)
service/new created (server dry run)
service/later not checked: its namespace does not exist yet (server dry run)
service/web configured (server dry run)
";
    assert_eq!(said(&rehearsed), (0, expected, ""));
    assert_eq!(revision(), before);

    let wrong = service("bad", "", "ports: [{port: 80, nodePort: 30080}]");
    let refused = server.portolan_with(&["apply", "--dry-run", "server", "-f", "-"], &wrong);
    assert_eq!(
        refused.code, 1,
        "what would be refused is refused: {refused:?}"
    );
    assert!(
        refused.err.contains("spec.ports[0].nodePort"),
        "{refused:?}"
    );
}

#[test]
fn a_difference_is_shown_by_lines_and_told_by_the_exit_code() {
    let server = server();
    let web = service(
        "web",
        "",
        "clusterIP: 10.96.0.80, selector: {app: web}, ports: [{port: 80}]",
    );
    apply(&server, &web);
    let diff = |text: &str| server.portolan_with(&["diff", "-f", "-"], text);
    assert_eq!(said(&diff(&web)), (0, "", ""));
    let changed = diff(&web.replace("port: 80", "port: 81"));
    let expected = "\
--- live/default/service/web
+++ applied/default/service/web
@@ -15,7 +15,7 @@
   ipFamilyPolicy: SingleStack
   ports:
   - protocol: TCP
-    port: 80
-    targetPort: 80
+    port: 81
+    targetPort: 81
   internalTrafficPolicy: Cluster
   sessionAffinity: None
";
    assert_eq!(said(&changed), (1, expected, ""));
    let new = diff(&service("new", "", PORT));
    assert_eq!(new.code, 1, "{new:?}");
    assert!(new.out.contains("@@ -0,0 +1,"), "all of it is new: {new:?}");
    let wrong = diff(&web.replace("port: 80", "port: 0"));
    assert_eq!(wrong.code, 2, "trouble is no difference: {wrong:?}");
    assert!(wrong.err.contains("spec.ports[0].port"), "{wrong:?}");
    assert_eq!(diff(&web).code, 0, "nothing was changed by looking");
}

#[test]
fn endpoints_are_compared_as_a_whole() {
    let server = server();
    let endpoints = "---\n{apiVersion: v1, kind: Endpoints, metadata: {name: db}, subsets: [{addresses: [{ip: 10.1.0.1}, {ip: 10.1.0.2}], ports: [{port: 80}]}]}\n";
    apply(&server, &(service("db", "", PORT) + endpoints));
    let diff = |text: &str| server.portolan_with(&["diff", "-f", "-"], text);
    assert_eq!(said(&diff(endpoints)), (0, "", ""));
    let less = diff(&endpoints.replace(", {ip: 10.1.0.2}", ""));
    assert_eq!(less.code, 1, "{less:?}");
    assert!(less.out.contains("-  - address: 10.1.0.2\n"), "{less:?}");
    assert!(!less.out.contains("\n+ "), "nothing is added: {less:?}");
}

/// It may be what describes the old one.
fn nothing_is_pruned_beside_what_was_not_read(server: &Server<'_>, kept: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.yaml"), kept).expect("a file");
    let path = folder.path().display().to_string();
    let other = folder.path().join("b.yaml");
    let ways: [(&str, &dyn Fn()); 5] = [
        ("a link that leads nowhere", &|| {
            std::os::unix::fs::symlink("/nowhere/two.yaml", &other).expect("a link");
        }),
        ("an emptied file", &|| {
            std::fs::write(&other, "").expect("a file");
        }),
        ("comments alone", &|| {
            std::fs::write(&other, "# gone\n---\n").expect("a file");
        }),
        ("another spelling", &|| {
            std::fs::write(&other, "apiVersion: v1\nkind: service\n").expect("a file");
        }),
        ("a kind of others", &|| {
            std::fs::write(&other, "kind: Deployment\n").expect("a file");
        }),
    ];
    for (name, make) in ways {
        make();
        let prune = ["apply", "--prune", "-l", "app=shop", "-f", &path];
        let refused = server.portolan_with(&prune, "");
        assert_eq!(refused.code, 1, "{name}: {refused:?}");
        assert!(
            refused.err.contains("nothing is pruned"),
            "{name}: {refused:?}"
        );
        std::fs::remove_file(&other).expect("it was there");
    }
}

#[test]
fn what_is_no_longer_described_is_pruned_by_its_label() {
    let server = server();
    let ours = ", labels: {app: shop}";
    let workload = |name: &str| {
        format!(
            "---\n{{apiVersion: portolan/v1, kind: Workload, metadata: {{name: {name}{ours}}}, spec: {{addresses: [10.1.0.9]}}}}\n"
        )
    };
    let namespace = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: other}}\n";
    let elsewhere = ", labels: {app: shop}, namespace: other";
    apply(
        &server,
        &[
            namespace.to_owned(),
            service("kept", ours, PORT),
            service("old", ours, PORT),
            service("foreign", ", labels: {app: bank}", PORT),
            service("elsewhere", elsewhere, PORT),
            workload("of-another-kind"),
        ]
        .concat(),
    );
    let kept = service("kept", ours, PORT);
    let prune = ["apply", "--prune", "-l", "app=shop", "-f", "-"];
    let rehearsed = server.portolan_with(&[&prune[..], &["--dry-run=server"]].concat(), &kept);
    let expected = "service/kept unchanged (server dry run)\nservice/old pruned (server dry run)\n";
    assert_eq!(said(&rehearsed), (0, expected, ""));

    let half = kept.clone() + &service("bad", ours, "ports: [{port: 0}]");
    let failed = server.portolan_with(&prune, &half);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.err.contains("nothing is pruned"), "{failed:?}");

    nothing_is_pruned_beside_what_was_not_read(&server, &kept);
    let pruned = server.portolan_with(&prune, &kept);
    let expected = "service/kept unchanged\nservice/old pruned\n";
    assert_eq!(said(&pruned), (0, expected, ""));
    let left = server.succeed(&["get", "svc,workloads", "-A", "-o", "name"], "");
    assert_eq!(
        left,
        "service/foreign\nservice/kept\nservice/elsewhere\nworkload/of-another-kind\n"
    );

    let without = server.portolan_with(&["apply", "--prune", "-f", "-"], &kept);
    assert_eq!(
        without.code, 2,
        "without a selector everything would go: {without:?}"
    );
    assert!(without.err.contains("--selector"), "{without:?}");
}

#[test]
fn a_service_of_another_type_is_applied_with_what_the_old_one_had() {
    let server = server();
    apply(
        &server,
        &service("web", "", &format!("type: NodePort, {PORT}")),
    );
    let shown = server.succeed(&["get", "service", "web", "-o", "yaml"], "");
    assert!(shown.contains("nodePort: 3"), "{shown}");
    apply(&server, &shown.replace("type: NodePort", "type: ClusterIP"));
    assert!(field(&server, "web", "/spec/ports/0/nodePort").is_null());
    assert!(field(&server, "web", "/spec/externalTrafficPolicy").is_null());
}
