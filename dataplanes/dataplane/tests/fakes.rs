//! The fakes keep the contract, too, and the faulty one gets there in the end.

use portolan_dataplane::testing::{FakeDataplane, FaultyDataplane, backend, frontend, node_state};
use portolan_dataplane::{Dataplane, FrontendKey, NodeState, plan};
use portolan_model::Protocol;

portolan_dataplane::contract!(FakeDataplane::default);

fn state(size: u8) -> NodeState {
    let carried = |number: u8| {
        let key = FrontendKey {
            address: [10, 96, 0, number].into(),
            port: 80,
            protocol: Protocol::Tcp,
        };
        let backends = [backend(number, ([10, 0, 0, number], 80).into())];
        (key, frontend(number, &backends))
    };
    node_state((1..=size).map(carried))
}

#[tokio::test]
async fn trying_again_gets_through_faults_and_every_one_is_reported() {
    for seed in 0..50_u64 {
        let fake = FakeDataplane::default();
        let mut plane = FaultyDataplane::new(fake.clone(), 30, seed);
        let desired = state(20);
        let mut failed = 0;
        for round in 0.. {
            assert!(round < 50, "seed {seed} gets through");
            let observed = plane.observe().await.unwrap();
            let todo = plan(&desired, &observed, &plane.capabilities());
            if todo.is_empty() {
                break;
            }
            let rejected = plane.apply(&todo).await.rejected.len();
            let grown = fake.programmed().len() - observed.len();
            assert_eq!(rejected + grown, todo.put.len(), "seed {seed}");
            failed += rejected;
        }
        assert_eq!(fake.programmed(), desired, "seed {seed}");
        assert!(failed > 0, "seed {seed}: some of it failed");
        assert_eq!(fake.writes(), 20, "seed {seed}: nothing was written twice");
    }
}
