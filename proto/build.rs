//! Compiles the .proto files without protoc; the same descriptor set feeds the code and reflection.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "portolan/v1/cluster.proto",
        "portolan/v1/endpoint.proto",
        "portolan/v1/event.proto",
        "portolan/v1/explain.proto",
        "portolan/v1/namespace.proto",
        "portolan/v1/node.proto",
        "portolan/v1/service.proto",
        "portolan/v1/service_cidr.proto",
        "portolan/v1/workload.proto",
        "portolan/node/v1/node_sync.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files)?;
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
