//! Calls of prepared statements, as texts.

use std::fmt::{self, Write as _};

/// `EXECUTE` in the making. Texts are quoted as `standard_conforming_strings` has them, which the connection sets.
pub(crate) struct Call(String);

impl Call {
    /// Of a prepared statement, and of about this many bytes: growing copies it.
    pub(crate) fn new(name: &str, size: usize) -> Self {
        let mut sql = String::with_capacity(size);
        sql.push_str("EXECUTE ");
        sql.push_str(name);
        sql.push_str(" (");
        Self(sql)
    }

    /// A text, or what the server reads from one.
    pub(crate) fn text(mut self, value: &str) -> Self {
        self.0.push('\'');
        escape(&mut self.0, value, |byte| (byte == b'\'').then_some('\''));
        self.0.push_str("',");
        self
    }

    /// A number.
    pub(crate) fn number(mut self, value: impl Into<i64>) -> Self {
        self.0.push_str(&value.into().to_string());
        self.0.push(',');
        self
    }

    /// An array of texts, or of what the server reads from them.
    pub(crate) fn array<T: fmt::Display>(
        mut self,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        self.0.push_str("'{");
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            match value {
                Some(value) => {
                    self.0.push('"');
                    let written = write!(Element(&mut self.0), "{value}");
                    written.expect("a text takes everything");
                    self.0.push('"');
                }
                None => self.0.push_str("NULL"),
            }
        }
        self.0.push_str("}',");
        self
    }

    /// The statement.
    pub(crate) fn end(mut self) -> String {
        self.0.pop();
        self.0.push(')');
        self.0
    }
}

/// Takes an element of an array that is written as a text: quoted twice, at once.
struct Element<'a>(&'a mut String);

impl fmt::Write for Element<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text, |byte| match byte {
            b'"' | b'\\' => Some('\\'),
            b'\'' => Some('\''),
            _ => None,
        });
        Ok(())
    }
}

/// Copies a text, with a character before each byte that needs one.
fn escape(into: &mut String, text: &str, before: impl Fn(u8) -> Option<char>) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(escape) = before(byte) {
            into.push_str(&text[copied..at]);
            into.push(escape);
            copied = at;
        }
    }
    into.push_str(&text[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_arrays_are_quoted_as_the_server_reads_them() {
        let call = Call::new("f", 0)
            .text("it's")
            .number(-7_i64)
            .array([Some(r#"{"a":"b\n'c"}"#), None, Some("")])
            .array([Some(4), None])
            .array([None::<&str>; 0]);
        let expected =
            r#"EXECUTE f ('it''s',-7,'{"{\"a\":\"b\\n''c\"}",NULL,""}','{"4",NULL}','{}')"#;
        assert_eq!(call.end(), expected);
    }
}
