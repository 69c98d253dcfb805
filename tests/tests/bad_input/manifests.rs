//! Through the command: file, line and column, everything that is wrong at once, and exit code 1.

use crate::{connect, revision, server};

/// The head of a Service in block style: `spec:` is line 4.
const HEAD: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n";

/// What is wrong, what is applied, and every line of the answer: how it begins.
const REFUSED: &[(&str, &str, &[&str])] = &[
    ("nothing", "", &["there is no document in it"]),
    ("an open list", "a: [\n", &["stdin:2:1: "]),
    ("a map in a scalar", "a: b\n  c: d\n", &["stdin:2:4: "]),
    ("a tab", "kind:\n\tService\n", &["stdin:2:1: found"]),
    (
        "no kind",
        "apiVersion: v1\n",
        &["stdin:1:1: kind is missing"],
    ),
    (
        "another version",
        "apiVersion: v9\nkind: Service\n",
        &["stdin:1:13: apiVersion: \"v9\" is no version of kind Service"],
    ),
    (
        "unknown fields",
        "HEAD  ports: [{port: 80}]\n  portz: 1\n  selectr: {a: b}\n",
        &[
            "stdin:6:3: spec.portz: unknown field",
            "stdin:7:3: spec.selectr: unknown field",
        ],
    ),
    (
        "wrong types",
        "HEAD  ports: [{port: http}]\n  selector: [a]\n  publishNotReadyAddresses: 7\n",
        &[
            "stdin:5:18: spec.ports[0].port: expected an integer",
            "stdin:6:13: spec.selector: expected a map",
            "stdin:7:29: spec.publishNotReadyAddresses: expected",
        ],
    ),
    (
        "words that are none",
        "HEAD  type: Nodeport\n  ports: [{port: 80, protocol: tcp}]\n",
        &[
            "stdin:5:9: spec.type: \"Nodeport\" is none of",
            "stdin:6:32: spec.ports[0].protocol: \"tcp\" is none of",
        ],
    ),
    (
        "a name out of rule",
        "{apiVersion: v1, kind: Namespace, metadata: {name: My_Shop}}",
        &["namespace/My_Shop: stdin:1:52: metadata.name: the namespace \"My_Shop\""],
    ),
    (
        "ports out of range, and twice",
        "HEAD  ports:\n  - {name: a, port: 0}\n  - {name: b, port: 70000}\n  - {name: c, port: 80}\n  - {name: c, port: 80}\n",
        &[
            "service/web: stdin:6:21: spec.ports[0].port: 0 is not between 1 and 65535",
            "service/web: stdin:7:21: spec.ports[1].port: 70000 is not between 1 and 65535",
            "service/web: stdin:9:12: spec.ports[3].name: \"c\" is used by another port",
            "service/web: stdin:9:21: spec.ports[3].port: 80/TCP is there twice",
        ],
    ),
    (
        "an address and a node port outside their ranges",
        "HEAD  type: NodePort\n  clusterIP: 192.0.2.1\n  ports: [{port: 80, nodePort: 80}]\n",
        &[
            "service/web: stdin:6:14: spec.clusterIP: 192.0.2.1 is no usable address of the cluster's ready ServiceCIDRs (10.96.0.0/12)",
            "service/web: stdin:7:32: spec.ports[0].nodePort: 80 lies outside the cluster's node ports (30000-32767)",
        ],
    ),
    (
        "an address and a node port that are taken",
        "HEAD  type: NodePort\n  clusterIP: 10.96.0.9\n  ports: [{port: 80, nodePort: 30009}]\n",
        &[
            "service/web: stdin:6:14: spec.clusterIP: 10.96.0.9 is held by Service default/holder",
            "service/web: stdin:7:32: spec.ports[0].nodePort: node port 30009 is held by Service default/holder",
        ],
    ),
    (
        "one address of a list that is taken",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}}]}",
        &["service/web: stdin:1:111: spec.clusterIP: 10.96.0.9 is held by Service default/holder"],
    ),
];

const HOLDER: &str = "{apiVersion: v1, kind: Service, metadata: {name: holder}, spec: \
    {type: NodePort, clusterIP: 10.96.0.9, ports: [{port: 80, nodePort: 30009}]}}";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_manifests_are_refused_by_line_and_column_and_change_nothing() {
    let server = server(&[]);
    server.succeed(&["apply", "-f", "-"], HOLDER);
    let channel = connect(&server).await;
    let before = revision(&channel).await;
    for (row, text, expected) in REFUSED {
        let said = server.portolan_with(&["apply", "-f", "-"], &text.replace("HEAD", HEAD));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{row}: {said:?}");
        let lines: Vec<_> = said.err.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{row}: {lines:#?}");
        for start in *expected {
            let found = lines
                .iter()
                .any(|line| line.starts_with(&format!("error: {start}")));
            assert!(found, "{row}: no {start:?} in {lines:#?}");
        }
        assert_eq!(revision(&channel).await, before, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_right_beside_what_is_wrong_is_applied() {
    let server = server(&[]);
    let text = format!(
        "{HOLDER}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: bad}}, spec: {{port: 1}}}}\n"
    );
    let said = server.portolan_with(&["apply", "-f", "-"], &text);
    assert_eq!(
        (said.code, said.out.as_str()),
        (1, "service/holder created\n")
    );
    assert!(said.err.starts_with("error: stdin:3:"), "{said:?}");
}
