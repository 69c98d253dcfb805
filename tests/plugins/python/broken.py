"""The plugin with one rule broken on purpose, named by the first argument: the kit has to notice each."""

import asyncio
import os
import random
import sys

import forward
from plugin import Plugin


class NoneIsGone(dict):
    """Listening sockets that are never found when it is looked for those that are to be closed."""

    def __iter__(self):
        return iter(())


class IgnoresDeletes(Plugin):
    """Keeps forwarding for what is gone."""

    def __init__(self, env):
        super().__init__(env)
        self.forwarder.listeners = NoneIsGone()


class AcksTooEarly(Plugin):
    """Says that a revision is applied, and applies it half a second later."""

    async def applied(self):
        self.done = self.held.revision
        self.ack()
        await asyncio.sleep(0.5)
        await super().applied()


class SkipsARevision(Plugin):
    """Loses every third Batch, and goes on as if it had been there."""

    batches = 0

    async def batch(self, batch):
        self.batches += 1
        if self.batches % 3 == 0:
            del batch.objects[:], batch.removed[:]
        await super().batch(batch)


class IgnoresGaps(Plugin):
    """Applies a Batch wherever it starts."""

    async def batch(self, batch):
        batch.from_revision = 0
        await super().batch(batch)


class CarriesWhatIsBeyond(Plugin):
    """Rejects what it can't do, and leaves it open all the same."""

    def __init__(self, env):
        super().__init__(env)
        desired = forward.desired

        def open_to_all(state, own):
            _, unsupported = desired(state, own)
            beyond, forward.BEYOND = forward.BEYOND, []
            wanted, _ = desired(state, own)
            forward.BEYOND = beyond
            return wanted, unsupported

        forward.desired = open_to_all


class NeverPauses(Plugin):
    """Calls again at once, however often the server hangs up."""

    async def streams(self):
        random.uniform = lambda low, high: low
        await super().streams()


if __name__ == "__main__":
    plugin = globals()[sys.argv[1]]
    asyncio.run(plugin(os.environ).run())
