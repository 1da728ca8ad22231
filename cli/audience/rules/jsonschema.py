"""JSON Schema of rule files and of the project file, made from the grammar and the operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audience.kinds import DECLARED, Catalog, Choice, Kind, Table, Tag
from audience.operators import PREDICATES, Takes
from audience.rules.behaviour import BEHAVIOUR_KEYS
from audience.rules.engines import ENGINES
from audience.rules.grammar import (
    CONDITION,
    DAY_WINDOW,
    EXPECT,
    IDS,
    LIMIT,
    MAX_NAME,
    PACK,
    PROJECT,
    PUBLISHED,
    RULE_FILE,
    SEED,
    SLUG,
    SPARK,
    STAGE,
    SUPPRESS,
    TABLE,
    TAG,
    THEN,
    Key,
)
from audience.rules.language import LANGUAGES
from audience.rules.moments import WEEKDAYS

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
_NUMBER = r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,2})?[KkWwM千万]?"
_DATE = r"\d{4}-\d{2}-\d{2}"
_DURATION = r"\d{1,5}[dwmy]"
_PERCENT = r"[+-]?\d{1,9}(\.\d{1,4})?%"
_MENTION = r"\$\{[^}]*\}"
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def rule_schema(catalog: Catalog | None = None) -> Schema:
    """The schema of rule files; with a catalog, tags and their values complete in the editor."""
    definitions = _basics() | {
        "condition": _condition(catalog.users if catalog else None, users=True),
        "condition_list": _list_of("condition"),
        "condition_or_list": {"anyOf": [_ref("condition"), _ref("condition_list")]},
        "conditions": {
            "type": "object",
            "propertyNames": {"maxLength": MAX_NAME},
            "additionalProperties": _ref("condition"),
        },
        "row_conditions": {
            "type": "object",
            "propertyNames": {"maxLength": MAX_NAME},
            "additionalProperties": _ref("row_condition"),
        },
        "packs": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"maxLength": MAX_NAME, "pattern": r"^[^\s/.\\-][^\s/.\\]*$"},
            "additionalProperties": _object(PACK),
        },
        "stage_sets": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"anyOf": [_ref("condition"), _object(STAGE)]},
            },
        },
        "vars": {"type": "object", "additionalProperties": _SCALAR},
        "limit": _object(LIMIT),
        "order": {"anyOf": [{"enum": ["desc", "asc"]}, _ref("variable")]},
        "split": {
            "type": "object",
            "minProperties": 2,
            "properties": {SEED: _described("The salt; default campaign and pack.", "text")},
            "additionalProperties": _text(_PERCENT),
        },
        "expect": _object(EXPECT),
        "ids": {
            "anyOf": [
                {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"]}},
                _object(IDS),
            ]
        },
        "published": {"anyOf": [{"type": "string"}, _object(PUBLISHED)]},
        "then": _object(THEN),
        "day_window": {**_object(DAY_WINDOW), "minProperties": 1, "maxProperties": 1},
        "hours": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 23}, _range(r"\d{1,2}")]},
        "weekdays": _one_or_more({"anyOf": [{"enum": list(WEEKDAYS)}, _ref("variable")]}),
        "gap": _range(r"\d{1,5}[dwh]"),
        "predicate": _predicate(None),
        "tags": _tags(catalog.users if catalog else None),
        "behaviour": _object(BEHAVIOUR_KEYS),
        "behaviours": {"anyOf": [_ref("behaviour"), _list_of("behaviour")]},
        "measure_columns": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _ref("number_range"),
        },
        "row_condition": _condition(None, users=False),
        "row_condition_list": _list_of("row_condition"),
        "row_condition_or_list": {"anyOf": [_ref("row_condition"), _ref("row_condition_list")]},
    }
    body = {**_object(RULE_FILE), "anyOf": [{"required": ["packs"]}, {"required": ["stages"]}]}
    return _document("Audience rule file", body, definitions)


def project_schema() -> Schema:
    """The schema of ``audience.yaml``."""
    definitions = _basics() | {
        "tables": {"type": "object", "minProperties": 1, "additionalProperties": _ref("table")},
        "table": {
            **_object(TABLE),
            "oneOf": [{"required": ["path"]}, {"required": ["table"]}],
        },
        "dictionary": {"type": "object", "additionalProperties": _object(TAG)},
        "size": {"type": "string", "pattern": r"^(\d{1,6}[MG]B|off)$"},
        "access": {"enum": ["owner", "group"]},
        "checksums": {"enum": ["auto", "require", "off"]},
        "lang": {"enum": list(LANGUAGES)},
        "engine": {"enum": list(ENGINES)},
        "spark": _object(SPARK),
        "config": {
            "type": "object",
            "propertyNames": {"pattern": r"^spark\."},
            "additionalProperties": _SCALAR,
        },
        "min_cell": {"type": "integer", "minimum": 0},
        "date_ranges": {"type": "array", "items": _ref("date_range")},
        "suppress": {"type": "array", "minItems": 1, "items": _object(SUPPRESS)},
        "type": {"enum": list(DECLARED)},
        "bins": {"type": "array", "minItems": 1, "items": {"type": ["number", "string"]}},
        "values": {
            "anyOf": [
                {"type": "array", "minItems": 1, "items": _SCALAR},
                {"type": "object", "minProperties": 1, "additionalProperties": _SCALAR},
            ]
        },
    }
    return _document("Audience project", _object(PROJECT), definitions)


def _document(title: str, body: Schema, definitions: Schema) -> Schema:
    return {"$schema": _DIALECT, "title": title, **body, "definitions": definitions}


def _basics() -> Schema:
    return {
        "text": _SCALAR,
        "texts": _one_or_more(_SCALAR),
        "bool": {"type": "boolean"},
        # `${name}`, whose value an editor does not look up.
        "variable": {"type": "string", "pattern": _MENTION},
        "slug": {
            "type": ["string", "number"],
            "pattern": f"^{SLUG}$|{_MENTION}",
            "maxLength": MAX_NAME,
        },
        "date": _text(_DATE),
        "duration": _text(_DURATION),
        "duration_range": _range(_DURATION),
        "date_range": _range(_DATE),
        "percent_range": _range(_PERCENT),
        "count": {"anyOf": [{"type": "integer", "minimum": 1}, _ref("variable")]},
        "number_text": {"anyOf": [{"type": "integer", "minimum": 1}, _text(_NUMBER)]},
        "count_range": {"anyOf": [{"type": "integer", "minimum": 0}, _range(_NUMBER, plus=True)]},
        "number_range": {"anyOf": [{"type": "number"}, _range(_NUMBER, plus=True)]},
    }


def _text(pattern: str) -> Schema:
    """A text of a form, or one with a variable in it."""
    return {"type": "string", "pattern": f"^({pattern})$|{_MENTION}"}


def _range(part: str, *, plus: bool = False) -> Schema:
    forms = [f"{part}(\\.\\.({part})?)?", f"\\.\\.{part}"]
    if plus:
        forms.append(f"{part}\\+")
    return _text("|".join(forms))


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "minItems": 1, "items": item}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _described(doc: str, shape: str) -> Schema:
    # Draft 7, which editors know best, ignores what stands beside a reference.
    return {"description": doc, "allOf": [_ref(shape)]}


def _list_of(name: str) -> Schema:
    return {"type": "array", "minItems": 1, "items": _ref(name)}


def _object(keys: Mapping[str, Key]) -> Schema:
    required = [name for name, key in keys.items() if key.required]
    out: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _described(key.doc, key.shape) for name, key in keys.items()},
    }
    return out | ({"required": required} if required else {})


def _condition(table: Table | None, *, users: bool) -> Schema:
    """A mapping of keywords and tags, or a name."""
    keywords = {}
    for name, key in CONDITION.items():
        shape = key.shape
        if not users:
            if shape in {"behaviours", "ids", "published"}:
                continue
            shape = shape if shape in {"count", "tags"} else f"row_{shape}"
        keywords[name] = _described(key.doc, shape)
    mapping: Schema = {
        "type": "object",
        "minProperties": 1,
        "properties": {**_tag_properties(table), **keywords},
        "additionalProperties": _ref("predicate") if table is None else False,
        "dependencies": {"of": ["at_least"], "at_least": ["of"]},
    }
    return {"anyOf": [{"type": "string"}, mapping]}


def _tags(table: Table | None) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "properties": _tag_properties(table),
        "additionalProperties": _ref("predicate") if table is None else False,
    }


def _tag_properties(table: Table | None) -> Schema:
    out: Schema = {}
    for tag in table.tags.values() if table else ():
        if tag.type.kind is not Kind.OTHER:
            predicate = _predicate(tag)
            out[tag.name] = {"description": f"{tag.label or tag.name}: {tag.type}", **predicate}
            if tag.label:
                out[tag.label] = {"description": f"{tag.name}: {tag.type}", **predicate}
    return out


def _predicate(tag: Tag | None) -> Schema:
    """What may stand behind a tag: of a known tag only what fits its type."""
    choices = tag.choices if tag else None
    value = _value(choices)
    operators = {
        name: {"description": each.doc, "allOf": [_argument(each.takes, value)]}
        for name, each in PREDICATES.items()
        if tag is None or tag.type.kind in each.kinds
    }
    states = [{"enum": ["known", "unknown"]}, _ref("variable")]
    single = {"anyOf": [value, *states]} if choices else value
    if choices and tag and tag.type.kind in {Kind.INTEGER, Kind.NUMBER}:
        single["anyOf"].append(_ref("number_range"))
    return {
        "anyOf": [
            single,
            {"type": "array", "minItems": 1, "items": value},
            {
                "type": "object",
                "minProperties": 1,
                "properties": operators,
                "additionalProperties": False,
            },
        ]
    }


def _value(choices: tuple[Choice, ...] | None) -> Schema:
    if choices is None:
        return dict(_SCALAR)
    words: list[Any] = []
    for choice in choices:
        words += [choice.label] if choice.label else []
        words.append(
            choice.value if isinstance(choice.value, bool | int | float) else str(choice.value)
        )
        if isinstance(choice.value, str) and choice.value.isdecimal():
            words.append(int(choice.value))  # `1` without quotes is a number to an editor
    return {"enum": list(dict.fromkeys(words))}


def _argument(takes: Takes, value: Schema) -> Schema:
    match takes:
        case Takes.VALUES:
            return {"type": "array", "minItems": 1, "items": value}
        case Takes.ITEMS:
            return {"anyOf": [value, {"type": "array", "minItems": 1, "items": value}]}
        case Takes.VALUE:
            return value
        case Takes.WITHIN:
            return _ref("duration")
        case Takes.AGO:
            return _ref("duration_range")
        case Takes.STATE:
            return {"enum": ["known", "unknown"]}
        case _:
            return dict(_SCALAR)
