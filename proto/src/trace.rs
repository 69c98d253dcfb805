//! W3C Trace Context, as it travels in request headers, in the log and in batches: `00-{trace}-{parent}-{flags}`.

use std::fmt;
use std::str::FromStr;

/// A trace and the span in it that caused what follows. Neither id is all zeros.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// Bit 0: sampled.
    pub flags: u8,
}

impl TraceParent {
    /// The trace, as people look it up: 32 hexadecimal digits.
    pub fn trace(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }
}

/// A text that is no trace context.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a W3C traceparent")]
pub struct NoTraceParent;

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    /// Later versions may add parts at the end; version ff is forbidden.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(NoTraceParent);
        let (version, trace_id, span_id, flags) = (next()?, next()?, next()?, next()?);
        let [version] = hex(version)?;
        let [flags] = hex(flags)?;
        let parent = Self {
            trace_id: hex(trace_id)?,
            span_id: hex(span_id)?,
            flags,
        };
        let valid = version != 0xff && parent.trace_id != [0; 16] && parent.span_id != [0; 8];
        if valid {
            Ok(parent)
        } else {
            Err(NoTraceParent)
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace_id = u128::from_be_bytes(self.trace_id);
        let span_id = u64::from_be_bytes(self.span_id);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", self.flags)
    }
}

/// Lower-case hexadecimal of exactly N bytes.
fn hex<const N: usize>(text: &str) -> Result<[u8; N], NoTraceParent> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(NoTraceParent),
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return Err(NoTraceParent);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_text_is_a_parent() {
        for (text, ok) in [
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                true,
            ),
            (
                "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                true,
            ),
            (
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                false,
            ),
            (
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                false,
            ),
            (
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                false,
            ),
            ("", false),
            ("ä-ö", false),
        ] {
            assert_eq!(text.parse::<TraceParent>().is_ok(), ok, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent: TraceParent = text.parse().expect("the example of the standard");
        assert_eq!(parent.to_string(), text);
    }
}
