//! What nodes can't carry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Revision;
use crate::view::key::ViewKey;

/// An object that a node could not program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The object; rows have its `kind` and `uid` beside the rest.
    #[serde(flatten)]
    pub object: ViewKey,
    /// Since when.
    pub since: Revision,
    /// A stable word.
    pub code: RejectionCode,
    /// Why, and the remedy.
    pub message: String,
}

/// Why a node could not program an object. Plugins may be newer than the server and have words of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RejectionCode {
    /// The dataplane can't do this at all.
    UnsupportedFeature,
    /// The object makes no sense to the dataplane.
    InvalidObject,
    /// A limit of the node is reached.
    LimitExceeded,
    /// Another program listens there.
    PortInUse,
    /// The plugin lacks a privilege.
    PermissionDenied,
    /// The node has no such address family or address.
    FamilyUnavailable,
    /// Anything that needs no word of its own.
    Internal,
    /// A word that this release does not know.
    Other(String),
}

impl RejectionCode {
    /// Those with a meaning of their own.
    const KNOWN: [Self; 7] = [
        Self::UnsupportedFeature,
        Self::InvalidObject,
        Self::LimitExceeded,
        Self::PortInUse,
        Self::PermissionDenied,
        Self::FamilyUnavailable,
        Self::Internal,
    ];

    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::UnsupportedFeature => "UNSUPPORTED_FEATURE",
            Self::InvalidObject => "INVALID_OBJECT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::PortInUse => "PORT_IN_USE",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::FamilyUnavailable => "FAMILY_UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::Other(word) => word,
        }
    }

    /// Whether trying again can't help: the node lacks what is asked for.
    pub fn is_lasting(&self) -> bool {
        *self == Self::UnsupportedFeature
    }
}

impl From<String> for RejectionCode {
    fn from(word: String) -> Self {
        let mut known = Self::KNOWN.into_iter();
        let code = known.find(|code| code.as_str() == word);
        code.unwrap_or(Self::Other(word))
    }
}

impl From<RejectionCode> for String {
    fn from(code: RejectionCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uid;
    use crate::view::key::ViewKind;

    #[test]
    fn rows_keep_the_form_that_they_always_had() {
        let uid = "00000000-0000-4000-8000-000000000007";
        for (word, code) in [
            ("PORT_IN_USE", RejectionCode::PortInUse),
            ("MOON_PHASE", RejectionCode::Other("MOON_PHASE".to_owned())),
        ] {
            let row = format!(
                r#"{{"kind":"Service","uid":"{uid}","since":3,"code":"{word}","message":"port 80 is taken"}}"#
            );
            let uid: Uid = uid.parse().expect("a uid");
            let rejection = Rejection {
                object: ViewKey::new(ViewKind::Service, uid),
                since: Revision(3),
                code,
                message: "port 80 is taken".to_owned(),
            };
            assert_eq!(serde_json::to_string(&rejection).expect("JSON"), row);
            let read: Rejection = serde_json::from_str(&row).expect("a row");
            assert_eq!(read, rejection);
        }
    }

    #[test]
    fn every_word_is_read_as_what_it_is_written_for() {
        for code in RejectionCode::KNOWN {
            assert_eq!(RejectionCode::from(code.to_string()), code);
        }
    }
}
