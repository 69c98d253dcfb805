use std::net::IpAddr;

use portolan_dataplane::testing::frontend;

use super::*;

fn backend(number: u8, weight: u32) -> Backend {
    Backend {
        weight,
        ..portolan_dataplane::testing::backend(number, ([10, 0, 0, number], 80).into())
    }
}

fn pools(backends: &[Backend], previous: &Pools) -> Pools {
    Pools::new(&frontend(1, backends), previous)
}

fn shares(pools: &Pools, now: u64, avoid: Option<&Candidate>) -> [u32; 3] {
    let mut shares = [0; 3];
    for _ in 0..6_000 {
        let picked = pools.outside.pick(now, avoid).unwrap();
        let IpAddr::V4(address) = picked.address().ip() else {
            panic!("an IPv4 backend");
        };
        shares[usize::from(address.octets()[3]) - 1] += 1;
    }
    shares
}

#[test]
fn draws_follow_the_weights_and_pass_over_what_failed() {
    let all = [backend(1, 1), backend(2, 2), backend(3, 3)];
    let pools = pools(&all, &Pools::default());
    let third = &pools.outside.candidates[2];
    for (row, failed, now, avoid, want) in [
        ("by weight", false, 0, None, [1_000, 2_000, 3_000]),
        (
            "one is avoided",
            false,
            0,
            Some(&**third),
            [2_000, 4_000, 0],
        ),
        ("one failed", true, 0, None, [2_000, 4_000, 0]),
        (
            "some time ago",
            true,
            PASS_OVER_MS,
            None,
            [1_000, 2_000, 3_000],
        ),
    ] {
        if failed {
            third.failed(0);
        }
        let got = shares(&pools, now, avoid);
        // Six standard deviations of a binomial with n = 6,000 are below 240.
        let close = got
            .iter()
            .zip(want)
            .all(|(got, want)| got.abs_diff(want) < 240);
        let none = got
            .iter()
            .zip(want)
            .all(|(got, want)| want > 0 || *got == 0);
        assert!(close, "{row}: {got:?}");
        assert!(none, "{row}: {got:?}");
    }
}

#[test]
fn what_failed_is_used_while_there_is_nothing_else() {
    let pools = pools(&[backend(1, 1)], &Pools::default());
    let only = pools.outside.pick(0, None).unwrap();
    only.failed(0);
    assert!(pools.outside.pick(0, None).is_some());
    assert!(pools.outside.pick(0, Some(only)).is_none(), "avoided");
}

#[test]
fn a_failure_is_remembered_when_the_pool_changes_around_it() {
    let before = pools(&[backend(1, 1)], &Pools::default());
    before.outside.candidates[0].failed(0);
    let moved = Backend {
        port: 81,
        ..backend(1, 1)
    };
    for (row, change, remembered) in [
        ("another joins", [backend(1, 1), backend(2, 1)], true),
        ("its weight changes", [backend(1, 5), backend(2, 1)], true),
        ("its port changes", [moved, backend(2, 1)], false),
    ] {
        let after = pools(&change, &before);
        assert_eq!(
            after.outside.candidates[0].is_passed_over(1),
            remembered,
            "{row}"
        );
    }
}
