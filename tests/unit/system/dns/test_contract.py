"""The fake and the real resolver promise the same."""

import pytest

from mailwarden.system.dns.fake import FakeResolver, Zone
from mailwarden.system.dns.resolver import Resolver
from tests.unit.system.dns.contract import ZONE, MakeResolver, ResolverContract
from tests.unit.system.dns.simulated import Bench


class TestFakeResolver(ResolverContract):
    @pytest.fixture
    def make(self) -> MakeResolver:
        async def make_fake(zone: Zone) -> Resolver:
            return FakeResolver(zone)

        return make_fake

    async def test_a_warm_one_knows_everything(self) -> None:
        resolver = FakeResolver(ZONE, warm=True)
        assert resolver.peek_addresses("v6.example") == ("2001:db8::1",)
        assert resolver.peek_host_name("192.0.2.25") is not None
        assert resolver.asked == []


class TestCachingResolver(ResolverContract):
    @pytest.fixture
    def make(self) -> MakeResolver:
        async def make_real(zone: Zone) -> Resolver:
            return Bench(zone).resolver

        return make_real
