"""A Portolan dataplane in Python, written from GUIDE.md alone: it needs root, and the environment named there."""

import asyncio
import hashlib
import ipaddress
import os
import pathlib
import pickle
import random
import time

import grpc
from forward import Forwarder
from portolan.node.v1 import node_sync_pb2 as wire
from portolan.node.v1 import node_sync_pb2_grpc as rpc

CAPABILITIES = wire.Capabilities(families=[wire.FAMILY_IPV4], protocols=[wire.PROTOCOL_TCP], inside=True)


class State:
    """A whole state: bodies by (kind, uid), and the revision of a store that they belong to."""

    def __init__(self, store_id=b"", revision=0):
        self.store_id, self.revision, self.bodies = store_id, revision, {}

    def all(self, kind, message):
        return {uid: message.FromString(body) for (k, uid), body in self.bodies.items() if k == kind}

    def change(self, batch):
        """Takes over whole values; a kind that is not known is kept all the same [batch-values, unknown-kinds]."""
        self.bodies.update(((o.kind, o.uid), o.body) for o in batch.objects)
        for ref in batch.removed:
            self.bodies.pop((ref.kind, ref.uid), None)

    def resume(self):
        digest = 0
        for (kind, uid), body in self.bodies.items():
            hashed = hashlib.blake2b(bytes([kind]) + uid + body, digest_size=16)
            digest ^= int.from_bytes(hashed.digest(), "big")
        return wire.Resume(store_id=self.store_id, revision=self.revision, digest=digest.to_bytes(16, "big"))

    def store(self, path):
        """To the disk, whole or not at all [ack-durable]."""
        new = path.with_suffix(".new")
        with open(new, "wb", buffering=0) as file:
            file.write(pickle.dumps(self))
            os.fsync(file.fileno())
        new.rename(path)


class Leave(Exception):
    """The stream has to be left; with `distrust`, what is held is nothing to resume from."""

    def __init__(self, why, distrust=False, pause=0.0):
        super().__init__(why)
        self.distrust, self.pause = distrust, pause


class Plugin:
    def __init__(self, env):
        self.server, self.dir = env["PORTOLAN_SERVER"].removeprefix("http://"), pathlib.Path(env["PORTOLAN_STATE_DIR"])
        self.cluster, self.node = env.get("PORTOLAN_CLUSTER", "default"), env["PORTOLAN_NODE"]
        self.described = wire.NodeDescription(zone=env.get("PORTOLAN_ZONE", ""), dataplane="python", capabilities=CAPABILITIES)
        self.described.addresses.extend(ipaddress.ip_address(a).packed for a in env["PORTOLAN_ADDRESSES"].split(","))
        file = self.dir / "state"
        self.held = pickle.loads(file.read_bytes()) if file.exists() else State()
        self.forwarder, self.programming, self.done = Forwarder(), asyncio.Lock(), self.held.revision
        self.rejected, self.told, self.distrusted, self.heartbeat = {}, {}, False, 1.0

    async def run(self):
        """What the disk remembers first [restart-adopts]; then one stream after the other, for ever [away-keeps]."""
        if self.done:
            await self.program()
        await asyncio.gather(self.streams(), self.tick())

    async def streams(self):
        pause = 0.1
        while True:
            began, least = time.monotonic(), 0.0
            self.out, self.told, self.snapshot, self.group = asyncio.Queue(), {}, None, []
            self.out.put_nowait(wire.SyncRequest(hello=self.hello()))
            try:
                async with grpc.aio.insecure_channel(self.server) as channel:
                    async for message in rpc.NodeSyncStub(channel).Sync(self.outgoing()):
                        await self.receive(message)
            except Leave as left:
                print("leaving the stream:", left, flush=True)
                self.distrusted, least = self.distrusted or left.distrust, left.pause
            except grpc.aio.AioRpcError as error:
                print("lost the stream:", error.details(), flush=True)
            pause = 0.1 if time.monotonic() - began > 5 else min(pause * 2, 5.0)
            await asyncio.sleep(least + random.uniform(0, pause))

    def hello(self):
        file = self.dir / "session"
        last = int(file.read_text()) if file.exists() else 0
        session = max(last + 1, int(time.time() * 1000))  # [hello-session]
        file.write_text(str(session))
        resume = self.held.resume() if self.held.revision and not self.distrusted else None  # [hello-resume]
        who = {"cluster": self.cluster, "node": self.node, "agent_version": "1", "projection_version": 2}
        return wire.Hello(session=session, resume=resume, description=self.described, **who)

    async def outgoing(self):
        while True:
            yield await self.out.get()

    async def receive(self, message):
        match message.WhichOneof("message"):
            case "welcome":
                self.store_id, self.heartbeat = message.welcome.store_id, message.welcome.heartbeat_ms / 1000
                if self.held.revision and self.held.store_id != self.store_id:
                    raise Leave("another store: remove the state directory to accept it", pause=5.0)  # [welcome-store]
                if message.welcome.mode == wire.Welcome.MODE_RESUME:
                    self.ack()  # [welcome-resume]
            case "snapshot_begin":
                self.snapshot = State(self.store_id, message.snapshot_begin.revision)
            case "batch" if self.snapshot:
                self.snapshot.change(message.batch)  # Nothing of it counts yet [snapshot-whole].
            case "batch":
                await self.batch(message.batch)
            case "snapshot_end":
                if self.snapshot.resume().digest != message.snapshot_end.digest:
                    raise Leave("the digest of the snapshot is wrong", distrust=True)  # [snapshot-digest]
                self.held, self.snapshot, self.distrusted = self.snapshot, None, False  # [snapshot-complete]
                await self.applied()
            case "bookmark" if message.bookmark.revision >= self.held.revision:
                if message.bookmark.digest != self.held.resume().digest:
                    raise Leave("the digests differ", distrust=True)  # [bookmark-digest]
                if message.bookmark.revision > self.held.revision:
                    self.held.revision = message.bookmark.revision  # [bookmark-revision]
                    await self.applied()
            case "resync":
                raise Leave("the server asks for another stream")  # [resync]
            case "drain":
                after, spread = message.drain.reconnect_after_ms, message.drain.spread_ms
                raise Leave("the server ends", pause=(after + random.uniform(0, spread)) / 1000)  # [drain]

    async def batch(self, batch):
        if not self.group and batch.from_revision > self.held.revision:
            raise Leave("changes are missing")  # [batch-gap]
        parts = [*self.group, batch]
        self.group = parts if batch.more else []  # [batch-more]
        if not batch.more and batch.to_revision > self.held.revision:  # [batch-overlap]
            for part in parts:
                self.held.change(part)
            self.held.revision = batch.to_revision
            await self.applied()

    async def applied(self):
        await self.program()  # Only then say so [ack-after].
        self.held.store(self.dir / "state")
        self.done = self.held.revision
        self.ack()  # [ack-every]

    async def program(self):
        async with self.programming:
            nodes = self.held.all(wire.KIND_NODE, wire.Node).values()
            own = next((n for n in nodes if n.name == self.node), wire.Node(name=self.node))
            failed = await self.forwarder.carry(self.held, own)
            since = lambda uid: self.rejected.get(uid, [self.held.revision])[0]
            self.rejected = {uid: (since(uid), *why) for uid, why in failed.items()}

    def ack(self):
        """Every rejection in the first one of a stream, then what is new [ack-rejected]."""
        ack = wire.Ack(attempted=self.done, durable=self.done)
        ref = lambda uid: wire.ObjectRef(kind=wire.KIND_SERVICE, uid=uid)
        for uid, (since, code, message) in self.rejected.items():
            if self.told.get(uid) != (since, code, message):
                ack.rejected.add(ref=ref(uid), since_revision=since, code=code, message=message)
        ack.cleared.extend(ref(uid) for uid in self.told if uid not in self.rejected)
        self.told = self.rejected
        self.out.put_nowait(wire.SyncRequest(ack=ack))

    async def tick(self):
        """Says that it is here [heartbeat], and looks whether everything is as it should be."""
        while True:
            await asyncio.sleep(self.heartbeat)
            self.out.put_nowait(wire.SyncRequest(heartbeat=wire.Heartbeat(attempted=self.done, durable=self.done)))
            if self.done:
                await self.program()
                if self.rejected != self.told:
                    self.ack()


if __name__ == "__main__":
    asyncio.run(Plugin(os.environ).run())
