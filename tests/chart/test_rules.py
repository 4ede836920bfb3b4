"""Rules and dashboards use declared metrics only; each alert has its tests and its page."""

import json
import re

import pytest
import yaml

from chart.promql import parsed
from chart.tools import output
from observability.metrics.declared import METRICS, Kind
from scripts.chart_values_page import CHART, ROOT

RULES = sorted(CHART.glob("rules/*.yaml"))
DASHBOARDS = sorted(CHART.glob("dashboards/*.json"))
TESTS = ROOT / "tests" / "chart" / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning", "info"}
# Labels that Prometheus adds to a scraped series.
TARGET = {"job", "instance", "namespace", "pod"}
# Grafana's values for variables.
VARIABLES = {"$namespace": "data", "$__range": "1h", "$__rate_interval": "5m"}


def rules(file):
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


ALL = [rule for file in RULES for rule in rules(file)]
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}


def declared():
    """Labels of each series; a histogram has three."""
    series = {}
    for metric in METRICS:
        labels = set(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            series[f"{metric.name}_bucket"] = labels | {"le"}
            series |= {f"{metric.name}_{part}": labels for part in ("sum", "count")}
        else:
            series[metric.name] = labels
    for rule in ALL:
        if "record" in rule:
            read = parsed(rule["expr"]).names
            series[rule["record"]] = set().union(*(series[name] for name in read))
    return series


SERIES = declared()


def judge(text):
    """What a query asks for that doesn't exist."""
    query = parsed(text)
    wrong = [f"no metric {name}" for name in query.names - set(SERIES)]
    for name, labels in query.matchers:
        wrong += [
            f"{name} has no label {label}" for label in labels - SERIES.get(name, labels) - TARGET
        ]
    known = TARGET.union({"le"}, *(SERIES.get(name, ()) for name in query.names))
    return wrong + [f"nothing of it has a label {label}" for label in query.labels - known]


def panels(file):
    return json.loads(file.read_text())["panels"]


def queries(panel):
    for target in panel["targets"]:
        text = target["expr"]
        for variable, value in VARIABLES.items():
            text = text.replace(variable, value)
        assert "$" not in text, (panel["title"], text)
        yield text, target["legendFormat"]


@pytest.mark.parametrize("rule", ALL, ids=[r.get("alert") or r["record"] for r in ALL])
def test_a_rule_asks_for_what_is_declared(rule):
    assert judge(rule["expr"]) == []
    if "alert" in rule:
        told = rule["annotations"]
        named = set(re.findall(r"\$labels\.(\w+)", told["summary"] + told["description"]))
        known = set().union(*(SERIES[name] for name in parsed(rule["expr"]).names))
        assert named <= known


def test_a_query_for_what_is_not_there_is_noticed():
    assert judge("max(stack_no_such_thing)") == ["no metric stack_no_such_thing"]
    assert judge('stack_table_rows{tabel="x"}') == ["stack_table_rows has no label tabel"]
    assert judge("sum by (jobname) (rate(dagster_completed_runs_total[5m]))") == [
        "nothing of it has a label jobname"
    ]
    assert judge("stack_table_rows and on (check) stack_table_stale") == [
        "nothing of it has a label check"
    ]
    with pytest.raises(ValueError, match=r".+"):
        judge("sum(stack_table_rows")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_has_a_page(name):
    alert = ALERTS[name]
    assert alert["for"]
    assert alert["labels"]["severity"] in SEVERITIES
    told = alert["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    page = ROOT / told["runbook_url"].partition("/blob/main/")[2]
    assert page.parent == RUNBOOKS
    text = page.read_text()
    assert text.startswith("# ")
    assert "\n## How to look\n" in text
    assert "\n## What to do\n" in text
    linked = (
        f"| [{name}]({page.name}) | {alert['labels']['severity']} | {text.splitlines()[0][2:]} |"
    )
    assert linked in (RUNBOOKS / "README.md").read_text()


def test_each_page_is_of_an_alert():
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert pages == {a["annotations"]["runbook_url"].rpartition("/")[2] for a in ALERTS.values()}


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_each_alert_fires_in_one_test_and_is_quiet_in_another(file):
    """promtool confirms both."""
    tests = TESTS / f"{file.stem}.test.yaml"
    tried = [
        (expected["alertname"], bool(expected["exp_alerts"]))
        for test in yaml.safe_load(tests.read_text())["tests"]
        for expected in test.get("alert_rule_test", ())
    ]
    alerts = [rule["alert"] for rule in rules(file) if "alert" in rule]
    assert sorted(set(tried)) == sorted((name, fires) for name in alerts for fires in (True, False))
    assert "SUCCESS" in output("promtool", "test", "rules", str(tests))


def test_promtool_takes_the_rules():
    assert "SUCCESS" in output("promtool", "check", "rules", *map(str, RULES))


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_board_asks_for_what_is_declared(file):
    for panel in panels(file):
        for text, legend in queries(panel):
            assert judge(text) == [], panel["title"]
            known = set().union(*(SERIES[name] for name in parsed(text).names))
            assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= known, panel["title"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_board_is_one_that_grafana_shows(file):
    board = json.loads(file.read_text())
    assert board["uid"] == f"stack-{file.stem}"
    taken = set()
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert {variable["name"] for variable in board["templating"]["list"]} == {
        "datasource", "namespace",
    }  # fmt: skip
