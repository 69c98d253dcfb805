//! Holds a plugin in any language against the rules of the node stream and the cases of the packet lab.
//!
//! ```text
//! portolan-conformance --plugin 'python plugin.py'
//! ```
//! starts the command on nodes of the lab, follows it through the stream as a control plane would, and prints a line a
//! case: what passed, what failed and which rule of the guide was broken, what was left out and why. It needs root, as the
//! lab does. Cases of packets are those that dataplanes in Rust run; here are only the ones about the stream.
//!
//! ```text
//! Lab --views--> Foreign --frames--> Session ==node stream==> the plugin's process, on its node
//!  '---- packets ----> frontends <---------------------------------programs--'
//! ```
//! It knows no control plane: what it sends is made from the same projection, frame by frame, so that it can also send
//! what a working one never would. Start with [`run`].

mod capabilities;
mod foreign;
mod packets;
mod process;
mod protocol;
mod report;
mod rule;
mod run;
mod session;
mod told;
mod tools;
mod trial;
mod words;

pub use process::Launch;
pub use report::{Report, Row, Verdict};
pub use rule::{Broken, Rule};
pub use run::{Options, StartError, run};
