//! What runs through a node while it is loaded.

use portolan_lab::Namespace;

use super::flow::Flow;
use super::most;
use super::paced::Paced;
use super::wires::Ends;

/// The longest of each round, in milliseconds.
#[derive(Default)]
pub(super) struct Waits {
    /// Until the node forwarded the next of packets that timers send.
    pub(super) forwarding: Vec<f64>,
    /// Until a process had its answer: it waits for a processor, too.
    pub(super) answer: Vec<f64>,
}

/// What runs through the node meanwhile.
pub(super) struct Traffic {
    ends: Ends,
    paced: Paced,
    flow: Flow,
}

impl Traffic {
    /// As way `n`, between ends of its own.
    pub(super) fn start(machine: &Namespace, n: u8) -> anyhow::Result<Self> {
        let ends = Ends::new();
        ends.join(n, machine);
        // In this order: the flow keeps the threads of both ends busy.
        let paced = Paced::start(&ends, n)?;
        let flow = Flow::start(&ends, n)?;
        Ok(Self { ends, paced, flow })
    }

    /// Ends it, and notes what was longest.
    pub(super) fn finish(self, waits: &mut Waits) -> anyhow::Result<()> {
        waits.forwarding.push(most(&self.paced.finish()?));
        waits.answer.push(most(&self.flow.finish(&self.ends)?));
        Ok(())
    }
}
