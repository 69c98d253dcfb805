//! Compiles the .proto files without protoc; the same descriptor set feeds the code and reflection.

use std::path::{Path, PathBuf};

/// Where the packages of ours are, below the root of imports.
const PACKAGES: [&str; 2] = ["portolan/v1", "portolan/node/v1"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files()?)?;
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

/// Every file of these packages, in an order that does not depend on the file system.
fn files() -> std::io::Result<Vec<String>> {
    let mut files = Vec::new();
    for package in PACKAGES {
        for entry in std::fs::read_dir(format!("proto/{package}"))? {
            let name = entry?.file_name();
            if Path::new(&name)
                .extension()
                .is_some_and(|kind| kind == "proto")
            {
                files.push(format!("{package}/{}", name.to_string_lossy()));
            }
        }
    }
    files.sort();
    Ok(files)
}
