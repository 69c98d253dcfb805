//! The files of each crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use portolan_tests::repository;

/// Where a module stands in its crate: `["watch", "services"]`; the crate's root has no names.
pub(crate) type Module = Vec<String>;

/// The text of every module of a crate.
pub(crate) type Modules = BTreeMap<Module, String>;

/// Every crate of the product, by its folder.
pub(crate) fn crates() -> BTreeMap<String, Modules> {
    let repository = repository();
    let mut files = Vec::new();
    for folder in ["services", "dataplanes", "proto"] {
        collect(&repository.join(folder), &mut files);
    }
    let mut crates = BTreeMap::<String, Modules>::new();
    for file in files {
        let path = file.strip_prefix(&repository).expect("it is below");
        let path = path.to_str().expect("a path is text");
        if let Some((name, inside)) = path.split_once("/src/")
            && let Some(module) = module(inside)
        {
            let text = fs::read_to_string(&file).expect("a source is text");
            crates
                .entry(name.to_owned())
                .or_default()
                .insert(module, text);
        }
    }
    crates
}

/// All files of a folder and of those below it.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder is read") {
        let path = entry.expect("an entry is read").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The module of a file, by its path below `src`; none if it is there for tests alone.
fn module(inside: &str) -> Option<Module> {
    let mut names: Module = inside
        .strip_suffix(".rs")?
        .split('/')
        .map(str::to_owned)
        .collect();
    let is_test =
        |name: &String| ["test", "tests"].contains(&&**name) || name.starts_with("testing");
    if names.iter().any(is_test) {
        return None;
    }
    if matches!(names.last()?.as_str(), "mod" | "lib" | "main") {
        names.pop();
    }
    Some(names)
}
