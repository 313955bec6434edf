"""Which files a node takes at all: by schema, product and model (admin XML-34, XML-35)."""

from collections.abc import Container
from typing import Final

from mailwarden.control.xml.faults import Fault, Problems, shown
from mailwarden.control.xml.migrate import MAJOR
from mailwarden.control.xml.origin import SCHEMA, NodeFacts, Origin, release_of

HARDWARE_SECTIONS: Final = (
    "ethernet_settings", "interfaces", "nic_pairs", "vlans", "raid", "concurrency_limits",
)  # fmt: skip
_OWN: Final = release_of(SCHEMA) or (0, 0)


def check_release(origin: Origin, line: int, problems: Problems, *, convert: bool) -> None:
    """Report a file of a release that is not read; `convert` is what the administrator asked for.

    A file that says nothing of its release counts as one of ours of this release.
    """
    if origin.is_foreign:
        _check_foreign(origin, line, problems, convert=convert)
        return
    if not origin.schema:
        return
    release = release_of(origin.schema)
    if release is None:
        what = f"the schema {shown(origin.schema)!r} is no release such as {SCHEMA}"
        problems.add(Fault.SCHEMA, line, "", what)
    elif release > _OWN:
        what = f"the schema {shown(origin.schema)} is newer than {SCHEMA}, the one of this node"
        problems.add(Fault.SCHEMA, line, "", f"{what}; upgrade the node first")
    elif release[0] < _OWN[0] and not convert:
        what = f"the schema {shown(origin.schema)} is older than {_OWN[0]}.0"
        problems.add(Fault.SCHEMA, line, "", f"{what}; use loadconfig --convert")


def _check_foreign(origin: Origin, line: int, problems: Problems, *, convert: bool) -> None:
    who = f"{shown(origin.product)} {shown(origin.version)}".rstrip()
    release = origin.release
    if release is not None and release[0] > MAJOR:
        what = f"was saved by {who}; only releases up to {MAJOR} are read"
        problems.add(Fault.SCHEMA, line, "", what)
    elif not convert:
        what = f"was saved by {who}; use loadconfig --convert to take over what can be"
        problems.add(Fault.SCHEMA, line, "", what)


def check_model(
    origin: Origin, node: NodeFacts, sections: Container[str], problems: Problems, *, is_whole: bool
) -> None:
    """Report a file of another model. `sections` are those in it; `is_whole` when none is missing.

    A file that names no model is taken when it is a part without anything of the hardware.
    """
    if origin.model == node.model:
        return
    has_hardware = any(name in sections for name in HARDWARE_SECTIONS)
    if not origin.model and not is_whole and not has_hardware:
        return
    problems.add(Fault.MODEL, 0, "", model_refusal(origin.model, node.model))


def model_refusal(model: str, own: str) -> str:
    """Return the text of XML-35; an empty `model` is a file that names none."""
    said = (
        f'this configuration was saved on model "{shown(model)}"'
        if model
        else "this configuration does not say which model it was saved on"
    )
    return (
        f'Error: {said}; this node is "{own}". Nothing was loaded.\n'
        f"Hardware-dependent sections: {', '.join(HARDWARE_SECTIONS)}.\n"
        "To load everything except these sections use: loadconfig --skip-hardware <file>"
    )
