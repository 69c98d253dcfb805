"""A client without generated code: every message and method is learned from the server's reflection."""

import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# Far beyond what an answer takes.
PATIENCE = 30


class Deviation(Exception):
    """The server does something else than its description says."""


def check(truth, message):
    """Ends the script unless something holds."""
    if not truth:
        raise Deviation(message)


def equal(found, expected, what):
    """Ends the script unless two values are the same."""
    check(found == expected, f"{what}: {found!r} instead of {expected!r}")


class Server:
    """A server, and what it says of itself."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def message(self, name, /, **fields):
        """A new message of a type."""
        descriptor = self.pool.FindMessageTypeByName(name)
        return message_factory.GetMessageClass(descriptor)(**fields)

    def value(self, enum, name):
        """The number of an enum's value."""
        return self.pool.FindEnumTypeByName(enum).values_by_name[name].number

    def call(self, service, method, /, **fields):
        """Calls a method; a stream of messages if it is one, else one message."""
        described = self.pool.FindServiceByName(service).methods_by_name[method]
        request = self.message(described.input_type.full_name, **fields)
        answer = message_factory.GetMessageClass(described.output_type)
        kind = self.channel.unary_stream if described.server_streaming else self.channel.unary_unary
        invoke = kind(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return invoke(request, timeout=PATIENCE)

    def refused(self, service, method, code, /, **fields):
        """Calls a method that must be refused, and returns the error."""
        try:
            answer = self.call(service, method, **fields)
            if not hasattr(answer, "DESCRIPTOR"):
                answer = next(answer)
        except grpc.RpcError as error:
            equal(error.code(), code, f"code of {method}, which says {error.details()!r}")
            return error
        raise Deviation(f"{method} should have been refused with {code}, but answered {answer}")


def main(script):
    """Runs a script against the server that the command line names."""
    try:
        script(Server(sys.argv[1]))
    except Deviation as deviation:
        sys.exit(f"deviation: {deviation}")
    except grpc.RpcError as error:
        sys.exit(f"unexpected error: {error.code()}: {error.details()}")
    print("as described")
