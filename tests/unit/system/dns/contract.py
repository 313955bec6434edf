"""What every resolver promises, as tests to be inherited by those of each resolver."""

from collections.abc import Awaitable, Callable

import pytest

from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError
from mailwarden.system.dns.fake import Zone
from mailwarden.system.dns.resolver import (
    NULL_MX,
    HostName,
    MxHost,
    NameNotFoundError,
    ResolutionError,
    Resolver,
)

MakeResolver = Callable[[Zone], Awaitable[Resolver]]

ZONE: Zone = {
    "partner.example": {"MX": ["20 mx2.partner.example", "10 Mail.Partner.Example"]},
    "mail.partner.example": {"A": ["192.0.2.25", "192.0.2.24"], "AAAA": ["2001:db8::25"]},
    "equal.example": {"MX": ["5 z.example", "5 a.example", "1 m.example"]},
    "none.example": {"TXT": ["v=spf1 -all", "other"]},
    "null.example": {"MX": ["0 ."]},
    "broken.example": {"SERVFAIL": []},
    "v6.example": {"AAAA": ["2001:db8::1"]},
    "www.example": {"CNAME": ["web.example"]},
    "web.example": {"CNAME": ["mail.partner.example"]},
    "loop.example": {"CNAME": ["pool.example"]},
    "pool.example": {"CNAME": ["loop.example"]},
    "dangling.example": {"CNAME": ["nowhere.example"]},
    "xn--mller-kva.example": {"MX": ["0 mail.partner.example"], "A": ["192.0.2.80"]},
    "25.2.0.192.in-addr.arpa": {"PTR": ["liar.example", "mail.partner.example"]},
    "liar.example": {"A": ["203.0.113.1"]},
    "66.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
    "64.2.0.192.in-addr.arpa": {"PTR": ["gone.example"]},
    "98.2.0.192.in-addr.arpa": {"TXT": ["no host"]},
    "67.2.0.192.in-addr.arpa": {"PTR": ["broken.example", "gone.example"]},
    "68.2.0.192.in-addr.arpa": {"SERVFAIL": []},
    "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {
        "PTR": ["mail.partner.example"]
    },
}
MAIL = ("192.0.2.25", "192.0.2.24", "2001:db8::25")


class ResolverContract:
    """A class that inherits this has a fixture `make`."""

    async def test_mail_exchangers_come_in_order_of_preference(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert await resolver.resolve_mx("partner.example") == (
            MxHost(10, "mail.partner.example"),
            MxHost(20, "mx2.partner.example"),
        )
        equal = await resolver.resolve_mx("equal.example")
        assert [host.host for host in equal] == ["m.example", "z.example", "a.example"]

    async def test_a_name_without_mail_exchangers(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert await resolver.resolve_mx("none.example") == ()
        assert await resolver.resolve_addresses("none.example") == ()
        assert await resolver.resolve_txt("v6.example") == ()

    async def test_null_mx(self, make: MakeResolver) -> None:
        assert await (await make(ZONE)).resolve_mx("null.example") == (NULL_MX,)

    async def test_addresses_of_both_kinds(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert await resolver.resolve_addresses("mail.partner.example") == MAIL
        assert await resolver.resolve_addresses("v6.example") == ("2001:db8::1",)

    async def test_aliases_are_followed(self, make: MakeResolver) -> None:
        assert await (await make(ZONE)).resolve_addresses("www.example") == MAIL

    async def test_an_endless_alias_fails_for_now(self, make: MakeResolver) -> None:
        with pytest.raises(ResolutionError, match="aliases"):
            await (await make(ZONE)).resolve_mx("loop.example")

    async def test_an_alias_of_nothing_does_not_exist(self, make: MakeResolver) -> None:
        with pytest.raises(NameNotFoundError):
            await (await make(ZONE)).resolve_addresses("dangling.example")

    @pytest.mark.parametrize("name", ["nope.example", "Nope.Example."])
    async def test_a_name_that_does_not_exist(self, make: MakeResolver, name: str) -> None:
        resolver = await make(ZONE)
        with pytest.raises(NameNotFoundError) as caught:
            await resolver.resolve_mx(name)
        assert isinstance(caught.value, PermanentFailureError)
        assert (caught.value.name, caught.value.kind) == (name, "MX")
        assert caught.value.detail == "NXDomain"
        for method in (resolver.resolve_addresses, resolver.resolve_txt):
            with pytest.raises(NameNotFoundError):
                await method(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "a..example",
            "a b.example",
            "trailing.example ",
            "x" * 64 + ".example",
            "x." * 128 + "example",
            "x" * 100_000,
            "\udcff.example",
            "\0.example",
            "a/b.example",
            "[192.0.2.1]",
            "xn--\u00fc.example",
        ],
    )
    async def test_names_that_nothing_can_have(self, make: MakeResolver, name: str) -> None:
        resolver = await make(ZONE)
        with pytest.raises(NameNotFoundError):
            await resolver.resolve_mx(name)
        with pytest.raises(NameNotFoundError):
            await resolver.resolve_addresses(name)

    async def test_a_server_failure(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        with pytest.raises(ResolutionError, match="SERVFAIL") as caught:
            await resolver.resolve_mx("broken.example")
        assert isinstance(caught.value, TemporaryFailureError)
        assert caught.value.kind == "MX"
        assert caught.value.detail.startswith("SERVFAIL from ")

    @pytest.mark.parametrize("name", ["PARTNER.example", "partner.example.", "Partner.Example."])
    async def test_case_and_final_dot_do_not_matter(self, make: MakeResolver, name: str) -> None:
        hosts = await (await make(ZONE)).resolve_mx(name)
        assert hosts[0].host == "mail.partner.example"

    async def test_international_names(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        for name in ("m\u00fcller.example", "M\u00dcLLER.example."):
            assert await resolver.resolve_mx(name) == (MxHost(0, "mail.partner.example"),)
            assert await resolver.resolve_addresses(name) == ("192.0.2.80",)

    async def test_reverse_names(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert await resolver.resolve_reverse("192.0.2.25") == (
            "liar.example",
            "mail.partner.example",
        )
        assert await resolver.resolve_reverse("::ffff:192.0.2.66") == ("mail.partner.example",)
        assert await resolver.resolve_reverse("2001:DB8:0::25") == ("mail.partner.example",)
        with pytest.raises(NameNotFoundError):
            await resolver.resolve_reverse("192.0.2.99")

    @pytest.mark.parametrize(
        ("address", "name", "status"),
        [
            ("192.0.2.25", "mail.partner.example", NameStatus.EXISTS),  # its second name
            ("::ffff:192.0.2.25", "mail.partner.example", NameStatus.EXISTS),
            ("2001:db8::25", "mail.partner.example", NameStatus.EXISTS),
            ("2001:0DB8:0:0::0025", "mail.partner.example", NameStatus.EXISTS),
            ("192.0.2.66", "mail.partner.example", NameStatus.NOT_DOUBLE_VERIFIED),  # forged
            ("192.0.2.64", "gone.example", NameStatus.NOT_DOUBLE_VERIFIED),
            ("192.0.2.67", "", NameStatus.SERV_FAIL),  # one of its names cannot be looked up
            ("192.0.2.68", "", NameStatus.SERV_FAIL),
            ("192.0.2.98", "", NameStatus.NX_DOMAIN),  # no PTR, but something else
            ("192.0.2.99", "", NameStatus.NX_DOMAIN),
        ],
    )
    async def test_host_names(
        self, make: MakeResolver, address: str, name: str, status: NameStatus
    ) -> None:
        resolver = await make(ZONE)
        assert resolver.peek_host_name(address) is None
        assert await resolver.resolve_host_name(address) == HostName(name, status)
        assert resolver.peek_host_name(address) == HostName(name, status)

    async def test_ipv4_addresses_alone(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert resolver.peek_a("www.example") is None
        assert await resolver.resolve_a("www.example") == MAIL[:2]
        assert resolver.peek_a("www.example") == MAIL[:2]
        assert await resolver.resolve_a("v6.example") == ()
        assert await resolver.resolve_a("localhost") == ("127.0.0.1",)
        assert resolver.peek_a("localhost") == ("127.0.0.1",)
        with pytest.raises(NameNotFoundError):
            await resolver.resolve_a("gone.example")
        with pytest.raises(ResolutionError):
            await resolver.resolve_a("broken.example")

    async def test_texts(self, make: MakeResolver) -> None:
        texts = await (await make(ZONE)).resolve_txt("none.example")
        assert texts == (b"v=spf1 -all", b"other")

    @pytest.mark.parametrize("name", ["localhost", "LocalHost.", "db.localhost"])
    async def test_localhost_is_this_machine(self, make: MakeResolver, name: str) -> None:
        resolver = await make(ZONE)
        assert resolver.peek_addresses(name) == ("127.0.0.1", "::1")
        assert await resolver.resolve_addresses(name) == ("127.0.0.1", "::1")
        assert await resolver.resolve_mx(name) == ()

    async def test_peeking_knows_what_was_asked(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        assert resolver.peek_mx("partner.example") is None
        hosts = await resolver.resolve_mx("partner.example")
        assert resolver.peek_mx("partner.example") == hosts
        assert resolver.peek_mx("Partner.Example.") == hosts
        assert resolver.peek_addresses("mail.partner.example") is None
        assert await resolver.resolve_addresses("mail.partner.example") == MAIL
        assert resolver.peek_addresses("mail.partner.example") == MAIL
        assert resolver.peek_mx("mail.partner.example") is None

    async def test_peeking_raises_what_is_known_to_fail(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        for name, error in (
            ("nope.example", NameNotFoundError),
            ("broken.example", ResolutionError),
        ):
            with pytest.raises(error):
                await resolver.resolve_mx(name)
            with pytest.raises(error):
                resolver.peek_mx(name)
            with pytest.raises(error):
                await resolver.resolve_addresses(name)
            with pytest.raises(error):
                resolver.peek_addresses(name)

    async def test_what_is_no_address_is_a_mistake_of_the_caller(self, make: MakeResolver) -> None:
        resolver = await make(ZONE)
        with pytest.raises(ValueError, match="not an IP address"):
            await resolver.resolve_reverse("partner.example")
