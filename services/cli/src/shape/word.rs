//! Enumerations.

use super::Shape;
use crate::manifest::read::{Fields, Place};
use crate::manifest::tree::Value;
use crate::output::yaml;
use crate::words::{self, Words};

/// An enumeration, or a list of its values, in Kubernetes' words.
pub(crate) struct Word<T: 'static>(pub(crate) &'static str, pub(crate) Words<T>);

impl<T: Copy + Into<i32>> Shape<i32> for Word<T> {
    /// 0 (not said) also if the field is empty, as Kubernetes writes it at times.
    fn read(&self, fields: &Fields<'_>) -> i32 {
        fields
            .get(self.0)
            .filter(|place| place.node.value != Value::Text(String::new()))
            .and_then(|place| place.word(self.1))
            .map_or(0, Into::into)
    }

    fn write(&self, number: &i32, to: yaml::Fields) -> yaml::Fields {
        to.field(self.0, words::spell(self.1, *number))
    }
}

impl<T: Copy + Into<i32>> Shape<Vec<i32>> for Word<T> {
    fn read(&self, fields: &Fields<'_>) -> Vec<i32> {
        let number = |place: &Place<'_>| place.word(self.1).map(Into::into);
        fields.list(self.0).iter().filter_map(number).collect()
    }

    fn write(&self, numbers: &Vec<i32>, to: yaml::Fields) -> yaml::Fields {
        to.field(self.0, words::spell_all(self.1, numbers))
    }
}
