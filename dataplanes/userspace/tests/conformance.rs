//! The kit that every dataplane runs.

portolan_dataplane::conformance!(portolan_userspace::UserspaceDataplane::new);
