"""What is open on a port: for the start of services, and before it."""

import asyncio
import contextlib
import secrets
import socket

ANSWER_SECONDS = 0.5


def port_is_free(address: str, port: int, kind: socket.SocketKind) -> bool:
    """Return whether a server could listen there."""
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError:
            return False
        return True


async def tcp_accepts(address: str, port: int) -> bool:
    """Return whether a server accepts connections."""
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def options_answered(address: str, port: int, source: str = "127.0.0.1") -> bool:
    """Send one SIP OPTIONS; return whether a 200 arrives within ANSWER_SECONDS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(ANSWER_SECONDS)
        local = f"{source}:{sock.getsockname()[1]}"
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        request = (
            f"OPTIONS sip:{address}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {local};branch={branch};rport\r\n"
            f"From: <sip:probe@{local}>;tag=probe\r\nTo: <sip:{address}:{port}>\r\n"
            f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        sock.sendto(request.encode(), (address, port))
        try:
            return sock.recv(4096).startswith(b"SIP/2.0 200")
        except OSError:
            return False
