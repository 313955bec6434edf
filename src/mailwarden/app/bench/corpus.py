"""Real messages, sent through the gateway and compared byte for byte at the sink."""

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.relay import relay_through
from mailwarden.app.bench.results import CorpusResult
from mailwarden.app.bench.target import Target, empty_folder
from mailwarden.app.bench.tools import LoadReport, SinkReport
from mailwarden.app.bench.workplace import BenchError, Workplace

_PROFILE: Final = Profile(name="corpus", size_bytes=0, sessions=20, per_connection=50)
_MEMBER_MAX_BYTES: Final = 1 << 30

Message = tuple[str, Path]  # its name, the file that its bytes are in


def send_corpus(workplace: Workplace, source: Path, target: Target | None = None) -> CorpusResult:
    """Send every message file below the folder, or in the tar file, `source`.

    Line ends become CRLF before they are sent; bare CRs stay, and the gateway lets them pass.

    Raises:
        BenchError: there are no messages, or nothing works at all.
    """
    folder = workplace.state / "corpus"
    empty_folder(folder)
    messages = _messages(source, folder)
    listed = folder / "list"
    listed.write_text("".join(f"{path}\n" for _, path in messages), encoding="utf-8")
    relayed_by = target or Gateway(workplace, workers=2, keeps_bare_cr_lf=True)
    with relay_through(workplace, relayed_by, _PROFILE, len(messages)) as relay:
        load = relay.send(len(messages), files=listed).load
    if relay.end is None:
        raise BenchError("the sink has not been asked")
    names = [name for name, _ in messages]
    return CorpusResult(
        messages=len(messages),
        bytes=sum(path.stat().st_size for _, path in messages),
        seconds=load.latest - load.began,
        problems=tuple(_problems(load, relay.end, names)),
    )


def _problems(load: LoadReport, end: SinkReport, names: Sequence[str]) -> Iterator[str]:
    yield from load.problems()
    yield from (f"{names[lost.id]}: {lost.reply}" for lost in load.not_accepted)
    yield from end.problems(load.accepted)
    refused = {lost.id for lost in load.not_accepted}
    for what, sample in (
        ("missing", end.missing_sample),
        ("changed on the way", end.damaged_sample),
        ("arrived twice", end.duplicate_sample),
    ):
        yield from (f"{names[number]}: {what}" for number in sample if number not in refused)


def _messages(source: Path, folder: Path) -> list[Message]:
    try:
        found = list(_unpack(source, folder) if source.is_file() else _find(source))
    except (OSError, tarfile.TarError) as error:
        raise BenchError(f"cannot read {source}: {error}") from error
    if not found:
        raise BenchError(f"{source} holds no messages")
    if any("\n" in str(path) for _, path in found):
        raise BenchError(f"{source} holds file names with line ends")
    return found


def _find(source: Path) -> Iterator[Message]:
    for path in sorted(source.resolve().rglob("*")):
        if path.is_file():
            yield str(path.relative_to(source.resolve())), path


def _unpack(source: Path, folder: Path) -> Iterator[Message]:
    """Write each file to a name of our own: what a tar file calls its members is not trusted."""
    with tarfile.open(source) as archive:
        for number, member in enumerate(archive):
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            if member.size > _MEMBER_MAX_BYTES:
                raise BenchError(f"{member.name} in {source} is too large")
            path = folder / f"{number:07}"
            path.write_bytes(content.read())
            yield member.name, path
