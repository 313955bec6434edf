"""Mail flow policies: what a host may do, and how much of it (mailflow 3.3 and 3.5)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from mailwarden.core.policy.hat_parameters import (
    Demand,
    ParameterValue,
    SpfConformance,
    SpfResult,
    check_parameter,
    find_parameter,
)
from mailwarden.core.problem import Problem

BANNER_TEXT: Final = "ESMTP"
REJECT_CODE: Final = 554  # (unconfirmed)
REJECT_TEXT: Final = (
    "Access to this mail system was refused because of the reputation of the sending server; "
    "contact the recipient by other means."
)


class Rule(Enum):
    """What is done with a connection (mailflow 3.3)."""

    ACCEPT = "ACCEPT"
    RELAY = "RELAY"  # any recipient
    REJECT = "REJECT"  # a banner that refuses
    TCPREFUSE = "TCPREFUSE"  # closed without a word
    CONTINUE = "CONTINUE"  # as if the entry had not matched


RULES: Final = {rule.value: rule for rule in Rule}


@dataclass(frozen=True, slots=True)
class HatPolicy:
    """A rule and the parameters that differ from the defaults, in the order they were written.

    `name` is without its `$`, and empty for a rule that stands in an entry itself. `remarks` are
    the lines of comment above it, without their `#`.
    """

    rule: Rule
    parameters: tuple[tuple[str, ParameterValue], ...] = ()
    name: str = ""
    remarks: tuple[str, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong with the parameters; the path is the parameter's key."""
        seen = set()
        for key, value in self.parameters:
            parameter = find_parameter(key)
            if parameter is None or parameter.key != key:
                yield Problem(key, "is not a parameter of a policy")
                continue
            if key in seen:
                yield Problem(key, "is given twice")
            seen.add(key)
            try:
                check_parameter(parameter, value)
                _check_banner_code(self.rule, key, value)
            except ValueError as error:
                yield Problem(key, str(error))


def _check_banner_code(rule: Rule, key: str, value: ParameterValue) -> None:
    if key != "smtp_banner_code" or not isinstance(value, int):
        return
    # RFC 5321, 4.2.1 and 3.1: a greeting begins with 2, a refusal with 5 or 4.
    refuses = value >= 400
    if 300 <= value < 400 or refuses != (rule is Rule.REJECT):
        raise ValueError(
            f"{value} does not fit {rule.value}: with REJECT it is 4yz or 5yz, else 2yz"
        )


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """All that holds for a connection. The defaults here are those of a public listener.

    Sizes are in bytes, `spf_timeout` is in seconds. Texts may hold variables, and line ends where
    the reply is to have several lines.
    """

    rule: Rule = Rule.ACCEPT
    name: str = ""  # of the policy, without the $; empty if it has none
    # Everything in this list is (unconfirmed) as a value: see mailflow 3.4.
    max_message_size: int = 20 * 1024 * 1024
    max_concurrency: int = 10  # of one address, on this listener
    max_msgs_per_session: int = 10
    max_rcpts_per_msg: int = 50
    smtp_banner_code: int = 220
    smtp_banner_text: str = BANNER_TEXT
    use_override_hostname: bool = False
    override_hostname: str = ""  # may be blank: no host in the banner
    max_rcpts_per_hour: int = -1  # no limit
    max_rcpts_per_hour_code: int = 452
    max_rcpts_per_hour_text: str = "Too many recipients received this hour"
    max_rcpts_per_hour_sender: int = -1  # of one envelope sender, whatever his host
    max_rcpts_per_hour_sender_code: int = 452
    max_rcpts_per_hour_sender_text: str = "Too many recipients received from this sender this hour"
    dhap_limit: int = 25  # invalid recipients in an hour; 0 is off
    dhap_code: int = 550
    dhap_text: str = "Too many invalid recipients"
    significant_bits: int = 0  # 0 is off; see `grouping_bits`
    use_sb: bool = True
    tls: Demand = Demand.OFF
    verify_client_cert: bool = False
    smtp_auth: Demand = Demand.OFF
    require_tls_for_auth: bool = True
    spam_check: bool = True
    virus_check: bool = True
    dk_signing: bool = False
    dkim_verification: bool = False
    spf_sidf: bool = False
    spf_conformance: SpfConformance = SpfConformance.SIDF_COMPATIBLE
    spf_helo_test: bool = False
    spf_downgrade_pra: bool = False
    spf_helo_reject: tuple[SpfResult, ...] = ()  # TempError in here defers
    spf_mailfrom_reject: tuple[SpfResult, ...] = ()
    spf_pra_reject: tuple[SpfResult, ...] = ()
    spf_reject_code: int = 550
    spf_reject_text: str = "#5.7.1 SPF unauthorized mail is prohibited."
    spf_publisher_text: bool = True
    spf_defer_code: int = 451
    spf_defer_text: str = "#4.4.3 Temporary error occurred during SPF verification."
    spf_timeout: int = 40
    untagged_bounces: bool = False
    envelope_sender_verification: bool = False
    sender_malformed_code: int = 553
    sender_malformed_text: str = "#5.5.4 Domain required for sender address"
    sender_not_exist_code: int = 553
    sender_not_exist_text: str = "#5.1.8 Domain of sender address <$EnvelopeSender> does not exist"
    sender_not_resolve_code: int = 451
    sender_not_resolve_text: str = (
        "#4.1.8 Domain of sender address <$EnvelopeSender> does not resolve"
    )
    use_exception_table: bool = False

    @property
    def grouping_bits(self) -> int:
        """Significant bits by which hosts are counted together; 0 counts each host by itself.

        They hold only while flow control by SenderBase is off, or DHAP is on (mailflow 3.5).
        """
        return self.significant_bits if not self.use_sb or self.dhap_limit else 0


PUBLIC_DEFAULTS: Final = EffectivePolicy()
PRIVATE_DEFAULTS: Final = EffectivePolicy(
    max_message_size=100 * 1024 * 1024,
    max_concurrency=600,
    max_msgs_per_session=10_000,
    max_rcpts_per_msg=100_000,
    dhap_limit=0,
    use_sb=False,
    spam_check=False,
)


def resolve(policy: HatPolicy, defaults: EffectivePolicy) -> EffectivePolicy:
    """Return what holds under `policy`, with `defaults` for all that it leaves open.

    A policy that rejects does not take the banner of `defaults`, which is a greeting. A text that
    is empty stands for the usual one.
    """
    given: dict[str, Any] = dict(policy.parameters)
    if policy.rule is Rule.REJECT:
        given.setdefault("smtp_banner_code", REJECT_CODE)
        given["smtp_banner_text"] = given.get("smtp_banner_text") or REJECT_TEXT
    elif given.get("smtp_banner_text") == "":
        given["smtp_banner_text"] = BANNER_TEXT
    return replace(defaults, rule=policy.rule, name=policy.name, **given)
