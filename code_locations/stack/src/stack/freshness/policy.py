"""What a table's declaration says about how new it has to be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from stack.declarations import Declaration

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS = DAYS[:5]


def _clock(value: Any) -> Any:
    """YAML reads an unquoted 10:30 as a base-60 number, but 07:30 as text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    return value


def _days(value: Any) -> Any:
    return WEEKDAYS if value == "weekdays" else value


class FreshnessPolicy(Declaration):
    """A table is fresh while it meets everything declared here; times are UTC.

    `by`: it must be built by this time on each of `days`. `within`: how long ago it may last have
    been built. A run that finds nothing to do counts as building it. `newest` is a column of dates
    or timestamps whose latest value, ignoring the future, may be at most `at_most` old: in calendar
    days or weekdays, so that Monday's value is a day old all Tuesday, or in hours.
    """

    by: Annotated[str, BeforeValidator(_clock)] | None = Field(
        None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$"
    )
    days: Annotated[tuple[Day, ...], BeforeValidator(_days)] = Field(DAYS, min_length=1)
    within: str | None = Field(None, pattern=r"^[1-9]\d{0,3} (hour|day)s?$")
    newest: str | None = Field(None, min_length=1)
    at_most: str | None = Field(None, pattern=r"^\d{1,4} (hour|day|weekday)s?$")

    @model_validator(mode="after")
    def _is_whole(self) -> FreshnessPolicy:
        if not (self.by or self.within or self.newest):
            raise ValueError("found none of by, within and newest, expected one of them at least")
        if self.by and self.within:
            raise ValueError("found by and within, expected one of them")
        if self.days != DAYS and not self.by:
            raise ValueError("found days without by, expected the time by which it is made")
        if bool(self.newest) != bool(self.at_most):
            raise ValueError("newest and at_most belong together: a column, and how old it may be")
        return self

    def deadlines(self, made: datetime, newest: datetime | None) -> Iterator[tuple[datetime, str]]:
        """When the table goes stale for each requirement, if it isn't built again.

        Each comes with the requirement in words.
        """
        if self.by:
            yield self._missed_after(made), self._by_in_words
        if self.within:
            yield made + _duration(self.within), f"at most {self.within} ago"
        if self.newest and self.at_most and newest is not None:
            yield _too_old(newest, self.at_most), self._newest_in_words

    @property
    def in_words(self) -> str:
        """Such as `made by 07:00 UTC each day`."""
        made = self._by_in_words or (f"made at most {self.within} ago" if self.within else "")
        return ", ".join(words for words in (made, self._newest_in_words) if words)

    @property
    def _by_in_words(self) -> str:
        if not self.by:
            return ""
        known = {DAYS: "each day", WEEKDAYS: "each weekday"}
        chosen = tuple(day for day in DAYS if day in self.days)
        days = known.get(chosen) or "on " + ", ".join(day.capitalize() for day in chosen)
        return f"made by {self.by} UTC {days}"

    @property
    def _newest_in_words(self) -> str:
        return f"newest {self.newest} at most {self.at_most} old" if self.newest else ""

    def _missed_after(self, made: datetime) -> datetime:
        """The first deadline missed after the day on which it was built."""
        due = (made + timedelta(days=n) for n in range(1, 8))
        day = next(moment.date() for moment in due if DAYS[moment.weekday()] in self.days)
        return datetime.combine(day, time.fromisoformat(str(self.by)), UTC)


def _duration(text: str) -> timedelta:
    count, unit = text.split()
    return timedelta(hours=int(count)) if unit.startswith("hour") else timedelta(days=int(count))


def _too_old(newest: datetime, at_most: str) -> datetime:
    count, unit = int(at_most.split(maxsplit=1)[0]), at_most.split()[1]
    if unit.startswith("hour"):
        return newest + timedelta(hours=count)
    if unit.startswith("day"):
        return _midnight(newest.date() + timedelta(days=count + 1))
    return _midnight(_weekdays_after(newest.date(), count + 1))


def _weekdays_after(day: date, count: int) -> date:
    """The `count`-th weekday after `day`."""
    weeks, rest = divmod(count, 5)
    # A weekend's value counts as old as the Friday's before it.
    day -= timedelta(days=max(0, day.weekday() - 4))
    day += timedelta(weeks=weeks)
    for _ in range(rest):
        day += timedelta(days=3 if day.weekday() == 4 else 1)
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
