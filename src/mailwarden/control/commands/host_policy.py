"""Questions about how much a host may do: parameters of a policy, and a listener's defaults."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.listener_words import listener_of, policy_section
from mailwarden.control.config.shape import Form, fields_of
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.questions import Choice, Number, Option, Text, YesNo
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.hostport import parse_hostname
from mailwarden.core.policy.hat_parameters import (
    Demand,
    Kind,
    Parameter,
    ParameterValue,
    check_parameter,
    find_parameter,
)
from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.setting import Unit
from mailwarden.mailflow.listener.settings import MailFlowPolicy, effective_policy
from mailwarden.mailflow.listener.tables import parse_reply_text

DEFAULT: Final = "default"
NAMES: Final = tuple(name for name in fields_of(MailFlowPolicy) if find_parameter(name) is not None)
_BANNER: Final = ("smtp_banner_code", "smtp_banner_text")
_LIMITS: Final = ("max_rcpts_per_hour", "max_rcpts_per_hour_sender", "dhap_limit")
_OF_SENDERS: Final = ("sender_malformed", "sender_not_exist", "sender_not_resolve")
_DEMANDS: Final = tuple(Option(each.value.capitalize(), each) for each in Demand)

# What makes a parameter worth a question: another one, which has to be so.
_GATES: Final[Mapping[str, Callable[[Callable[[str], Any]], bool]]] = {
    "override_hostname": lambda held: bool(held("use_override_hostname")),
    "verify_client_cert": lambda held: held("tls") is not Demand.OFF,
    "require_tls_for_auth": lambda held: held("smtp_auth") is not Demand.OFF,
    "significant_bits": lambda held: not held("use_sb") or bool(held("dhap_limit")),
}


def read_reply(text: str) -> str:
    r"""Return the text of a reply; `\n` in it ends a line. Raises ValueError."""
    return parse_reply_text(text.strip().replace("\\n", "\n"))


def write_reply(text: str) -> str:
    """Return what `read_reply` reads."""
    return text.replace("\n", "\\n")


def parameter_questions(
    rule: Callable[[Settings], Rule | None],
    present: Callable[[Settings], Mapping[str, ParameterValue]],
) -> tuple[Question[Any], ...]:
    """Return questions for the parameters of a policy with a rule; None of a rule asks nothing.

    `present` is what the policy has; what is left open is as in the defaults of the listener.
    """
    questions: dict[str, Question[Any]] = {}

    def due(name: str) -> Callable[[Settings], bool]:
        def is_due(scope: Settings) -> bool:
            held = rule(scope)
            if held is Rule.REJECT:
                return name in _BANNER
            if held not in (Rule.ACCEPT, Rule.RELAY):
                return False
            return _is_open(name, lambda other: _held(scope, questions.get(other), other))

        return is_due

    for name in NAMES:
        parameter = find_parameter(name)
        assert parameter is not None
        questions[name] = _ask(parameter, due(name), present)
    return tuple(questions.values())


def default_questions() -> tuple[Question[Any], ...]:
    """Return questions for the defaults of the listener that was chosen."""
    questions: dict[str, Question[Any]] = {}

    def due(name: str) -> Callable[[Settings], bool]:
        return lambda scope: _is_open(
            name, lambda other: _typed(other, _held(scope, questions.get(other), other))
        )

    for name, field in fields_of(MailFlowPolicy).items():
        if field.setting.has_lines:
            questions[name] = Text(
                key=name, prompt=_prompt(name), doc=field.setting.doc, of=read_reply,
                as_text=write_reply, when=due(name), default_from=_text_default(name),
            )  # fmt: skip
        else:
            questions[name] = ask_setting(
                MailFlowPolicy, name, present=policy_section, none_word=DEFAULT, when=due(name)
            )
    return tuple(questions.values())


def _ask(
    parameter: Parameter,
    when: Callable[[Settings], bool],
    present: Callable[[Settings], Mapping[str, ParameterValue]],
) -> Question[Any]:
    given: dict[str, Any] = {
        "key": parameter.key,
        "prompt": _prompt(parameter.key),
        "doc": fields_of(MailFlowPolicy)[parameter.key].setting.doc,
        "none_word": DEFAULT,
        "when": when,
        "default_from": lambda scope: present(scope).get(parameter.key),
        "check": lambda _, value: check_parameter(parameter, value),
    }
    bounds: dict[str, Any] = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    match parameter.kind:
        case Kind.SIZE:
            return Number(unit=Unit.BYTES, **bounds, **given)
        case Kind.SWITCH:
            return YesNo(**given)
        case Kind.TLS | Kind.AUTH:
            return Choice(options=_DEMANDS, **given)
        case Kind.TEXT:
            return Text(of=read_reply, as_text=write_reply, form="the text of a reply", **given)
        case Kind.HOSTNAME:
            return Text(of=parse_hostname, form="a host name", **given)
    return Number(**bounds, **given)


def _is_open(name: str, held: Callable[[str], Any]) -> bool:
    """Tell whether a parameter means anything, by what the others are."""
    if name in _GATES:
        return _GATES[name](held)
    base = name.removesuffix("_code").removesuffix("_text")
    if base == name:
        return True
    if base in _LIMITS:
        return held(base) not in (-1, 0)
    return base not in _OF_SENDERS or bool(held("envelope_sender_verification"))


def _held(scope: Settings, question: Question[Any] | None, name: str) -> Any:  # noqa: ANN401  any setting's value
    """Return what was answered, or what holds by default."""
    answer = None if question is None else scope.get(question)
    return getattr(effective_policy(listener_of(scope)), name) if answer is None else answer


def _typed(name: str, value: Any) -> Any:  # noqa: ANN401  any setting's value
    kind = fields_of(MailFlowPolicy)[name].kind
    if kind.form is Form.CHOICE and isinstance(value, str):
        return next(each for each in kind.choices if each.value == value)
    return value


def _prompt(name: str) -> str:
    doc = fields_of(MailFlowPolicy)[name].setting.doc
    return f"{doc.partition('. ')[0].removesuffix('.')}."


def _text_default(name: str) -> Callable[[Settings], str]:
    default = str(fields_of(MailFlowPolicy)[name].default())
    return lambda scope: str(policy_section(scope).get(name, default))
