"""Reflection: every service, every method and every message that one needs can be resolved."""

from reflected import check, main

EXPECTED = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "portolan.node.v1.NodeSync",
    "portolan.v1.ClusterAPI",
    "portolan.v1.EndpointAPI",
    "portolan.v1.EventAPI",
    "portolan.v1.NamespaceAPI",
    "portolan.v1.NodeAPI",
    "portolan.v1.ServiceAPI",
    "portolan.v1.ServiceCidrAPI",
    "portolan.v1.WorkloadAPI",
}
DETAILS = ["ErrorInfo", "BadRequest", "PreconditionFailure", "QuotaFailure", "ResourceInfo", "RetryInfo"]


def script(server):
    """Looks up everything by its name."""
    services = set(server.database.get_services())
    check(services == EXPECTED, f"services that differ: {sorted(services ^ EXPECTED)}")
    for name in sorted(services):
        methods = server.pool.FindServiceByName(name).methods
        check(len(methods) > 0, f"{name} has no method")
        for method in methods:
            server.message(method.input_type.full_name)
            server.message(method.output_type.full_name)
    for name in DETAILS:
        server.message(f"google.rpc.{name}")


main(script)
