"""How a promotion describes itself: on the terminal, in its commit, and in its pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scripts.promotion.images import Images, changes
from scripts.promotion.proof import Proof
from stack.markdown import markdown_list, markdown_table
from stack.pipelines import DAILY


@dataclass(frozen=True)
class Change:
    """An environment's images before and after, and notes about the change."""

    title: str
    environment: str
    before: Images
    after: Images
    trailers: tuple[tuple[str, str], ...]
    proof: Proof | None = None
    remarks: tuple[str, ...] = ()
    rendered: str = ""
    data: str = ""

    @property
    def summary(self) -> str:
        """A line for each image that differs."""
        return "\n".join(changes(self.before, self.after))

    @property
    def commit(self) -> str:
        """The commit's message."""
        trailers = "\n".join(f"{name}: {value}" for name, value in self.trailers)
        return f"{self.title}\n\n{self.summary}\n\n{trailers}\n"

    @property
    def shown(self) -> str:
        """The text for a terminal."""
        remarks = "\n".join(f"note: {one}" for one in self.remarks)
        parts = (self.rendered, self.data, self.summary, remarks)
        return "\n\n".join(part for part in parts if part)

    @property
    def pull_request(self) -> str:
        """The body of the pull request; what may be cut off comes last."""
        parts = [_images(self.before, self.after)]
        if self.remarks:
            parts += ["### To look at", markdown_list(self.remarks, "")]
        if self.proof:
            parts += ["### Proof", _proof(self.proof, self.after)]
        if self.data:
            parts += ["### Data", self.data]
        if self.rendered:
            parts += ["### Rendered", f"```diff\n{self.rendered}\n```"]
        if self.proof:
            said = f"```json\n{self.proof.text}```"
            parts += [f"<details><summary>{self.proof.digest}</summary>\n\n{said}\n\n</details>"]
        return "\n\n".join(parts) + "\n"


def promoted_trailers(
    source: str, base: str, promoted: Images, proof: Proof
) -> tuple[tuple[str, str], ...]:
    """The trailers of a promotion's commit."""
    return (
        ("Promoted-From", f"{source}@{base}"),
        *digests(promoted),
        *(("Runs", f"{name} {' '.join(runs)}") for name, runs in _runs(proof, promoted)),
        ("Proof", proof.digest),
    )


def digests(images: Images) -> tuple[tuple[str, str], ...]:
    """A trailer for each image."""
    return tuple(("Digest", f"{name}@{image.digest}") for name, image in images.items())


def _runs(proof: Proof, promoted: Images) -> Iterable[tuple[str, Sequence[str]]]:
    for name, image in promoted.items():
        if found := proof.round_of(name, image):
            yield name, [run.run_id for run in found.runs if run.location == name]


def _images(before: Images, after: Images) -> str:
    names = [name for name in before | after if before.get(name) != after.get(name)]
    rows = [(f"`{name}`", before.get(name), after.get(name)) for name in names]
    return markdown_table(("image", "now", "then"), rows)


def _proof(proof: Proof, images: Images) -> str:
    rows = []
    for name, image in images.items():
        found = proof.round_of(name, image)
        deployed = [one.name for one in proof.deployed or () if one.part == name]
        if found or deployed:
            rows.append((
                f"`{name}`", found and found.pipeline_id, found and found.ended,
                found and f"{found.checks.passed} passed", ", ".join(deployed),
            ))  # fmt: skip
    header = ("image", DAILY.name, "ended", "checks", "deployed and ready")
    return f"Of {proof.environment}, {proof.at:%Y-%m-%d %H:%M} UTC.\n\n" + markdown_table(
        header, rows
    )
