"""`stack sync`: from the checkout to the code servers of a release."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from stack.errors import StackError, one_line
from stack.paths import checkout_root
from stack.sync.files import digest_of, files_of, pack

SERVER = "stack.sync.server"
LOCATION_LABEL = "freelancer-data-stack/location"
_CODE_SERVERS = "app.kubernetes.io/component=code-location"
_LOOK_EVERY_S = 0.3


class SyncError(StackError):
    """Some code wasn't taken; the lines of each location say why."""


@dataclass(frozen=True)
class Cluster:
    """A release's code servers, through kubectl; empty fields mean kubectl's defaults."""

    context: str = ""
    namespace: str = ""
    release: str = ""

    def locations(self) -> dict[str, str]:
        """Deployments of the code servers, by location.

        Raises StackError if there are none, if they belong to several releases, or if one doesn't
        accept code.
        """
        selector = f"{_CODE_SERVERS},{LOCATION_LABEL}"
        if self.release:
            selector += f",app.kubernetes.io/instance={self.release}"
        found = json.loads(self._kubectl("get", "deployments", "-l", selector, "-o", "json"))
        deployments = [d for d in found["items"] if LOCATION_LABEL in d["metadata"]["labels"]]
        releases = {d["metadata"]["labels"]["app.kubernetes.io/instance"] for d in deployments}
        where = f"namespace {self.namespace or 'of the current context'}"
        if not deployments:
            raise StackError(f"no code servers in {where}", next_step="name another --namespace")
        if len(releases) > 1:
            told = {"found": ", ".join(sorted(releases)), "next_step": "name one by --release"}
            raise StackError(f"several releases in {where}", **told)
        for deployment in deployments:
            [container] = [
                c for c in deployment["spec"]["template"]["spec"]["containers"]
                if c["name"] == "code-server"
            ]  # fmt: skip
            if SERVER not in container.get("command", ()):
                raise StackError(
                    f"{deployment['metadata']['name']} takes no code",
                    next_step="install the release with stack.dev.sync=true (docs/loop.md)",
                )
        return {d["metadata"]["labels"][LOCATION_LABEL]: d["metadata"]["name"] for d in deployments}

    def hand(self, deployment: str, digest: str, packed: bytes) -> dict[str, object]:
        """The code server's answer to a state. Raises StackError if it can't be reached."""
        command = ["exec", "-i", f"deployment/{deployment}", "-c", "code-server", "--"]
        said = self._kubectl(*command, "python", "-m", "stack.sync.hand", digest, given=packed)
        try:
            answer: dict[str, object] = json.loads(said)
        except json.JSONDecodeError:
            raise StackError(
                f"{deployment} broke off", found=repr(said.decode()[-200:]), next_step="sync again"
            ) from None
        return answer

    def _kubectl(self, *arguments: str, given: bytes | None = None) -> bytes:
        command = ["kubectl"]
        command += ["--context", self.context] if self.context else []
        command += ["--namespace", self.namespace] if self.namespace else []
        try:
            done = subprocess.run(
                [*command, *arguments], input=given, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise StackError("no kubectl on PATH", next_step="install it") from None
        if done.returncode:
            said = one_line(done.stderr.decode(errors="replace"))
            raise StackError(
                f"kubectl {arguments[0]}: {said}", next_step="check context and rights"
            )
        return done.stdout


class Syncer:
    """Brings the checkout's files to the code servers, skipping what they already have."""

    def __init__(self, checkout: Path, cluster: Cluster, locations: dict[str, str]) -> None:
        self._checkout, self._cluster, self._locations = checkout, cluster, locations
        self._handed: dict[str, str] = {}

    def sync(self) -> Iterator[tuple[str, bool]]:
        """Hand over what changed; yield one line per location, and whether it succeeded."""
        with ThreadPoolExecutor() as threads:
            handed = [
                threads.submit(self._hand, name, digest, files)
                for name, (digest, files) in self._changed().items()
            ]
            for line in handed:
                yield line.result()

    def _changed(self) -> dict[str, tuple[str, dict[str, bytes]]]:
        """Digest and files of each location that haven't been handed over yet."""
        states = {name: files_of(self._checkout, name) for name in self._locations}
        digests = {name: digest_of(files) for name, files in states.items()}
        return {
            name: (digests[name], states[name])
            for name in states
            if self._handed.get(name) != digests[name]
        }

    def _hand(self, name: str, digest: str, files: dict[str, bytes]) -> tuple[str, bool]:
        begun = time.monotonic()
        try:
            answer = self._cluster.hand(self._locations[name], digest, pack(files))
        except StackError as error:
            return f"{name}: {error}", False
        self._handed[name] = digest
        if answer["error"]:
            return f"{name}: {digest} is not taken, what was there stays: {answer['error']}", False
        took = f"{time.monotonic() - begun:.1f} s"
        return f"{name}: {digest} {f'loaded in {took}' if answer['is_new'] else 'is there'}", True


@click.command()
@click.argument("locations", nargs=-1)
@click.option("--context", default="", help="The cluster, as kubectl knows it.")
@click.option("-n", "--namespace", default="", help="Namespace of the release.")
@click.option("--release", default="", help="The release, where a namespace has several.")
@click.option("--watch", is_flag=True, help="Keep running, and sync whenever a file changes.")
def sync(locations: Sequence[str], context: str, namespace: str, release: str, watch: bool) -> None:
    """Bring edited code to the code servers of a cluster, without an image.

    For all LOCATIONS of the release, or those named.
    """
    checkout = checkout_root()
    if checkout is None:
        raise StackError("no checkout here", next_step="run stack sync in a clone's environment")
    cluster = Cluster(context, namespace, release)
    found = cluster.locations()
    for name in locations:
        if name not in found:
            raise StackError(f"no location {name}", expected=f"one of {', '.join(sorted(found))}")
    wanted = {name: found[name] for name in locations or sorted(found)}
    syncer = Syncer(checkout, cluster, wanted)
    failed = _say(syncer)
    while watch:
        time.sleep(_LOOK_EVERY_S)
        _say(syncer)
    if failed:
        raise SyncError(f"not taken: {', '.join(failed)}", next_step="mend the code and sync again")


def _say(syncer: Syncer) -> list[str]:
    failed = []
    for line, is_well in syncer.sync():
        click.echo(line, err=not is_well)
        if not is_well:
            failed.append(line.partition(":")[0])
    return failed
