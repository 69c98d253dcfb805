"""Health: the whole server, every service, liveness and readiness; what nobody knows is not found."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reflected import PATIENCE, equal, main

NAMES = ["", "liveness", "readiness"]


def script(server):
    """Asks once, and follows."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    own = [name for name in server.database.get_services() if name.startswith("portolan.")]
    for name in NAMES + own:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = stub.Check(request, timeout=PATIENCE)
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING, f"health of {name!r}")
        events = stub.Watch(request, timeout=PATIENCE)
        equal(next(events).status, health_pb2.HealthCheckResponse.SERVING, f"watched health of {name!r}")
        events.cancel()
    events = stub.Watch(health_pb2.HealthCheckRequest(service="portolan.v1.NoAPI"), timeout=PATIENCE)
    equal(next(events).status, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN, "watched health of nothing")
    events.cancel()
    server.refused("grpc.health.v1.Health", "Check", grpc.StatusCode.NOT_FOUND, service="portolan.v1.NoAPI")


main(script)
