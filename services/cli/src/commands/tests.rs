use std::fmt::Write as _;
use std::path::Path;

use clap::{CommandFactory, Parser};
use tempfile::TempDir;

use super::{Command, Console, dispatch};
use crate::failure::Failure;
use fake::Fake;

mod fake;

/// A program that has nothing but these commands.
#[derive(Parser)]
#[command(name = "portolan")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What a command printed, and its exit code.
struct Printed {
    out: String,
    err: String,
    code: u8,
}

async fn portolan(server: &str, words: &[&str]) -> Printed {
    let words = [&["portolan"], words, &["--server", server]].concat();
    let arguments = Arguments::try_parse_from(words).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console {
        out: &mut out,
        err: &mut err,
    };
    let result = dispatch(arguments.command, Arguments::command(), &mut console).await;
    let mut err = String::from_utf8(err).unwrap();
    for line in result
        .as_ref()
        .err()
        .map(Failure::lines)
        .unwrap_or_default()
    {
        writeln!(err, "error: {line}").unwrap();
    }
    Printed {
        out: String::from_utf8(out).unwrap(),
        err,
        code: result.err().map_or(0, |failure| failure.exit_code()),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const WEB: &str = "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80}]}}\n";
const SHOP: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n";

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[tokio::test]
async fn apply_goes_on_after_errors_and_reports_them() {
    let server = Fake::start().await;
    let folder = folder(&[
        ("1.yaml", WEB),
        (
            "2.yml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: bad, namespace: shop}\nspec: {port: 80}\n",
        ),
        ("3.yaml", "a: [\n"),
        (
            "4.json",
            "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}}",
        ),
        ("5.yaml", SHOP),
        (
            "6.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: lb, namespace: shop}\nspec:\n  type: LoadBalancer\n",
        ),
        (
            "7.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: late, namespace: shop}\n",
        ),
        ("notes.txt", "not YAML: ["),
    ]);
    let path = text(folder.path());
    let printed = portolan(&server.url, &["apply", "-f", path]).await;
    assert_eq!(
        printed.out,
        "secret/s ignored: Portolan does not use kind Secret\n\
         namespace/shop created\nservice/web created\nservice/late created\n"
    );
    let errors: Vec<_> = printed
        .err
        .lines()
        .map(|line| line.replace(path, ""))
        .collect();
    assert_eq!(errors[0], "error: /2.yml:4:8: spec.port: unknown field");
    assert!(errors[1].starts_with("error: /3.yaml:2:1: "), "{errors:?}");
    assert_eq!(
        errors[2],
        "error: service/lb: /6.yaml:5:9: spec.type: LoadBalancer is not supported yet"
    );
    assert_eq!((errors.len(), printed.code), (3, 1));
}

#[tokio::test]
async fn apply_says_what_changed() {
    let server = Fake::start().await;
    let folder = folder(&[
        ("a.yaml", &format!("{SHOP}---\n{WEB}")),
        ("b.yaml", &WEB.replace("80", "81")),
    ]);
    let a = folder.path().join("a.yaml");
    let b = folder.path().join("b.yaml");
    for (file, out) in [
        (&a, "namespace/shop created\nservice/web created\n"),
        (&a, "namespace/shop unchanged\nservice/web unchanged\n"),
        (&b, "service/web configured\n"),
    ] {
        let printed = portolan(&server.url, &["apply", "-f", text(file)]).await;
        assert_eq!(
            (printed.out.as_str(), printed.code),
            (out, 0),
            "{}",
            printed.err
        );
    }
}

#[tokio::test]
async fn two_manifests_for_one_service_are_applied_in_their_order() {
    let server = Fake::start().await;
    let folder = folder(&[(
        "a.yaml",
        &format!("{WEB}---\n{}---\n{SHOP}", WEB.replace("80", "81")),
    )]);
    let printed = portolan(&server.url, &["apply", "-f", text(folder.path())]).await;
    assert_eq!(
        printed.out,
        "namespace/shop created\nservice/web created\nservice/web configured\n"
    );
}

#[tokio::test]
async fn a_namespace_that_is_missing_is_named_with_both_remedies() {
    let server = Fake::start().await;
    let folder = folder(&[("a.yaml", WEB)]);
    let file = folder.path().join("a.yaml");
    let printed = portolan(&server.url, &["apply", "-f", text(&file)]).await;
    let line = format!(
        "error: service/web: {}:1:66: metadata.namespace: the namespace \"shop\" does not exist: add --create-namespace, or apply a manifest of kind Namespace\n",
        text(&file)
    );
    assert_eq!(printed.err, line);
    assert_eq!(printed.code, 1);
    let printed = portolan(
        &server.url,
        &["apply", "-f", text(&file), "--create-namespace"],
    )
    .await;
    assert_eq!(printed.out, "namespace/shop created\nservice/web created\n");
    assert_eq!(printed.code, 0);
}

#[tokio::test]
async fn reallocate_leaves_out_what_another_cluster_allocated() {
    let server = Fake::start().await;
    let folder = folder(&[
        (
            "a.yaml",
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePort, clusterIP: 10.9.9.9, ports: [{port: 80, nodePort: 31080}]}}",
        ),
        (
            "b.yaml",
            "{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {clusterIP: None}}",
        ),
    ]);
    let path = text(folder.path());
    let printed = portolan(
        &server.url,
        &["apply", "-f", path, "--reallocate", "--create-namespace"],
    )
    .await;
    assert_eq!(printed.code, 0, "{}", printed.err);
    let specs = server.specs();
    assert_eq!(
        (specs[0].cluster_ips.len(), specs[0].ports[0].node_port),
        (0, 0)
    );
    assert_eq!(specs[1].cluster_ips, ["None"]);
}

#[tokio::test]
async fn get_follows_pages_and_writes_what_can_be_applied_again() {
    let server = Fake::start().await;
    let folder = folder(&[(
        "a.yaml",
        &format!("{SHOP}---\n{WEB}---\n{}", WEB.replace("web", "api")),
    )]);
    portolan(&server.url, &["apply", "-f", text(folder.path())]).await;
    let printed = portolan(&server.url, &["get", "svc", "-n", "shop", "-o", "name"]).await;
    assert_eq!(printed.out, "service/api\nservice/web\n");
    let printed = portolan(&server.url, &["get", "svc", "-A"]).await;
    assert!(
        printed.out.starts_with("NAMESPACE   NAME   TYPE"),
        "{}",
        printed.out
    );
    let printed = portolan(&server.url, &["get", "svc", "-n", "shop", "-o", "yaml"]).await;
    let exported = folder.path().join("exported.yaml");
    std::fs::write(&exported, printed.out).unwrap();
    let printed = portolan(&server.url, &["apply", "-f", text(&exported)]).await;
    assert_eq!(
        printed.out,
        "service/api unchanged\nservice/web unchanged\n"
    );
}

#[tokio::test]
async fn get_says_when_there_is_nothing() {
    let server = Fake::start().await;
    let printed = portolan(&server.url, &["get", "services"]).await;
    assert_eq!(printed.err, "No resources found in default namespace.\n");
    assert_eq!((printed.out.as_str(), printed.code), ("", 0));
    let printed = portolan(&server.url, &["get", "service", "web"]).await;
    assert_eq!(printed.err, "error: services/web not found\n");
    assert_eq!(printed.code, 1);
}

#[tokio::test]
async fn a_watch_resumes_where_it_was_interrupted() {
    let server = Fake::start().await;
    let printed = portolan(&server.url, &["get", "svc", "--watch", "-o", "name"]).await;
    let out: Vec<_> = printed.out.lines().collect();
    let want = ["a", "b", "b", "a", "a", "c"].map(|name| format!("service/{name}"));
    assert_eq!(
        out, want,
        "what was cut off is told again, and nothing is left out"
    );
    assert_eq!(server.watched_from(), [0, 0, 0, 7, 8]);
    assert_eq!(printed.err, "error: no more of it\n");
}

#[tokio::test]
async fn delete_goes_by_name_or_by_manifest() {
    let server = Fake::start().await;
    let folder = folder(&[("a.yaml", &format!("{SHOP}---\n{WEB}"))]);
    let path = text(folder.path());
    portolan(&server.url, &["apply", "-f", path]).await;
    let printed = portolan(&server.url, &["delete", "-f", path]).await;
    assert_eq!(
        printed.out,
        "service \"web\" deleted\nnamespace \"shop\" deleted\n"
    );
    let printed = portolan(&server.url, &["delete", "svc", "web", "-n", "shop"]).await;
    assert_eq!(
        printed.err,
        "error: service \"web\": services/web not found\n"
    );
    let words = ["delete", "svc/web", "-n", "shop", "--ignore-not-found"];
    assert_eq!(portolan(&server.url, &words).await.code, 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_a_mistake_of_the_command_line() {
    for words in [
        &["get", "deployments"][..],
        &["get", "svc,ns", "--watch"],
        &["get", "svc", "web", "-A"],
        &["delete", "svc"],
        &["describe", "svc"],
        &["events", "svc"],
    ] {
        assert_eq!(
            portolan("http://127.0.0.1:1", words).await.code,
            2,
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn every_shell_gets_its_completion() {
    for shell in ["bash", "zsh", "fish"] {
        let arguments = Arguments::try_parse_from(["portolan", "completion", shell]).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console {
            out: &mut out,
            err: &mut err,
        };
        dispatch(arguments.command, Arguments::command(), &mut console)
            .await
            .unwrap();
        assert!(
            String::from_utf8(out).unwrap().contains("completion"),
            "{shell}"
        );
    }
}
