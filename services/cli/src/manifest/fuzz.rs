//! Files as a fuzzer makes them. `cargo test` reads the corpus in `__fuzz__`; `tests/run --long` searches on.

use super::{Item, Reading, Scope, read};

const LONGEST: usize = 8192;
/// Inputs after the corpus, which is played whole; without a number the end would come after a second.
const INVENTED: usize = 200;

/// Whatever is in a file: it is read, or every line of what is wrong says where.
#[test]
fn manifests() {
    let scope = Scope {
        cluster: "default".to_owned(),
        namespace: None,
    };
    bolero::check!()
        .with_max_len(LONGEST)
        .with_iterations(INVENTED)
        .for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            for reading in read("fuzz.yaml", &text, &scope) {
                check(&reading);
            }
        });
}

fn check(reading: &Reading) {
    match reading {
        Reading::Manifest(manifest) => {
            let name = manifest.item.name();
            // A cluster has its own name from the file, whatever is in it: the server checks it.
            let scope = match manifest.item {
                Item::Cluster(_) => "clusters/",
                _ => "clusters/default/",
            };
            assert!(name.starts_with(scope), "{name:?}");
            for path in [
                "metadata.name",
                "spec.ports[0].nodePort",
                "spec.clusterIPs[1]",
            ] {
                let at = manifest.source.locate(path);
                assert!(at.starts_with("fuzz.yaml:"), "{at:?}");
            }
            assert!(manifest.source.document().is_some());
        }
        Reading::Ignored(line) | Reading::Empty(line) => assert!(!line.is_empty()),
        Reading::Refused(lines) => {
            assert!(!lines.is_empty());
            for line in lines {
                assert!(line.starts_with("fuzz.yaml:"), "{line:?}");
            }
        }
    }
}
