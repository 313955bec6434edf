"""Small commands, one for each thing that can be declared, and sessions to try them in."""

import asyncio
from typing import Any

from mailwarden.control.dialogue.declaration import (
    Catalog,
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
    Where,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Ending,
    Lines,
    Number,
    Option,
    Secret,
    Text,
    YesNo,
    read_name,
    read_text,
)
from mailwarden.control.dialogue.scope import Scope
from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.core.setting import Unit
from tests.unit.control.dialogue.aliasconfig import ALIASCONFIG
from tests.unit.control.dialogue.destconfig import DESTCONFIG
from tests.unit.control.dialogue.office import Office, TreeDraft
from tests.unit.control.dialogue.smtproutes import SMTPROUTES

Desk = Scope[TreeDraft]
HOSTILE = "\x1b]0;owned\x07"

DETAIL = Choice[bool](
    key="detail", prompt="", options=(Option("detail", True),), default=False, place=Place.WORD,
    is_asked=False,
)  # fmt: skip


def status(desk: Desk) -> Shown:
    text = "Status: Online" + ("\nWork queue: 3" if desk[DETAIL] else "")
    return Shown(text, {"system": "Online", "detail": desk[DETAIL]})


STATUS: Command[TreeDraft] = Command(
    name="status", purpose="Show the state of the system", permission="status",
    where=Where.MACHINE, questions=(DETAIL,), act=status,
)  # fmt: skip

HOSTNAME = Text(
    key="name", prompt="Enter the fully qualified name of this machine.", of=read_name,
    place=Place.WORD, default_from=lambda desk: desk.draft.tree.get("hostname", "m3.example"),
)  # fmt: skip


def set_hostname(desk: Desk) -> None:
    desk.draft.tree = {**desk.draft.tree, "hostname": desk[HOSTNAME]}


SETHOSTNAME: Command[TreeDraft] = Command(
    name="sethostname", purpose="Set the name of this machine", permission="configure",
    commit=Commit.NEEDED, questions=(HOSTNAME,), act=set_hostname,
)  # fmt: skip

COMMENT = Text(
    key="comment", prompt="\nPlease enter some comments describing your changes:", of=read_text,
    default="", place=Place.REST,
)  # fmt: skip


async def commit(desk: Scope[Any]) -> str:
    office: Any = desk.host
    if not office.pending_changes():
        return "There are no changes to commit."
    await asyncio.sleep(0)
    office.running = office.tree
    office.comments.append(desk[COMMENT])
    return "Changes committed: Fri Sep 17 11:42:12 2010 GMT"


COMMIT: Command[TreeDraft] = Command(
    name="commit", purpose="Commit changes", questions=(COMMENT,),
    act=commit,
)  # fmt: skip

SIZE = Number(
    key="size", prompt="Enter the largest message.", default=10 * 1024 * 1024, unit=Unit.BYTES,
    minimum=1024, maximum=1024**3,
)  # fmt: skip
LIMITED = YesNo(key="limited", prompt="Do you want to limit recipients?", default=False)
LIMIT = Number(
    key="limit", prompt="Enter the limit.", minimum=1, maximum=1000, when=lambda desk: desk[LIMITED]
)


def set_limits(desk: Desk) -> str:
    if desk[SIZE] == 4096:
        raise RefusedError("4k is too little for a limit.", LIMITED)
    desk.draft.put("limits", "size", desk[SIZE])
    limit = desk.get(LIMIT)
    desk.draft.put("limits", "recipients", limit)
    return "Limits are set."


LIMITS: Command[TreeDraft] = Command(
    name="limits", aliases=("limitconfig",), purpose="Set limits", permission="configure",
    commit=Commit.NEEDED, questions=(SIZE, LIMITED, LIMIT), act=set_limits,
)  # fmt: skip

USER = Text(key="user", prompt="Enter the name of the user.", of=read_name, place=Place.WORD)
PASSWORD = Secret(key="password", prompt="Enter the new password.", is_new=True)


def set_password(desk: Desk) -> str:
    desk.draft.put("users", desk[USER], desk[PASSWORD])
    return "The password is set."


PASSWD: Command[TreeDraft] = Command(
    name="passwd", purpose="Change a password", permission="users", commit=Commit.NEEDED,
    questions=(USER, PASSWORD), act=set_password,
)  # fmt: skip

PEM = Lines(key="pem", prompt="Paste the certificate.", of=str)
XML = Lines(key="xml", prompt="Paste the configuration.", of=str, ending=Ending.CTRL_D)
PASTE: Command[TreeDraft] = Command(
    name="paste", purpose="Take several lines", permission="configure", commit=Commit.NEEDED,
    menu=Menu(operations=(
        Operation(name="PEM", purpose="Up to a dot.", questions=(PEM,),
                  act=lambda desk: desk.draft.put("paste", "pem", desk[PEM])),
        Operation(name="XML", purpose="Up to Ctrl-D.", questions=(XML,),
                  act=lambda desk: desk.draft.put("paste", "xml", desk[XML])),
    )),
)  # fmt: skip


async def tail(desk: Desk) -> None:
    while True:
        desk.say(f"Info: MID 1 subject {HOSTILE}")
        await desk.drain()
        await asyncio.sleep(0)


TAIL: Command[TreeDraft] = Command(
    name="tail", purpose="Follow a log", permission="status", act=tail, ends_by_interrupt=True
)


async def wait(desk: Desk) -> None:
    desk.draft.tree = {"hostname": "half"}
    await asyncio.Event().wait()


WAIT: Command[TreeDraft] = Command(
    name="wait", purpose="Wait for ever", permission="configure", commit=Commit.NEEDED, act=wait
)

WORKQUEUE: Command[TreeDraft] = Command(
    name="workqueue", purpose="Look after the work queue", permission="status",
    menu=Menu(operations=(
        Operation(name="STATUS", purpose="Show it.", act=lambda desk: "Work queue: 3"),
        Operation(name="PAUSE", purpose="Stop it.", permission="workqueue pause",
                  confirm=Confirm(key="sure", prompt="Are you sure you want to pause it?"),
                  act=lambda desk: "Work queue paused"),
    )),
)  # fmt: skip

LISTENER = Choice[str](
    key="listener", prompt="Choose the listener.", place=Place.WORD, form="the name of a listener",
    options_from=lambda desk: [Option(name, name) for name in desk.draft.section("listeners")],
)  # fmt: skip
LISTENERCONFIG: Command[TreeDraft] = Command(
    name="listenerconfig", purpose="Configure listeners", permission="configure",
    commit=Commit.NEEDED,
    menu=Menu(operations=(
        Operation(name="EDIT", purpose="Modify a listener.", questions=(LISTENER,), menu=Menu(
            summary=lambda desk: f"Name: {desk[LISTENER]}",
            operations=(
                Operation(name="HOSTACCESS", purpose="Modify the HAT.", menu=Menu(operations=(
                    Operation(name="PRINT", purpose="Display the table.", act=lambda desk: Shown(
                        f"HAT of {desk[LISTENER]}", {"listener": desk[LISTENER]})),
                ))),
            ),
        )),
    )),
)  # fmt: skip


async def wizard(desk: Desk) -> str:
    name = await desk.ask(HOSTNAME)
    if await desk.ask(LIMITED):
        limit = await desk.ask(LIMIT)
        return f"{name} is limited to {limit}"
    return f"{name} is not limited"


SYSTEMSETUP: Command[TreeDraft] = Command(
    name="systemsetup", purpose="Set up the system", permission="users", has_batch=False,
    commit=Commit.NEEDED, act=wizard,
)  # fmt: skip

MANY: Command[TreeDraft] = Command(
    name="many", purpose="Show many lines", permission="status",
    act=lambda desk: "\n".join(f"line {number}" for number in range(1, 101)),
)  # fmt: skip

CATALOG: Catalog[TreeDraft] = Catalog((
    ALIASCONFIG, COMMIT, DESTCONFIG, LIMITS, LISTENERCONFIG, MANY, PASSWD, PASTE, SETHOSTNAME,
    SMTPROUTES, STATUS, SYSTEMSETUP, TAIL, WAIT, WORKQUEUE,
))  # fmt: skip


async def type_in(office: Office, *typed: str | Key, is_interactive: bool = False) -> str:
    """Run a session in which this is typed; return the screen."""
    terminal = ScriptedTerminal(typed, is_interactive=is_interactive)
    await Session(CATALOG, office, terminal).run()
    return terminal.screen


async def run_once(office: Office, line: str, *typed: str | Key) -> tuple[int, str, str]:
    """Run one line as a remote command; return the exit status, the screen, and errors of it."""
    terminal = ScriptedTerminal(typed, is_interactive=False)
    status = await Session(CATALOG, office, terminal).run_once(line)
    return status, terminal.screen, terminal.errors
