"""A client's handshake, byte by byte as RFC 6455 has it."""

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng==",
}
"""Its header fields, for a request whose refusal is to be read."""

UPGRADE = b"""\
GET /v1/realtime?model=x HTTP/1.1\r
Host: localhost\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r
\r
"""
