//! The node stream.
