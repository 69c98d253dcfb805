//! Against the kernel, in network namespaces of the tests' own.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use portolan_netlink::conntrack::{self, Filter};
use portolan_netlink::nftables::{
    Batch, Chain, Comparison, Element, Expression, Expression as E, Family, Hook, Keep, Load, Meta,
    Rule, Set, Table, Update, Values, Verdict, comment, elements, generation, program,
};
use portolan_netlink::{NetlinkError, Socket};

/// Runs in a new network namespace: the thread ends in there, no other one is moved.
fn in_a_namespace<F: Future<Output = ()>>(test: impl FnOnce(Socket) -> F + Send + 'static) {
    let thread = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("this test needs root");
        run("ip", &["link", "set", "lo", "up"]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a runtime")
            .block_on(async { test(Socket::open().expect("a socket")).await });
    });
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// In the namespace of this thread.
fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let done = done.unwrap_or_else(|error| panic!("{program} is installed: {error}"));
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

const T4: (Family, &str) = (Family::V4, "t");

fn table(family: Family) -> Table {
    Table {
        family,
        name: "t".to_owned(),
        userdata: comment("of a test"),
    }
}

/// Maps and sets by address and port, of IPv4 (type 7) or IPv6 (8); ports are type 13, marks 19.
fn sets(family: Family) -> Vec<Set> {
    let (kind, length) = if family == Family::V4 {
        (7, 4)
    } else {
        (8, 16)
    };
    let set = |name: &str, values, flags, size| Set {
        name: name.to_owned(),
        flags,
        key_type: (kind << 6) + 13,
        fields: vec![length, 2],
        values,
        size,
        userdata: Vec::new(),
    };
    vec![
        set("plain", None, 0, 0),
        set("data", Some(Values::Data(19, 4)), 0, 0),
        set(
            "targets",
            Some(Values::Data((kind << 6) + 13, length + 4)),
            0,
            0,
        ),
        set("recent", Some(Values::Data(19, 4)), 0x30, 1000),
        set("ranges", None, 0x84, 0),
        Set {
            key_type: 19,
            fields: vec![4],
            ..set("verdicts", Some(Values::Verdicts), 0, 0)
        },
    ]
}

fn chains() -> Vec<Chain> {
    let hook = |number, priority| {
        Some(Hook {
            kind: "nat",
            number,
            priority,
        })
    };
    let chain = |name: &str, hook| Chain {
        name: name.to_owned(),
        hook,
    };
    vec![
        chain("pre", hook(0, -100)),
        chain("post", hook(4, 100)),
        chain("other", None),
    ]
}

/// Destination address and port into the registers from 0 on; the next free one.
fn destination(family: Family) -> (Vec<Expression>, u32) {
    let (offset, length) = if family == Family::V4 {
        (16, 4)
    } else {
        (24, 16)
    };
    let port = length / 4;
    let loads = [
        E::Load(Load::Network(offset, length), 0),
        E::Load(Load::Transport(2, 2), port),
    ];
    (loads.into(), port + 1)
}

/// Expressions about destinations, each list of a chain `pre`.
fn about_destinations(family: Family) -> Vec<Vec<Expression>> {
    let (to, free) = destination(family);
    let priority = E::Load(Load::Meta(Meta::Priority), free);
    let update = |update| {
        vec![
            priority.clone(),
            E::Dynamic("recent".into(), update, 0, free),
        ]
    };
    [
        vec![E::InSet("plain".into(), 0), E::Verdict(Verdict::Drop)],
        vec![E::Map("data".into(), 0, 0), E::SetMeta(Meta::Priority, 0)],
        vec![E::Map("targets".into(), 0, 0), E::Dnat(family, 0, free - 1)],
        update(Update::Remember(Keep(10_000))),
        update(Update::Forget),
    ]
    .map(|rest| [to.clone(), rest].concat())
    .into()
}

/// Every other expression there is.
fn others(family: Family) -> Vec<(&'static str, Vec<Expression>)> {
    let priority = E::Load(Load::Meta(Meta::Priority), 0);
    let l4 = E::Load(Load::Meta(Meta::L4Proto), 0);
    vec![
        (
            "pre",
            vec![
                priority,
                E::Bits(0, 4, 0xff, 0),
                E::Dispatch("verdicts".into(), 0),
            ],
        ),
        (
            "pre",
            vec![
                l4.clone(),
                E::Compare(0, Comparison::IsNot, vec![6]),
                E::Verdict(Verdict::Jump("other".into())),
            ],
        ),
        (
            "pre",
            vec![
                E::Random(7, 0),
                E::SetMeta(Meta::Priority, 0),
                E::Verdict(Verdict::Accept),
            ],
        ),
        (
            "other",
            vec![
                E::Load(Load::SourceType, 0),
                E::Compare(0, Comparison::Is, 2_u32.to_ne_bytes().to_vec()),
                E::Verdict(Verdict::Return),
            ],
        ),
        (
            "other",
            vec![l4, E::Compare(0, Comparison::Is, vec![6]), E::ResetTcp],
        ),
        ("other", vec![E::Unreachable(family)]),
        (
            "other",
            vec![
                E::Load(Load::Transport(13, 1), 0),
                E::Bits(0, 1, 0x17, 0),
                E::Compare(0, Comparison::Is, vec![2]),
            ],
        ),
        (
            "other",
            vec![E::Value(0, vec![0; 4]), E::SetMeta(Meta::Priority, 0)],
        ),
    ]
}

/// What a connection was at first.
fn about_connections(family: Family) -> (&'static str, Vec<Expression>) {
    let (_, free) = destination(family);
    (
        "post",
        vec![
            E::Load(Load::CtState, 0),
            E::Load(Load::Meta(Meta::OutInterface), 0),
            E::Load(Load::CtStatus, 0),
            E::Bits(0, 4, 0x20, 0),
            E::Compare(0, Comparison::Is, 0x20_u32.to_ne_bytes().to_vec()),
            E::Load(Load::OriginalDestination(family), 0),
            E::Load(Load::OriginalPort, free - 1),
            E::InSet("plain".into(), 0),
            E::Masquerade,
        ],
    )
}

fn rules(family: Family) -> Vec<Rule> {
    let rule = |(chain, expressions): (&str, _)| Rule {
        chain: chain.to_owned(),
        expressions,
        userdata: comment("why"),
    };
    let first = about_destinations(family)
        .into_iter()
        .map(|list| ("pre", list));
    first
        .chain(others(family))
        .chain([about_connections(family)])
        .map(rule)
        .collect()
}

fn everything(family: Family) -> Batch {
    let of = (family, "t");
    let mut batch = Batch::new();
    batch.add_table(&table(family));
    for set in sets(family) {
        batch.add_set(of, &set);
    }
    for chain in chains() {
        batch.add_chain(of, &chain);
    }
    for rule in rules(family) {
        batch.add_rule(of, &rule);
    }
    let verdicts = [(1_u32.to_ne_bytes().to_vec(), Verdict::Goto("other".into()))];
    batch.add_verdicts(of, "verdicts", &verdicts);
    batch
}

#[test]
fn what_is_written_is_listed_byte_by_byte() {
    for family in [Family::V4, Family::V6] {
        in_a_namespace(move |mut socket| async move {
            assert_eq!(program(&mut socket, family, "t").await.unwrap(), None);
            socket.commit(everything(family)).await.unwrap();
            let listed = program(&mut socket, family, "t").await.unwrap().unwrap();
            assert_eq!(listed.userdata, comment("of a test"));
            assert_eq!(listed.chains, ["pre", "post", "other"]);
            let wanted: Vec<_> = sets(family)
                .iter()
                .map(|set| (set.name.clone(), set.all_flags(), set.key_length()))
                .collect();
            assert_eq!(listed.sets, wanted);
            for chain in listed.chains {
                let ours = rules(family).into_iter().filter(|rule| rule.chain == chain);
                let theirs = listed.rules.iter().filter(|(of, _)| *of == chain);
                let pairs: Vec<_> = ours.zip(theirs).collect();
                assert!(!pairs.is_empty(), "{chain}");
                for (rule, (_, listed)) in pairs {
                    assert_eq!(rule.encoded(), *listed, "{rule:?}");
                }
            }
            let text = run("nft", &["list", "table", family.as_str(), "t"]);
            assert!(text.contains("comment \"why\""), "{text}");
        });
    }
}

fn element(last: u8, value: Option<u32>) -> Element {
    Element {
        key: vec![10, 0, 0, last, 0, 80, 0, 0],
        value: value.map(|value| value.to_ne_bytes().to_vec()),
        userdata: comment("mine"),
        ..Element::default()
    }
}

#[test]
fn a_batch_happens_whole_or_not_at_all() {
    in_a_namespace(|mut socket| async move {
        socket.commit(everything(Family::V4)).await.unwrap();
        let before = generation(&mut socket).await.unwrap();
        let all: Vec<_> = (0..=255).map(|last| element(last, Some(7))).collect();
        let mut batch = Batch::new();
        batch.add_elements(T4, "data", &all);
        socket.commit(batch).await.unwrap();
        assert_eq!(generation(&mut socket).await.unwrap(), before + 1);
        let mut held = elements(&mut socket, T4, "data").await.unwrap().unwrap();
        held.sort();
        assert_eq!(held, all);

        let mut batch = Batch::new();
        batch.delete_elements(T4, "data", &all[..1]);
        batch.delete_elements(T4, "plain", [&element(1, None)]);
        batch.delete_elements(T4, "data", &all[1..2]);
        let Err(NetlinkError::Refused(refused)) = socket.commit(batch).await else {
            panic!("there is no such element");
        };
        assert_eq!(refused.errno, 2);
        let text = refused.to_string();
        assert!(
            text.contains("delete elements of plain of table ip t"),
            "{text}"
        );
        assert_eq!(
            elements(&mut socket, T4, "data")
                .await
                .unwrap()
                .unwrap()
                .len(),
            256
        );
        assert_eq!(elements(&mut socket, T4, "nothing").await.unwrap(), None);

        let mut batch = Batch::new();
        batch.delete_elements(T4, "data", &all[..1]);
        batch.add_elements(T4, "data", [&element(0, Some(8))]);
        socket.commit(batch).await.unwrap();
        let held = elements(&mut socket, T4, "data").await.unwrap().unwrap();
        assert!(
            held.contains(&element(0, Some(8))) && held.len() == 256,
            "replaced"
        );
        socket.commit(Batch::new()).await.unwrap();
    });
}

#[test]
fn a_batch_of_many_messages_is_one_transaction() {
    in_a_namespace(|mut socket| async move {
        socket.commit(everything(Family::V4)).await.unwrap();
        let many: Vec<_> = (0..100_000_u32)
            .map(|n| Element {
                key: [&n.to_be_bytes()[..], &[0, 80, 0, 0]].concat(),
                userdata: comment("one of very many"),
                ..Element::default()
            })
            .collect();
        let before = generation(&mut socket).await.unwrap();
        let mut batch = Batch::new();
        batch.add_elements(T4, "plain", &many);
        assert!(
            batch.size() > 4 << 20,
            "more than the socket's first buffer"
        );
        socket.commit(batch).await.unwrap();
        assert_eq!(generation(&mut socket).await.unwrap(), before + 1);
        assert_eq!(
            elements(&mut socket, T4, "plain")
                .await
                .unwrap()
                .unwrap()
                .len(),
            many.len()
        );
        let mut batch = Batch::new();
        batch.flush_set(T4, "plain");
        socket.commit(batch).await.unwrap();
        assert_eq!(
            elements(&mut socket, T4, "plain").await.unwrap(),
            Some(Vec::new())
        );
        let mut batch = Batch::new();
        batch.delete_table(T4);
        socket.commit(batch).await.unwrap();
        assert_eq!(program(&mut socket, Family::V4, "t").await.unwrap(), None);
    });
}

/// The kernel's words come with its refusal.
#[test]
fn a_refusal_names_the_object_and_says_why() {
    in_a_namespace(|mut socket| async move {
        let mut batch = Batch::new();
        batch.add_table(&table(Family::V4));
        let wrong = Chain {
            name: "wrong".to_owned(),
            hook: Some(Hook {
                kind: "nat",
                number: 2,
                priority: 0,
            }),
        };
        batch.add_chain(T4, &wrong);
        let error = socket.commit(batch).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("add chain wrong of table ip t"), "{text}");
        assert_eq!(error.errno(), Some(95), "no NAT in forward: {text}");
    });
}

/// Flows from many sockets to a few ports; each is in the table as a connection.
fn flows(to: &[&str]) -> Vec<UdpSocket> {
    let flow = |to: &&str| {
        let to: SocketAddr = to.parse().expect("an address");
        let any = if to.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        let socket = UdpSocket::bind(any).expect("a free port");
        socket.send_to(b"x", to).expect("it is sent");
        socket
    };
    to.iter().map(flow).collect()
}

/// Port 53 in turns at 5301 and 5302. Rules that ask for connections make the kernel track them.
fn track() {
    run("nft", &["add table ip t; add table ip6 t"]);
    for family in ["ip", "ip6"] {
        let chain = format!("add chain {family} t out {{ type nat hook output priority -100; }}");
        run("nft", &[&chain]);
    }
    run(
        "nft",
        &[
            "add rule ip t out udp dport 53 dnat to 127.0.0.1:numgen inc mod 2 map { 0: 5301, 1: 5302 }",
        ],
    );
    run("nft", &["add rule ip6 t out ct state new accept"]);
}

#[test]
fn connections_are_deleted_by_destination_and_by_who_answers() {
    in_a_namespace(|mut socket| async move {
        track();
        let kept = UdpSocket::bind("127.0.0.1:5301").unwrap();
        let gone = UdpSocket::bind("127.0.0.1:5302").unwrap();
        let clients = flows(&["127.0.0.9:53"; 6]);
        let others = flows(&["127.0.0.1:5301", "127.0.0.1:5302", "[::1]:53", "[::1]:54"]);
        let list = || run("conntrack", &["-L", "-p", "udp"]);
        let count = |text: &str| list().lines().filter(|line| line.contains(text)).count();
        assert_eq!(
            (count("dst=127.0.0.9"), count("sport=5302")),
            (6, 4),
            "{}",
            list()
        );

        let filter = |to: &str, from: Option<&SocketAddr>| Filter {
            protocol: 17,
            destination: to.parse().unwrap(),
            answered_from: from.copied(),
            spared: Vec::new(),
        };
        let from = gone.local_addr().unwrap();
        conntrack::delete(&mut socket, &[filter("127.0.0.9:53", Some(&from))])
            .await
            .unwrap();
        assert_eq!(
            (count("dst=127.0.0.9"), count("sport=5302")),
            (3, 1),
            "{}",
            list()
        );
        conntrack::delete(&mut socket, &[filter("127.0.0.9:53", None)])
            .await
            .unwrap();
        assert_eq!(count("dst=127.0.0.9"), 0, "{}", list());
        conntrack::delete(&mut socket, &[filter("[::1]:53", None)])
            .await
            .unwrap();
        conntrack::delete(&mut socket, &[filter("[::1]:53", None)])
            .await
            .unwrap();
        assert_eq!(
            (
                count("dport=53 "),
                count("dport=54 "),
                count("dst=127.0.0.1")
            ),
            (0, 1, 2),
            "{}",
            list()
        );
        // So many ports that everything is listed at once.
        let many: Vec<_> = (54..70)
            .map(|port| filter(&format!("[::1]:{port}"), None))
            .collect();
        conntrack::delete(&mut socket, &many).await.unwrap();
        let left = (count("dport=54 "), count("dst=127.0.0.1"));
        assert_eq!(left, (0, 2), "{}", list());
        drop((kept, clients, others));
    });
}

#[test]
fn connections_of_clients_within_spared_ranges_are_kept() {
    in_a_namespace(|mut socket| async move {
        track();
        let clients = flows(&["127.0.0.9:54", "127.0.0.9:54", "[::1]:54", "[::1]:54"]);
        for (to, spared, left) in [
            ("127.0.0.9", ["::/0", "127.0.0.0/30"], 2),
            ("127.0.0.9", ["::/0", "127.0.0.8/30"], 0),
            ("::1", ["127.0.0.0/8", "::/64"], 2),
            ("::1", ["127.0.0.0/8", "::2/128"], 0),
        ] {
            let filter = Filter {
                protocol: 17,
                destination: SocketAddr::new(to.parse().unwrap(), 54),
                answered_from: None,
                spared: spared.iter().map(|net| net.parse().unwrap()).collect(),
            };
            let deleted = conntrack::delete(&mut socket, &[filter]).await;
            deleted.unwrap();
            let list = run("conntrack", &["-L", "-p", "udp", "--orig-dst", to]);
            assert_eq!(list.lines().count(), left, "{to} {spared:?}: {list}");
        }
        drop(clients);
    });
}
