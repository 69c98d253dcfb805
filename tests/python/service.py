"""The life of a Service: created, read, listed, updated, watched and deleted."""

import grpc
from reflected import check, equal, main

API = "portolan.v1.ServiceAPI"
PARENT = "clusters/default/namespaces/default"
NAME = f"{PARENT}/services/web"


def details(server, error):
    """The details of a refusal, by the last part of their type."""
    trailers = dict(error.trailing_metadata())
    check("grpc-status-details-bin" in trailers, f"a refusal without details: {error.details()!r}")
    status = server.message("google.rpc.Status")
    status.ParseFromString(trailers["grpc-status-details-bin"])
    equal(status.message, error.details(), "message in the details")
    found = {}
    for detail in status.details:
        name = detail.type_url.rsplit("/", 1)[1]
        message = server.message(name)
        message.ParseFromString(detail.value)
        found[name.rsplit(".", 1)[1]] = message
    return found


def spec(server, number):
    """A specification with one port."""
    port = server.message("portolan.v1.ServicePort", name="http", port=number)
    return server.message("portolan.v1.ServiceSpec", ports=[port], selector={"app": "web"})


def create(server):
    """Creates the Service; a second time it exists, and a wrong one is refused with every field."""
    service = server.message("portolan.v1.Service", spec=spec(server, 80))
    created = server.call(API, "CreateService", parent=PARENT, service_id="web", service=service)
    equal(created.name, NAME, "name of what was created")
    equal(len(created.spec.cluster_ips), 1, "virtual addresses")
    equal(created.spec.type, server.value("portolan.v1.ServiceType", "SERVICE_TYPE_CLUSTER_IP"), "type")

    arguments = {"parent": PARENT, "service_id": "web", "service": service}
    error = server.refused(API, "CreateService", grpc.StatusCode.ALREADY_EXISTS, **arguments)
    found = details(server, error)
    equal(found["ErrorInfo"].reason, "ALREADY_EXISTS", "reason")
    check(found["ResourceInfo"].resource_name.endswith("services/web"), f"resource in {found}")

    wrong = server.message("portolan.v1.Service", spec=spec(server, 70000))
    arguments = {"parent": PARENT, "service_id": "Web", "service": wrong}
    error = server.refused(API, "CreateService", grpc.StatusCode.INVALID_ARGUMENT, **arguments)
    fields = [violation.field for violation in details(server, error)["BadRequest"].field_violations]
    equal(fields, ["service_id", "service.spec.ports[0].port"], "fields that are wrong")
    return created


def read(server, created):
    """Reads it by name and in a list."""
    found = server.call(API, "GetService", name=NAME)
    equal(found.spec, created.spec, "specification that was read")
    equal(found.etag, created.etag, "etag that was read")
    listed = server.call(API, "ListServices", parent="clusters/default/namespaces/-")
    equal([service.name for service in listed.services], [NAME], "names in the list")
    check(listed.revision >= created.revision, "the list is older than what it shows")
    return listed


def update(server, created):
    """Changes its ports by a mask; the address stays. A stale etag is refused."""
    mask = server.message("google.protobuf.FieldMask", paths=["spec.ports"])
    wanted = server.message("portolan.v1.Service", name=NAME, etag=created.etag, spec=spec(server, 8080))
    updated = server.call(API, "UpdateService", service=wanted, update_mask=mask)
    equal(updated.spec.ports[0].port, 8080, "port after the update")
    equal(updated.spec.cluster_ips, created.spec.cluster_ips, "address after the update")
    equal(updated.generation, created.generation + 1, "generation after the update")
    error = server.refused(API, "UpdateService", grpc.StatusCode.ABORTED, service=wanted, update_mask=mask)
    equal(details(server, error)["ErrorInfo"].reason, "ETAG_MISMATCH", "reason")
    return updated


def expect(server, events, kind, port=None):
    """The next event of a watch that is no bookmark. Only where `revision` is set may a watch resume, with `store_id`."""
    bookmark = server.value("portolan.v1.WatchEventType", "WATCH_EVENT_TYPE_BOOKMARK")
    event = next(event for event in events if event.type != bookmark)
    equal(event.type, server.value("portolan.v1.WatchEventType", f"WATCH_EVENT_TYPE_{kind}"), f"event {event}")
    if port is not None:
        equal(event.service.name, NAME, "name in the event")
        equal(event.service.spec.ports[0].port, port, f"port in {kind}")
    equal(bool(event.revision), bool(event.store_id), "a revision comes with the store that counted it")
    return event


def script(server):
    """From its creation to its end, as two watches see it."""
    created = create(server)
    first = server.call(API, "WatchServices", parent=PARENT)
    expect(server, first, "ADDED", 80)
    expect(server, first, "SYNCED")

    listed = read(server, created)
    update(server, created)
    expect(server, first, "MODIFIED", 8080)
    start = {"parent": PARENT, "from_revision": listed.revision}
    later = server.call(API, "WatchServices", **start, store_id=listed.store_id)
    expect(server, later, "MODIFIED", 8080)

    server.refused(API, "WatchServices", grpc.StatusCode.OUT_OF_RANGE, **start, store_id=created.uid)

    deleted = server.call(API, "DeleteService", name=NAME)
    check(deleted.HasField("delete_time"), "what was deleted has no time of deletion")
    for events in (first, later):
        event = expect(server, events, "DELETED", 8080)
        equal(event.service.uid, created.uid, "uid in the event")
        events.cancel()
    server.refused(API, "GetService", grpc.StatusCode.NOT_FOUND, name=NAME)


main(script)
