use portolan_model::Change;
use portolan_store::Store;
use portolan_store::testing::{Writer, fixtures::*};
use std::time::Instant;
async fn run<S: Store>(store: S, label: &str) {
    let mut w = Writer::new(store.clone(), &cluster());
    let mut n = 0u32;
    for (ops, rounds) in [(1u32, 400u32), (16, 60), (64, 30)] {
        let mut took = std::time::Duration::ZERO;
        for _ in 0..rounds {
            let mut ch = vec![];
            for _ in 0..ops {
                n += 1;
                ch.push(Change::create(service(&format!("s{n}"), 1)));
                ch.push(Change::create(ip_claim(
                    address(u16::try_from(n).unwrap()),
                    &format!("s{n}"),
                )));
                ch.push(Change::create(request(&format!("r{n}"))));
            }
            let l = w.lock().await.unwrap();
            let (wr, next) = portolan_store::testing::draft(w.state(), l.now, ch);
            let t = Instant::now();
            portolan_store::Transaction::commit(l.transaction, &wr)
                .await
                .unwrap();
            took += t.elapsed();
            drop(next);
        }
        println!("{label} ops {ops}: commit {:?}", took / rounds);
    }
    let mut took = std::time::Duration::ZERO;
    w.lock().await.unwrap();
    for _ in 0..300 {
        let t = Instant::now();
        let l = w.lock().await.unwrap();
        portolan_store::Transaction::rollback(l.transaction).await;
        took += t.elapsed();
    }
    println!("{label} lock+rollback {:?}", took / 300);
    let t = Instant::now();
    for _ in 0..300 {
        store.heads().await.unwrap();
    }
    println!("{label} heads {:?}", t.elapsed() / 300);
    let c = name("big");
    let mut w = Writer::new(store.clone(), &c);
    let ch: Vec<_> = (0..20000)
        .map(|n| Change::create(service(&format!("b{n}"), 1)))
        .collect();
    let up: Vec<_> = (0..20000)
        .map(|n| Change::update(service(&format!("b{n}"), 1), service(&format!("b{n}"), 2)))
        .collect();
    let de: Vec<_> = (0..20000)
        .map(|n| Change::delete(service(&format!("b{n}"), 2)))
        .collect();
    for (what, ch) in [("create", ch), ("update", up), ("delete", de)] {
        let t = Instant::now();
        let l = w.lock().await.unwrap();
        let (wr, _) = portolan_store::testing::draft(w.state(), l.now, ch);
        let t2 = t.elapsed();
        portolan_store::Transaction::commit(l.transaction, &wr)
            .await
            .unwrap();
        println!(
            "{label} 20000 {what}: draft {:?} commit {:?}",
            t2,
            t.elapsed() - t2
        );
        let t = Instant::now();
        store.load(&c, 1).await.unwrap();
        println!("  load {:?}", t.elapsed());
    }
}
#[tokio::main]
async fn main() {
    let u = portolan_store_postgres::testing::fresh_database()
        .await
        .unwrap();
    run(
        portolan_store_postgres::PgStore::connect(&u).await.unwrap(),
        "pg",
    )
    .await;
}
