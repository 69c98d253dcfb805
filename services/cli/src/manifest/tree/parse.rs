//! From a text to its documents: the parts of a stream, each parsed by itself.

use libyaml_safer::{Error, Mark, Parser};

use super::build::Builder;
use super::malformed::Malformed;
use super::node::{Node, Position};
use super::split::{Part, split};

/// A manifest of the largest clusters is a tenth of this.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// A part of a stream, and its document; `None` if there is none in it.
pub(crate) struct Parsed<'a> {
    pub(crate) text: &'a str,
    pub(crate) document: Result<Option<Node>, Malformed>,
}

/// The documents of a stream; empty ones are left out.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    let parts = parse_each(text)?.into_iter();
    parts.filter_map(|part| part.document.transpose()).collect()
}

/// Every document of a stream by itself. What is wrong with the text as a whole is the error of all.
pub(crate) fn parse_each(text: &str) -> Result<Vec<Parsed<'_>>, Malformed> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the input has {} bytes; at most {MAX_BYTES} are read",
            text.len()
        );
        return Err(Malformed::new(Position { line: 1, column: 1 }, message));
    }
    let mut builder = Builder::default();
    let parts = split(text).into_iter().map(|part| Parsed {
        text: part.text,
        document: parse_part(&part, &mut builder),
    });
    Ok(parts.collect())
}

fn parse_part(part: &Part<'_>, builder: &mut Builder) -> Result<Option<Node>, Malformed> {
    let text = part.yaml();
    let mut parser = Parser::<&[u8]>::new();
    parser.set_input(text.as_bytes());
    builder.begin();
    loop {
        let event = parser.parse().map_err(|error| malformed(&error, part.at))?;
        let at = place(event.start_mark, part.at);
        if builder.take(event.data, at)? {
            return Ok(builder.end());
        }
    }
}

fn malformed(error: &Error, begin: Position) -> Malformed {
    let at = error
        .problem_mark()
        .map_or(begin, |mark| place(mark, begin));
    let message = match error.context() {
        Some(context) if !context.is_empty() => format!("{}, {context}", error.problem()),
        _ => error.problem().to_owned(),
    };
    Malformed::new(at, message)
}

/// A place in the stream, from one in a part of it.
fn place(mark: Mark, begin: Position) -> Position {
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let (line, column) = (count(mark.line), count(mark.column));
    Position {
        line: begin.line.saturating_add(line),
        column: if line == 0 { begin.column } else { 1 }.saturating_add(column),
    }
}
