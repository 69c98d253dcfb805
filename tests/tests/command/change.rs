//! `patch`, `label` and `edit`.

use std::os::unix::fs::PermissionsExt;

use portolan_tests::{Output, Server};
use tempfile::TempDir;

use crate::{apply, field, said, server, service};

const WEB: &str = "selector: {app: web}, ports: [{name: http, port: 80}]";

/// An editor that runs a shell script on the file, `$1`; `$0` is a path of its own for what it remembers.
struct Editor(TempDir);

impl Editor {
    fn new(script: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let path = dir.path().join("editor");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
        let mode = PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&path, mode).expect("it is ours");
        Self(dir)
    }

    fn edit(&self, server: &Server<'_>, what: &[&str]) -> Output {
        let editor = self.0.path().join("editor").display().to_string();
        let directory = self.0.path().display().to_string();
        let variables = [
            ("EDITOR", editor.as_str()),
            ("TMPDIR", &directory),
            ("VISUAL", ""),
        ];
        server.portolan_in(&variables, &[&["edit"], what].concat())
    }

    /// What the editor saw when it was opened for the n-th time.
    fn saw(&self, n: usize) -> String {
        let path = self.0.path().join(format!("editor.{n}"));
        std::fs::read_to_string(path).expect("it was opened that often")
    }
}

/// Keeps what is seen, counting from 1.
const REMEMBER: &str = r#"n=$(($(ls "$0".* 2>/dev/null | wc -l) + 1)); cp "$1" "$0.$n""#;

#[test]
fn a_patch_changes_what_it_names() {
    let server = server();
    apply(&server, &service("web", ", labels: {a: b}", WEB));
    let patch = |patch: &str| server.portolan(&["patch", "svc", "web", "-p", patch]);
    for (patched, pointer, value) in [
        (
            r#"{"spec": {"sessionAffinity": "ClientIP"}}"#,
            "/spec/sessionAffinity",
            "\"ClientIP\"",
        ),
        (
            "spec: {selector: {tier: db, app: null}}",
            "/spec/selector",
            r#"{"tier":"db"}"#,
        ),
        (
            r#"{"spec": {"type": "NodePort"}}"#,
            "/spec/externalTrafficPolicy",
            "\"Cluster\"",
        ),
        (
            r#"{"spec": {"type": "ClusterIP"}}"#,
            "/spec/externalTrafficPolicy",
            "null",
        ),
        (
            r#"{"metadata": {"labels": null}}"#,
            "/metadata/labels",
            "null",
        ),
        (
            r#"{"spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}}"#,
            "/spec/ports/1/port",
            "2",
        ),
    ] {
        assert_eq!(
            said(&patch(patched)),
            (0, "service/web patched\n", ""),
            "{patched}"
        );
        assert_eq!(
            field(&server, "web", pointer).to_string(),
            value,
            "{patched}"
        );
        let again = patch(patched);
        assert_eq!(
            said(&again),
            (0, "service/web unchanged\n", ""),
            "{patched}"
        );
    }
}

#[test]
fn a_patch_that_is_refused_is_told_by_its_own_places() {
    let server = server();
    apply(&server, &service("web", "", WEB));
    for (patch, code, line) in [
        (
            "{\"spec\": {\"ports\":\n [{\"port\": 0}]}}",
            1,
            "error: service/web: --patch:2:12: spec.ports[0].port: ",
        ),
        (
            "spec: {prots: []}",
            1,
            "error: --patch:1:8: spec.prots: unknown field",
        ),
        (
            "metadata: {name: other}",
            1,
            "error: kind, name and namespace of service/web can't be changed",
        ),
        ("spec: [", 2, "error: --patch:"),
    ] {
        let refused = server.portolan(&["patch", "svc/web", "-p", patch]);
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.err.starts_with(line), "{patch}: {refused:?}");
    }
    let words = ["patch", "svc/web", "--type", "strategic", "-p", "{}"];
    let strategic = server.portolan(&words);
    assert_eq!(strategic.code, 2);
    assert!(strategic.err.contains("use merge"), "{strategic:?}");
}

#[test]
fn labels_are_set_and_removed_one_by_one() {
    let server = server();
    apply(&server, &service("web", ", labels: {app: web}", WEB));
    let label = |words: &[&str]| server.portolan(&[&["label", "service", "web"], words].concat());
    assert_eq!(
        said(&label(&["tier=front", "team=a"])),
        (0, "service/web labeled\n", "")
    );
    let taken = label(&["tier=back"]);
    let line = "error: service/web: tier is \"front\" already; --overwrite replaces it\n";
    assert_eq!(said(&taken), (1, "", line));
    assert_eq!(label(&["tier=back", "team-", "--overwrite"]).code, 0);
    let labels = field(&server, "web", "/metadata/labels").to_string();
    assert_eq!(labels, r#"{"app":"web","tier":"back"}"#);
    assert_eq!(
        said(&label(&["tier=back"])),
        (0, "service/web unchanged\n", "")
    );
    let bad = label(&["tier=no good", "--overwrite"]);
    assert!(bad.err.contains("metadata.labels[\"tier\"]"), "{bad:?}");
    for words in [&["tier"][..], &[]] {
        assert_eq!(label(words).code, 2, "{words:?}");
    }
    let without = server.portolan(&["label", "cluster/default", "a=b"]);
    assert_eq!(
        (without.code, without.err.as_str()),
        (2, "error: a cluster has no labels\n")
    );
}

#[test]
fn what_is_saved_in_the_editor_is_applied() {
    let server = server();
    apply(&server, &service("web", "", WEB));
    let editor = Editor::new("sed -i 's/port: 80$/port: 8080/' \"$1\"");
    let edited = editor.edit(&server, &["service", "web"]);
    assert_eq!(said(&edited), (0, "service/web edited\n", ""));
    assert_eq!(field(&server, "web", "/spec/ports/0/port"), 8080);

    for script in [
        "true",
        "printf '' > \"$1\"",
        "sed -i '1s/^/# more\\n/' \"$1\"",
    ] {
        let cancelled = Editor::new(script).edit(&server, &["svc/web"]);
        assert_eq!(
            said(&cancelled),
            (0, "Edit cancelled, no changes made.\n", ""),
            "{script}"
        );
    }
    let failed = Editor::new("exit 3").edit(&server, &["svc/web"]);
    assert_eq!(failed.code, 1);
    assert!(failed.err.contains("nothing was changed"), "{failed:?}");
}

#[test]
fn what_is_refused_comes_back_with_the_reasons_where_they_are() {
    let server = server();
    apply(&server, &service("web", "", WEB));
    let script = format!(
        "{REMEMBER}; case $n in 1) sed -i 's/port: 80$/port: 0/' \"$1\";; 2) sed -i 's/port: 0$/port: 8081/' \"$1\";; esac"
    );
    let editor = Editor::new(&script);
    let edited = editor.edit(&server, &["service", "web"]);
    assert_eq!(said(&edited), (0, "service/web edited\n", ""));
    assert_eq!(field(&server, "web", "/spec/ports/0/port"), 8081);
    let second = editor.saw(2);
    let reason = second
        .lines()
        .find(|line| line.contains(": spec.ports[0].port: "));
    let reason = reason.unwrap_or_else(|| panic!("no reason in {second}"));
    assert!(reason.starts_with("# "), "{reason}");
    let place = reason.split(".yaml:").nth(1).expect("it names the file");
    let line: usize = place.split(':').next().unwrap().parse().expect("a line");
    let found = second.lines().nth(line - 1).expect("the line is there");
    assert_eq!(found.trim(), "port: 0", "{second}");

    let stubborn = Editor::new(&format!(
        "{REMEMBER}; sed -i 's/port: 8081$/prot: 1/' \"$1\""
    ));
    let kept = stubborn.edit(&server, &["service", "web"]);
    assert_eq!(kept.code, 1);
    let path = kept
        .err
        .trim()
        .rsplit(' ')
        .next()
        .expect("it names the file");
    let text = std::fs::read_to_string(path).expect("the work is not lost");
    assert!(text.contains("spec.ports[0].prot: unknown field"), "{text}");
    assert!(text.contains("prot: 1"), "{text}");
    assert_eq!(field(&server, "web", "/spec/ports/0/port"), 8081);
}

#[test]
fn who_was_overtaken_is_told_and_overwrites_nothing() {
    let server = server();
    apply(&server, &service("web", "", WEB));
    let portolan = portolan_tests::binary("portolan").display().to_string();
    let url = server.url();
    // Somebody else labels the Service while the editor is open.
    let script = format!(
        "{portolan} label svc/web faster=yes --server {url} && sed -i 's/port: 80$/port: 8080/' \"$1\""
    );
    let overtaken = Editor::new(&script).edit(&server, &["service", "web"]);
    assert_eq!(overtaken.code, 1, "{overtaken:?}");
    assert!(
        overtaken
            .err
            .contains("somebody changed it since it was read"),
        "{overtaken:?}"
    );
    assert!(
        overtaken.err.contains("your version is kept in "),
        "{overtaken:?}"
    );
    assert_eq!(field(&server, "web", "/spec/ports/0/port"), 80);
    assert_eq!(field(&server, "web", "/metadata/labels/faster"), "yes");
}
