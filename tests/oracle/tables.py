"""Small random tables full of nasty values, and a DuckDB view of them.

`write_tables` writes the files a project would hold; `connect` opens them for the hand-written SQL
of `cases/`; `load_cases` reads those cases without interpreting any scalar of their conditions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

AS_OF = dt.date(2024, 3, 1)
TIME_ZONE = "Asia/Shanghai"
FIRST_DAY = dt.date(2023, 11, 1)
LAST_DAY = dt.date(2024, 3, 10)

_DAY_US = 86_400_000_000
_OFFSET_US = 8 * 3_600_000_000  # Asia/Shanghai is UTC+8, without summer time since 1991
_EPOCH = dt.date(1970, 1, 1)

# Times of a local day, in microseconds: both sides of local midnight and of midnight in UTC.
_EDGES_US = (
    0,
    1,
    1_000_000,
    8 * 3_600_000_000 - 1,
    8 * 3_600_000_000,
    12 * 3_600_000_000 + 34 * 60_000_000,
    16 * 3_600_000_000,
    _DAY_US - 1_000_000,
    _DAY_US - 1,
)

_JD_VALUES = (0, 1, 999, 1000, 4999, 5000, 5001, 9999, 10000, 14999, 15000, 15001, 19999, 20000,
              20001, 1_999_999, 2_000_000, 5_000_000_000)  # fmt: skip
_SCORES = (-0.0, 0.0, 0.1, 0.3, 0.1 + 0.2, 0.5, 1.0, 2.5, 59.5, 59.99, 60.0, 60.01, 99.9, 100.0,
           1000.0, -1.5, float("inf"), float("-inf"))  # fmt: skip
_RATIOS = (0.0, 0.1, 0.2, 0.3, 0.7, 1.0, 19.98, 19.99, 20.0, 33.3, -0.1)
_BALANCES = ("0.00", "0.10", "0.30", "0.31", "19.90", "19.99", "99.99", "100.00", "100.01",
             "1499.99", "1500.00", "4999.99", "5000.00", "-0.01", "-20.00",
             "9999999999.99")  # fmt: skip
_CITY_TIERS = ("1", "01", "new1", "2", "3", "unknown", "", " 1", "1 ", "New1")
_GENDERS = ("男", "女", "女 ", "保密")
_NICKS = (
    "abc", "Abc", "ABC", "a.c", "a\\c", "a*c", "a+c", "aac", "abcabc", "[vip]", "(小米)",
    "小米手机", "小米", "红米", "米粉", "50%", "50_", "500", "100%好", "21..30", "25", "5K+",
    "true", "false", "no", "yes", "on", "null", "~", "unknown", "known", "^start", "end$",
    "a|c", "a?c", "{x}", "$5", "tab\tx", "abc\n", " abc", "abc ", "\u00e9", "e\u0301",
    "\uff11\uff12", "12", "0012", "1", "1.0", "1e3", "0x1F", "2024-03-01", "#tag", "x: y", "",
    "NaN", "it's", 'say "hi"', "a,b", "😀",
)  # fmt: skip
_INTERESTS = ("gaming", "Gaming", "photo", "travel", "数码", "美食", "unknown", "")
_REGISTERED = tuple(
    [AS_OF - dt.timedelta(days=n) for n in (0, 1, 6, 7, 13, 14, 28, 29, 30, 31, 89, 90, 91)]
    + [
        dt.date(2024, 2, 29),
        dt.date(2024, 1, 31),
        dt.date(2023, 12, 31),
        dt.date(2023, 12, 1),
        dt.date(2023, 12, 2),
        dt.date(2023, 11, 30),
        dt.date(2023, 3, 1),
        dt.date(2023, 3, 2),
        dt.date(2023, 2, 28),
        dt.date(2020, 2, 29),
        dt.date(2024, 3, 2),
        dt.date(2024, 3, 31),
        dt.date(2099, 12, 31),
    ]
)
_ACTIONS = ("browse", "browse", "browse", "cart", "buy", "buy", "search", "收藏", "Buy")
_BRANDS = ("xiaomi", "xiaomi", "Xiaomi", "huawei", "apple", "荣耀", "unknown", "")
_CATEGORIES = ("phone", "phone", "phone case", "tablet", "手机", "Phone")
_PRICES = (0.0, 0.99, 9.9, 19.99, 99.0, 100.0, 199.5, 1999.0, 3999.99, 4000.0, 4999.0, 5000.0,
           5999.0, 6000.0, 6000.01, 12999.0)  # fmt: skip
_AMOUNTS = (0.1, 0.2, 0.7, 12.34, 33.33, 33.34, 66.67, 99.9, 100.0, 1999.0, 5000.0, -33.33)
_NOTES = ("ok", "50% off", "a.b", "赠品", "[gift]", "no", "21..30", "")
_SHOPS = ("南京东路店", "南京西路店", "beijing-1", "beijing-2", "线上", "")

# First days of windows that end at AS_OF and the days before them, AS_OF and the day behind it.
_EDGE_DAYS = (
    *(AS_OF - dt.timedelta(days=n) for n in (-1, 0, 1, 6, 7, 13, 14, 28, 29, 30)),
    dt.date(2023, 12, 1),
    dt.date(2023, 12, 2),
    dt.date(2023, 12, 2),
    dt.date(2023, 12, 3),
    dt.date(2023, 12, 3),
)

# Amounts of single users whose exact sum lies on a threshold, or a cent beside it.
_PLANTED: tuple[tuple[float | None, ...], ...] = (
    (0.1, 0.2),
    (0.1, 0.1, 0.1),
    (0.3,),
    (0.29,),
    (0.31,),
    (0.1, 0.2, None),
    (0.1, 0.7),
    (0.1,) * 8,
    (0.79,),
    (33.33, 33.33, 33.34),
    (33.33, 33.33, 33.33),
    (100.01,),
    (19.99, 19.99, 60.02),
    (None,),
    (None, None),
    (0.0,),
    (33.33, -33.33),
)


@dataclass(frozen=True)
class Case:
    """One case; `where` is the condition's source text, to go into a rule file as it stands."""

    file: str
    name: str
    where: str
    sql: str
    hint: str


def load_cases(path: Path) -> Iterator[Case]:
    """Read one file of cases (or `refused.yaml`); conditions stay the text they were written as."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    if root is None:
        return
    for item in root.value:
        got = {key.value: node for key, node in item.value}
        where = got["where"]
        yield Case(
            file=path.stem,
            name=got["name"].value,
            where=text[where.start_mark.index : where.end_mark.index].strip(),
            sql=got["sql"].value if "sql" in got else "",
            hint=got["hint"].value if "hint" in got else "",
        )


def _keys(key: Literal["int", "text"], rng: np.random.Generator, users: int) -> list[Any]:
    """User ids in no order; those behind the first `users` are in no user table."""
    count = users + max(1, users // 10)
    order = rng.permutation(count)
    if key == "int":
        # Some lie beyond 2**53, side by side: a float would make them one.
        return [int(n) + (2**53 if n % 9 < 2 else 1000) for n in order]
    out: list[Any] = []
    for n in order:
        number = int(n)
        if number % 11 == 0:
            out.append(f"用户-{number:04d}")
        elif number % 13 == 0:
            out.append(f"{number:06d}")
        elif number % 17 == 0:
            out.append(f"U-{number - 1:04d}")  # differs from another one only by its case
        else:
            out.append(f"u-{number:04d}")
    return out


def _pick(rng: np.random.Generator, pool: tuple[Any, ...], missing: float, count: int) -> list[Any]:
    gone = rng.random(count) < missing
    chosen = rng.integers(0, len(pool), count)
    return [None if g else pool[int(i)] for g, i in zip(gone, chosen, strict=True)]


def _spread(
    rng: np.random.Generator, pool: tuple[Any, ...], missing: float, count: int
) -> list[Any]:
    """Like `_pick`, but every value of a large pool is there about equally often."""
    gone = rng.random(count) < missing
    order = rng.permutation(count)
    return [None if g else pool[int(i) % len(pool)] for g, i in zip(gone, order, strict=True)]


def _midnight_us(day: dt.date) -> int:
    return (day - _EPOCH).days * _DAY_US


def _random_time_us(rng: np.random.Generator) -> int:
    if rng.random() < 0.6:
        return _EDGES_US[int(rng.integers(0, len(_EDGES_US)))]
    return int(rng.integers(0, _DAY_US))


def _local_times(rng: np.random.Generator, missing: float, count: int) -> list[int | None]:
    """Local times (microseconds as if the zone were UTC), many near the boundaries of windows."""
    back = (-3, -1, 0, 0, 1, 1, 2, 6, 7, 28, 29, 30, 31, 60, 89, 90, 91, 366)
    out: list[int | None] = []
    for _ in range(count):
        if rng.random() < missing:
            out.append(None)
            continue
        day = AS_OF - dt.timedelta(days=back[int(rng.integers(0, len(back)))])
        out.append(_midnight_us(day) + _random_time_us(rng))
    return out


def _lists(
    rng: np.random.Generator, pool: tuple[Any, ...], missing: float, count: int
) -> list[list[Any] | None]:
    out: list[list[Any] | None] = []
    for _ in range(count):
        if rng.random() < missing:
            out.append(None)
            continue
        size = int(rng.integers(0, 5))
        out.append(_pick(rng, pool, 0.12, size))
    return out


def _registered(rng: np.random.Generator, count: int) -> list[dt.date | None]:
    out = _pick(rng, _REGISTERED, 0.1, count)
    for i in range(count):
        if out[i] is not None and rng.random() < 0.3:
            out[i] = dt.date(2022, 1, 1) + dt.timedelta(days=int(rng.integers(0, 820)))
    return out


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _write_users(
    folder: Path, rng: np.random.Generator, keys: list[Any], key_type: pa.DataType
) -> None:
    n = len(keys)
    nan = float("nan")
    shanghai = _local_times(rng, 0.12, n)
    columns: dict[str, pa.Array] = {
        "uid": pa.array(keys, key_type),
        "age": pa.array(_pick(rng, tuple(range(16, 46)), 0.1, n), pa.int16()),
        "score": pa.array(_pick(rng, (*_SCORES, nan, nan), 0.1, n), pa.float64()),
        "ratio": pa.array(_pick(rng, (*_RATIOS, nan), 0.1, n), pa.float32()),
        "jd_value": pa.array(_pick(rng, _JD_VALUES, 0.08, n), pa.int64()),
        "city_tier": pa.array(_pick(rng, _CITY_TIERS, 0.12, n), pa.string()),
        "gender": pa.array(_pick(rng, _GENDERS, 0.1, n), pa.string()),
        "plus": pa.array(_pick(rng, (True, False), 0.2, n), pa.bool_()),
        "house_owner": pa.array(_pick(rng, (True, False), 0.25, n), pa.bool_()),
        "car_owner": pa.array(_pick(rng, (True, False, False), 0.3, n), pa.bool_()),
        "not": pa.array(_pick(rng, (True, False), 0.3, n), pa.bool_()),
        "nick": pa.array(_spread(rng, _NICKS, 0.06, n), pa.string()),
        "registered": pa.array(_registered(rng, n), pa.date32()),
        "last_active": pa.array(
            [None if t is None else t - _OFFSET_US for t in shanghai], pa.timestamp("us", "UTC")
        ),
        "seen_at": pa.array(_local_times(rng, 0.12, n), pa.timestamp("us")),
        "interests": pa.array(_lists(rng, _INTERESTS, 0.12, n), pa.list_(pa.string())),
        "badges": pa.array(_lists(rng, (1, 2, 3, 7, -1, 2**53 + 1), 0.12, n), pa.list_(pa.int64())),
        "balance": pa.array(
            _pick(rng, tuple(Decimal(b) for b in _BALANCES), 0.1, n), pa.decimal128(12, 2)
        ),
        "empty_tag": pa.array([None] * n, pa.string()),
    }
    table = pa.table(columns)
    half = n // 2
    _write(table.slice(0, half), folder / "users" / "part-0.parquet")
    _write(table.slice(half), folder / "users" / "part-1.parquet")


def _event_row(rng: np.random.Generator, uid: Any, day: dt.date) -> dict[str, Any]:
    def one(pool: tuple[Any, ...], missing: float) -> Any:
        return _pick(rng, pool, missing, 1)[0]

    action = one(_ACTIONS, 0.03)
    return {
        "uid": uid,
        "ts": _midnight_us(day) + _random_time_us(rng) - _OFFSET_US,
        "action": action,
        "brand": one(_BRANDS, 0.08),
        "category": one(_CATEGORIES, 0.1),
        "price": one((*_PRICES, float("nan")), 0.1),
        "amount": one(_AMOUNTS, 0.3 if action in ("buy", "Buy") else 0.85),
        "qty": one((0, 1, 1, 2, 2, 3, 5), 0.15),
        "sku": one((101, 102, 103, 104, 105, 2**53, 2**53 + 1), 0.25),
        "order_id": one(tuple(f"o-{i:03d}" for i in range(300)), 0.3),
        "note": one(_NOTES, 0.2),
    }


def _write_events(
    folder: Path,
    rng: np.random.Generator,
    keys: list[Any],
    users: int,
    key_type: pa.DataType,
    events: int,
    day_partitions: bool,
) -> None:
    # A sixth of the users have no event; of the others some have few and some very many.
    active = np.array([i for i in range(users) if i % 6 != 0])
    weight = rng.exponential(1.0, len(active))
    weight /= weight.sum()
    span = (LAST_DAY - FIRST_DAY).days + 1
    rows: list[dict[str, Any]] = []
    for i in range(max(events, span)):
        draw = rng.random()
        if draw < 0.02:
            uid = None
        elif draw < 0.05:
            uid = keys[int(rng.integers(users, len(keys)))]
        else:
            uid = keys[int(rng.choice(active, p=weight))]
        if i < span:
            offset = i
        elif rng.random() < 0.3:
            offset = (_EDGE_DAYS[int(rng.integers(0, len(_EDGE_DAYS)))] - FIRST_DAY).days
        elif rng.random() < 0.5:
            offset = span - 1 - int(rng.integers(0, 45))
        else:
            offset = int(rng.integers(0, span))
        rows.append(_event_row(rng, uid, FIRST_DAY + dt.timedelta(days=offset)))
        if rng.random() < 0.03:
            rows.append(dict(rows[-1]))
    # Purchases of brand "edge", all in February 2024; users without other events among them.
    for i, amounts in enumerate(_PLANTED * 2):
        uid = keys[(i * 7) % users]
        for j, amount in enumerate(amounts):
            row = _event_row(rng, uid, dt.date(2024, 2, 3 + (i + j) % 20))
            row |= {"action": "buy", "brand": "edge", "amount": amount}
            rows.append(row)

    schema = pa.schema(
        [
            ("uid", key_type),
            ("ts", pa.timestamp("us", "UTC")),
            ("action", pa.string()),
            ("brand", pa.string()),
            ("category", pa.string()),
            ("price", pa.float64()),
            ("amount", pa.float64()),
            ("qty", pa.int32()),
            ("sku", pa.int64()),
            ("order_id", pa.string()),
            ("note", pa.string()),
        ]
    )
    rows = [rows[int(i)] for i in rng.permutation(len(rows))]
    if not day_partitions:
        _write(pa.Table.from_pylist(rows, schema), folder / "events.parquet")
        return
    by_day: dict[dt.date, list[dict[str, Any]]] = {}
    for row in rows:
        local = _EPOCH + dt.timedelta(days=(row["ts"] + _OFFSET_US) // _DAY_US)
        by_day.setdefault(local, []).append(row)
    for day, some in by_day.items():
        _write(
            pa.Table.from_pylist(some, schema),
            folder / "events" / f"dt={day.isoformat()}" / "part-0.parquet",
        )


def _write_visits(
    folder: Path, rng: np.random.Generator, keys: list[Any], users: int, key_type: pa.DataType
) -> None:
    rows = []
    for _ in range(users * 2):
        draw = rng.random()
        if draw < 0.03:
            uid = None
        elif draw < 0.08:
            uid = keys[int(rng.integers(users, len(keys)))]
        else:
            uid = keys[int(rng.integers(0, users * 3 // 4))]
        rows.append(
            {
                "uid": uid,
                "day": AS_OF - dt.timedelta(days=int(rng.integers(-5, 92))),
                "shop": _pick(rng, _SHOPS, 0.1, 1)[0],
                "minutes": _pick(rng, (0, 5, 10, 29, 30, 31, 60, 90), 0.15, 1)[0],
            }
        )
    schema = pa.schema(
        [
            ("uid", key_type),
            ("day", pa.date32()),
            ("shop", pa.string()),
            ("minutes", pa.int32()),
        ]
    )
    _write(pa.Table.from_pylist(rows, schema), folder / "visits.parquet")


def write_tables(
    folder: Path,
    *,
    key: Literal["int", "text"],
    seed: int = 7,
    users: int = 400,
    events: int = 6000,
    day_partitions: bool = True,
) -> None:
    """Write `users/`, `events/` (or `events.parquet`) and `visits.parquet` into `folder`.

    The same seed gives the same rows for both kinds of key and for both layouts, but for the key.
    """
    rng = np.random.default_rng(seed)
    key_type = pa.int64() if key == "int" else pa.string()
    keys = _keys(key, rng, users)
    _write_users(folder, rng, keys[:users], key_type)
    _write_events(folder, rng, keys, users, key_type, events, day_partitions)
    _write_visits(folder, rng, keys, users, key_type)


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the tables as views `users`, `events` and `visits`; NaN is NULL, days are local days."""

    def quoted(path: Path) -> str:
        return "'" + str(path).replace("'", "''") + "'"

    parts = folder / "events"
    files = parts / "*" / "*.parquet" if parts.is_dir() else folder / "events.parquet"
    con = duckdb.connect()
    con.execute(f"SET TimeZone = '{TIME_ZONE}'")
    con.execute(
        f"""
        CREATE VIEW users AS
        SELECT * REPLACE (
                 CASE WHEN isnan(score) THEN NULL ELSE score END AS score,
                 CASE WHEN isnan(ratio) THEN NULL ELSE ratio END AS ratio
               ),
               CAST(timezone('{TIME_ZONE}', last_active) AS DATE) AS last_active_day,
               CAST(seen_at AS DATE) AS seen_at_day
        FROM read_parquet({quoted(folder / "users" / "*.parquet")}, hive_partitioning = false)
        """
    )
    con.execute(
        f"""
        CREATE VIEW events AS
        SELECT * REPLACE (
                 CASE WHEN isnan(price) THEN NULL ELSE price END AS price,
                 CASE WHEN isnan(amount) THEN NULL ELSE amount END AS amount
               ),
               CAST(timezone('{TIME_ZONE}', ts) AS DATE) AS day
        FROM read_parquet({quoted(files)}, hive_partitioning = false)
        """
    )
    con.execute(
        f"CREATE VIEW visits AS SELECT * FROM read_parquet({quoted(folder / 'visits.parquet')})"
    )
    return con
