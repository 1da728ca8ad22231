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
OWN_NAMES = ("log.jsonl",)
"""What the program keeps beside the folders of campaigns, of the names that a slug could be."""


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
    "vars": Key("Parameters: `${name}` stands for the value; `--var name=value` wins.", "vars"),
    "base": Key("The universe every pack is drawn from.", "condition"),
    "define": Key("Named conditions: reusable, never written out.", "conditions"),
    "rows": Key(
        "Named conditions over event rows, for the `where` of behaviour.", "row_conditions"
    ),
    "stages": Key("Sets of stages: each splits the base, the first match wins.", "stage_sets"),
    "packs": Key("The packs that are written out; required where there are no `stages`.", "packs"),
}

PACK = {
    "label": Key("A name for people.", "text"),
    "where": Key("Who is in the pack.", "condition", required=True),
    "limit": Key("At most so many of them, the first by a tag.", "limit"),
    "split": Key("Parts by shares that add up to 100%; each is a pack too.", "split"),
    "expect": Key(
        "What must be true of the pack, else nothing of the file is published.", "expect"
    ),
}

STAGE = {
    name: key if name != "where" else Key("Who is in the stage, or `otherwise`.", "condition", True)
    for name, key in PACK.items()
    if name != "limit"
}

LIMIT = {
    "keep": Key("How many to keep.", "number_text", required=True),
    "by": Key("The tag they are ordered by; default: the stable hash of the key.", "text"),
    "order": Key("`desc`, the default: the greatest first; `asc`: the least first.", "order"),
}

EXPECT = {
    "size": Key("A range that the pack's size must be in.", "count_range"),
    "change": Key("How much it may differ from the last published build.", "percent_range"),
}

SEED = "seed"
OTHERWISE = "otherwise"

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
    "ids": Key("The users on a list: a file, or the ids themselves.", "ids"),
    "published": Key("The users of a pack as it was published.", "published"),
}

PUBLISHED = {
    "pack": Key("`campaign/phase/pack`, with `@day` or without.", "text", required=True),
    "allow_missing": Key("Whether nobody is meant as long as it is not published.", "bool"),
}

ROWS = {
    "in": Key("The event table; default the only one.", "text"),
    "event": Key("One action or a list of actions; left out: any.", "texts"),
    "where": Key("A condition on the event table's columns.", "row_condition"),
    "hours": Key("Local hours of the day, the end not in: `22..5` is 22:00 to 04:59.", "hours"),
    "weekdays": Key("Local days of the week.", "weekdays"),
    "within": Key("The last so many calendar days up to as_of.", "duration"),
    "between": Key("A closed range of days, open where a side is left out.", "date_range"),
}

BEHAVIOUR = ROWS | {
    "each": Key("Rows with the same value are one event, their numbers summed.", "text"),
    "then": Key("Followed by another row.", "then"),
}

THEN = ROWS | {
    "same": Key("Columns with the same value as the event before it.", "texts"),
    "after": Key("How long after: days such as `0d..14d`, or hours such as `..48h`.", "gap"),
    "then": Key("Followed by a third.", "then"),
}

DAY_WINDOW = {
    "within": ROWS["within"],
    "ago": Key("So many calendar days before as_of, both ends in.", "duration_range"),
    "between": ROWS["between"],
}

IDS = {
    "path": Key("A CSV, text or Parquet file.", "text", required=True),
    "column": Key("The column of the ids; may be left out where there is one.", "text"),
    "allow_empty": Key("Whether the list may be empty; default false.", "bool"),
}

PROJECT = {
    "time_zone": Key("The zone of every day, window and date; default Asia/Shanghai.", "text"),
    "packs": Key("Where packs are published: a folder or s3://bucket/…; default packs/.", "text"),
    "rules": Key("The folder rule files live in; default rules/.", "text"),
    "tables": Key("The user table and the event tables.", "tables", required=True),
    "tags": Key("The dictionary over the user table's columns.", "dictionary"),
    "suppress": Key("Lists of users who are never in a pack.", "suppress"),
    "cache": Key("How much is kept for the next run: 500MB, 4GB, or off; default 4GB.", "size"),
    "min_cell": Key(
        "In what is made to be shared, smaller counts are hidden; default 10, 0 for none.",
        "min_cell",
    ),
    "lang": Key("The language of reports: `en`, the default, or `zh`.", "lang"),
    "access": Key(
        "Who may read what is written: `owner`, the default, or `group`: the owner's group too.",
        "access",
    ),
    "engine": Key("What evaluates rules: `polars`, the default, `duckdb` or `spark`.", "engine"),
    "spark": Key("What the spark engine runs on.", "spark"),
}

SPARK = {
    "master": Key("Where it runs: `local[*]`, the default, `spark://host:7077`, `yarn` …", "text"),
    "config": Key("Spark's own settings by their names, such as spark.executor.memory.", "config"),
}

SUPPRESS = {
    "path": IDS["path"],
    "column": IDS["column"],
    "max_age": Key("How long ago the file may have been written.", "duration"),
    "allow_empty": IDS["allow_empty"],
}

TABLE = {
    "path": Key("Parquet: a file, a glob or a folder, local or s3://….", "text"),
    "table": Key("In place of `path`: a table of Spark's catalog, such as dmp.users.", "text"),
    "key": Key("The column that names the user: integers or texts.", "text", required=True),
    "snapshot": Key("The user table's partition column of daily snapshots.", "text"),
    "max_age": Key("How old a snapshot may be at as_of.", "duration"),
    "time": Key("An event table's time: a timestamp or a date.", "text"),
    "day": Key("An event table's partition column of local days.", "text"),
    "known_gaps": Key("Days, or ranges of days, that rightly have no partition.", "date_ranges"),
    "action": Key("The column that `event:` is compared with.", "text"),
    "actions": Key("The actions there are: a list, or labels with the stored values.", "values"),
    "columns": Key("The dictionary over an event table's columns, as `tags` is.", "dictionary"),
    "allow_empty": Key("Whether the table may have no rows; default false.", "bool"),
    "checksums": Key(
        "Whether pages are held against their checksums: `auto`, the default: where there are any; "
        "`require`, `off`.",
        "checksums",
    ),
}

TAG = {
    "label": Key("The name by which rules may call the column too.", "text"),
    "values": Key("The values there are: a list, or labels with the stored values.", "values"),
    "bins": Key("Where profiles part numbers or dates: ascending, each in the bin above.", "bins"),
    "type": Key("What the column holds; a table where it holds something else is refused.", "type"),
}


_PLACES = (
    (("all", "any", "not", "minus", "did", "did_not", "ids", "published"), "inside `where: {…}`"),
    (("event", "then", "times", "each", "hours", "weekdays"), "inside `did: {…}`"),
    (("limit", "split", "expect"), "beside the `where` of a pack"),
    (("same", "after"), "inside `then: {…}`"),
    (("keep",), "inside `limit: {…}`"),
)


def place_of(name: str) -> str:
    """Where a key stands that is found elsewhere, for the commonest; empty for others."""
    return next((f"; `{name}` stands {place}" for names, place in _PLACES if name in names), "")


def is_slug(text: str) -> bool:
    """Whether a text may name a campaign or a phase: it becomes one folder, never a path."""
    return len(text) <= MAX_NAME and re.fullmatch(SLUG, text) is not None


def slug_fault(what: str, text: str) -> tuple[str, str] | None:
    """Why a text may not be the slug of a `campaign` or `phase`, and what is expected."""
    if not is_slug(text):
        return f"unsafe {what} `{text}`", SLUG_WORDS
    if what == "campaign" and text in OWN_NAMES:
        return f"`{text}` is a file that the program keeps beside the campaigns", "another slug"
    return None


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
