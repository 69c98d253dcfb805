"""From a state to sockets: TCP over IPv4. In brackets are the rules of GUIDE.md that a line keeps."""

import asyncio
import errno
import ipaddress
import random
import socket
import struct

from portolan.node.v1 import node_sync_pb2 as wire

OWNER = "113"  # Marks our routes, so that nothing else is ever removed.
CODES = {errno.EADDRINUSE: "PORT_IN_USE", errno.EACCES: "PERMISSION_DENIED", errno.EADDRNOTAVAIL: "FAMILY_UNAVAILABLE"}


def pools(frontend, endpoints, own):
    """(weight, (address, port)) of what a frontend uses on this node: by its policy, and for sources inside."""
    all = [(e, p) for e in endpoints for p in e.ports if len(e.address) == 4 and p.service_port == frontend.service_port]
    usable = [c for c in all if c[1].cluster]  # [forward-flags]
    by_node = [c for c in usable if frontend.node_hints_valid and own.name in c[0].node_hints]  # [forward-hints]
    by_zone = [c for c in usable if frontend.zone_hints_valid and own.zone and own.zone in c[0].zone_hints]
    everywhere = by_node or by_zone or usable
    here = [c for c in all if c[1].local and c[0].node == own.name]
    chosen = here if frontend.policy == wire.POLICY_LOCAL else everywhere
    inside = everywhere if frontend.reach == wire.REACH_EXTERNAL else chosen  # [forward-inside]
    return [[(max(e.weight, 1), (socket.inet_ntoa(e.address), p.port)) for e, p in c] for c in (chosen, inside)]


def lacking(frontend):
    """What a frontend needs beyond what is declared, with its remedy [ack-rejected]."""
    if frontend.protocol != wire.PROTOCOL_TCP:
        return "only TCP is carried here: use protocol TCP"
    if frontend.node_port == wire.FAMILY_IPV6 or len(frontend.address) == 16:
        return "only IPv4 is carried here: leave IPv6 out of ipFamilies"
    if frontend.affinity_seconds:
        return "no session affinity here: set sessionAffinity: None"
    return "no source ranges here: remove loadBalancerSourceRanges" if frontend.source_ranges else None


def desired(state, own):
    """{(address, port): (Service's uid, pools)}, and {uid: (code, why)} of Services that are not carried whole."""
    endpoints, wanted, unsupported = {}, {}, {}
    for endpoint in state.all(wire.KIND_ENDPOINT, wire.Endpoint).values():
        endpoints.setdefault(endpoint.service_uid, []).append(endpoint)
    for uid, service in state.all(wire.KIND_SERVICE, wire.Service).items():
        for frontend in service.frontends:
            if why := lacking(frontend):
                unsupported[uid] = ("UNSUPPORTED_FEATURE", f"{service.namespace}/{service.name}: {why}")
                continue
            at = [frontend.address] if frontend.address else own.node_port_addresses  # [forward-node-port]
            for address in (a for a in at if len(a) == 4):
                wanted[socket.inet_ntoa(address), frontend.port] = (uid, pools(frontend, endpoints.get(uid, []), own))
    return wanted, unsupported


class Forwarder:
    """A listening socket where there is somebody to forward to; elsewhere the kernel refuses [forward-empty]."""

    def __init__(self):
        self.listeners, self.pools, self.open, self.routes, self.inside = {}, {}, [], None, set()

    async def carry(self, state, own):
        """Leads to a state, as far as it goes: {uid: (code, why)} of the rest."""
        wanted, failed = desired(state, own)
        cluster = next(iter(state.all(wire.KIND_CLUSTER, wire.ClusterConfig).values()), wire.ClusterConfig())
        nets = lambda texts: {ipaddress.ip_network(text) for text in texts if ":" not in text}
        mine = {socket.inet_ntoa(a) for a in own.addresses if len(a) == 4}
        virtual = nets(cluster.service_cidrs)
        # Other virtual addresses stay ours until their last connection is over [forward-established].
        outside = nets(address for address, _ in [*wanted, *self.open] if address not in mine)
        local = virtual | {net for net in outside if not any(net.subnet_of(v) for v in virtual)}
        self.inside = nets(["127.0.0.0/8", *mine, *cluster.workload_ranges]) | local
        await self.make_local(local)
        live = {at: value for at, value in wanted.items() if any(value[1])}
        for at, (uid, chosen) in live.items():
            self.pools[at] = chosen
            try:
                self.listeners[at] = self.listeners.get(at) or await asyncio.start_server(self.relay(at), *at, backlog=1024)
            except OSError as error:
                failed[uid] = (CODES.get(error.errno, "INTERNAL"), f"can't listen at {at[0]}:{at[1]}: {error.strerror}")
        self.remove([at for at in self.listeners if at not in live])
        return failed

    def remove(self, gone):
        for at in gone:
            self.listeners.pop(at).close()

    async def make_local(self, wanted):
        """Exactly these networks are local, so that their addresses can be bound."""
        if wanted != self.routes:
            show = ["ip", "-4", "-o", "route", "show", "table", "local", "proto", OWNER]
            shown, _ = await (await asyncio.create_subprocess_exec(*show, stdout=asyncio.subprocess.PIPE)).communicate()
            held = {ipaddress.ip_network(line.split()[1]) for line in shown.decode().splitlines()}
            words = [("add", net) for net in wanted - held] + [("del", net) for net in held - wanted]
            lines = "".join(f"route {word} local {net} dev lo proto {OWNER}\n" for word, net in words)
            batch = await asyncio.create_subprocess_exec("ip", "-batch", "-", stdin=asyncio.subprocess.PIPE)
            await batch.communicate(lines.encode())
            self.routes = wanted

    def relay(self, at):
        async def accepted(reader, writer):
            peer, theirs = ipaddress.ip_address(writer.get_extra_info("peername")[0]), None
            backends = self.pools[at][any(peer in net for net in self.inside)]
            self.open.append(at)
            try:
                if not backends:
                    raise ConnectionRefusedError
                weights, addresses = zip(*backends)  # [forward-weight]
                answers, theirs = await asyncio.open_connection(*random.choices(addresses, weights)[0])
                await asyncio.gather(pipe(reader, theirs), pipe(answers, writer))
            except OSError:
                # A reset tells the client that this was no orderly end.
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            finally:
                self.open.remove(at)
                for end in filter(None, (writer, theirs)):
                    end.close()

        return accepted


async def pipe(reader, writer):
    """One direction; its end is handed on while the other one stays open."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
