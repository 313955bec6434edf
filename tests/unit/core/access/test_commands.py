"""Every command against every role, as the command tables have it (admin 1.6, column Who)."""

import pytest

from mailwarden.core.access.commands import COMMAND_PERMISSIONS, lowest_level, may_run, refusal
from mailwarden.core.access.custom_role import CustomRole, PolicyPrivilege
from mailwarden.core.access.permissions import LOWEST, Area, Level, Permission, Verb
from mailwarden.core.access.roles import ADMIN, NO_RIGHTS, Rights, Role, rights_of

# Who, and whether what it changes needs a commit (+), by command.
ROWS = {
    # 1.6.1
    "commit": "OP", "commitdetail": "RO", "clearchanges": "RO", "help": "G", "h": "G", "?": "G",
    "exit": "G", "quit": "G", "q": "G", "showconfig": "RO", "saveconfig": "OP",
    "mailconfig": "OP", "loadconfig": "OP+", "resetconfig": "admin", "systemsetup": "AD",
    "clusterconfig": "AD", "clustermode": "RO", "clusterset": "OP+", "clustercheck": "AD",
    "version": "G",
    # 1.6.2
    "userconfig": "AD+", "passwd": "G", "password": "G", "passwd user": "admin",
    "password user": "admin", "adminaccessconfig": "AD+", "sshconfig": "AD+", "sslconfig": "OP+",
    "certconfig": "OP+", "fipsconfig": "AD", "featurekey": "AD", "featurekeyconfig": "AD+",
    "who": "G", "whoami": "G", "last": "G",
    # 1.6.3
    "interfaceconfig": "OP+", "etherconfig": "OP+", "routeconfig": "OP+", "setgateway": "OP+",
    "sethostname": "OP+", "dnsconfig": "OP+", "dnsflush": "OP", "dnslistconfig": "OP+",
    "dnslistflush": "OP", "dnslisttest": "OP", "ntpconfig": "OP+", "settime": "OP",
    "settz": "OP+", "tzupdate": "OP", "alertconfig": "OP+", "addressconfig": "OP+",
    "snmpconfig": "OP+", "localeconfig": "OP+", "logconfig": "OP+", "rollovernow": "OP",
    "updateconfig": "OP+", "updatenow": "OP", "upgrade": "admin", "suspend": "OP",
    "resume": "OP", "suspendlistener": "OP", "resumelistener": "OP", "suspenddel": "OP",
    "resumedel": "OP", "offline": "OP", "shutdown": "OP", "reboot": "OP", "diagnostic": "OP",
    "netstat": "OP", "ping": "RO", "traceroute": "OP", "telnet": "OP", "nslookup": "RO",
    "dig": "RO", "packetcapture": "OP", "supportrequest": "OP", "techsupport": "AD",
    "displayalerts": "G", "reportingconfig": "OP+", "trackingconfig": "OP+",
    # 1.6.4
    "listenerconfig": "OP+", "exceptionconfig": "OP+", "callaheadconfig": "OP+",
    "incomingrelayconfig": "OP+", "smtpauthconfig": "OP+", "ldapconfig": "OP+",
    "ldapflush": "OP", "ldaptest": "OP", "policyconfig": "OP+", "filters": "OP+",
    "dictionaryconfig": "OP+", "textconfig": "OP+", "scanconfig": "OP+", "stripheaders": "OP+",
    "antispamconfig": "OP+", "antivirusconfig": "OP+", "vofconfig": "OP+",
    "outbreakconfig": "OP+", "antispamstatus": "G", "antispamupdate": "OP",
    "antivirusstatus": "G", "antivirusupdate": "OP", "vofstatus": "G", "vofupdate": "OP",
    "vofflush": "OP", "outbreakstatus": "G", "outbreakupdate": "OP", "outbreakflush": "OP",
    "dlpstatus": "G", "dlpupdate": "OP", "dlprollback": "OP", "senderbaseconfig": "OP+",
    "sbstatus": "G", "encryptionconfig": "OP+", "encryptionstatus": "OP",
    "encryptionupdate": "OP", "domainkeysconfig": "OP+", "quarantineconfig": "AD+",
    "slblconfig": "OP", "aliasconfig": "OP+", "altsrchost": "OP+", "unsubscribe": "OP+",
    "smtproutes": "OP+", "destconfig": "OP+", "deliveryconfig": "OP+", "bounceconfig": "OP+",
    "bvconfig": "OP+", "sievechar": "OP+",
    # 1.6.5
    "status": "G", "rate": "G", "hostrate": "G", "hoststatus": "G", "tophosts": "G",
    "topin": "G", "resetcounters": "OP", "workqueue": "G", "workqueue pause": "OP",
    "workqueue resume": "OP", "delivernow": "OP", "deleterecipients": "OP",
    "bouncerecipients": "OP", "redirectrecipients": "OP", "showrecipients": "OP",
    "showmessage": "OP", "removemessage": "OP", "archivemessage": "OP", "oldmessage": "OP",
    "resetqueue": "admin", "tlsverify": "OP", "trace": "OP", "findevent": "OP", "grep": "OP",
    "tail": "OP",
    "callaheadconfig test": "OP", "callaheadconfig flushcache": "OP",
    # ours (COM-08)
    "showchanges": "RO", "commitconfirmed": "OP", "confirmcommit": "OP", "rollbackconfig": "OP+",
    # ours, as CLI-41 allows
    "secondfactor": "G",
}  # fmt: skip
LEVELS = {
    "G": Level.GUEST,
    "RO": Level.READ_ONLY,
    "OP": Level.OPERATOR,
    "AD": Level.ADMINISTRATOR,
    "admin": Level.ADMIN_USER,
}
USERS = {
    Level.GUEST: rights_of("gil", Role.GUEST),
    Level.READ_ONLY: rights_of("rob", Role.READ_ONLY_OPERATOR),
    Level.OPERATOR: rights_of("olga", Role.OPERATOR),
    Level.ADMINISTRATOR: rights_of("ada", Role.ADMINISTRATOR),
    Level.ADMIN_USER: rights_of(ADMIN, Role.ADMINISTRATOR),
}
# 3.1 with COM-09: a Read-Only Operator stages changes in settings, and does not commit them; but
# has no part in the file system, from which whole configurations come.
FILES = {"loadconfig", "rollbackconfig"}


def may_stage_only(command: str, level: Level) -> bool:
    return level is Level.READ_ONLY and ROWS[command] == "OP+" and command not in FILES


def test_every_command_is_in_the_table() -> None:
    assert set(COMMAND_PERMISSIONS) == set(ROWS)


@pytest.mark.parametrize("command", ROWS)
def test_who_may_run_it(command: str) -> None:
    lowest = LEVELS[ROWS[command].removesuffix("+")]
    assert lowest_level(command) is lowest
    for level, rights in USERS.items():
        wanted = level.value >= lowest.value or may_stage_only(command, level)
        assert may_run(rights, command) is wanted, level


@pytest.mark.parametrize("command", ROWS)
def test_what_needs_a_commit_only_stages(command: str) -> None:
    stages = COMMAND_PERMISSIONS[command].verb is Verb.STAGE
    assert stages is (ROWS[command].endswith("+") or command == "clearchanges")


TECHNICIAN = {
    "upgrade", "reboot", "featurekey", "suspend", "resume", "suspendlistener", "resumelistener",
    "suspenddel", "resumedel", "offline", "workqueue", "saveconfig", "mailconfig", "slblconfig",
}  # fmt: skip


@pytest.mark.parametrize("command", ROWS)
def test_role_03_technician(command: str) -> None:
    rights = rights_of("tom", Role.TECHNICIAN)
    is_own = COMMAND_PERMISSIONS[command].area in (Area.SESSION, Area.OWN_ACCOUNT, Area.STATUS)
    assert may_run(rights, command) is (command in TECHNICIAN or is_own)


@pytest.mark.parametrize("command", ROWS)
def test_cli_05_who_has_no_command_line(command: str) -> None:
    mighty = CustomRole(name="Policies", mail_policies=PolicyPrivilege.ALL, tracking=True)
    for rights in (rights_of("hal", Role.HELP_DESK), rights_of("cy", mighty), NO_RIGHTS):
        assert not may_run(rights, command)


def test_unknown_commands_are_nobodys() -> None:
    assert not may_run(USERS[Level.ADMIN_USER], "foo")


def test_row_c_19_read_only_operators_do_not_commit() -> None:
    rights = USERS[Level.READ_ONLY]
    assert may_run(rights, "listenerconfig")
    assert not may_run(rights, "commit")
    assert refusal(rights, "commit") == (
        "Your role (Read-Only Operator) is not allowed to commit changes."
    )


@pytest.mark.parametrize(
    "command", ["userconfig", "resetconfig", "systemsetup", "adminaccessconfig"]
)
def test_row_c_20_operators(command: str) -> None:
    assert not may_run(USERS[Level.OPERATOR], command)
    assert refusal(USERS[Level.OPERATOR], command) == (
        f"You do not have permission to run {command}"
    )


@pytest.mark.parametrize("command", ["upgrade", "resetconfig"])
def test_row_c_21_only_admin(command: str) -> None:
    assert may_run(USERS[Level.ADMIN_USER], command)
    assert not may_run(USERS[Level.ADMINISTRATOR], command)
    assert not may_run(rights_of(ADMIN, Role.ADMINISTRATOR, is_local=False), command)


def test_row_c_22_guests() -> None:
    assert may_run(USERS[Level.GUEST], "status")
    assert not may_run(USERS[Level.GUEST], "deleterecipients")


def test_refusals_name_the_command_alone() -> None:
    guest = USERS[Level.GUEST]
    assert refusal(guest, "workqueue pause") == "You do not have permission to run workqueue"


def test_role_10_what_no_table_names_is_denied() -> None:
    everything = [Permission(area, verb) for area in Area for verb in Verb]
    missing = [each for each in everything if each not in LOWEST]
    assert missing
    for rights in (*USERS.values(), Rights(role=Role.TECHNICIAN), Rights(role=Role.HELP_DESK)):
        assert not any(rights.may(each) for each in missing)
