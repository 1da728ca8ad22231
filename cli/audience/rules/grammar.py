"""The keys of each mapping in a rule file and in the project file.

One table a mapping: the parser takes from it what is allowed and what is required, the JSON
Schema and the documentation take the same, with the sentence that explains the key.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

SLUG = r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*"
SLUG_WORDS = "lower-case letters, digits, '-', '_' and single '.', at most 60"
MAX_NAME = 60


@dataclass(frozen=True)
class Key:
    """One key: ``shape`` names the JSON Schema definition of what stands behind it."""

    doc: str
    shape: str
    required: bool = False


RULE_FILE = {
    "campaign": Key("The campaign's slug; packs are published below it.", "slug", required=True),
    "phase": Key("The phase's slug.", "slug", required=True),
    "label": Key("A name for people.", "text"),
    "as_of": Key("The day the rules are evaluated at; `--as-of` wins; default today.", "date"),
    "base": Key("The universe every pack is drawn from.", "condition"),
    "define": Key("Named conditions: reusable, never written out.", "conditions"),
    "packs": Key("The packs that are written out.", "packs", required=True),
}

PACK = {
    "label": Key("A name for people.", "text"),
    "where": Key("Who is in the pack.", "condition", required=True),
}

CONDITION = {
    "all": Key("Every condition holds.", "condition_list"),
    "intersect": Key("The same as `all`.", "condition_list"),
    "any": Key("At least one condition holds.", "condition_list"),
    "union": Key("The same as `any`.", "condition_list"),
    "not": Key("Of the base, those for whom the condition does not hold.", "condition"),
    "minus": Key("Beside other entries: less those of each condition.", "condition_or_list"),
    "at_least": Key("Beside `of`: at least so many of the conditions hold.", "count"),
    "of": Key("The conditions that `at_least` counts.", "condition_list"),
    "tags": Key("Tags by name, also those that are called like a keyword.", "tags"),
    "did": Key("By behaviour; of a list: all of them.", "behaviours"),
    "did_not": Key("The complement of `did`; of a list: none of them.", "behaviours"),
}

BEHAVIOUR = {
    "in": Key("The event table; default the only one.", "text"),
    "event": Key("One action or a list of actions; left out: any.", "texts"),
    "where": Key("A condition on the event table's columns.", "row_condition"),
    "within": Key("The last so many calendar days up to as_of.", "duration"),
    "between": Key("A closed range of days, open where a side is left out.", "date_range"),
}

PROJECT = {
    "time_zone": Key("The zone of every day, window and date; default Asia/Shanghai.", "text"),
    "packs": Key("The folder packs are published in; default packs/.", "text"),
    "rules": Key("The folder rule files live in; default rules/.", "text"),
    "tables": Key("The user table and the event tables.", "tables", required=True),
    "tags": Key("The dictionary over the user table's columns.", "dictionary"),
}

TABLE = {
    "path": Key("A file, a glob or a folder of Parquet files.", "text", required=True),
    "key": Key("The column that names the user: integers or texts.", "text", required=True),
    "time": Key("An event table's time: a timestamp or a date.", "text"),
    "day": Key("An event table's partition column of local days.", "text"),
    "known_gaps": Key("Days, or ranges of days, that rightly have no partition.", "date_ranges"),
    "action": Key("The column that `event:` is compared with.", "text"),
    "actions": Key("The actions there are: a list, or labels with the stored values.", "values"),
    "columns": Key("The dictionary over an event table's columns, as `tags` is.", "dictionary"),
}

TAG = {
    "label": Key("The name by which rules may call the column too.", "text"),
    "values": Key("The values there are: a list, or labels with the stored values.", "values"),
}


def is_slug(text: str) -> bool:
    """Whether a text may name a campaign or a phase: it becomes one folder, never a path."""
    return len(text) <= MAX_NAME and re.fullmatch(SLUG, text) is not None


def name_fault(text: str) -> str:
    """Why a text may not name a pack or definition; empty where it may.

    Names become file names: letters of any script, digits, ``_`` and ``-``, composed (NFC), so that
    one name has one spelling.
    """
    if not text:
        return "a name is missing"
    if len(text) > MAX_NAME:
        return f"the name has more than {MAX_NAME} characters"
    if unicodedata.normalize("NFC", text) != text:
        return "the name is not in composed form (NFC)"
    if text[0] == "-":
        return "a name may not begin with '-'"
    for char in text:
        if char not in "_-" and unicodedata.category(char)[0] not in "LM" and not char.isdecimal():
            return f"`{char}` may not stand in a name"
    return ""
