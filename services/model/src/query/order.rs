//! Orders of lists.

use std::cmp::Ordering;

use super::columns::{Column, Listed, Value};
use crate::Scoped;
use crate::limits::ORDER_BY;

/// In which order resources are listed. By default by their keys.
pub struct Order<T: 'static>(Vec<(&'static Column<T>, Direction)>);

#[derive(Copy, Clone, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// Where a resource stands in an order; only to be compared within it.
pub type Position = Vec<String>;

impl<T: Listed> Order<T> {
    /// From its text, such as `create_time desc, name`; empty means by name. An error says what is known.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        if text.len() > ORDER_BY.value {
            return Err(ORDER_BY.exceeded(text.len()));
        }
        let mut columns: Vec<(&Column<T>, _)> = Vec::new();
        for part in text.split(',') {
            let (column, direction) = part_of(part)?;
            if columns.iter().any(|(known, _)| known.name == column.name) {
                return Err(format!("{} is named twice", column.name));
            }
            columns.push((column, direction));
        }
        Ok(Self(columns))
    }

    /// Whether it is the order of the keys, which needs no sorting.
    pub fn is_by_key(&self) -> bool {
        match self.0.as_slice() {
            [] => true,
            [(column, direction)] => column.name == NAME && *direction == Direction::Ascending,
            _ => false,
        }
    }

    /// Where a resource stands. The key comes last, so that no two stand in one place.
    pub fn position(&self, resource: &T) -> Position {
        let Scoped { namespace, name } = resource.sort_key();
        let key = [namespace.to_string(), name.to_string()];
        let mut position = Vec::with_capacity(2 * self.0.len() + 2);
        for (column, _) in &self.0 {
            match &column.value {
                _ if column.name == NAME => position.extend(key.iter().cloned()),
                Value::Text(of) => position.push(of(resource).into_owned()),
                // Padded, so that texts compare as the numbers do; nothing is older than 1970.
                Value::Time(of) => position.push(format!("{:020}", of(resource).0)),
                _ => {}
            }
        }
        position.extend(key);
        position
    }

    /// Compares two places.
    pub fn compare(&self, a: &Position, b: &Position) -> Ordering {
        let directions = self.0.iter().flat_map(|(column, direction)| {
            // A name is two texts: namespace and name.
            let texts = if column.name == NAME { 2 } else { 1 };
            std::iter::repeat_n(*direction, texts)
        });
        let directions = directions.chain(std::iter::repeat(Direction::Ascending));
        let compared = a.iter().zip(b).zip(directions);
        compared
            .map(|((a, b), direction)| match direction {
                Direction::Ascending => a.cmp(b),
                Direction::Descending => b.cmp(a),
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Stands for the whole key: what is in different namespaces may have the same last part.
const NAME: &str = "name";

fn part_of<T: Listed>(part: &str) -> Result<(&'static Column<T>, Direction), String> {
    let known = || T::columns().iter().filter(|column| column.orders);
    let mut words = part.split_whitespace();
    let (name, direction) = (words.next().unwrap_or_default(), words.next());
    let Some(column) = known().find(|column| column.name == name) else {
        let names: Vec<_> = known().map(|column| column.name).collect();
        return Err(format!(
            "{name:?} is nothing that {} can be ordered by; known are {}",
            T::NOUN,
            names.join(", ")
        ));
    };
    match (direction, words.next()) {
        (None | Some("asc"), None) => Ok((column, Direction::Ascending)),
        (Some("desc"), None) => Ok((column, Direction::Descending)),
        _ => Err(format!(
            "{:?} is not understood; write {name}, or {name} desc",
            part.trim()
        )),
    }
}
