//! Compiles the .proto files without protoc; the same descriptor set feeds the code and reflection.

use std::path::{Path, PathBuf};

/// In the order in which they are described.
const PACKAGES: [&str; 2] = ["portolan/v1", "portolan/node/v1"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    for package in PACKAGES {
        compiler.open_files(files(package)?)?;
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        // Ordered maps: equal values have equal bytes on every replica.
        .btree_map(".")
        // Bodies are passed on as they came, without a copy.
        .bytes(".portolan.node.v1.Object")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// The .proto files of a package, in order of name.
fn files(package: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new("proto").join(package))? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_some_and(|ending| ending == "proto") {
            files.push(Path::new(package).join(name));
        }
    }
    files.sort();
    Ok(files)
}
