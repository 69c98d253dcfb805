//! The kinds one can ask for, and how people call them.

use crate::kinds::kinds;

/// What holds resources of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Namespace,
    Cluster,
    Server,
}

/// What there is to say about a kind.
pub(crate) struct Row {
    kind: Kind,
    /// What people call it: singular, plural, others.
    names: &'static [&'static str],
    pub(crate) home: Home,
    /// The part of a path in front of the name.
    pub(crate) collection: &'static str,
    /// The `apiVersion` of its document.
    pub(crate) version: &'static str,
    /// The `kind` of its document.
    pub(crate) spelling: &'static str,
    /// The field that requests hold it in.
    message: &'static str,
    /// What comes later may need what comes earlier.
    pub(crate) stage: u8,
}

macro_rules! rows {
    ($($kind:ident {
        called($($name:literal)+; $home:ident $collection:literal; $version:literal $spelling:literal)
        message($message:ident: $($common:tt)*)
        calls $calls:tt
        applied($stage:literal $($applied:tt)*)
    })*) => {
        /// A kind of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        /// The rows, in the order of [`Kind`].
        const ROWS: &[Row] = &[$(Row {
            kind: Kind::$kind,
            names: &[$($name),+],
            home: Home::$home,
            collection: $collection,
            version: $version,
            spelling: $spelling,
            message: stringify!($message),
            stage: $stage,
        },)*];
    };
}

kinds!(rows);

impl Kind {
    /// Its row of the table.
    pub(crate) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Singular, lower case.
    pub(crate) fn noun(self) -> &'static str {
        self.row().names[0]
    }

    /// Whether it lives in a namespace.
    pub(crate) fn is_namespaced(self) -> bool {
        self.row().home == Home::Namespace
    }

    /// Whether requests hold a resource in a field of this name.
    pub(crate) fn is_message(field: &str) -> bool {
        ROWS.iter().any(|row| row.message == field)
    }

    /// The kind that people call so.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let lower = word.to_ascii_lowercase();
        let found = ROWS.iter().find(|row| row.names.contains(&lower.as_str()));
        found.map(|row| row.kind).ok_or_else(|| {
            let plurals: Vec<_> = ROWS.iter().map(|row| row.names[1]).collect();
            format!(
                "there is no kind {word:?}; there are {}, all",
                plurals.join(", ")
            )
        })
    }

    /// `all`, as kubectl has it: what belongs to a namespace.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let kinds = ROWS.iter().map(|row| row.kind);
        kinds.filter(|kind| kind.is_namespaced())
    }
}

#[cfg(test)]
mod tests {
    use super::ROWS;
    use crate::kinds::GET;

    #[test]
    fn the_help_names_every_kind() {
        for row in ROWS {
            assert!(GET.contains(row.names[1]), "{}", row.names[1]);
        }
    }
}
