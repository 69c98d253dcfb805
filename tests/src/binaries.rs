//! Where things are.

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_owned()
}

/// A binary of the workspace, from the same profile as the running test.
///
/// # Panics
/// If it was not built: `cargo build --workspace` comes first.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests lie in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first (tests/run does)",
        path.display()
    );
    path
}

/// A foreign client that `tests/run` installs, else one from the PATH.
///
/// # Panics
/// If it is not there.
pub fn tool(name: &str) -> PathBuf {
    let installed = repository().join("target/test-tools/bin").join(name);
    if installed.exists() {
        return installed;
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|dir| dir.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is missing: `tests/run` installs it"))
}
