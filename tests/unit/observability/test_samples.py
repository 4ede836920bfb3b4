"""How many series a metric may have, and what happens to more."""

from datetime import UTC, datetime

from observability.metrics import declared as d
from observability.metrics import declared_runs as r
from observability.metrics.counting import OTHER, Sums
from observability.metrics.samples import SERIES, Samples


def families(samples, sums=None):
    return {family.name: family for family in samples.families(sums)}


def test_a_moment_is_in_seconds_and_what_is_not_known_has_no_series():
    samples = Samples()
    samples.set(d.TABLE_MATERIALISED, datetime(2026, 11, 28, tzinfo=UTC), "marts/cash_in")
    samples.set(d.TABLE_ROWS, None, "marts/cash_in")
    [family] = families(samples).values()
    assert [(s.labels, s.value) for s in family.samples] == [
        ({"asset_key": "marts/cash_in"}, 1795824000.0)
    ]


def test_gauges_beyond_the_bound_are_left_out_and_counted():
    samples = Samples()
    for n in range(SERIES + 7):
        samples.set(d.TABLE_ROWS, n, f"raw/table_{n}")
    samples.set(d.TABLE_ROWS, 1, "raw/table_0")  # one that has its place keeps it
    found = families(samples)
    assert len(found[d.TABLE_ROWS.name].samples) == SERIES
    [dropped] = found[d.DROPPED.name].samples
    assert (dropped.labels, dropped.value) == ({"metric": d.TABLE_ROWS.name}, 7.0)


def test_counters_and_histograms_beyond_the_bound_are_added_up_as_other():
    sums = Sums.begin()
    for n in range(SERIES + 7):
        sums.add(r.COMPLETED_RUNS, (f"job_{n}", "here", "success"))
        sums.observe(r.RUN_WAIT, (f"job_{n}", "here"), 2.0)
    counted = dict(sums.counted(r.COMPLETED_RUNS))
    assert len(counted) == SERIES + 1
    assert counted[OTHER, OTHER, OTHER] == 7
    assert sum(counted.values()) == SERIES + 7
    assert sum(dict(sums.observed(r.RUN_WAIT))[OTHER, OTHER].counts) == 7


def test_a_histogram_is_cumulated_and_ends_with_all():
    sums = Sums.begin()
    for value in (0.5, 1.0, 20.0, 1e9):
        sums.observe(r.RUN_WAIT, ("job", "here"), value)
    [family] = families(Samples(), sums).values()
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (buckets["1.0"], buckets["15.0"], buckets["30.0"], buckets["+Inf"]) == (2, 2, 3, 4)
    assert [s.value for s in family.samples if s.name.endswith("_count")] == [4]


def test_sums_of_a_version_with_other_buckets_are_not_mixed_up():
    sums = Sums.begin()
    sums.observe(r.RUN_WAIT, ("job", "here"), 1.0)
    [histogram] = sums.histograms[r.RUN_WAIT.name].values()
    histogram.counts.append(0)
    sums.observe(r.RUN_WAIT, ("job", "here"), 1.0)
    assert not families(Samples(), sums)
