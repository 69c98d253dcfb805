//! How much room a value takes, without writing it down.

use std::io::{self, Write};

use serde::Serialize;

use crate::Labels;

/// Octets of a value in JSON, the form that it is stored in.
pub fn octets(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value)
        .expect("every key is a string, no value is NaN, and counting does not fail");
    counter.0
}

/// Octets of what a client says of an object: of its texts as they are, of its specification in JSON.
pub fn octets_of(labels: &Labels, annotations: &Labels, spec: &impl Serialize) -> usize {
    let texts = labels.iter().chain(annotations);
    let texts: usize = texts.map(|(key, value)| key.len() + value.len()).sum();
    texts + octets(spec)
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
