"""A SIP caller over UDP that shares no code with us: INVITE to BYE, REGISTER, digest."""

import asyncio
import hashlib
import itertools
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

SDP = {
    "audio": "m=audio 6000 RTP/AVP 8 0\r\n",
    "t38": "m=image 6000 udptl t38\r\na=T38FaxVersion:0\r\n",
}
_numbers = itertools.count(1)


@dataclass
class Answer:
    """The final answer to a request, and what a dialog needs of it."""

    code: int
    reason: str
    text: str
    call_id: str
    provisional: list[int] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """Return the first header of a name."""
        match = re.search(rf"^{name}\s*:\s*(.*?)\r?$", self.text, re.IGNORECASE | re.MULTILINE)
        return match[1] if match else None

    def headers(self, name: str) -> list[str]:
        """Return all headers of a name."""
        return re.findall(rf"(?im)^{name}\s*:\s*(.*?)\r?$", self.text)


class Caller(asyncio.DatagramProtocol):
    """One UDP socket. Use `Caller.bind`; several calls may run at a time."""

    def __init__(self, address: tuple[str, int], target: tuple[str, int]) -> None:
        self.address = address
        self.target = target
        self._waiting: dict[str, asyncio.Queue[str]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.requests: asyncio.Queue[tuple[str, tuple[str, int]]] = asyncio.Queue()

    @classmethod
    async def bind(cls, address: tuple[str, int], target: tuple[str, int]) -> "Caller":
        """Open the socket; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_datagram_endpoint(
            lambda: cls(address, target), local_addr=address
        )
        made._transport = transport
        made.address = transport.get_extra_info("sockname")[:2]
        return made

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode(errors="replace")
        if not text.startswith("SIP/2.0"):
            self.requests.put_nowait((text, addr))
            return
        call_id = re.search(r"(?im)^Call-ID\s*:\s*(\S+)", text)
        if call_id and call_id[1] in self._waiting:
            self._waiting[call_id[1]].put_nowait(text)

    def send(self, text: str, target: tuple[str, int] | None = None) -> None:
        """Send a datagram."""
        assert self._transport is not None
        self._transport.sendto(text.encode(), target or self.target)

    async def request(self, timeout: float = 10.0) -> tuple[str, tuple[str, int]]:
        """Return the next request that comes to us, with its source."""
        return await asyncio.wait_for(self.requests.get(), timeout)

    # ---- requests -------------------------------------------------------------

    def _request(
        self, method: str, uri: str, call_id: str, cseq: int, tags: tuple[str, str],
        from_: str, to: str, headers: list[str], body: str = "",
    ) -> str:  # fmt: skip
        host, port = self.address
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: <{from_}>;tag={tags[0]}",
            f"To: <{to}>" + (f";tag={tags[1]}" if tags[1] else ""),
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + body

    async def _final(self, request: str, call_id: str, method: str, timeout: float) -> Answer:
        """Send with retransmissions (RFC 3261 §17.1); return the final answer."""
        queue = self._waiting.setdefault(call_id, asyncio.Queue())
        provisional: list[int] = []
        interval = 0.5
        async with asyncio.timeout(timeout):
            self.send(request)
            while True:
                try:
                    text = await asyncio.wait_for(
                        queue.get(), None if provisional and method == "INVITE" else interval
                    )
                except TimeoutError:
                    interval = min(interval * 2, 4.0)
                    self.send(request)
                    continue
                if not re.search(rf"(?im)^CSeq\s*:\s*\d+\s+{method}", text):
                    continue
                status = re.match(r"SIP/2.0 (\d+) ?(.*?)\r\n", text)
                assert status is not None
                if int(status[1]) < 200:
                    provisional.append(int(status[1]))
                    continue
                return Answer(int(status[1]), status[2], text, call_id, provisional)

    async def call(
        self,
        number: str,
        *,
        user: str = "+34600000001",
        domain: str | None = None,
        password: str | None = None,
        media: str = "audio",
        headers: list[str] | None = None,
        hold: float = 0.0,
        timeout: float = 20.0,
    ) -> Answer:
        """Place a call; when it is answered, hang up after `hold` seconds."""
        answer, request = await self.invite(
            number, user=user, domain=domain, password=password, media=media, headers=headers,
            timeout=timeout,
        )  # fmt: skip
        if answer.code == 200:
            await asyncio.sleep(hold)
            await self.hang_up(answer, request)
        self._waiting.pop(answer.call_id, None)
        return answer

    async def invite(
        self, number: str, *, user: str = "+34600000001", domain: str | None = None,
        password: str | None = None, media: str = "audio", headers: list[str] | None = None,
        timeout: float = 20.0,
    ) -> tuple[Answer, str]:  # fmt: skip
        """Place a call and acknowledge its answer; return it with the INVITE."""
        host, port = self.address
        call_id = f"{secrets.token_hex(8)}-{next(_numbers)}"
        from_ = f"sip:{user}@{domain or f'{host}:{port}'}"
        uri = f"sip:{number}@{domain or f'{self.target[0]}:{self.target[1]}'}"
        tag = secrets.token_hex(4)
        body = _sdp(host, media)
        extra = [f"Contact: <sip:{user}@{host}:{port}>", *(headers or [])]
        for cseq in (1, 2):
            request = self._request(
                "INVITE", uri, call_id, cseq, (tag, ""), from_, uri, extra, body
            )
            answer = await self._final(request, call_id, "INVITE", timeout)
            if answer.code >= 300:
                to_tag = _tag(answer.header("To") or "")
                ack = self._request("ACK", uri, call_id, cseq, (tag, to_tag), from_, uri, [])
                via = re.search(r"(?m)^Via: .*?\r$", request)
                assert via is not None
                self.send(re.sub(r"(?m)^Via: .*?\r$", via[0], ack))
            if answer.code not in (401, 407) or password is None or cseq == 2:
                break
            extra.append(_credentials(answer, "INVITE", uri, user, password))
        if answer.code == 200:
            self._in_dialog("ACK", answer, request, 0)
        return answer, request

    def _in_dialog(self, method: str, answer: Answer, invite: str, raise_by: int) -> str:
        """Send a request inside the dialog by its route set (RFC 3261 §12.2.1.1)."""
        routes = [r for h in answer.headers("Record-Route") for r in _split(h)][::-1]
        contact = re.search(r"<(.*?)>", answer.header("Contact") or "")
        cseq = re.search(r"(?m)^CSeq: (\d+)", invite)
        from_ = re.search(r"(?m)^From: <(.*?)>;tag=(\S+)", invite)
        to = re.search(r"(?m)^To: <(.*?)>", invite)
        assert contact
        assert cseq
        assert from_
        assert to
        text = self._request(
            method, contact[1], answer.call_id, int(cseq[1]) + raise_by,
            (from_[2], _tag(answer.header("To") or "")), from_[1], to[1],
            [f"Route: {route}" for route in routes],
        )  # fmt: skip
        self.send(text)
        return text

    async def hang_up(self, answer: Answer, invite: str) -> Answer:
        """End an answered call."""
        text = self._in_dialog("BYE", answer, invite, 1)
        return await self._final(text, answer.call_id, "BYE", 10.0)

    async def register(
        self, user: str, domain: str, password: str, *, expires: int = 120
    ) -> Answer:
        """Register; return the final answer."""
        host, port = self.address
        call_id = secrets.token_hex(8)
        aor, uri = f"sip:{user}@{domain}", f"sip:{domain}"
        extra = [f"Contact: <sip:{user}@{host}:{port}>", f"Expires: {expires}"]
        for cseq in (1, 2):
            request = self._request(
                "REGISTER", uri, call_id, cseq, (secrets.token_hex(4), ""), aor, aor, extra
            )
            answer = await self._final(request, call_id, "REGISTER", 10.0)
            if answer.code != 401 or cseq == 2:
                break
            extra.append(_credentials(answer, "REGISTER", uri, user, password))
        return answer

    def answer(
        self, request: str, source: tuple[str, int], code: int, reason: str, *,
        tag: str = "callee", media: str | None = None, headers: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """Answer a request that came to us."""
        host, port = self.address
        kept = [
            line for line in request.split("\r\n\r\n")[0].split("\r\n")[1:]
            if re.match(r"(?i)(via|from|to|call-id|cseq|record-route)\s*:", line)
        ]  # fmt: skip
        kept = [
            f"{line};tag={tag}" if re.match(r"(?i)to\s*:", line) and ";tag=" not in line else line
            for line in kept
        ]
        body = ""
        if media is not None:
            body = _sdp(host, media)
            kept.append("Content-Type: application/sdp")
        lines = [
            f"SIP/2.0 {code} {reason}", *kept, *headers, f"Contact: <sip:{host}:{port}>",
            f"Content-Length: {len(body)}",
        ]  # fmt: skip
        self.send("\r\n".join(lines) + "\r\n\r\n" + body, source)


def _sdp(host: str, media: str) -> str:
    """Return a session description; `media` is a key of SDP, or the lines themselves."""
    lines = SDP.get(media, media)
    return f"v=0\r\no=c 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{lines}"


def _tag(header: str) -> str:
    match = re.search(r";tag=([^;\s]+)", header)
    return match[1] if match else ""


def _split(header: str) -> list[str]:
    return [f"<{uri}>" for uri in re.findall(r"<(.*?)>", header)]


def _credentials(answer: Answer, method: str, uri: str, user: str, password: str) -> str:
    """Return the header that answers a challenge (RFC 2617 §3.2.2)."""
    proxy = answer.code == 407
    challenge = answer.header("Proxy-Authenticate" if proxy else "WWW-Authenticate") or ""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    cnonce, count = secrets.token_hex(4), "00000001"
    ha1, ha2 = h(f"{user}:{fields['realm']}:{password}"), h(f"{method}:{uri}")
    response = h(f"{ha1}:{fields['nonce']}:{count}:{cnonce}:auth:{ha2}")
    return (
        f"{'Proxy-Authorization' if proxy else 'Authorization'}: Digest "
        f'username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
        f'response="{response}", qop=auth, nc={count}, cnonce="{cnonce}", algorithm=MD5'
    )
