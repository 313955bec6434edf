"""Several sessions edit, follow and commit at random; a model says what has to come out."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.candidate.edits import find
from mailwarden.control.candidate.paths import Path as TreePath
from mailwarden.control.candidate.show import summary
from mailwarden.stores.configuration.errors import HeadMovedError
from mailwarden.stores.configuration.record import Author, Draft, Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SimulatedClock
from tests.unit.control.candidate.values import SMALL

SESSIONS = ("anna", "bert", "carl")
SECTIONS: dict[str, TreePath] = {
    "title": ("title",),
    "size": ("size",),
    "accounts.a": ("accounts", "a"),
    "accounts.b": ("accounts", "b"),
    "owners.o": ("owners", "o"),
}
PLACES: dict[str, TreePath] = {
    "title": ("title",),
    "size": ("size",),
    "accounts.a": ("accounts", "a", "password"),
    "accounts.b": ("accounts", "b", "password"),
    "owners.o": ("owners", "o", "password"),
}
START: Any = {
    "title": "x",
    "size": 0,
    "accounts": [{"name": "a", "password": ""}, {"name": "b", "password": ""}],
    "owners": {"o": {"name": "o", "password": ""}},
}


class Session:
    """What a session has, in the model: values, and which version each section comes from."""

    def __init__(self, candidate: Candidate, head: dict[str, Any], number: int) -> None:
        self.candidate = candidate
        self.base = dict(head)
        self.values = dict(head)
        self.since = dict.fromkeys(SECTIONS, number)

    def touched(self) -> set[str]:
        return {name for name in SECTIONS if self.values[name] != self.base[name]}


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SimulatedClock()
        self.store = ConfigurationStore(Path(self.folder.name), self.clock)
        author = Author("first", "Administrator", Source.FILE)
        self.store.commit(0, Draft(tree=START, author=author))
        self.head = {name: self.value(START, name) for name in SECTIONS}
        self.commits: list[tuple[int, set[str]]] = []
        self.sessions = {name: self.begin() for name in SESSIONS}

    def teardown(self) -> None:
        assert self.store.verify() is None
        self.store.close()
        self.folder.cleanup()

    def begin(self) -> Session:
        number = 1 + len(self.commits)
        return Session(Candidate.of(self.store.read(number)), self.head, number)

    @staticmethod
    def value(tree: Any, name: str) -> Any:
        return find(tree, PLACES[name])[0]

    @rule(
        user=st.sampled_from(SESSIONS),
        name=st.sampled_from(sorted(SECTIONS)),
        value=st.sampled_from(["x", "y", "z"]),
    )
    def edit(self, user: str, name: str, value: str) -> None:
        session = self.sessions[user]
        given: Any = "xyz".index(value) if name == "size" else value
        session.candidate = session.candidate.put(PLACES[name], given, SMALL)
        session.values[name] = given

    @rule(user=st.sampled_from(SESSIONS))
    def follow(self, user: str) -> None:
        session = self.sessions[user]
        number = 1 + len(self.commits)
        session.candidate = session.candidate.follow(
            self.store.read(number), self.store.since(session.candidate.number), SMALL
        )
        for name in SECTIONS.keys() - session.touched():
            session.base[name] = session.values[name] = self.head[name]
            session.since[name] = number

    def conflicts(self, session: Session) -> set[str]:
        return {
            name
            for name in session.touched()
            if any(number > session.since[name] and name in what for number, what in self.commits)
        }

    @rule(user=st.sampled_from(SESSIONS), choice=st.sampled_from(["discard", "overwrite", "no"]))
    def commit(self, user: str, choice: str) -> None:
        self.follow(user)
        session = self.sessions[user]
        number = 1 + len(self.commits)
        conflicts = self.conflicts(session)
        assert {each.section for each in session.candidate.conflicts(SMALL)} == conflicts
        if conflicts and choice == "no":
            return
        last = self.store.read(number)
        if conflicts and choice == "discard":
            session.candidate = session.candidate.discard(last, SMALL)
            for name in conflicts:
                session.values[name] = self.head[name]
        elif conflicts:
            session.candidate = session.candidate.overwrite(last)
        session.base = dict(self.head)
        session.since = dict.fromkeys(SECTIONS, number)
        if session.touched():
            self.write(user, session, number)

    def write(self, user: str, session: Session, number: int) -> None:
        session.candidate.check(SMALL)
        touched = session.touched()
        sections = tuple(map(str, session.candidate.sections(SMALL)))
        assert set(sections) == touched
        draft = Draft(
            tree=session.candidate.tree,
            author=Author(user, "Administrator", Source.CLI),
            sections=sections,
            summary=summary(session.candidate.changes(SMALL), SMALL),
        )
        self.store.commit(number, draft)
        self.head = dict(session.values)
        self.commits.append((number + 1, touched))
        self.sessions[user] = self.begin()

    @precondition(lambda self: self.commits)
    @rule(user=st.sampled_from(SESSIONS))
    def commit_without_looking(self, user: str) -> None:
        """Whoever does not know the last version is refused by the store."""
        author = Author(user, "Administrator", Source.API)
        try:
            self.store.commit(len(self.commits), Draft(tree={}, author=author))
        except HeadMovedError:
            return
        raise AssertionError("an old version was built upon")

    @invariant()
    def all_see_what_they_should(self) -> None:
        head = self.store.read(1 + len(self.commits)).tree
        assert {name: self.value(head, name) for name in SECTIONS} == self.head
        for session in self.sessions.values():
            tree = session.candidate.tree
            assert {name: self.value(tree, name) for name in SECTIONS} == session.values
            touched = {str(each) for each in session.candidate.sections(SMALL)}
            assert touched == session.touched()


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
