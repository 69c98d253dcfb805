//! The two statements of a commit, prepared in SQL, so that they can travel in one message with others: `BEGIN` and the
//! lock, `COMMIT`. The extended protocol, as the driver speaks it, has a round trip for every statement.

use portolan_model::{Name, Revision};
use portolan_store::rows::number;

use crate::read::READ_AFTER;
use crate::write::WRITE;

const READ: &str = "portolan_read";
const WRITE_NAME: &str = "portolan_write";

/// What a connection that writes has to be told first.
pub(crate) fn prepare() -> String {
    format!(
        "PREPARE {READ} (text, bigint, bigint) AS {READ_AFTER};
         PREPARE {WRITE_NAME} (text, bigint, bigint, uuid, text, bytea, smallint, smallint[], text[], uuid[], text[], text[],
             smallint[], integer, text[], text[], text[], uuid[], bigint) AS {WRITE}"
    )
}

/// Reads everything after a revision.
pub(crate) fn read(cluster: &Name, after: Revision) -> String {
    let call = Call::new(READ).text(cluster.as_str());
    call.number(number(after.0)).number(i64::MAX).end()
}

/// Writes a commit; what it takes is said at [`WRITE`].
pub(crate) fn write() -> Call {
    Call::new(WRITE_NAME)
}

/// `EXECUTE` in the making. Texts are quoted as `standard_conforming_strings` has them, which the connection sets.
pub(crate) struct Call(String);

impl Call {
    fn new(name: &str) -> Self {
        Self(format!("EXECUTE {name} ("))
    }

    /// A text, or what the server reads from one.
    pub(crate) fn text(mut self, value: &str) -> Self {
        self.0.push('\'');
        escape(&mut self.0, value, &['\''], '\'');
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
    pub(crate) fn array<T: AsRef<str>>(self, values: impl Iterator<Item = Option<T>>) -> Self {
        let mut array = String::from("{");
        for (i, value) in values.enumerate() {
            if i > 0 {
                array.push(',');
            }
            let Some(value) = value else {
                array.push_str("NULL");
                continue;
            };
            array.push('"');
            escape(&mut array, value.as_ref(), &['"', '\\'], '\\');
            array.push('"');
        }
        array.push('}');
        self.text(&array)
    }

    /// The statement.
    pub(crate) fn end(mut self) -> String {
        self.0.pop();
        self.0.push(')');
        self.0
    }
}

fn escape(into: &mut String, text: &str, special: &[char], escape: char) {
    for part in text.split_inclusive(special) {
        match part.strip_suffix(special) {
            Some(plain) => {
                into.push_str(plain);
                into.push(escape);
                into.push_str(&part[plain.len()..]);
            }
            None => into.push_str(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_arrays_are_quoted_as_the_server_reads_them() {
        let call = Call::new("f")
            .text("it's")
            .number(-7_i64)
            .array([Some(r#"{"a":"b\n'c"}"#), None, Some("")].into_iter())
            .array(std::iter::empty::<Option<&str>>());
        let expected = r#"EXECUTE f ('it''s',-7,'{"{\"a\":\"b\\n''c\"}",NULL,""}','{}')"#;
        assert_eq!(call.end(), expected);
    }
}
