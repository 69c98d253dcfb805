mod manifest;
mod words;
fn main() {}
