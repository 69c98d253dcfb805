//! What lies below the rows of a table: fields of messages, and keys of maps, as their descriptor says.

use std::fmt;
use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

/// One step of a path.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Field(FieldDescriptor),
    Key(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name()),
            Self::Key(key) => f.write_str(key),
        }
    }
}

/// A path from a resource down to what it names; the first step is a field, and so is every other one but the last.
pub(super) type Steps = Vec<Step>;

/// The descriptor of a message of the API.
pub(super) fn descriptor(name: &str) -> MessageDescriptor {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(portolan_proto::FILE_DESCRIPTOR_SET)
            .expect("what the build wrote is a set of descriptors")
    });
    let found = POOL.get_message_by_name(name);
    found.expect("a table names a message of the API")
}

/// Finds a path in a message.
///
/// # Errors
/// Says what is in the way; empty if there simply is no such field.
pub(super) fn resolve(message: &MessageDescriptor, path: &[String]) -> Result<Steps, String> {
    let (name, rest) = path.split_first().ok_or_else(String::new)?;
    let field = message.get_field_by_name(name).ok_or_else(String::new)?;
    let mut steps = vec![Step::Field(field.clone())];
    match (rest, field.kind()) {
        ([], _) => {}
        ([key], _) if field.is_map() => steps.push(Step::Key(key.clone())),
        (_, _) if field.is_map() => {
            return Err(format!(
                "goes on behind a key of {name}: write a key with dots in backticks, as in {name}.`example.com/key`"
            ));
        }
        (_, _) if field.is_list() => {
            return Err(format!(
                "leads into {name}, which is a list and is replaced as a whole, so name {name} itself"
            ));
        }
        (rest, Kind::Message(inner)) => steps.extend(resolve(&inner, rest)?),
        _ => return Err(format!("goes on behind {name}, which has no fields")),
    }
    Ok(steps)
}

/// Every field of a message that a path can name, at any depth, in the words of a path.
pub(super) fn names(message: &MessageDescriptor, above: &str, names: &mut Vec<String>) {
    for field in message.fields() {
        let name = format!("{above}{}", field.name());
        if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !field.is_map()
        {
            self::names(&inner, &format!("{name}."), names);
        }
        names.push(name);
    }
}

/// Takes over what a path names: what is not there in `from` is no longer there in `to`.
pub(super) fn take(to: &mut DynamicMessage, from: Option<&DynamicMessage>, path: &[Step]) {
    let Some((Step::Field(field), rest)) = path.split_first() else {
        return;
    };
    let value = from.filter(|from| from.has_field(field));
    let value = value.map(|from| from.get_field(field).into_owned());
    match (rest.first(), value) {
        (None, Some(value)) => to.set_field(field, value),
        (None, None) => to.clear_field(field),
        (Some(Step::Key(key)), value) => take_key(to, value.as_ref(), field, key),
        (Some(Step::Field(_)), value) => {
            let inner = value.as_ref().and_then(Value::as_message);
            if inner.is_none() && !to.has_field(field) {
                return;
            }
            let Some(below) = to.get_field_mut(field).as_message_mut() else {
                return;
            };
            take(below, inner, rest);
            // A message of which nothing is left is no message, or clearing its fields one by one were not clearing it.
            if inner.is_none() && below.fields().next().is_none() {
                to.clear_field(field);
            }
        }
    }
}

/// What is at the end of a path of fields; `None` if nothing is populated there.
pub(super) fn value(message: &DynamicMessage, path: &[Step]) -> Option<Value> {
    let (Step::Field(field), rest) = path.split_first()? else {
        return None;
    };
    let value = Some(message).filter(|message| message.has_field(field))?;
    let value = value.get_field(field).into_owned();
    match rest {
        [] => Some(value),
        rest => self::value(value.as_message()?, rest),
    }
}

/// Whether two values are the same; of maps, the key that a violation's field names: `labels["app"]`.
pub(super) fn is_same(one: Option<&Value>, other: Option<&Value>, field: &str) -> bool {
    let key = |value: Option<&Value>| {
        let entry = value?.as_map()?.iter().find(|(key, _)| {
            let key = key.as_str().unwrap_or_default();
            field.ends_with(&format!("[{key:?}]"))
        });
        entry.map(|(_, value)| value.clone())
    };
    one == other || key(one).is_some_and(|value| key(other) == Some(value))
}

fn take_key(to: &mut DynamicMessage, from: Option<&Value>, field: &FieldDescriptor, key: &str) {
    let key = MapKey::String(key.to_owned());
    let value = from.and_then(|from| from.as_map()?.get(&key).cloned());
    let Some(map) = to.get_field_mut(field).as_map_mut() else {
        return;
    };
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}
