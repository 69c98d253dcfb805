//! `ipvsadm` makes the same Services.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portolan_netlink::ipvs::Ipvs;

use crate::objects::{SERVICES, real_at, virtual_at};

/// Services that are made one by one: three processes each.
const ONE_BY_ONE: u32 = 200;

/// What it reads.
fn lines(count: u32) -> Vec<String> {
    let of = |number: u32| {
        let at = virtual_at(number);
        let real = |index| format!("-a -t {at} -r {} -m -w 1", real_at(number * 2 + index));
        [format!("-A -t {at} -s wrr"), real(0), real(1)]
    };
    (0..count).flat_map(of).collect()
}

/// All at once, by one process.
pub(crate) async fn restored() -> Duration {
    let text = lines(SERVICES).join("\n") + "\n";
    let began = Instant::now();
    let child = Command::new("ipvsadm")
        .arg("-R")
        .stdin(Stdio::piped())
        .spawn();
    let mut child = child.expect("ipvsadm is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(child.wait().expect("it runs").success());
    let took = began.elapsed();
    let mut ipvs = Ipvs::open().expect("a socket");
    let count = ipvs.servers().await.expect("a list").len();
    assert_eq!(u32::try_from(count), Ok(SERVICES), "it made all of them");
    took
}

/// A process for each virtual and each real server: the time for one Service.
pub(crate) fn one_by_one() -> Duration {
    let began = Instant::now();
    for line in lines(ONE_BY_ONE) {
        let status = Command::new("ipvsadm").args(line.split(' ')).status();
        assert!(status.expect("ipvsadm is installed").success());
    }
    began.elapsed() / ONE_BY_ONE
}
