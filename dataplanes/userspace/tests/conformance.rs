//! The kit that every dataplane runs. The module `contract` needs no privilege, the numbered cases need root.

portolan_lab::conformance!(portolan_userspace::UserspaceDataplane::new);
