"""Computes which connections the rendered NetworkPolicies in namespace `data` allow."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chart.rendering import Object, contexts, templates

Labels = dict[str, str]
NAMED = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Place:
    """One end of a connection: a pod in the release's namespace or another, or no pod at all."""

    labels: Labels | None = None
    address: str = "203.0.113.1"
    namespace: str = "data"


ELSEWHERE = Place()


def selects(selector: Object, labels: Labels) -> bool:
    """Whether a label selector matches these labels."""
    for expression in selector.get("matchExpressions", ()):
        key, operator = expression["key"], expression["operator"]
        if operator == "In" and labels.get(key) not in expression["values"]:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "NotIn" and labels.get(key) in expression["values"]:
            return False
        assert operator in {"In", "NotIn", "Exists"}, "the chart has others now: teach them here"
    return selector.get("matchLabels", {}).items() <= labels.items()


def allows(policies: Iterable[Object], source: Place, target: Place, port: int) -> bool:
    """Whether a TCP connection is allowed to leave its source and to enter its target."""
    policies = list(policies)
    return _lets(policies, "egress", source, target, port) and _lets(
        policies, "ingress", target, source, port
    )


def policies_of(found: list[Object]) -> list[Object]:
    """The specs of all NetworkPolicies."""
    return [o["spec"] for o in found if o["kind"] == "NetworkPolicy"]


def places(found: list[Object]) -> dict[str, Place]:
    """Pods by component; code servers and runs as `server of X`, `run of X` and `step of X`."""
    labels = {
        _name(template["metadata"]["labels"]): template["metadata"]["labels"]
        for template in templates(found).values()
    }
    for name, context in contexts(found).items():
        given = context["run_k8s_config"]["pod_template_spec_metadata"]["labels"]
        for kind in ("run", "step"):
            # Like `construct_dagster_k8s_job`: its own labels, overridden by the context's.
            labels[f"{kind} of {name}"] = {
                "app.kubernetes.io/name": "dagster",
                "app.kubernetes.io/instance": "dagster",
                "app.kubernetes.io/component": f"{kind}_worker",
            } | given
    return {name: Place(held) for name, held in labels.items()}


def _name(labels: Labels) -> str:
    location = labels.get("freelancer-data-stack/location")
    return f"server of {location}" if location else labels["app.kubernetes.io/component"]


def _lets(policies: list[Object], way: str, here: Place, there: Place, port: int) -> bool:
    if here.labels is None:
        return True
    bound = [
        p
        for p in policies
        if way.capitalize() in p["policyTypes"] and selects(p["podSelector"], here.labels)
    ]
    rules = [rule for policy in bound for rule in policy.get(way, ())]
    peers = {"egress": "to", "ingress": "from"}[way]
    return not bound or any(
        any(peer_is(peer, there) for peer in rule.get(peers) or [None])
        and any(_is_port(allowed, port) for allowed in rule.get("ports") or [None])
        for rule in rules
    )


def peer_is(peer: Any, place: Place) -> bool:
    """Whether a rule's peer, where None is everyone, matches that place."""
    if peer is None:
        return True
    if "ipBlock" in peer:
        return ipaddress.ip_address(place.address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
    if place.labels is None:
        return False
    spaces = peer.get("namespaceSelector", {"matchLabels": {NAMED: "data"}})
    space = {NAMED: place.namespace}
    return selects(spaces, space) and selects(peer.get("podSelector", {}), place.labels)


def _is_port(allowed: Any, port: int) -> bool:
    return allowed is None or (allowed["protocol"] == "TCP" and allowed["port"] == port)
