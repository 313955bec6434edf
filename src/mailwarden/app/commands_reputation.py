"""What a worker answers about one address or sender: scores, counts, and their reset."""

import ipaddress
import time
from typing import TYPE_CHECKING, Any, Final

from mailwarden.services.engines.reputation.dns_zone import question
from mailwarden.services.engines.reputation.networks import describe_network, pack_address
from mailwarden.services.engines.reputation.score import Score
from mailwarden.services.engines.reputation.settings import parse_zone
from mailwarden.services.throttling.rate_keys import (
    IPV4_BITS,
    IPV6_BITS,
    harvest_key,
    host_key,
    sender_key,
)

if TYPE_CHECKING:  # the gateway is handed in; importing it would pull the whole mail path
    from mailwarden.app.wiring import Gateway

Answer = dict[str, Any]
ABOUT_HOSTS: Final = frozenset({"reputation", "reputation_status", "dnslist_test"})


async def answer_about_hosts(gateway: "Gateway", request: Answer) -> Answer:
    """Return what a worker knows, or finds out, of hosts; raises as `answer_reputation`."""
    match request["command"]:
        case "dnslist_test":
            return await answer_list(gateway, request)
        case "reputation_status":
            return {"providers": [each._asdict() for each in gateway.reputation.health()]}
    return await answer_reputation(gateway, request)


async def answer_list(gateway: "Gateway", request: Answer) -> Answer:
    """Return what the DNS list `zone` says now of `address`.

    Raises:
        ValueError: one of them makes no sense.
    """
    zone, address = parse_zone(str(request["zone"])), str(request["address"])
    ipaddress.ip_address(address)
    listing = await gateway.reputation.ask_list(zone, address)
    return {
        "zone": zone,
        "address": address,
        "question": question(address, zone),
        "codes": list(listing.codes),
        "fault": listing.fault,
    }


async def answer_reputation(gateway: "Gateway", request: Answer) -> Answer:
    """Return what is known of `request["address"]`: an IP address or an envelope sender.

    With `reset` its counts of the hour begin at zero first, with `forget` what was seen of it does.

    Raises:
        ValueError: it is neither.
    """
    address = str(request["address"])
    now = time.time()
    keys = _keys_of(address)
    if request.get("reset"):
        for key in keys.values():
            gateway.rates.reset(key, now)
            gateway.rates.reset(harvest_key(key), now)
        _log(gateway, f"counts of {address} were reset by an administrator")
    if request.get("forget") and "@" not in address:
        gateway.reputation.forget(address)
        _log(gateway, f"what was seen of {address} was forgotten by an administrator")
    counts = [
        {
            "of": name,
            "recipients": gateway.rates.peek(key, now),
            "invalid": gateway.rates.peek(harvest_key(key), now),
        }
        for name, key in keys.items()
    ]
    answer: Answer = {
        "address": address,
        "counts": counts[:1] + [r for r in counts[1:] if r["recipients"] or r["invalid"]],
        "resets_at": gateway.rates.window_end(now),
    }
    if "@" not in address:
        answer.update(await _reputation(gateway, address))
    return answer


def _keys_of(address: str) -> dict[str, bytes]:
    """Return under what it is counted, whatever the policies are: by itself, or in a network."""
    if "@" in address:
        key = sender_key(address)
        return {address: key} if key is not None else {}
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        network = ipaddress.ip_network((ip, IPV6_BITS), strict=False)
        return {str(network): host_key(address)}
    plain = ip if isinstance(ip, ipaddress.IPv4Address) else ip.ipv4_mapped
    keys = {address: host_key(address)}
    for bits in range(IPV4_BITS - 1, 0, -1):
        name = str(ipaddress.ip_network((str(plain), bits), strict=False))
        keys[name] = host_key(address, bits)
    return keys


async def _reputation(gateway: "Gateway", address: str) -> Answer:
    score = await gateway.reputation.score(address)
    own, network = gateway.reputation.recall(address)
    return {
        "score": _told(score),
        "providers": [_told(each) for each in await gateway.reputation.explain(address)],
        "seen": own._asdict(),
        "network": describe_network(pack_address(address)),
        "network_seen": network._asdict(),
    }


def _log(gateway: "Gateway", text: str) -> None:
    if gateway.reputation.is_keeper:  # all workers are asked; one says it
        gateway.log.info(f"Reputation: {text}")


def _told(score: Score) -> Answer:
    return {
        "value": score.value,
        "provider": score.provider,
        "why": score.why,
        "logged": score.logged,
    }
