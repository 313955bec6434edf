"""A small office: users, their passwords, a clock that stands still, and cheap hashes."""

import dataclasses
from pathlib import Path

from mailwarden.core.access.account import Account, Channel
from mailwarden.core.access.password_hash import Cost, Scheme, make_password_hash
from mailwarden.core.access.users import User
from mailwarden.services.accounts.administration import SignInSettings
from mailwarden.services.accounts.answers import Admitted, Answer, Attempt
from mailwarden.services.accounts.external import ExternalAnswer, ExternalAuthentication, Verdict
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.sign_in import SignIn
from mailwarden.services.accounts.store import AccountStore
from mailwarden.system.clock.clock import SimulatedClock

CHEAP = Cost(Scheme.PBKDF2, 1000)
DESK, HOME = "192.0.2.10", "203.0.113.9"
USERS = {
    name: User(name=name, role=role)
    for name, role in [
        ("ann", "Operator"),
        ("bob", "Administrator"),
        ("hal", "Help Desk User"),
        ("una", "Deleted role"),
    ]
}


class FakeServers:
    """Other servers that know what they are told."""

    def __init__(self, *, rejects_for_good: bool = True) -> None:
        self.rejects_for_good = rejects_for_good
        self.verdict = Verdict.REJECTED
        self.groups: tuple[str, ...] = ()
        self.asked: list[tuple[str, str, str]] = []

    async def ask(self, user: str, password: str, address: str) -> ExternalAnswer:
        self.asked.append((user, password, address))
        return ExternalAnswer(self.verdict, self.groups, "srv1: as told")


class Office:
    """Everything that signing in needs; every user's password is `<name> secret`."""

    def __init__(self, path: Path, settings: SignInSettings, cost: Cost = CHEAP) -> None:
        self.settings = dataclasses.replace(settings, users=settings.users or USERS)
        self.clock = SimulatedClock()
        self.store = AccountStore(path)
        self.hasher = Hasher(cost=cost)
        for name in (*self.settings.users, "admin"):
            hashed = str(make_password_hash(f"{name} secret", b"0123456789abcdef", CHEAP))
            self.store.add(name)
            self.change(name, password=hashed, password_at=self.clock.time())
        self.sign_in = SignIn(self.settings, self.store, self.hasher, self.clock)

    def close(self) -> None:
        self.store.close()
        self.hasher.close()

    def use(self, servers: ExternalAuthentication | None = None, **settings: object) -> None:
        self.settings = dataclasses.replace(self.settings, **settings)  # type: ignore[arg-type]  # by name
        self.sign_in.use(self.settings, servers)

    def change(self, name: str, **values: object) -> Account:
        return self.store.change(
            name,
            lambda account: dataclasses.replace(account, **values),  # type: ignore[arg-type]  # by name
        )

    def account(self, name: str) -> Account:
        account = self.store.load(name)
        assert account is not None
        return account

    async def enter(
        self,
        name: str,
        password: str | None = None,
        *,
        code: str = "",
        channel: Channel = Channel.GUI,
        address: str = DESK,
    ) -> Answer:
        given = f"{name} secret" if password is None else password
        return await self.sign_in.by_password(Attempt(name, given, channel, address, code))

    async def admitted(self, name: str, *, channel: Channel = Channel.GUI) -> Admitted:
        answer = await self.enter(name, channel=channel)
        assert isinstance(answer, Admitted)
        return answer
