"""Decides who gets in: by password and one-time code, by SSH key, or as another server says."""

import dataclasses
import secrets
from collections.abc import Callable

from mailwarden.core.access.account import (
    Account,
    Channel,
    Lock,
    admits,
    change_needed,
    code_wait_seconds,
    count_failure,
    count_wrong_code,
    days_to_expiry,
    is_known_source,
    locked_message,
    rehashed,
    signed_in,
    take_code,
)
from mailwarden.core.access.attempts import CONSOLE_SOURCE, Attempts, Wait, source_network
from mailwarden.core.access.one_time_code import matching_step, use_recovery_code
from mailwarden.core.access.permissions import Area, Permission, Verb
from mailwarden.core.access.roles import ADMIN, AnyRole, rights_of, role_name
from mailwarden.core.access.ssh_key import PublicKey, parse_public_key
from mailwarden.core.access.users import parse_external_name, role_of
from mailwarden.services.accounts.administration import SignInSettings
from mailwarden.services.accounts.answers import (
    INCORRECT,
    TOO_MANY,
    Admitted,
    Answer,
    Attempt,
    CodeWanted,
    Reason,
    Refused,
)
from mailwarden.services.accounts.external import (
    AcceptedCache,
    ExternalAnswer,
    ExternalAuthentication,
    Verdict,
    external_role,
)
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.store import AccountStore
from mailwarden.system.clock.clock import Clock

_LOCK_REASONS = {
    Lock.FAILURES: Reason.LOCKED_BY_FAILURES,
    Lock.ADMINISTRATOR: Reason.LOCKED_BY_ADMINISTRATOR,
}


class SignIn:
    """One for the gateway: failures are counted here whichever way they come (PWD-01)."""

    def __init__(
        self,
        settings: SignInSettings,
        store: AccountStore,
        hasher: Hasher,
        clock: Clock,
        external: ExternalAuthentication | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._settings = settings
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._external = external
        self._attempts = Attempts()
        self._accepted = AcceptedCache(random(32))
        self._keys = _keys_of(settings)

    def use(self, settings: SignInSettings, external: ExternalAuthentication | None) -> None:
        """Go on with other settings, after a commit."""
        self._settings = settings
        self._external = external
        self._accepted.clear()
        self._keys = _keys_of(settings)

    async def by_password(self, attempt: Attempt) -> Answer:
        """Tell whether somebody gets in with a password.

        Raises:
            AccountStoreError: the accounts cannot be read or written; nobody gets in.
        """
        account = self._account(attempt.user)
        network = _network(attempt)
        is_known = account is not None and (
            network == CONSOLE_SOURCE or is_known_source(account, network, self._clock.time())
        )
        now = self._clock.monotonic()
        place = self._attempts.take(network, attempt.user, now, is_known=is_known)
        if isinstance(place, Wait):
            return Refused(reason=Reason.TOO_MANY, message=TOO_MANY, wait_seconds=place.seconds)
        answer = await self._decide(attempt, account, network, is_known=is_known)
        # What is given back is only the place of somebody who is in: a right password without a
        # code keeps it, or the machine could be kept busy with one that was stolen.
        if isinstance(answer, Admitted):
            self._attempts.give_back(place)
        return answer

    def is_key_of(self, user: str, key: PublicKey) -> bool:
        """Tell whether it is worth proving to hold the key; who does is let in by `by_key`."""
        is_allowed = key.is_allowed(is_fips=self._hasher.is_fips)
        return is_allowed and key.blob in self._keys.get(user, ())

    def by_key(self, user: str, key: PublicKey, address: str) -> Admitted | Refused:
        """Tell whether somebody gets in who has proved over SSH to hold the key's private half.

        Neither the age of the password nor one-time codes matter to keys.

        Raises:
            AccountStoreError: the accounts cannot be read or written; nobody gets in.
        """
        account = self._account(user)
        if account is None or not self.is_key_of(user, key):
            return Refused(reason=Reason.WRONG_KEY)
        if not admits(account, Channel.SSH):
            return Refused(reason=_LOCK_REASONS[account.lock])
        if fault := _way_fault(user, self._role(user), Channel.SSH, is_local=True):
            return Refused(reason=Reason.NO_ACCESS, message=fault)
        now = self._clock.time()
        network = source_network(address)
        after = self._store.change(user, lambda a: signed_in(a, network, address, now))
        attempt = Attempt(user, "", Channel.SSH, address)
        admitted = self._admitted(attempt, account, after, detail=f"key {key.fingerprint}")
        return dataclasses.replace(admitted, days_left=None)

    def by_trust(self, user: str = ADMIN) -> Admitted | Refused:
        """Let somebody in for whom the operating system vouches: root, or the gateway's own user.

        Such a person could read and write all that the gateway keeps; no lock and no password of
        ours is in the way. What is done is done as `user`, with that user's role.

        Raises:
            AccountStoreError: the accounts cannot be read.
        """
        account, role = self._account(user), self._role(user)
        if account is None:
            return Refused(reason=Reason.UNKNOWN_USER, message="There is no such user.")
        if fault := _way_fault(user, role, Channel.CONSOLE, is_local=True):
            return Refused(reason=Reason.NO_ACCESS, message=fault)
        return Admitted(
            user=user,
            role=role,
            is_local=True,
            channel=Channel.CONSOLE,
            address="",
            last_at=account.signed_in_at,
            last_from=account.signed_in_from,
            generation=account.generation,
            detail="trusted by the operating system",
            is_trusted=True,
        )

    def still_holds(self, admitted: Admitted) -> bool:
        """Tell whether a session may go on; to be asked at least once a minute (ROLE-07).

        Raises:
            AccountStoreError: the accounts cannot be read.
        """
        if not admitted.is_local:
            return True  # a change of role is seen at the next login
        account = self._account(admitted.user)
        if account is None:
            return False
        if account.generation != admitted.generation and not admitted.is_trusted:
            return False
        # A lock by failures ends no session: strangers could cut off whoever is at work.
        return self._role(admitted.user) == admitted.role

    def _account(self, name: str) -> Account | None:
        return self._store.load(name) if self._settings.user(name) is not None else None

    def _role(self, name: str) -> AnyRole:
        user = self._settings.user(name)
        return role_of(user, self._settings.roles) if user is not None else None

    async def _decide(
        self, attempt: Attempt, account: Account | None, network: str, *, is_known: bool
    ) -> Answer:
        others = await self._ask_others(attempt)
        if not isinstance(others, str):
            return others
        answer = await self._try_local(attempt, account, network, is_known=is_known)
        if isinstance(answer, CodeWanted):
            return answer
        return dataclasses.replace(answer, detail=others)

    async def _ask_others(self, attempt: Attempt) -> Admitted | Refused | str:
        """Return what other servers decide; a text leaves it to the local users (EXT-04)."""
        external = self._external
        if external is None:
            return ""
        try:
            user = parse_external_name(attempt.user)
        except ValueError:
            return ""
        answer = await self._ask_external(external, user, attempt)
        if answer.verdict is Verdict.ACCEPTED:
            return self._admitted_from_outside(attempt, answer)
        if answer.verdict is Verdict.REJECTED and external.rejects_for_good:
            return Refused(reason=Reason.REJECTED, detail=answer.detail)
        return answer.detail

    async def _ask_external(
        self, external: ExternalAuthentication, user: str, attempt: Attempt
    ) -> ExternalAnswer:
        keep_seconds = self._settings.external.cache_seconds
        if attempt.channel not in (Channel.GUI, Channel.API) or keep_seconds <= 0:
            return await external.ask(user, attempt.password, attempt.address)
        held = self._accepted.find(user, attempt.password, self._clock.monotonic())
        if held is not None:
            return held
        answer = await external.ask(user, attempt.password, attempt.address)
        # The settings may be other ones by now; then the answer is good for this once only.
        if answer.verdict is Verdict.ACCEPTED and external is self._external:
            until = self._clock.monotonic() + keep_seconds
            self._accepted.keep(user, attempt.password, answer, until)
        return answer

    def _admitted_from_outside(
        self, attempt: Attempt, answer: ExternalAnswer
    ) -> Admitted | Refused:
        rules = self._settings.external
        role = external_role(answer.groups, rules.rows, rules.role_of_all, self._settings.roles)
        if role is None:
            return Refused(reason=Reason.NO_ROLE, detail=answer.detail)
        if fault := _way_fault(attempt.user, role, attempt.channel, is_local=False):
            return Refused(reason=Reason.NO_ACCESS, message=fault, detail=answer.detail)
        return Admitted(
            user=attempt.user,
            role=role,
            is_local=False,
            channel=attempt.channel,
            address=attempt.address,
            detail=answer.detail,
        )

    async def _try_local(
        self, attempt: Attempt, account: Account | None, network: str, *, is_known: bool
    ) -> Answer:
        hashed = account.password if account is not None else ""
        is_right = await self._hasher.verify(
            hashed, attempt.password, self._store.costs(), is_known=is_known
        )
        # Between here and the store's answer nothing waits: what is decided is what is kept.
        account = self._account(attempt.user)
        if account is None:
            self._store.count_stranger()
            return Refused(reason=Reason.UNKNOWN_USER)
        if not is_right or account.password != hashed:
            return self._count_failure(account)
        if not admits(account, attempt.channel):
            self._store.count_stranger()  # for the time that it takes
            message = locked_message(account, self._settings.policy) or INCORRECT
            return Refused(reason=_LOCK_REASONS[account.lock], message=message)
        answer = self._take_second_factor(attempt, account)
        if answer is not None:
            return answer
        role = self._role(account.name)
        if fault := _way_fault(account.name, role, attempt.channel, is_local=True):
            return Refused(reason=Reason.NO_ACCESS, message=fault)
        return await self._let_in(attempt, account, network)

    def _count_failure(self, account: Account) -> Refused:
        policy, now = self._settings.policy, self._clock.time()
        after = self._store.change(account.name, lambda a: count_failure(a, policy, now))
        return Refused(
            reason=Reason.WRONG_PASSWORD, was_locked=after.is_locked and not account.is_locked
        )

    def _take_second_factor(
        self, attempt: Attempt, account: Account
    ) -> CodeWanted | Refused | None:
        """Return what keeps somebody out who knows the password; None if nothing does."""
        factor, now = account.second_factor, self._clock.time()
        if factor is None or not factor.is_confirmed:
            return None
        wait = code_wait_seconds(factor, now)
        if wait > 0:
            return Refused(reason=Reason.TOO_MANY, message=TOO_MANY, wait_seconds=wait)
        if not attempt.code.strip():
            return CodeWanted()
        step = matching_step(factor.secret, attempt.code, now, factor.last_step)
        remaining = None if step is not None else use_recovery_code(factor.recovery, attempt.code)
        if step is None and remaining is None:
            self._store.change(account.name, lambda a: count_wrong_code(a, now))
            return Refused(reason=Reason.WRONG_CODE)
        self._store.change(account.name, lambda a: take_code(a, step or 0, remaining))
        return None

    async def _let_in(self, attempt: Attempt, account: Account, network: str) -> Admitted:
        now = self._clock.time()
        address = CONSOLE_SOURCE if network == CONSOLE_SOURCE else attempt.address
        after = self._store.change(account.name, lambda a: signed_in(a, network, address, now))
        if self._hasher.is_outdated(after.password):
            await self._hash_anew(after, attempt.password)
        return self._admitted(attempt, account, after)

    async def _hash_anew(self, account: Account, password: str) -> None:
        """Raise the hash to what the policy asks for, now that the password is known (PWD-04)."""
        hashed = await self._hasher.make(password)

        def raise_it(present: Account) -> Account:
            # The password may have been changed meanwhile.
            return rehashed(present, hashed) if present.password == account.password else present

        self._store.change(account.name, raise_it)

    def _admitted(
        self, attempt: Attempt, before: Account, after: Account, detail: str = ""
    ) -> Admitted:
        policy, now = self._settings.policy, self._clock.time()
        is_by_password = bool(attempt.password)
        return Admitted(
            user=after.name,
            role=self._role(after.name),
            is_local=True,
            channel=attempt.channel,
            address=attempt.address,
            change=change_needed(after, policy, now) if is_by_password else after.change,
            days_left=days_to_expiry(after, policy, now),
            last_at=before.signed_in_at,
            last_from=before.signed_in_from,
            generation=after.generation,
            detail=detail,
        )


def _way_fault(user: str, role: AnyRole, channel: Channel, *, is_local: bool) -> str:
    """Return why somebody may not come this way (CLI-05); "" if it is open.

    Somebody whose role was deleted gets as far as the web interface, to log out (ROLE-04).
    """
    is_cli = channel in (Channel.SSH, Channel.CONSOLE)
    if role is None:
        return "" if channel is Channel.GUI else "Your role was deleted."
    area = Area.CLI if is_cli else Area.GUI
    if rights_of(user, role, is_local=is_local).may(Permission(area, Verb.OPERATE)):
        return ""
    return f"Your role ({role_name(role)}) has no access to the {area.value}."


def _network(attempt: Attempt) -> str:
    return CONSOLE_SOURCE if attempt.channel is Channel.CONSOLE else source_network(attempt.address)


def _keys_of(settings: SignInSettings) -> dict[str, frozenset[bytes]]:
    """Return the keys of each user, as they go over the wire."""
    return {
        name: frozenset(parse_public_key(text).blob for text in user.ssh_keys)
        for name, user in settings.users.items()
    }
