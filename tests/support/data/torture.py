# ruff: noqa: E501  (messages)
"""Messages in the spirit of RFC 4475, clause by clause, made for this system's numbers."""

N = "+34911000002"

_GOOD = {
    "Via": "SIP/2.0/UDP {me};branch=z9hG4bK{id};rport",
    "Max-Forwards": "70",
    "From": "<sip:+34600000001@{me}>;tag=t{id}",
    "To": f"<sip:{N}@{{us}}>",
    "Call-ID": "{id}@torture",
    "CSeq": "1 INVITE",
    "Contact": "<sip:caller@{me}>",
    "Content-Type": "application/sdp",
}
_SDP = "v=0\r\no=t 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"


def message(
    start: str = f"INVITE sip:{N}@{{us}} SIP/2.0", body: str = _SDP, *, drop: tuple[str, ...] = (),
    extra: str = "", length: str | None = None, **headers: str,
) -> str:  # fmt: skip
    """Return a good INVITE with some things changed."""
    fields = {**_GOOD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in drop]
    if "Content-Length" not in drop:
        lines.append(f"Content-Length: {length if length is not None else len(body)}")
    return start + "\r\n" + "\r\n".join(lines) + "\r\n" + extra + "\r\n" + body


#: name, message, the codes that are right; an empty set: it may be dropped, or
#: answered somehow; nothing breaks.
TORTURE: list[tuple[str, str, set[int]]] = [
    # 3.1.1 valid messages
    ("wsinv: folded headers and odd spaces",
     message(To=f"sip:{N}@{{us}} ;\r\n  tag\t=", CSeq="0009\r\n  INVITE", drop=("To",),
             extra=f"TO :\r\n <sip:{N}@{{us}}>\r\nNewFangledHeader:   newfangled\r\n value\r\n"), set()),
    ("intmeth: a method of many letters",
     message("!interesting-Method0123456789_*+`.%indeed'~ sip:x@{us} SIP/2.0",
             CSeq="1 !interesting-Method0123456789_*+`.%indeed'~"), {405, 501, 400}),
    ("esc01: escapes in the URI", message(f"INVITE sip:%2B{N[1:]}@{{us}} SIP/2.0"), set()),
    ("escnull: an escaped NUL",
     message("REGISTER sip:{us} SIP/2.0", To="<sip:null-%00-null@{us}>", CSeq="1 REGISTER"),
     {400, 403, 404}),
    ("esc02: escapes that are none", message("RE%47IST%45R sip:{us} SIP/2.0", CSeq="1 RE%47IST%45R"),
     {405, 501, 400}),
    ("lwsdisp: no space before <", message(From="caller<sip:+34600000001@{me}>;tag=t{id}"), set()),
    ("longreq: very long fields",
     message(From=f'"{"I have a user name of extreme proportion " * 20}" <sip:+34600000001@{{me}}>;tag={"x" * 400}',
             extra="Via: SIP/2.0/UDP " + "h" * 200 + ".example;branch=z9hG4bK" + "v" * 300 + "\r\n"), set()),
    ("dblreq: two requests in one datagram",
     message("OPTIONS sip:{us} SIP/2.0", body="", CSeq="1 OPTIONS") + message(), {200, 400}),
    ("semiuri: semicolons in the user part", message(f"INVITE sip:{N};par=u%40example@{{us}} SIP/2.0"), set()),
    ("transports: all of them in Via",
     message(extra="Via: SIP/2.0/SCTP a.example;branch=z9hG4bKa\r\nVia: SIP/2.0/UNKNOWN b.example;branch=z9hG4bKb\r\n"),
     set()),
    ("mpart01: a multipart body",
     message("MESSAGE sip:x@{us} SIP/2.0", body="--7\r\n\r\nHello\r\n--7--\r\n", CSeq="1 MESSAGE",
             Content_Type="multipart/mixed;boundary=7"), {405}),
    ("unreason: a response nobody waits for",
     message("SIP/2.0 200 = 2**3 * 5**2 no reason"), set()),
    ("noreason: a response without reason", message("SIP/2.0 100 "), set()),
    # 3.1.2 invalid messages
    ("badinv01: separators after Contact parameters", message(Contact='"Joe" <sip:caller@{me}>;;;;'), set()),
    ("clerr: Content-Length larger than the body", message(length="9999"), {400, 413}),
    ("ncl: negative Content-Length", message(length="-999"), set()),
    ("scalar02: numbers that overflow",
     message("REGISTER sip:{us} SIP/2.0", CSeq="36893488147419103232 REGISTER", Max_Forwards="300",
             extra="Expires: 10000000000000000000000000000000000000\r\n"), {400, 403, 483}),
    ("scalarlg: a response with numbers that overflow",
     message("SIP/2.0 503 Service Unavailable", CSeq="9292394834772304023312 OPTIONS",
             extra="Retry-After: 949302838503028349304023988\r\nWarning: 1812 overture \"x\"\r\n"), set()),
    ("quotbal: an open quote", message(To=f'"Mr. J. User <sip:{N}@{{us}}>'), set()),
    ("ltgtruri: the URI in <>", message(f"INVITE <sip:{N}@{{us}}> SIP/2.0"), {400}),
    ("lwsruri: spaces in the URI", message(f"INVITE sip:{N}@{{us}}; lr SIP/2.0"), set()),
    ("lwsstart: many spaces in the first line", message(f"INVITE  sip:{N}@{{us}}  SIP/2.0"), set()),
    ("trws: spaces after SIP/2.0", message(f"INVITE sip:{N}@{{us}} SIP/2.0  "), set()),
    ("escruri: headers in the URI", message(f"INVITE sip:{N}@{{us}}?Route=%3Csip:x.example%3E SIP/2.0"), set()),
    ("baddate: a date that is none", message(extra="Date: Fri, 01 Jan 2010 16:00:00 EST\r\n"), set()),
    ("regbadct: an open < in Contact",
     message("REGISTER sip:{us} SIP/2.0", CSeq="1 REGISTER", Contact="sip:u@{me}?Route=%3Csip:x%3E"), {400, 403}),
    ("badaspec: a name-addr with a space in it", message(To=f"<sip:{N}@ {{us}}>"), set()),
    ("baddn: a display name that needs quotes", message(From="Bell, Alexander <sip:+34600000001@{me}>;tag=t{id}"), set()),
    ("badvers: SIP/7.0", message(f"INVITE sip:{N}@{{us}} SIP/7.0"), set()),
    ("mismatch01: CSeq of another method", message(CSeq="1 OPTIONS"), {400}),
    ("mismatch02: an unknown method, CSeq INVITE", message("NEWMETHOD sip:x@{us} SIP/2.0"), {400, 405, 501}),
    ("bigcode: a response code of many digits", message("SIP/2.0 4294967301 better not"), set()),
    # 3.2 transactions
    ("badbranch: a branch that is only the cookie", message(Via="SIP/2.0/UDP {me};branch=z9hG4bK"), set()),
    # 3.3 applications
    ("insuf: no Call-ID, From, To", message(drop=("Call-ID", "From", "To")), set()),
    ("unkscm: an unknown scheme", message("OPTIONS nobodyKnowsThisScheme:totallyopaque SIP/2.0", CSeq="1 OPTIONS"), {400, 416, 405}),
    ("novelsc: a scheme with known parts", message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", CSeq="1 OPTIONS"), {400, 416, 405}),
    ("unksm2: unknown schemes in To and Contact",
     message("REGISTER sip:{us} SIP/2.0", To="isbn:2983792873", CSeq="1 REGISTER", Contact="<name:John_Smith>"), {400, 403}),
    ("bext01: unknown extensions required", message(extra="Require: nothingSupportsThis\r\nProxy-Require: norThis\r\n"), {420}),
    ("invut: an unknown content type", message(Content_Type="application/unknownformat", body="<audio/>"), set()),
    ("regaut01: an unknown authorization scheme",
     message("REGISTER sip:{us} SIP/2.0", CSeq="1 REGISTER", extra="Authorization: NoOneKnowsThisScheme opaque=here\r\n"), {400, 403}),
    ("multi01: headers that may come once, twice",
     message(extra=f"CSeq: 5 INVITE\r\nCall-ID: other@torture\r\nTo: <sip:{N}@x>\r\nFrom: <sip:y@z>;tag=2\r\nMax-Forwards: 5\r\n"), set()),
    ("mcl01: two Content-Lengths", message(extra="Content-Length: 5\r\n"), set()),
    ("bcast: a broadcast address in Via", message(extra="Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb\r\n"), set()),
    ("zeromf: Max-Forwards 0", message("OPTIONS sip:user@{us} SIP/2.0", CSeq="1 OPTIONS", Max_Forwards="0"), {483}),
    ("cparam01: a Contact with unknown parameters",
     message("REGISTER sip:{us} SIP/2.0", CSeq="1 REGISTER", Contact="sip:u@{me};unknownparam"), {403}),
    ("regescrt: a Route in the Contact URI",
     message("REGISTER sip:{us} SIP/2.0", CSeq="1 REGISTER", Contact="<sip:u@{me}?Route=%3Csip:x%3E>"), {400, 403}),
    ("sdp01: an Accept that we do not meet", message(extra="Accept: text/nobodyKnowsThis\r\n"), set()),
    # 3.4 backward compatibility
    ("inv2543: an INVITE of RFC 2543",
     f"INVITE sip:{N}@{{us}} SIP/2.0\r\nVia: SIP/2.0/UDP {{me}}\r\nFrom: <sip:+34600000001@{{me}}>\r\n"
     f"To: <sip:{N}@{{us}}>\r\nCall-ID: {{id}}@torture\r\nCSeq: 1 INVITE\r\n\r\n", set()),
    # what else strangers send
    ("a NUL in the middle", message(Call_ID="a\0b"), set()),
    ("bytes that are no UTF-8", message(From="\"\udcff\udcfe\" <sip:+34600000001@{me}>;tag=t{id}"), set()),
    ("a header without a colon", message(extra="ThisIsNoHeader\r\n"), set()),
    ("a thousand Vias", message(extra="Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\n" * 1000), set()),
    ("a Contact of *", message(Contact="*"), {400}),
    ("a Contact that is tel:", message(Contact="<tel:+34600000001>"), {400}),
    ("a CANCEL of nothing", message(f"CANCEL sip:{N}@{{us}} SIP/2.0", body="", CSeq="1 CANCEL"), set()),
    ("a PRACK of nothing", message(f"PRACK sip:{N}@{{us}} SIP/2.0", body="", CSeq="1 PRACK"), {405}),
]  # fmt: skip
