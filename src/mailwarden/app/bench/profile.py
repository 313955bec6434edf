"""The loads that are measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of load."""

    name: str
    size_bytes: int  # of a whole message as the client sends it
    sessions: int
    per_connection: int = 1  # messages; 0 sends all of them over the same connections
    mode: str = "lockstep"
    starttls: bool = False
    recipients: int = 1
    sources: int = 1  # client addresses, taken in turn

    @property
    def label(self) -> str:
        """The load in words."""
        per = "1 message a connection" if self.per_connection == 1 else "many messages a connection"
        extra = "" if self.mode == "lockstep" else f", {self.mode}"
        if self.starttls:
            extra += ", STARTTLS"
        return f"{self.size_bytes // 1024} KB, {self.sessions} sessions, {per}{extra}"


PROFILES: Final = (
    Profile(name="4k-20", size_bytes=4096, sessions=20),
    Profile(name="4k-100", size_bytes=4096, sessions=100),
    Profile(name="64k-20", size_bytes=65536, sessions=20),
    Profile(name="64k-100-many", size_bytes=65536, sessions=100, per_connection=0),
)
