use super::*;

#[test]
fn stored_numbers_and_collections_stay_as_they_are() {
    let table: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| (kind.number(), kind.collection(), kind.is_claim()))
        .collect();
    assert_eq!(
        table,
        [
            (1, "clusters", false),
            (2, "serviceCidrs", false),
            (3, "namespaces", false),
            (4, "services", false),
            (5, "workloads", false),
            (6, "endpoints", false),
            (7, "nodes", false),
            (8, "ipClaims", true),
            (9, "portClaims", true),
            (10, "requests", false),
        ]
    );
    assert_eq!((kind_number!(IpClaim), kind_number!(PortClaim)), (8, 9));
    assert_eq!(Kind::from_number(4), Some(Kind::Service));
    assert_eq!(Kind::from_number(11), None);
}
