"""Texts that the tool does not know are sent as they are."""
import schemathesis


@schemathesis.serializer(
    "application/sdp",
    "application/trickle-ice-sdpfrag",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
def text(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
