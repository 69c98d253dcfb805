//! The words of Kubernetes' YAML for the enumerations of the API. Where two words mean the same, the first is written.

use portolan_proto::v1::{
    IpFamily, IpFamilyPolicy, Protocol, ServiceType, SessionAffinity, TrafficDistribution,
    TrafficPolicy,
};

pub(crate) type Words<T> = &'static [(&'static str, T)];

pub(crate) const SERVICE_TYPES: Words<ServiceType> = &[
    ("ClusterIP", ServiceType::ClusterIp),
    ("NodePort", ServiceType::NodePort),
    ("LoadBalancer", ServiceType::LoadBalancer),
    ("ExternalName", ServiceType::ExternalName),
];

pub(crate) const PROTOCOLS: Words<Protocol> = &[
    ("TCP", Protocol::Tcp),
    ("UDP", Protocol::Udp),
    ("SCTP", Protocol::Sctp),
];

pub(crate) const FAMILIES: Words<IpFamily> = &[("IPv4", IpFamily::Ipv4), ("IPv6", IpFamily::Ipv6)];

pub(crate) const FAMILY_POLICIES: Words<IpFamilyPolicy> = &[
    ("SingleStack", IpFamilyPolicy::SingleStack),
    ("PreferDualStack", IpFamilyPolicy::PreferDualStack),
    ("RequireDualStack", IpFamilyPolicy::RequireDualStack),
];

pub(crate) const AFFINITIES: Words<SessionAffinity> = &[
    ("None", SessionAffinity::None),
    ("ClientIP", SessionAffinity::ClientIp),
];

pub(crate) const POLICIES: Words<TrafficPolicy> = &[
    ("Cluster", TrafficPolicy::Cluster),
    ("Local", TrafficPolicy::Local),
];

/// `PreferClose` is the deprecated name of `PreferSameZone` (KEP-3015).
pub(crate) const DISTRIBUTIONS: Words<TrafficDistribution> = &[
    ("PreferSameZone", TrafficDistribution::PreferSameZone),
    ("PreferSameNode", TrafficDistribution::PreferSameNode),
    ("PreferClose", TrafficDistribution::PreferSameZone),
];

/// The word for an enumeration's number; empty if there is none.
pub(crate) fn spell<T: Copy + Into<i32>>(words: Words<T>, number: i32) -> &'static str {
    words
        .iter()
        .find(|(_, value)| (*value).into() == number)
        .map_or("", |(word, _)| word)
}

/// The words for an enumeration's numbers.
pub(crate) fn spell_all<T: Copy + Into<i32>>(
    words: Words<T>,
    numbers: &[i32],
) -> Vec<&'static str> {
    numbers.iter().map(|number| spell(words, *number)).collect()
}

/// The protocol's word; what is not said means TCP.
pub(crate) fn protocol(number: i32) -> &'static str {
    match spell(PROTOCOLS, number) {
        "" => "TCP",
        word => word,
    }
}
