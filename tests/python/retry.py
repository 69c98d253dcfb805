"""Retries: grpcio with the published service config repeats what may be repeated, and nothing else."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
from reflected import PATIENCE, Deviation, equal

# Answers of which a client must not make more requests, whatever the method.
FINAL = [grpc.StatusCode.ABORTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED]


class Flaky(grpc.GenericRpcHandler):
    """A server that answers the first request of every method with a code, and all others with nothing wrong."""

    def __init__(self, code):
        self.code = code
        self.seen = Counter()

    def service(self, details):
        """Every method there can be."""
        return grpc.unary_unary_rpc_method_handler(lambda _, context: self.answer(details.method, context))

    def answer(self, method, context):
        """Counts, and refuses the first."""
        self.seen[method] += 1
        if self.seen[method] == 1:
            context.abort(self.code, "the first one always fails")
        return b""


def call(channel, path):
    """The code that a caller sees in the end."""
    try:
        channel.unary_unary(path)(b"", timeout=PATIENCE)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def rehearse(config, code):
    """How often each method was asked for, and the code that its caller saw."""
    flaky = Flaky(code)
    server = grpc.server(ThreadPoolExecutor(4), handlers=[flaky])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    told = {}
    for entry in config["methodConfig"]:
        for name in entry["name"]:
            path = f"/{name['service']}/{name['method']}"
            # A channel of its own: retries of one method must not use up the budget of the next.
            with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.service_config", json.dumps(config))]) as channel:
                seen = call(channel, path)
            told[path] = (flaky.seen[path], seen)
    server.stop(None).wait()
    return told


def main(config):
    """Every method of the config, with every code."""
    retried = {
        f"/{name['service']}/{name['method']}"
        for entry in config["methodConfig"]
        if "retryPolicy" in entry
        for name in entry["name"]
    }
    for path, told in rehearse(config, grpc.StatusCode.UNAVAILABLE).items():
        expected = (2, grpc.StatusCode.OK) if path in retried else (1, grpc.StatusCode.UNAVAILABLE)
        equal(told, expected, f"requests and outcome of {path}")
    for method, number in [("GetService", 2), ("CreateService", 1), ("UpdateService", 1), ("DeleteService", 1)]:
        path = f"/portolan.v1.ServiceAPI/{method}"
        equal(2 if path in retried else 1, number, f"requests of {path}")
    for code in FINAL:
        for path, told in rehearse(config, code).items():
            equal(told, (1, code), f"requests and outcome of {path}")


try:
    with open(sys.argv[1], encoding="utf-8") as file:
        main(json.load(file))
except Deviation as deviation:
    sys.exit(f"deviation: {deviation}")
print("as described")
