"""CLI-40: every command as the table of all commands has it (admin 1.6)."""

import pytest
import yaml

from mailwarden.control.cli.reference import WHO, reference_pages
from mailwarden.control.commands.catalog import CATALOG
from tests.unit.core.access.test_commands import LEVELS, ROWS

# Commit, where, batch; who is in ROWS. Those that do not exist yet are not compared.
TABLE = {
    # 1.6.1
    "commit": "-AY", "commitdetail": "-A-", "clearchanges": "-A-", "help": "-AY", "h": "-AY",
    "?": "-AY", "exit": "-A-", "quit": "-A-", "q": "-A-", "showconfig": "-MY",
    "saveconfig": "-LY", "mailconfig": "-LY", "loadconfig": "YLY", "resetconfig": "-L-",
    "systemsetup": "-M-", "clusterconfig": "-CY", "clustermode": "-AY", "clusterset": "YAY",
    "clustercheck": "-C-", "version": "-AY",
    # 1.6.2
    "userconfig": "YC-", "passwd": "-C-", "password": "-C-", "adminaccessconfig": "YAY",
    "sshconfig": "YC-", "sslconfig": "YAY", "certconfig": "YAY", "featurekey": "-M-",
    # Not in the configuration (KEY-07), so there is nothing to commit; admin 1.6 has a Y.
    "featurekeyconfig": "-M-", "who": "-LY", "whoami": "-AY", "last": "-LY",
    # 1.6.3
    "interfaceconfig": "YM-", "etherconfig": "YM-", "routeconfig": "YM-", "setgateway": "YM-",
    "sethostname": "YM-", "dnsconfig": "YAY", "dnsflush": "-M-", "dnslistconfig": "YA-",
    "dnslistflush": "-M-", "dnslisttest": "-M-", "ntpconfig": "YA-", "settime": "-M-",
    "settz": "YA-", "tzupdate": "-M-", "alertconfig": "YA-", "addressconfig": "YA-",
    "snmpconfig": "YA-", "localeconfig": "YA-", "logconfig": "YAY", "rollovernow": "-MY",
    "updateconfig": "YA-", "updatenow": "-MY", "upgrade": "-L-", "suspend": "-MY",
    "resume": "-MY", "suspendlistener": "-MY", "resumelistener": "-MY", "suspenddel": "-MY",
    "resumedel": "-MY", "offline": "-MY", "shutdown": "-MY", "reboot": "-MY", "diagnostic": "-MY",
    "netstat": "-MY", "ping": "-LY", "traceroute": "-MY", "telnet": "-LY", "nslookup": "-MY",
    "dig": "-MY", "packetcapture": "-M-", "supportrequest": "-L-", "techsupport": "-M-",
    "displayalerts": "-MY", "reportingconfig": "YA-", "trackingconfig": "YA-",
    # 1.6.4
    "listenerconfig": "YAY", "exceptionconfig": "YA-", "callaheadconfig": "YA-",
    "incomingrelayconfig": "YA-", "smtpauthconfig": "YA-", "ldapconfig": "YA-",
    "ldapflush": "-M-", "ldaptest": "-MY", "policyconfig": "YA-", "filters": "YAY",
    "dictionaryconfig": "YA-", "textconfig": "YA-", "scanconfig": "YA-", "stripheaders": "YA-",
    "antispamconfig": "YA-", "antivirusconfig": "YA-", "vofconfig": "YA-",
    "outbreakconfig": "YA-", "antispamstatus": "-MY", "antispamupdate": "-MY",
    "antivirusstatus": "-MY", "antivirusupdate": "-MY", "vofstatus": "-MY", "vofupdate": "-MY",
    "vofflush": "-MY", "dlpstatus": "-MY", "dlpupdate": "-MY", "dlprollback": "-MY",
    "senderbaseconfig": "YA-", "sbstatus": "-M-", "encryptionconfig": "YA-",
    "encryptionstatus": "-M-", "encryptionupdate": "-M-", "domainkeysconfig": "YAY",
    "quarantineconfig": "YM-", "slblconfig": "-M-", "aliasconfig": "YAY", "altsrchost": "YAY",
    "unsubscribe": "YAY", "smtproutes": "YAY", "destconfig": "YAY", "deliveryconfig": "YA-",
    "bounceconfig": "YA-", "bvconfig": "YA-", "sievechar": "YA-",
    # 1.6.5
    "status": "-MY", "rate": "-MY", "hostrate": "-MY", "hoststatus": "-MY", "tophosts": "-MY",
    "topin": "-MY", "resetcounters": "-M-", "workqueue": "-MY", "delivernow": "-MY",
    "deleterecipients": "-MY", "bouncerecipients": "-MY", "redirectrecipients": "-MY",
    "showrecipients": "-MY", "showmessage": "-MY", "removemessage": "-MY",
    "archivemessage": "-MY", "oldmessage": "-MY", "resetqueue": "-M-", "tlsverify": "-MY",
    "trace": "-M-", "findevent": "-LY", "grep": "-LY", "tail": "-LY",
}  # fmt: skip
OURS = {"showchanges", "commitconfirmed", "confirmcommit", "rollbackconfig", "secondfactor"}

ROWS_BY_NAME = {
    name: row
    for row in yaml.safe_load(reference_pages()["commands.yaml"])["commands"]
    for name in (row["name"], *row["aliases"])
}


def test_cli_40_nothing_is_there_that_the_table_does_not_have() -> None:
    assert set(ROWS_BY_NAME) <= set(TABLE) | OURS
    assert len(ROWS_BY_NAME) > 50
    assert all(CATALOG.find(name) is not None for name in ROWS_BY_NAME)


@pytest.mark.parametrize("name", sorted(set(TABLE) & set(ROWS_BY_NAME)))
def test_cli_40_a_command_is_as_the_table_has_it(name: str) -> None:
    row = ROWS_BY_NAME[name]
    commit, where, batch = TABLE[name]
    assert row["commit"].replace("–", "-") == commit
    assert row["where"] == where
    # A batch form beside a dialogue changes nothing of it (CLI-41); C-15 wants that of sethostname.
    assert row["batch"] or batch == "-"
    assert bool(row["forms"]) is row["batch"]
    assert row["who"] == WHO[LEVELS[ROWS[name].removesuffix("+")]]
