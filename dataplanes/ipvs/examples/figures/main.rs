//! Figures of the mechanism beside `ipvsadm` and bare requests, for a kernel with IPVS: tests/vm/figures. Everything is measured
//! in the same run, in network namespaces of its own; what counts are the ratios.

mod bare;
mod ipvsadm;
mod objects;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_dataplane::testing::node_state;
use portolan_dataplane::{Dataplane, Environment, NodeState, Plan, plan};
use portolan_ipvs::{IpvsDataplane, Options};
use portolan_lab::Namespace;

use bare::Bare;
use objects::{SERVICES, service};

/// Of each who is measured.
const CHANGES: u32 = 500;

/// Medians.
struct Figures {
    loaded: Duration,
    change: Duration,
    bare_ipvs: Duration,
    bare_nftables: Duration,
    bare: Duration,
}

fn median(times: impl IntoIterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort_unstable();
    times[times.len() / 2]
}

async fn plane() -> IpvsDataplane {
    let mut plane = IpvsDataplane::new(Options::default()).expect("root may program IPVS");
    let configured = plane.configure(&Environment::default()).await;
    configured.expect("the node can be configured");
    plane
}

/// Loading; then one endpoint replaced among all Services, by the dataplane and by bare requests in turns.
async fn measure() -> Figures {
    let mut plane = plane().await;
    let mut state = node_state((0..SERVICES).map(|number| service(number, 0)));
    let load = plan(&state, &NodeState::new(), &plane.capabilities());
    let began = Instant::now();
    let applied = plane.apply(&load).await;
    let loaded = began.elapsed();
    assert_eq!(applied.rejected, []);
    let mut bare = Bare::open();
    let (mut ours, mut bares) = (Vec::new(), Vec::new());
    for change in 0..CHANGES {
        let number = change * (SERVICES / CHANGES);
        let (key, frontend) = service(number, 1);
        let frontend = Arc::new(frontend);
        state.insert(key, Arc::clone(&frontend));
        let mut change = Plan::default();
        change.put.push((key, frontend));
        let began = Instant::now();
        let applied = plane.apply(&change).await;
        ours.push(began.elapsed());
        assert_eq!(applied.rejected, []);
        let (key, frontend) = service(number + 1, 1);
        state.insert(key, frontend.into());
        bares.push(bare.replace(number + 1).await);
    }
    assert_same(state).await;
    Figures {
        loaded,
        change: median(ours),
        bare_ipvs: median(bares.iter().map(|took| took.ipvs)),
        bare_nftables: median(bares.iter().map(|took| took.nftables)),
        bare: median(bares.iter().map(|took| took.ipvs + took.nftables)),
    }
}

/// Bare requests led to what the dataplane would have made of the same changes: it finds nothing to mend.
async fn assert_same(state: NodeState) {
    let mut plane = plane().await;
    assert_eq!(plane.observe().await.expect("it can be observed"), state);
    for (counter, value) in plane.counters() {
        let mends = counter.contains("repair") || counter.contains("reload");
        assert!(!mends || value == 0, "{counter}: {value}");
    }
}

fn main() {
    let at = |case: &str| {
        let machine = Namespace::new(case);
        machine.ip("addr add 192.0.2.1/32 dev lo\n");
        machine
    };
    let Figures {
        loaded,
        change,
        bare_ipvs,
        bare_nftables,
        bare,
    } = at("ours").run(measure());
    let restored = at("ipvsadm").run(ipvsadm::restored());
    let single = at("single").run(async { ipvsadm::one_by_one() });
    let each = loaded / SERVICES;
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!("{SERVICES} Services with two endpoints loaded: {loaded:?}, {each:?} each");
    println!(
        "ipvsadm -R: {restored:?}; ours takes {:.2} of it",
        ratio(loaded, restored)
    );
    println!(
        "ipvsadm one by one: {single:?} a Service; ours is {:.1} times as fast",
        ratio(single, each)
    );
    println!(
        "one endpoint replaced (p50): {change:?}; the same requests bare {bare:?}: {:.2} times",
        ratio(change, bare)
    );
    println!(
        "  of it two requests of IPVS {bare_ipvs:?}, a transaction of nftables {bare_nftables:?}, ours {:?}",
        change.saturating_sub(bare)
    );
    println!(
        "  requests of IPVS alone: {:.2} times",
        ratio(change, bare_ipvs)
    );
}
