"""The JSON Schemas: they take what the parser takes and refuse what an editor should underline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import audience
from audience import api
from audience.operators import MEASURES, PREDICATES
from audience.rules.behaviour import BEHAVIOUR_KEYS
from audience.rules.grammar import CONDITION, PACK, PROJECT, RULE_FILE, TABLE, TAG
from support import Run

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "cli/audience/templates/sample"
RULES = sorted(
    path for path in (ROOT / "rules").rglob("*.yaml") if not path.name.endswith(".cases.yaml")
)
PROJECTS = [ROOT, SAMPLE]


class Editor(yaml.SafeLoader):
    """Scalars as YAML 1.2 has them, which is what editors' checkers see."""


Editor.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if first not in "yYnNoO"
}


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=Editor)


@pytest.mark.parametrize("known", [True, False], ids=["with_tags", "bare"])
@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_shipped_rules_fit(path: Path, known: bool) -> None:
    schema = api.schema("rules", audience.load(ROOT) if known else None)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(read(path), schema, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.name)
def test_project_files_fit(folder: Path) -> None:
    schema = api.schema("project")
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(read(folder / "audience.yaml"), schema)


BASE = {"campaign": "c", "phase": "p", "packs": {"a": {"where": {"age": "18.."}}}}
BAD: dict[str, Any] = {
    "unknown key": BASE | {"pakcs": {}},
    "no packs": {"campaign": "c", "phase": "p"},
    "path as campaign": BASE | {"campaign": "../c"},
    "unknown tag": BASE | {"base": {"agee": 1}},
    "unknown value": BASE | {"base": {"city_tier": "六线"}},
    "wrong operator": BASE | {"base": {"plus": {"gt": 1}}},
    "of alone": BASE | {"base": {"of": ["a"]}},
    "bad duration": BASE | {"base": {"registered": {"within": "30 days"}}},
    "unknown key of did": BASE | {"base": {"did": {"evnet": "buy"}}},
    "empty list": BASE | {"base": {"any": []}},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_underlined(name: str) -> None:
    schema = api.schema("rules", audience.load(ROOT))
    jsonschema.validate(BASE, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(BAD[name], schema)


def test_every_word_of_the_language_is_in_the_schema() -> None:
    rules, project = json.dumps(api.schema("rules")), json.dumps(api.schema("project"))
    for name in (*RULE_FILE, *PACK, *CONDITION, *BEHAVIOUR_KEYS, *PREDICATES, *MEASURES):
        assert f'"{name}": {{"description": ' in rules, name
    for name in (*PROJECT, *TABLE, *TAG):
        assert f'"{name}": {{"description": ' in project, name


def test_tags_complete_with_labels_and_values() -> None:
    schema = api.schema("rules", audience.load(ROOT))
    properties = schema["definitions"]["condition"]["anyOf"][1]["properties"]
    assert properties["城市线级"]["anyOf"] == properties["city_tier"]["anyOf"]
    assert {"一线", "1", 1, "new1"} <= set(properties["city_tier"]["anyOf"][0]["anyOf"][0]["enum"])


def test_the_command(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("schema", at=tmp_path).out)["title"] == "Audience rule file"
    assert json.loads(run("schema", "project", at=tmp_path).out)["title"] == "Audience project"
    assert run("schema", "--write", at=tmp_path).code != 0
