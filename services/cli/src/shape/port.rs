//! Kubernetes' `IntOrString`, where it means a port.

use portolan_proto::v1;

use super::Shape;
use crate::manifest::read::{Fields, Place};
use crate::manifest::tree::Value;
use crate::output::yaml::{self, Document};

/// A port by its number or by its name, of which each message has its own.
pub(crate) trait Port: Sized {
    fn numbered(number: i32) -> Self;

    fn named(name: String) -> Self;

    /// The number, or else the name.
    fn number(&self) -> Result<i32, &str>;

    /// Reads a number, a number in quotes (people write it), or a name. `None` for 0 and for the empty string.
    fn read(place: &Place<'_>) -> Option<Self> {
        let number = match &place.node.value {
            Value::Integer(_) => place.integer()?,
            Value::Text(text) => match text.parse::<u16>() {
                Ok(number) => number.into(),
                Err(_) if text.is_empty() => return None,
                Err(_) => return Some(Self::named(text.clone())),
            },
            _ => {
                place.refuse(format!(
                    "expected a port or its name, found {}",
                    place.node.noun()
                ));
                return None;
            }
        };
        (number != 0).then(|| Self::numbered(number))
    }

    /// The number or the name, as people read it.
    fn text(&self) -> String {
        self.number()
            .map_or_else(ToOwned::to_owned, |number| number.to_string())
    }
}

macro_rules! ports {
    ($($message:ident { $number:ident, $name:ident })*) => {$(
        impl Port for v1::$message::Target {
            fn numbered(number: i32) -> Self {
                Self::$number(number)
            }

            fn named(name: String) -> Self {
                Self::$name(name)
            }

            fn number(&self) -> Result<i32, &str> {
                match self {
                    Self::$number(number) => Ok(*number),
                    Self::$name(name) => Err(name),
                }
            }
        }
    )*};
}

ports! {
    service_port { TargetPort, TargetPortName }
    http_get { Port, PortName }
    tcp_connect { Port, PortName }
}

/// A field that holds the number or the name of a port.
pub(crate) struct PortOrName(pub(crate) &'static str);

impl<P: Port> Shape<Option<P>> for PortOrName {
    fn read(&self, fields: &Fields<'_>) -> Option<P> {
        P::read(&fields.get(self.0)?)
    }

    fn write(&self, port: &Option<P>, to: yaml::Fields) -> yaml::Fields {
        let document = |port: &P| port.number().map_or_else(Document::from, Document::from);
        to.optional(self.0, port.as_ref().map(document))
    }
}
