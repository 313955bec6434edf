"""RADIUS packets: the published examples, and answers that do not count."""

import hashlib

import pytest

from mailwarden.core.access.radius import (
    Attribute,
    Code,
    Login,
    Method,
    Packet,
    build_request,
    build_response,
    has_message_authenticator,
    hide_password,
    parse_packet,
    parse_response,
    reveal_password,
)

SECRET = b"xyzzy5461"
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
LOGIN = Login(b"nemo", b"arctangent", b"gw1", b"192.0.2.1")


def request_of(method: Method = Method.PAP, identifier: int = 7) -> bytes:
    return build_request(LOGIN, SECRET, method, identifier, AUTHENTICATOR)


def test_rfc_2865_section_7_1_password() -> None:
    hidden = bytes.fromhex("0dbe708d93d413ce3196e43f782a0aee")
    assert hide_password(b"arctangent", SECRET, AUTHENTICATOR) == hidden
    assert reveal_password(hidden, SECRET, AUTHENTICATOR) == b"arctangent"


def test_rfc_2865_section_7_1_packets_have_no_message_authenticator() -> None:
    request = bytes.fromhex(
        "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee"
        "0406c0a80110050600000003"
    )
    answer = bytes.fromhex(
        "0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103"
    )
    assert parse_packet(request).values(Attribute.USER_NAME) == [b"nemo"]
    assert not has_message_authenticator(request, SECRET)
    # Its authenticator is right, and yet it does not count: that alone can be forged.
    with pytest.raises(ValueError, match="Message-Authenticator"):
        parse_response(answer, request, SECRET)


def test_rfc_2865_section_7_2_chap() -> None:
    authenticator = bytes.fromhex("2aee86f08d0d55969ca5978e0d3367a2")
    login = Login(b"flopsy", b"arctangent", b"")
    packet = parse_packet(build_request(login, SECRET, Method.CHAP, 22, authenticator))
    # The password of that example is not told; what CHAP answers is MD5 over these three.
    answer = hashlib.md5(bytes([22]) + b"arctangent" + authenticator).digest()
    assert packet.values(Attribute.CHAP_PASSWORD) == [bytes([22]) + answer]
    assert packet.values(Attribute.CHAP_CHALLENGE) == [authenticator]
    assert packet.values(Attribute.USER_PASSWORD) == []


@pytest.mark.parametrize("method", Method)
def test_requests_are_signed_first(method: Method) -> None:
    request = request_of(method)
    packet = parse_packet(request)
    assert packet[:3] == (Code.ACCESS_REQUEST, 7, AUTHENTICATOR)
    assert packet.attributes[0][0] == Attribute.MESSAGE_AUTHENTICATOR
    assert has_message_authenticator(request, SECRET)
    assert not has_message_authenticator(request, b"other")
    assert packet.values(Attribute.USER_NAME) == [b"nemo"]
    assert packet.values(Attribute.NAS_IDENTIFIER) == [b"gw1"]
    assert packet.values(Attribute.CALLING_STATION_ID) == [b"192.0.2.1"]
    assert b"arctangent" not in request


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 128])
def test_passwords_of_every_length(length: int) -> None:
    hidden = hide_password(b"x" * length, SECRET, AUTHENTICATOR)
    assert len(hidden) % 16 == 0
    assert len(hidden) >= 16
    assert reveal_password(hidden, SECRET, AUTHENTICATOR) == b"x" * length


@pytest.mark.parametrize("password", [b"x" * 129, b"a\0b"])
def test_passwords_that_cannot_be_sent(password: bytes) -> None:
    with pytest.raises(ValueError, match="RADIUS takes"):
        hide_password(password, SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("user", [b"", b"x" * 254])
def test_names_that_cannot_be_sent(user: bytes) -> None:
    with pytest.raises(ValueError, match="RADIUS takes"):
        build_request(LOGIN._replace(user=user), SECRET, Method.PAP, 1, AUTHENTICATOR)


def answer_to(request: bytes, code: Code = Code.ACCESS_ACCEPT, secret: bytes = SECRET) -> bytes:
    attributes = [(Attribute.CLASS, b"admins"), (Attribute.CLASS, b"staff")]
    return build_response(code, parse_packet(request), attributes, secret)


@pytest.mark.parametrize("code", [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE])
def test_answers_that_count(code: Code) -> None:
    request = request_of()
    packet = parse_response(answer_to(request, code) + b"padding", request, SECRET)
    assert packet.code == code
    assert packet.values(Attribute.CLASS) == [b"admins", b"staff"]


def test_a_reject_does_not_become_an_accept() -> None:
    request = request_of()
    forged = bytes([Code.ACCESS_ACCEPT]) + answer_to(request, Code.ACCESS_REJECT)[1:]
    with pytest.raises(ValueError, match="another secret"):
        parse_response(forged, request, SECRET)


def test_every_changed_byte_is_noticed() -> None:
    request = request_of()
    answer = answer_to(request)
    for place in range(len(answer)):
        changed = bytearray(answer)
        changed[place] ^= 1
        with pytest.raises(ValueError):
            parse_response(bytes(changed), request, SECRET)


def test_a_missing_or_second_message_authenticator_is_noticed() -> None:
    request = request_of()

    def resigned(body: bytes) -> bytes:
        head = bytes([2, 7]) + (20 + len(body)).to_bytes(2, "big")
        return head + hashlib.md5(head + request[4:20] + body + SECRET).digest() + body

    mark = answer_to(request)[20:38]
    short = bytes([80, 2])
    for body in (b"", mark + mark, short, mark[:2] + bytes(16)):
        with pytest.raises(ValueError, match="Message-Authenticator"):
            parse_response(resigned(body), request, SECRET)


def test_answers_to_others_do_not_count() -> None:
    request = request_of()
    for other, part in [
        (answer_to(request_of(identifier=8)), "another request"),
        (answer_to(request, secret=b"other"), "another secret"),
        (answer_to(build_request(LOGIN, SECRET, Method.PAP, 7, bytes(16))), "another secret"),
        (request, "no answer"),
    ]:
        with pytest.raises(ValueError, match=part):
            parse_response(other, request, SECRET)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x02\x07\x00\x14", b"\x02\x07\x00\x13" + bytes(16), b"\x02\x07\xff\xff" + bytes(70_000),
     b"\x02\x07\x00\x15" + bytes(17), b"\x02\x07\x00\x16" + bytes(16) + b"\x01\x01",
     b"\x02\x07\x00\x16" + bytes(16) + b"\x01\x03"],
    ids=range(7),
)  # fmt: skip
def test_bytes_that_are_no_packet(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"length|attribute"):
        parse_packet(data)


def test_attributes_that_are_not_known_are_kept() -> None:
    data = b"\x02\x07\x00\x17" + bytes(16) + b"\xfa\x03x"
    assert parse_packet(data) == Packet(2, 7, bytes(16), ((250, b"x"),))
