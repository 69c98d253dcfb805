//! The floor of programming: as many elements of the same sizes in as many sets, encoded beforehand, sent as fast as the
//! kernel takes them, by nobody but the netlink crate.

use std::time::{Duration, Instant};

use portolan_lab::Namespace;
use portolan_netlink::nftables::{Batch, Element, Family, Set, Table, Values, elements};
use portolan_netlink::{NetlinkError, Socket};

use super::objects::{Objects, PORT, TARGET};

const TABLE: (Family, &str) = (Family::V4, "bare");
/// Elements of a transaction, as the dataplane's.
const BATCH: usize = 1000;
const TCP: u8 = 6;
/// Name, bytes of the key's fields, bytes of the value.
const SETS: [(&str, &[u32], u32); 4] = [
    ("frontends", &[4, 1, 2], 4),
    ("backends", &[4, 1, 2, 4], 8),
    ("hairpin", &[4, 4], 0),
    ("cluster_ips", &[4], 0),
];
/// What the dataplane keeps with a frontend, besides its Service's name; and with a backend.
const FRONTEND_USERDATA: usize = 45;
const BACKEND_USERDATA: usize = 22;

/// Milliseconds until all elements are in a namespace that is empty.
pub(super) fn load(machine: &Namespace, objects: Objects) -> anyhow::Result<f64> {
    let mut batches = vec![declare()];
    let mut elements = Vec::new();
    for number in 0..objects.services {
        elements.extend(of_service(objects, number));
        if elements.len() >= BATCH {
            batches.push(add(&std::mem::take(&mut elements)));
        }
    }
    batches.push(add(&elements));
    let took = machine.run(async move {
        let mut socket = Socket::open()?;
        let began = Instant::now();
        for batch in batches {
            socket.commit(batch).await?;
        }
        Ok::<_, NetlinkError>(began.elapsed())
    })?;
    Ok(ms(took))
}

/// Milliseconds of each of these changes: the second endpoint of a Service replaced, in one transaction. Between them the
/// caller rests.
pub(super) fn replace_endpoints(
    machine: &Namespace,
    objects: Objects,
    numbers: impl Iterator<Item = u32>,
    rest: Duration,
) -> anyhow::Result<Vec<f64>> {
    let batches = numbers.map(|number| replacement(objects, number));
    one_by_one(machine, batches.collect(), rest)
}

/// Milliseconds of each of these Services, in a transaction of its own.
pub(super) fn create(
    machine: &Namespace,
    objects: Objects,
    numbers: impl Iterator<Item = u32>,
    rest: Duration,
) -> anyhow::Result<Vec<f64>> {
    let batches = numbers.map(|number| add(&of_service(objects, number)));
    one_by_one(machine, batches.collect(), rest)
}

fn one_by_one(
    machine: &Namespace,
    batches: Vec<Batch>,
    rest: Duration,
) -> anyhow::Result<Vec<f64>> {
    let took = machine.run(async move {
        let mut socket = Socket::open()?;
        let mut took = Vec::with_capacity(batches.len());
        for batch in batches {
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
            let began = Instant::now();
            socket.commit(batch).await?;
            took.push(ms(began.elapsed()));
        }
        Ok::<_, NetlinkError>(took)
    })?;
    Ok(took)
}

/// Milliseconds until everything of our table was listed, chunk by chunk.
pub(super) fn list(machine: &Namespace) -> anyhow::Result<f64> {
    let took = machine.run(async {
        let mut socket = Socket::open()?;
        let began = Instant::now();
        for (set, _, _) in SETS {
            elements(&mut socket, (Family::V4, "portolan"), set).await?;
        }
        Ok::<_, NetlinkError>(began.elapsed())
    })?;
    Ok(ms(took))
}

fn declare() -> Batch {
    let mut batch = Batch::new();
    batch.add_table(&Table {
        family: TABLE.0,
        name: TABLE.1.to_owned(),
        userdata: Vec::new(),
    });
    for (name, fields, value) in SETS {
        let set = Set {
            name: name.to_owned(),
            flags: 0,
            key_type: 7,
            fields: fields.to_vec(),
            values: (value > 0).then_some(Values::Data(7, value)),
            size: 0,
            userdata: Vec::new(),
        };
        batch.add_set(TABLE, &set);
    }
    batch
}

/// Elements with the index of their set.
type Placed = (usize, Element);

fn of_service(objects: Objects, number: u32) -> Vec<Placed> {
    let address = objects.address(number).octets();
    let mut all = vec![
        (0, element(&frontend(address), &[0; 4], FRONTEND_USERDATA)),
        (3, element(&address, &[], 0)),
    ];
    for which in [0, 1] {
        all.extend(of_endpoint(objects, number, which, 0));
    }
    all
}

fn of_endpoint(objects: Objects, number: u32, which: u8, version: u32) -> [Placed; 2] {
    let address = objects.endpoint_address(number, which, version).octets();
    let slot = [
        &frontend(objects.address(number).octets())[..],
        &[which, 0, 0, 0],
    ]
    .concat();
    let [high, low] = TARGET.to_be_bytes();
    let value = [&address[..], &[high, low, 0, 0]].concat();
    [
        (1, element(&slot, &value, BACKEND_USERDATA)),
        (2, element(&[address, address].concat(), &[], 0)),
    ]
}

fn replacement(objects: Objects, number: u32) -> Batch {
    let mut batch = Batch::new();
    for (set, element) in of_endpoint(objects, number, 1, 0) {
        batch.delete_elements(TABLE, SETS[set].0, [&element]);
    }
    for (set, element) in of_endpoint(objects, number, 1, 1) {
        batch.add_elements(TABLE, SETS[set].0, [&element]);
    }
    batch
}

fn add(placed: &[Placed]) -> Batch {
    let mut batch = Batch::new();
    for (index, (name, _, _)) in SETS.into_iter().enumerate() {
        let own = placed.iter().filter(|(set, _)| *set == index);
        batch.add_elements(TABLE, name, own.map(|(_, element)| element));
    }
    batch
}

fn frontend([a, b, c, d]: [u8; 4]) -> [u8; 12] {
    let [high, low] = PORT.to_be_bytes();
    [a, b, c, d, TCP, 0, 0, 0, high, low, 0, 0]
}

fn element(key: &[u8], value: &[u8], userdata: usize) -> Element {
    Element {
        key: key.to_vec(),
        value: (!value.is_empty()).then(|| value.to_vec()),
        // Of libnftnl's form: a type, a length, bytes.
        userdata: if userdata == 0 {
            Vec::new()
        } else {
            let mut bytes = vec![0; userdata];
            bytes[0] = 0x50;
            bytes[1] = u8::try_from(userdata - 2).expect("a few bytes");
            bytes
        },
        ..Element::default()
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
