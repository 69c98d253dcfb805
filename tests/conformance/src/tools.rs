//! Programs that the lab calls.

/// Each with the Debian package that has it.
const TOOLS: [(&str, &str); 3] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
];

/// Those that are nowhere in `path`, a list of directories as the environment has it; empty: none is missing.
pub(crate) fn missing(path: &std::ffi::OsStr) -> Vec<String> {
    let is_there = |tool: &str| std::env::split_paths(path).any(|at| at.join(tool).is_file());
    let missing = TOOLS.iter().filter(|(tool, _)| !is_there(tool));
    missing
        .map(|(tool, package)| format!("{tool} (Debian: {package})"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_installed_is_named_with_its_package() {
        let nowhere = tempfile::tempdir().expect("a directory");
        let all = [
            "ip (Debian: iproute2)",
            "nft (Debian: nftables)",
            "conntrack (Debian: conntrack)",
        ];
        assert_eq!(missing(nowhere.path().as_os_str()), all);
        std::fs::write(nowhere.path().join("nft"), "").expect("a file");
        assert_eq!(missing(nowhere.path().as_os_str()), [all[0], all[2]]);
    }
}
