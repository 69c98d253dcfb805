//! The kit that every dataplane runs: the contract and the numbered cases in the packet lab, which needs root, and all that
//! loopback can show without any privilege.

use portolan_userspace::UserspaceDataplane;

portolan_lab::conformance!(UserspaceDataplane::new);

mod unprivileged {
    portolan_dataplane::conformance!(super::UserspaceDataplane::new);
}
