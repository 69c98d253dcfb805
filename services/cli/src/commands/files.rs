//! The files that `-f` names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::manifest::tree::MAX_BYTES;
use crate::manifest::{self, Reading, Scope};

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// What stands in the files, in their order; directories in the order of names. A file that can't be read stops
/// nothing but itself.
pub(super) fn read(names: &[PathBuf], scope: &Scope) -> Vec<Reading> {
    let mut readings = Vec::new();
    for name in names {
        match expand(name) {
            Ok(files) => readings.extend(files.iter().flat_map(|file| read_one(file, scope))),
            Err(failure) => readings.push(Reading::Refused(failure.lines())),
        }
    }
    readings
}

fn expand(name: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !name.is_dir() {
        return Ok(vec![name.to_owned()]);
    }
    let failure = |source| Failure::Input {
        file: name.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    for entry in name.read_dir().map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        // A link that leads nowhere is an error, not nothing.
        if !path.is_dir() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("no file of it ends in .{}", EXTENSIONS.join(", ."));
        return Err(failure(io::Error::new(io::ErrorKind::NotFound, message)));
    }
    files.sort();
    Ok(files)
}

fn read_one(path: &Path, scope: &Scope) -> Vec<Reading> {
    let (file, text) = match path.to_str() {
        Some("-") => ("stdin".to_owned(), bounded(io::stdin().lock())),
        _ => (
            path.display().to_string(),
            File::open(path).and_then(bounded),
        ),
    };
    match text {
        Ok(text) => manifest::read(&file, &text, scope),
        Err(source) => vec![Reading::Refused(Failure::Input { file, source }.lines())],
    }
}

/// One byte more than is allowed is enough to know.
fn bounded(input: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("more than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no UTF-8 text: {error}"),
        )
    })
}
