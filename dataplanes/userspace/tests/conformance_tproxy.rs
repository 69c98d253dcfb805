//! The kit again, with one listener for all TCP frontends.

use portolan_userspace::{Options, UserspaceDataplane};

portolan_lab::conformance!(|| {
    let options = Options {
        tproxy: true,
        ..Options::default()
    };
    UserspaceDataplane::with(options).expect("root may have a transparent socket")
});
