//! The migrations are compiled in, and Cargo can't see a new file in their folder by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
}
