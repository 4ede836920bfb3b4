"""A Prometheus that scrapes the release and has the chart's rules, and the mail that arrives."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from cluster.kube import Namespace
from scripts.chart_values_page import CHART

SPACE = Namespace("prometheus")
FROM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SPACE.name}}}
# Values of `observability.metrics` that let it find and scrape the release.
METRICS = {"from": [FROM], "scrapeAnnotations": True}


def address(variable: str) -> str:
    """An address from an environment variable; skips, or with CLUSTER_TESTS=required fails."""
    found = os.environ.get(variable, "")
    if not found:
        missing = f"no {variable}: see CONTRIBUTING.md"
        if os.environ.get("CLUSTER_TESTS") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@dataclass(frozen=True)
class Prometheus:
    """Its API at `url`."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The answer's data."""
        response = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        response.raise_for_status()
        return response.json()["data"]

    def values(self, query: str) -> list[float]:
        """The values of all series that a query finds."""
        return [float(found["value"][1]) for found in self.ask("query", query=query)["result"]]

    def fires(self, alert: str, **labels: str) -> bool:
        """Whether an alert with these labels fires."""
        wanted = {"alertname": alert, "alertstate": "firing", **labels}
        of = ",".join(f'{name}="{value}"' for name, value in wanted.items())
        return bool(self.values(f"ALERTS{{{of}}}"))


@dataclass(frozen=True)
class Mailbox:
    """All mail to an address that mailpit, at `url`, has."""

    url: str
    address: str

    @property
    def apprise_url(self) -> str:
        """The channel that sends there."""
        host = urlsplit(self.url).hostname
        return f"mailto://{host}:1025?from=stack@example.com&to={self.address}"

    def mails(self) -> list[Mapping[str, str]]:
        """Subject and Text of each mail."""
        query = {"query": f'to:"{self.address}"', "limit": "500"}
        found = requests.get(f"{self.url}/api/v1/search", params=query, timeout=10).json()
        return [
            requests.get(f"{self.url}/api/v1/message/{mail['ID']}", timeout=10).json()
            for mail in found["messages"]
        ]

    def told(self) -> list[tuple[str, str]]:
        """Title and text of each message; messages sent in one mail are its lines."""
        told: list[tuple[str, str]] = []
        for mail in self.mails():
            subject = mail["Subject"].partition("] ")[2] or mail["Subject"]
            lines = [line for line in mail["Text"].splitlines() if line.startswith("- [")]
            if " messages: " in subject:
                told += [(line.partition("] ")[2], mail["Text"]) for line in lines]
            else:
                told.append((subject, mail["Text"]))
        return told

    def texts(self, beginning: str) -> list[str]:
        """The texts of messages whose title starts like this."""
        return [text for title, text in self.told() if title.startswith(beginning)]


@contextmanager
def prometheus_with_rules(impatient: Collection[str]) -> Iterator[set[str]]:
    """Give Prometheus the chart's rules; yield their names. Impatient ones fire at once."""
    files = {path.stem: yaml.safe_load(path.read_text()) for path in CHART.glob("rules/*.yaml")}
    names = set()
    for file in files.values():
        for rule in [rule for group in file["groups"] for rule in group["rules"]]:
            names.add(rule.get("alert") or rule["record"])
            if "alert" in rule:
                rule["for"] = "5s" if rule["alert"] in impatient else "1d"
    data = {f"{stem}.yml": yaml.safe_dump(file) for stem, file in files.items()}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rules"}, "data": data}
    SPACE.kubectl("apply", "-f", "-", text=json.dumps(config))
    _restart()
    try:
        yield names
    finally:
        SPACE.kubectl("delete", "configmap", "rules")
        _restart()


def _restart() -> None:
    SPACE.kubectl("rollout", "restart", "deployment/prometheus")
    SPACE.kubectl("rollout", "status", "deployment/prometheus", "--timeout=120s")
