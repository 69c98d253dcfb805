"""From a state to sockets: TCP over IPv4. In brackets are the rules of GUIDE.md that a line keeps."""

import asyncio
import errno
import ipaddress
import random
import socket
import struct
import subprocess

from portolan.node.v1 import node_sync_pb2 as wire

OWNER = "113"  # Marks our routes, so that nothing else is ever removed.
CODES = {errno.EADDRINUSE: "PORT_IN_USE", errno.EACCES: "PERMISSION_DENIED", errno.EADDRNOTAVAIL: "FAMILY_UNAVAILABLE"}
BEYOND = [  # What a frontend may need that is not declared, and the remedy [ack-rejected].
    (lambda f: f.protocol != wire.PROTOCOL_TCP, "only TCP is carried here: use protocol TCP"),
    (lambda f: f.node_port == wire.FAMILY_IPV6 or len(f.address) == 16, "only IPv4 here: leave IPv6 out of ipFamilies"),
    (lambda f: f.affinity_seconds, "no session affinity here: set sessionAffinity: None"),
    (lambda f: f.source_ranges, "no source ranges here: remove loadBalancerSourceRanges"),
]


def pools(frontend, behind, own):
    """(weight, (address, port)) of what a frontend uses on this node: by its policy, and for sources inside."""
    all = [(e, p) for e in behind for p in e.ports if len(e.address) == 4 and p.service_port == frontend.service_port]
    usable = [c for c in all if c[1].cluster]  # [forward-flags]
    by_node = [c for c in usable if frontend.node_hints_valid and own.name in c[0].node_hints]  # [forward-hints]
    by_zone = [c for c in usable if frontend.zone_hints_valid and own.zone and own.zone in c[0].zone_hints]
    everywhere = by_node or by_zone or usable
    here = [c for c in all if c[1].local and c[0].node == own.name]
    chosen = here if frontend.policy == wire.POLICY_LOCAL else everywhere
    inside = everywhere if frontend.reach == wire.REACH_EXTERNAL else chosen  # [forward-inside]
    return [[(max(e.weight, 1), (socket.inet_ntoa(e.address), p.port)) for e, p in c] for c in (chosen, inside)]


def desired(state, own):
    """{(address, port): (Service's uid, pools)}, and {uid: (code, why)} of Services that are not carried whole."""
    endpoints, wanted, unsupported = {}, {}, {}
    for endpoint in state.all(wire.KIND_ENDPOINT, wire.Endpoint).values():
        endpoints.setdefault(endpoint.service_uid, []).append(endpoint)
    for uid, service in state.all(wire.KIND_SERVICE, wire.Service).items():
        for frontend in service.frontends:
            if whys := [why for needs, why in BEYOND if needs(frontend)]:
                unsupported[uid] = ("UNSUPPORTED_FEATURE", f"{service.namespace}/{service.name}: {'; '.join(whys)}")
                continue
            at = [frontend.address] if frontend.address else own.node_port_addresses  # [forward-node-port]
            for address in (a for a in at if len(a) == 4):
                wanted[socket.inet_ntoa(address), frontend.port] = (uid, pools(frontend, endpoints.get(uid, []), own))
    return wanted, unsupported


class Forwarder:
    """A listening socket where there is somebody to forward to; elsewhere the kernel refuses [forward-empty]."""

    def __init__(self):
        self.listeners, self.pools, self.open, self.inside = {}, {}, [], set()

    async def carry(self, state, own):
        """Leads to a state, as far as it goes: {uid: (code, why)} of the rest."""
        wanted, failed = desired(state, own)
        cluster = next(iter(state.all(wire.KIND_CLUSTER, wire.ClusterConfig).values()), wire.ClusterConfig())
        nets = lambda texts: {ipaddress.ip_network(text) for text in texts if ":" not in text}
        mine, virtual = {socket.inet_ntoa(a) for a in own.addresses if len(a) == 4}, nets(cluster.service_cidrs)
        # Other virtual addresses stay ours until their last connection is over [forward-established].
        outside = nets(address for address, _ in [*wanted, *self.open] if address not in mine)
        local = virtual | {net for net in outside if not any(net.subnet_of(v) for v in virtual)}
        self.inside = nets(["127.0.0.0/8", *mine, *cluster.workload_ranges]) | local
        self.make_local(local)
        live = {at: value for at, value in wanted.items() if any(value[1])}
        for at, (uid, chosen) in live.items():
            self.pools[at] = chosen
            relay = lambda *ends, at=at: self.relay(at, *ends)
            try:
                self.listeners[at] = self.listeners.get(at) or await asyncio.start_server(relay, *at, backlog=1024)
            except OSError as error:
                failed[uid] = (CODES.get(error.errno, "INTERNAL"), f"can't listen at {at[0]}:{at[1]}: {error.strerror}")
        for at in [at for at in self.listeners if at not in live]:
            self.listeners.pop(at).close()
        return failed

    def make_local(self, wanted):
        """Exactly these networks are local, so that their addresses can be bound."""
        ip = lambda what, fed="": subprocess.run(f"ip {what}".split(), input=fed, text=True, capture_output=True).stdout
        shown = ip(f"-4 -o route show table local proto {OWNER}")
        held = {ipaddress.ip_network(line.split()[1]) for line in shown.splitlines()}
        words = [("add", net) for net in wanted - held] + [("del", net) for net in held - wanted]
        if words:
            ip("-batch -", "".join(f"route {word} local {net} dev lo proto {OWNER}\n" for word, net in words))

    async def relay(self, at, reader, writer):
        peer, ends = ipaddress.ip_address(writer.get_extra_info("peername")[0]), [writer]
        backends = self.pools[at][any(peer in net for net in self.inside)]
        self.open.append(at)
        try:
            weights, addresses = zip(*backends)  # [forward-weight]
            answers, theirs = await asyncio.open_connection(*random.choices(addresses, weights)[0])
            ends.append(theirs)
            await asyncio.gather(pipe(reader, theirs), pipe(answers, writer))
        except (OSError, ValueError):  # A ValueError: there is nobody for this source.
            # A reset tells the client that this was no orderly end.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            self.open.remove(at)
            for end in ends:
                end.close()


async def pipe(reader, writer):
    """One direction; its end is handed on while the other one stays open."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
