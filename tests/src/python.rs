//! Plugins in Python, from `tests/plugins/python`.

use std::process::Command;

use tempfile::TempDir;

use crate::{repository, run, tool};

/// One that can be started: the code of the node stream is generated for it.
pub struct PythonPlugin {
    /// Shell command that runs it; its environment says where.
    pub command: String,
    _stubs: TempDir,
}

impl PythonPlugin {
    /// Of a script with its arguments.
    pub fn new(script: &str) -> Self {
        let stubs = tempfile::tempdir().expect("a temporary directory");
        let python = tool("python");
        let mut compile = Command::new(&python);
        compile.args(["-m", "grpc_tools.protoc", "-I", "proto/proto"]);
        for kind in ["python_out", "grpc_python_out"] {
            compile.arg(format!("--{kind}={}", stubs.path().display()));
        }
        compile.arg("portolan/node/v1/node_sync.proto");
        compile.current_dir(repository());
        let compiled = run(compile, "");
        assert_eq!(compiled.code, 0, "{compiled:?}");
        let command = format!(
            "PYTHONPATH={} exec {} -B {}/{script}",
            stubs.path().display(),
            python.display(),
            repository().join("tests/plugins/python").display(),
        );
        Self {
            command,
            _stubs: stubs,
        }
    }
}
