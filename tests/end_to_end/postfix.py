"""A Postfix of its own for a test: own configuration, queue and ports, nothing of the host's."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.end_to_end.gateway import free_port, wait_until


class Postfix:
    """Listens on `port`, sends everything to `relayhost` or into a Maildir for `domain`."""

    def __init__(self, *, relay_port: int = 0, domain: str = "", extra: str = "") -> None:
        assert os.geteuid() == 0, "Postfix changes to users of its own: run this test as root"
        assert shutil.which("postfix"), "Postfix is missing: tools/install_test_servers.sh"
        directory = Path(tempfile.mkdtemp(prefix="mailwarden-postfix-"))
        directory.chmod(0o755)  # pytest's own folders keep Postfix's users out
        self.directory = directory
        self.port = free_port()
        self.domain = domain
        self._config = directory / "etc"
        for name in ("etc", "queue", "data", "mail"):
            (directory / name).mkdir(parents=True)
        shutil.chown(directory / "data", "postfix")
        user = pwd.getpwnam("nobody")
        shutil.chown(directory / "mail", "nobody")
        mailbox = (
            f"virtual_mailbox_domains = {domain}\nvirtual_mailbox_base = {directory}/mail\n"
            f"virtual_mailbox_maps = static:all/\nvirtual_minimum_uid = 1\n"
            f"virtual_uid_maps = static:{user.pw_uid}\nvirtual_gid_maps = static:{user.pw_gid}\n"
            if domain
            else f"relayhost = [127.0.0.1]:{relay_port}\n"
        )
        (self._config / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = {grp.getgrgid(os.stat("/usr/sbin/postdrop").st_gid).gr_name}
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
alias_database =
maillog_file = {directory}/log
maillog_file_prefixes = {directory}
message_size_limit = 50000000
virtual_mailbox_limit = 50000000
smtpd_client_connection_count_limit = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
{mailbox}{extra}"""
        )
        (self._config / "master.cf").write_text(
            f"""127.0.0.1:{self.port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
        )

    def _postfix(self, command: str) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self._config), command],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr + self.log()

    def __enter__(self) -> Self:
        self._postfix("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._postfix("stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    def messages(self) -> list[Path]:
        """Return the files of what was delivered here."""
        return sorted((self.directory / "mail" / "all" / "new").glob("*"))

    def wait_messages(self, count: int) -> list[bytes]:
        wait_until(
            lambda: len(self.messages()) >= count,
            f"{count} messages in Postfix:\n{self.log()[-3000:]}",
        )
        return [path.read_bytes() for path in self.messages()]

    def queue(self) -> str:
        return subprocess.run(
            ["postqueue", "-c", str(self._config), "-p"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
