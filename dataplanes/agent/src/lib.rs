//! portolan-agent
