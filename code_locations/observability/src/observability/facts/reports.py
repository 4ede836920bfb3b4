"""What the loaders last reported."""

from __future__ import annotations

from observability.facts.unread import Unread
from stack.artifacts import ArtifactError, ArtifactStore
from stack.load_report import FOLDER, LoadReport


class ReportReader:
    """Reads each loader's latest report; `unread` has those that can't be read."""

    def __init__(self, url: str) -> None:
        self._store = ArtifactStore(url)
        self.unread = Unread("load_reports")

    def read(self) -> dict[str, LoadReport]:
        """The reports, by loader."""
        names = self._store.names(FOLDER)
        self.unread.keep(names)
        found: dict[str, LoadReport] = {}
        for name in names:
            try:
                report = self._store.get_model(name, LoadReport)
            except ArtifactError as error:
                self.unread.note(name, error)
                continue
            self.unread.settle(name)
            if report is not None:
                found[report.loader] = report
        return found
