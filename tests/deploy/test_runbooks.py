"""What a runbook tells somebody at night to look at, to type or to set is there, under that name."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from chassis.settings import variables_of
from examhall.main import app
from examhall.serving import installed_services, settings_of
from proto.catalogue import STREAM
from tests.deploy.chart import CHART, ROOT, of_kind, pod_of, rendered
from tests.deploy.metrics import FOREIGN, metrics_in, metrics_of_the_code

_RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
_SERVICES = {*installed_services(), STREAM, "gateway"}
# Names with an underscore that are PostgreSQL's, or of what tells of a volume; everything else is a log line's of ours.
_NOT_LOGGED = {"max_connections", "trace_id"}
every_runbook = pytest.mark.parametrize("runbook", _RUNBOOKS, ids=lambda file: file.stem)


def _code(runbook: Path) -> list[str]:
    """What stands in backticks, and the lines of blocks."""
    text = runbook.read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [*inline, *(line for block in blocks for line in block.splitlines())]


def _for_each_service(name: str) -> Iterator[str]:
    yield from (name.replace("SERVICE", service) for service in installed_services()) if "SERVICE" in name else [name]


@every_runbook
def test_every_page_and_part_that_is_linked_is_there(runbook: Path) -> None:
    for page, part in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", runbook.read_text()):
        target = runbook.parent / page if page else runbook
        assert target.is_file(), page
        headings = {
            re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        }
        assert not part or part in headings, f"{page}#{part}"


@every_runbook
def test_every_dashboard_and_panel_that_is_named_is_there(runbook: Path) -> None:
    panels = {
        dashboard["title"].removeprefix("Examhall: "): {panel["title"] for panel in dashboard["panels"]}
        for dashboard in (json.loads(file.read_text()) for file in (ROOT / "deploy" / "grafana").glob("*.json"))
    }
    for line in runbook.read_text().splitlines():
        if named := re.findall(r"(?<![*])\*([^*]+)\*(?![*])", line):
            assert set(named) <= panels.keys(), line
            known = set().union(*(panels[each] for each in named))
            assert set(re.findall(r'(?<![`=\w])"([A-Z][^"]+)"', re.sub(r"`[^`]*`", "", line))) <= known, line


@every_runbook
def test_every_metric_that_is_asked_for_is_one_that_somebody_has(runbook: Path) -> None:
    databases = {f"examhall_{service}" for service in _SERVICES}
    for metric in {metric for code in _code(runbook) for metric in metrics_in(code)} - databases:
        name = re.sub(r"_(bucket|count|sum)$", "", metric)
        assert metric.startswith(FOREIGN) or {name, metric} & metrics_of_the_code(), metric


@every_runbook
def test_every_command_of_ours_is_one_with_these_words(runbook: Path) -> None:
    """As far as the name of the command: `examhall dead-letters replay`, and the options that are given to it."""
    for code in _code(runbook):
        for words in re.findall(r"(?:^|-- )examhall ([a-z].*)$", code):
            command: Any = typer.main.get_command(app)
            given = words.split()
            while given and hasattr(command, "commands"):
                assert given[0] in command.commands, code
                command = command.commands[given.pop(0)]
            options = {name for each in command.params for name in each.opts}
            assert {word for word in given if word.startswith("--")} <= options, code


@every_runbook
def test_every_object_that_is_named_to_kubectl_is_one_of_the_release_or_of_its_dependencies(runbook: Path) -> None:
    made, beside = rendered(), _beside()
    labels = [pod_of(each)["metadata"]["labels"] for each in of_kind(made, "Deployment").values()]
    labels += [pod_of(each)["metadata"]["labels"] for each in beside if each["kind"] == "Deployment"]
    names = {"deploy": set(of_kind(made, "Deployment")), "job": set(of_kind(made, "Job"))}
    custom = {
        kind: {each["metadata"]["name"] for each in beside if each["kind"] == kind} for kind in ("Kafka", "Cluster")
    }
    for code in _code(runbook):
        for kind, named in re.findall(r"(?:^ready|\b(?:exec|logs)(?: -\w+)*) (deploy|job)/([\w-]+)", code):
            assert set(_for_each_service(named)) <= names[kind], code
        for kind, named in re.findall(r"kubectl \w+ (kafka|cluster) ([\w-]+)", code):
            assert named in custom[kind.title()], code
        for label, value in re.findall(r"-l (app\.kubernetes\.io/\w+)=([\w-]+)", code):
            assert any(each.get(label) == value for each in labels), code
        for value in re.findall(r"-l (?:strimzi\.io|cnpg\.io)/cluster=([\w-]+)", code):
            assert value in custom["Kafka"] | custom["Cluster"], code


@every_runbook
def test_every_value_and_variable_that_is_to_be_set_is_known(runbook: Path) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    values["services"] = {name: {**values["defaults"], **own, "env": {}} for name, own in values["services"].items()}
    variables = set().union(*(variables_of(settings_of(service)) for service in _SERVICES))
    for code in _code(runbook):
        for path in re.findall(rf"(?:^|--set )((?:{'|'.join(values)})\.[\w.-]+)(?:=\S*)?$", code):
            for name in _for_each_service(path):
                found: Any = values
                for part in name.split("."):
                    assert part in found, name
                    found = found[part]
        assert set(re.findall(r"\bEXAMHALL_[A-Z_]+\b", code)) <= variables, code


@every_runbook
def test_every_route_that_is_named_is_one_of_the_interface(runbook: Path) -> None:
    routes = {
        (method.upper(), f"{path}")
        for path, methods in json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"].items()
        for method in methods
    }
    for code in _code(runbook):
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/[\w/{}-]+)", code):
            same = re.sub(r"\{\w+\}", "{}", path)
            assert (method, same) in {(each, re.sub(r"\{\w+\}", "{}", known)) for each, known in routes}, code


@every_runbook
def test_every_line_of_a_log_that_is_named_is_one_that_is_written(runbook: Path) -> None:
    for code in _code(runbook):
        if re.fullmatch(r"[a-z]+(_[a-z]+)+", code) and not metrics_in(code) and code not in _NOT_LOGGED:
            assert f'"{code}"' in _sources(), code


@cache
def _sources() -> str:
    folders = (ROOT / each for each in ("chassis", "gateway", "services"))
    return "".join(file.read_text() for folder in folders for file in folder.rglob("*.py") if "tests" not in file.parts)


def _beside() -> list[dict[str, Any]]:
    files = (ROOT / "deploy" / "dependencies").glob("*.yaml")
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]
