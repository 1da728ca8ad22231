"""Small random tables full of nasty values, and DuckDB tables of them.

`write_tables` writes the files a project would hold; `connect` opens them for the hand-written SQL
of `cases/`; `load_cases` reads those cases without interpreting any scalar of their conditions.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
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
_CAMPAIGNS = ("mi13", "mi13", "MI13", "618", "双11", "")
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

_HOUR_US = 3_600_000_000

# Times of a local day on both sides of the hours that rules name.
_HOUR_EDGES_US = tuple(
    hour * _HOUR_US + offset
    for hour in (1, 3, 5, 6, 9, 12, 18, 20, 22, 23)
    for offset in (-1, 0, 1)
)  # fmt: skip

# How long after another row a planted row follows.
_GAPS_US = (
    0,
    0,
    0,
    1,
    -1,
    1_000_000,
    _HOUR_US,
    _DAY_US - 1,
    _DAY_US,
    _DAY_US,
    _DAY_US + 1,
    2 * _DAY_US - 1,
    2 * _DAY_US,
    2 * _DAY_US,
    2 * _DAY_US + 1,
    3 * _DAY_US,
    7 * _DAY_US,
    7 * _DAY_US - 1,
    8 * _DAY_US,
    14 * _DAY_US - 1,
    14 * _DAY_US,
    14 * _DAY_US + 1,
    15 * _DAY_US,
)

# How long after the one row of a user the other one follows: both sides of hours and of days.
_EDGE_GAPS_US = tuple(
    sorted(
        {hour * _HOUR_US + us for hour in (0, 1, 23, 24, 48, 72) for us in (-1, 0, 1)}
        | {day * _DAY_US + us for day in (1, 2, 7, 8, 14, 15) for us in (-1, 0)}
    )
)

# Days before as_of of a user's first (and of some: only) row of brand "debut".
_DEBUTS = (-2, -1, 0, 1, 6, 7, 28, 29, 30, 31, 59, 60, 89, 90, 91)

# Lines (order, amount) of single users whose sums by order lie on a threshold or beside it.
_ORDERS: tuple[tuple[tuple[str | None, float | None], ...], ...] = (
    (("a", 0.1), ("a", 0.2)),
    (("a", 0.1), ("b", 0.2)),
    (("a", 0.1), ("a", 0.1), ("a", 0.1)),
    ((None, 0.1), (None, 0.2)),
    ((None, 0.3),),
    (("a", 0.3), ("b", None)),
    (("a", None), ("a", None)),
    (("a", 0.29), ("b", 0.31)),
    (("a", 0.15), ("a", 0.16), ("b", 0.29)),
    (("a", 33.33), ("a", 33.33), ("a", 33.34), ("b", 100.0)),
    (("a", 33.33), ("a", 33.33), ("b", 33.34), ("b", 100.0)),
    (("a", 66.66), ("a", 33.33), ("b", 100.01)),
    (("a", 100.0), ("b", 100.0), ("c", 100.0)),
    (("a", 99.99), ("b", 100.01), (None, 100.0)),
    (("a", 50.0), ("a", 50.0), (None, 99.99)),
    (("a", 50.0), ("a", -50.0), ("b", 0.0)),
    (("a", -0.1), ("a", -0.2), ("b", 0.3)),
    ((None, 100.0), (None, None), ("a", None)),
    (("a", 0.7), ("a", 0.1), ("b", 0.8), ("c", 0.8)),
)

# `points` (fractions) and `bonus` (whole numbers) of single users: halves of a millionth, sums
# beyond 2**53 and beyond 2**63.
_POINTS: tuple[tuple[float | None, ...], ...] = (
    (1 / 128,),
    (1 / 128, 1 / 128),
    (-1 / 128,),
    (-1 / 128, -1 / 128),
    (1 / 64,),
    (1e16, 1e16, 1e16, 0.01),
    (1e16, 1e16, 1e16),
    (1e16, 1e16, 1e16, -0.01),
    (1e16, -1e16, 0.01),
    (0.0, -0.0),
    (-0.0, None),
)
_BONUS: tuple[tuple[int | None, ...], ...] = (
    (10**18,) * 10,
    (-(10**18),) * 10,
    (10**18, -1),
    (10**18,),
    (10**18, 10**18, -(10**18), 1),
    (2**53, 1),
    (2**53,),
    (2**53 + 1, 0),
    (2**53 + 1, None),
)

# Instants (UTC) around the end of summer time in New York, 2023-11-05 06:00Z.
_ZONE_EDGES = tuple(
    dt.datetime(2023, 11, 5, 4, tzinfo=dt.UTC) + dt.timedelta(minutes=30 * n, microseconds=us)
    for n in range(8)
    for us in (-1, 0)
)


@dataclass(frozen=True)
class Case:
    """One case; `where` is the condition's source text, to go into a rule file as it stands."""

    file: str
    name: str
    where: str
    sql: str
    hint: str
    key: str = ""  # the kind of key that it is for; empty: both


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
            key=got["key"].value if "key" in got else "",
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


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _local_day(row: dict[str, Any]) -> dt.date:
    return _EPOCH + dt.timedelta(days=(row["ts"] + _OFFSET_US) // _DAY_US)


def _campaign(rng: np.random.Generator, like: Any) -> Any:
    """The campaign of a row that follows another one: mostly the same, or missing, or any."""
    draw = rng.random()
    if draw < 0.5:
        return like
    return None if draw < 0.7 else _pick(rng, _CAMPAIGNS, 0.0, 1)[0]


def _dress(rng: np.random.Generator, rows: list[dict[str, Any]]) -> None:
    """Give rows their orders (runs of lines, over midnight too) and the later columns."""
    orders = tuple(f"o-{i:02d}" for i in range(25))
    last: dict[Any, Any] = {}
    for row in sorted(rows, key=lambda row: row["ts"]):
        draw = rng.random()
        if draw < 0.2:
            row["order_id"] = None
        elif draw < 0.6 and row["uid"] in last:
            row["order_id"] = last[row["uid"]]
        else:
            row["order_id"] = last[row["uid"]] = _pick(rng, orders, 0.0, 1)[0]
        row["campaign_id"] = _pick(rng, _CAMPAIGNS, 0.3, 1)[0]
        row["fee"] = _pick(rng, tuple(map(Decimal, ("0.00", "0.10", "5.00", "9.90"))), 0.4, 1)[0]
        row["gift"] = _pick(rng, (True, False), 0.3, 1)[0]
        row["due"] = AS_OF - dt.timedelta(days=int(rng.integers(0, 20)))
        if rng.random() < 0.4:
            row["due"] = None
        row["points"] = None
        row["bonus"] = None
        row["labels"] = _pick(rng, ("new", "sale"), 0.1, int(rng.integers(0, 3)))


def _later_rows(
    rng: np.random.Generator, rows: list[dict[str, Any]], keys: list[Any], users: int
) -> list[dict[str, Any]]:
    """Rows at the edges of hours, rows that follow others, debuts, orders, duplicates."""
    out: list[dict[str, Any]] = []
    active = [i for i in range(users) if i % 6 != 0]
    days = (
        *_EDGE_DAYS,
        *(AS_OF - dt.timedelta(days=n) for n in range(14)),
        *(FIRST_DAY + dt.timedelta(days=n) for n in range(1, 120, 7)),
    )

    def uid() -> Any:
        return keys[active[int(rng.integers(0, len(active)))]]

    def row(user: Any, day: dt.date, **values: Any) -> dict[str, Any]:
        made = _event_row(rng, user, day)
        _dress(rng, [made])
        return made | values

    for _ in range(700):
        day = days[int(rng.integers(0, len(days)))]
        time = _HOUR_EDGES_US[int(rng.integers(0, len(_HOUR_EDGES_US)))]
        out.append(row(uid(), day, ts=_midnight_us(day) + time - _OFFSET_US))
    for i in range(900):
        # Every third follows a row that follows itself.
        before = rows[int(rng.integers(0, len(rows)))] if i % 3 or not out else out[-1]
        gap = _GAPS_US[int(rng.integers(0, len(_GAPS_US)))]
        made = row(before["uid"], _local_day(before), ts=before["ts"] + gap)
        made["campaign_id"] = _campaign(rng, before["campaign_id"])
        made["order_id"] = _campaign(rng, before["order_id"])
        if _local_day(made) <= LAST_DAY:
            out.append(made)
    for i in range(users // 3):
        user, back = keys[(i * 3) % users], _DEBUTS[i % len(_DEBUTS)]
        out.append(row(user, AS_OF - dt.timedelta(days=back), brand="debut"))
        for _ in range(i % 3 if back > 0 else 0):
            again = AS_OF - dt.timedelta(days=int(rng.integers(-3, back + 1)))
            out.append(row(user, again, brand="debut"))
    for i, lines in enumerate(_ORDERS * 2):
        for j, (order, amount) in enumerate(lines):
            day = dt.date(2024, 2, 5 + (i + j) % 20)
            out.append(
                row(keys[(i * 11 + 1) % users], day, action="buy", brand="orders")
                | {"order_id": order, "amount": amount}
            )
    for i in range(40):
        # One order on both sides of midnight.
        day = days[int(rng.integers(0, len(days)))]
        user, order, start = uid(), f"mid-{i % 5}", _midnight_us(day) - _OFFSET_US
        out.append(row(user, day, ts=start, order_id=order, action="buy", brand="midnight"))
        if i % 4:
            day -= dt.timedelta(days=1)
            out.append(row(user, day, ts=start - 1, order_id=order, action="buy", brand="midnight"))
    for i, points in enumerate(_POINTS * 2):
        user = keys[(i * 13 + 2) % users]
        out += [row(user, dt.date(2024, 2, 10 + i % 9), brand="points", points=p) for p in points]
    for i, bonus in enumerate(_BONUS * 2):
        user = keys[(i * 17 + 3) % users]
        out += [row(user, dt.date(2024, 2, 10 + i % 9), brand="bonus", bonus=b) for b in bonus]
    for i, gap in enumerate(_EDGE_GAPS_US * 2):
        # Two rows of a user, from the begin or the end of a day; and the first rows of other pairs.
        user, other = keys[(i * 3 + 5) % users], keys[(i * 5 + 6) % users]
        day, late = dt.date(2024, 2, 5), i >= len(_EDGE_GAPS_US)
        start = _midnight_us(day) - _OFFSET_US + (_DAY_US - 1 if late else 0)
        first = row(user, day, action="browse", brand="gap", ts=start, campaign_id="mi13")
        out += [first, first | {"action": "buy", "ts": start + gap}]
        if i % 7 == 1:
            out[-1]["campaign_id"] = "MI13"
        elif i % 7 == 2:
            out[-2] = out[-2] | {"campaign_id": None}
            out[-1]["campaign_id"] = None
        out.append(row(other, day, action="search", brand="gap-" + "rc"[late], ts=start))
    for i, time in enumerate(_HOUR_EDGES_US):
        day = dt.date(2024, 2, 12 + i % 7)
        start = _midnight_us(day) + time - _OFFSET_US
        out.append(row(keys[(i * 9 + 4) % users], day, brand="hour", ts=start))
    for i in range(40):
        # One row, two equal ones, two at one instant, three equal ones.
        day = dt.date(2024, 2, 6 + i % 9)
        twin = row(keys[(i * 10 + 7) % users], day, brand="twin", action="browse")
        out += [twin | {"qty": 1} for _ in range((1, 2, 1, 3)[i % 4])]
        if i % 4 == 2:
            out.append(twin | {"qty": 2, "action": "buy"})
    for moment in _ZONE_EDGES * 6:
        out.append(row(uid(), dt.date(2023, 11, 5), ts=_micros(moment)))
    for _ in range(60):
        out.append(dict(out[int(rng.integers(0, len(out)))]))
    return [made for made in out if FIRST_DAY <= _local_day(made) <= LAST_DAY]


def _write_events(
    folder: Path,
    rng: np.random.Generator,
    later: np.random.Generator,
    keys: list[Any],
    users: int,
    key_type: pa.DataType,
    events: int,
    day_partitions: bool,
) -> list[dict[str, Any]]:
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
            ("campaign_id", pa.string()),
            ("fee", pa.decimal128(12, 2)),
            ("gift", pa.bool_()),
            ("due", pa.date32()),
            ("points", pa.float64()),
            ("bonus", pa.int64()),
            ("labels", pa.list_(pa.string())),
        ]
    )
    rows = [rows[int(i)] for i in rng.permutation(len(rows))]
    _dress(later, rows)
    rows += _later_rows(later, rows, keys, users)
    rows = [rows[int(i)] for i in later.permutation(len(rows))]
    if not day_partitions:
        _write(pa.Table.from_pylist(rows, schema), folder / "events.parquet")
        return rows
    by_day: dict[dt.date, list[dict[str, Any]]] = {}
    for row in rows:
        by_day.setdefault(_local_day(row), []).append(row)
    for day, some in by_day.items():
        _write(
            pa.Table.from_pylist(some, schema),
            folder / "events" / f"dt={day.isoformat()}" / "part-0.parquet",
        )
    return rows


def _write_visits(
    folder: Path,
    rng: np.random.Generator,
    later: np.random.Generator,
    keys: list[Any],
    users: int,
    key_type: pa.DataType,
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
                "campaign_id": _pick(later, _CAMPAIGNS, 0.3, 1)[0],
            }
        )
    rows += [dict(rows[int(i)]) for i in later.integers(0, len(rows), 20)]
    schema = pa.schema(
        [
            ("uid", key_type),
            ("day", pa.date32()),
            ("shop", pa.string()),
            ("minutes", pa.int32()),
            ("campaign_id", pa.string()),
        ]
    )
    _write(pa.Table.from_pylist(rows, schema), folder / "visits.parquet")


def _followers(
    rng: np.random.Generator, events: list[dict[str, Any]], keys: list[Any], count: int
) -> Iterator[tuple[Any, int, Any, Any]]:
    """User, instant, campaign and order of rows of another table, most of which follow an event."""
    for _ in range(count):
        draw = rng.random()
        event = events[int(rng.integers(0, len(events)))]
        gap = _GAPS_US[int(rng.integers(0, len(_GAPS_US)))]
        if draw < 0.1:
            event = event | {"uid": keys[int(rng.integers(0, len(keys)))]}
        yield (
            None if 0.1 < draw < 0.12 else event["uid"],
            event["ts"] + gap,
            _campaign(rng, event["campaign_id"]),
            _campaign(rng, event["order_id"]),
        )


def _edge_followers(
    events: list[dict[str, Any]], brand: str
) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows that another table's rows follow by the gaps, and the times of these."""
    anchors = {row["uid"]: row for row in events if row["brand"] == brand}
    for i, uid in enumerate(sorted(anchors, key=lambda uid: anchors[uid]["sku"] or 0)):
        yield anchors[uid], anchors[uid]["ts"] + _EDGE_GAPS_US[i % len(_EDGE_GAPS_US)]


def _write_redeems(
    folder: Path,
    rng: np.random.Generator,
    keys: list[Any],
    events: list[dict[str, Any]],
    key_type: pa.DataType,
) -> None:
    rows = [
        {
            "uid": uid,
            "ts": ts,
            "action": _pick(rng, ("redeem", "redeem", "void", "Redeem"), 0.05, 1)[0],
            "campaign_id": campaign,
            "order_id": order,
            "sku": _pick(rng, ("101", "102", "x"), 0.2, 1)[0],
            "value": _pick(rng, (0.1, 5.0, 10.0, 49.99, 50.0), 0.2, 1)[0],
        }
        for uid, ts, campaign, order in _followers(rng, events, keys, 900)
    ]
    rows += [dict(rows[int(i)]) for i in rng.integers(0, len(rows), 30)]
    for event, ts in _edge_followers(events, "gap-r"):
        rows.append(
            {"uid": event["uid"], "ts": ts, "action": "gap", "campaign_id": event["campaign_id"]}
        )
    schema = pa.schema(
        [
            ("uid", key_type),
            ("ts", pa.timestamp("us", TIME_ZONE)),
            ("action", pa.string()),
            ("campaign_id", pa.string()),
            ("order_id", pa.string()),
            ("sku", pa.string()),
            ("value", pa.float64()),
        ]
    )
    _write(pa.Table.from_pylist(rows, schema), folder / "redeems.parquet")


def _write_calls(
    folder: Path,
    rng: np.random.Generator,
    keys: list[Any],
    events: list[dict[str, Any]],
    key_type: pa.DataType,
) -> None:
    rows = [
        {
            "member": uid,
            "at": ts + _OFFSET_US,
            "kind": _pick(rng, ("in", "out", "out"), 0.05, 1)[0],
            "campaign_id": campaign,
            "minutes": _pick(rng, (0, 1, 2, 5, 5, 30), 0.1, 1)[0],
        }
        for uid, ts, campaign, _ in _followers(rng, events, keys, 700)
    ]
    # The clock that is written, where it has no such time and where it has it twice (New York).
    for day, hour in ((dt.date(2023, 11, 5), 1), (dt.date(2023, 11, 5), 0)):
        for minute in (0, 30, 59):
            at = _midnight_us(day) + hour * _HOUR_US + minute * 60_000_000
            for _ in range(6):
                user = keys[int(rng.integers(0, len(keys)))]
                rows.append({"member": user, "at": at, "kind": "in", "minutes": 1})
    rows += [dict(rows[int(i)]) for i in rng.integers(0, len(rows), 30)]
    for event, ts in _edge_followers(events, "gap-c"):
        rows.append({"member": event["uid"], "at": ts + _OFFSET_US, "kind": "gap"})
    schema = pa.schema(
        [
            ("member", key_type),
            ("at", pa.timestamp("us")),
            ("kind", pa.string()),
            ("campaign_id", pa.string()),
            ("minutes", pa.int32()),
        ]
    )
    _write(pa.Table.from_pylist(rows, schema), folder / "calls.parquet")


def _write_lists(
    folder: Path, rng: np.random.Generator, keys: list[Any], users: int, key_type: pa.DataType
) -> None:
    """The lists of `ids`: ids of no user and ids that stand twice among them."""

    def some(count: int) -> list[Any]:
        known = [keys[int(i)] for i in rng.choice(users, count, replace=False)]
        strange = [keys[int(i)] for i in rng.choice(np.arange(users, len(keys)), 4, replace=False)]
        chosen = [*known, *strange, known[0], strange[0]]
        return [chosen[int(i)] for i in rng.permutation(len(chosen))]

    lists = folder / "lists"
    lists.mkdir(exist_ok=True)

    def write_csv(name: str, head: list[str], rows: Iterable[list[Any]], **options: Any) -> None:
        with (lists / name).open("w", encoding=options.pop("encoding", "utf-8"), newline="") as out:
            writer = csv.writer(out, **options)
            writer.writerow(head)
            writer.writerows(rows)

    def spaced(uid: Any) -> Any:
        # Spaces around a number say nothing; around a text they are the text's.
        return f" {uid} " if isinstance(uid, int) and uid % 3 == 0 else uid

    write_csv(
        "vip.csv",
        ["level", "uid", "note"],
        ([i % 3, spaced(uid), "a,b" if i % 2 else ""] for i, uid in enumerate(some(60))),
        lineterminator="\n",
    )
    write_csv(
        "bom.csv",
        ["uid"],
        ([uid] for uid in some(45)),
        encoding="utf-8-sig",
        quoting=csv.QUOTE_ALL,
    )
    write_csv("none.csv", ["uid"], [], lineterminator="\n")
    text = "".join(f"{uid}\n" + "\n" * (i % 7 == 0) for i, uid in enumerate(some(50)))
    (lists / "vip.txt").write_text("\n" + text.rstrip("\n"), encoding="utf-8")
    (lists / "crlf.txt").write_bytes("\r\n".join(map(str, some(30))).encode())
    ids = some(55)
    _write(
        pa.table({"level": pa.array(range(len(ids)), pa.int8()), "uid": pa.array(ids, key_type)}),
        lists / "vip.parquet",
    )
    _write(pa.table({"member": pa.array(some(35), key_type)}), lists / "one.parquet")


def write_tables(
    folder: Path,
    *,
    key: Literal["int", "text"],
    seed: int = 7,
    users: int = 400,
    events: int = 6000,
    day_partitions: bool = True,
) -> None:
    """Write `users/`, `events/` (or `events.parquet`), the other tables and lists into `folder`.

    The other tables are `visits.parquet`, `redeems.parquet` and `calls.parquet`. The same seed
    gives the same rows for both kinds of key and for both layouts, but for the key.
    """
    rng = np.random.default_rng(seed)
    later = np.random.default_rng([seed, 1])
    key_type = pa.int64() if key == "int" else pa.string()
    keys = _keys(key, rng, users)
    _write_users(folder, rng, keys[:users], key_type)
    rows = _write_events(folder, rng, later, keys, users, key_type, events, day_partitions)
    _write_visits(folder, rng, later, keys, users, key_type)
    _write_redeems(folder, later, keys, rows, key_type)
    _write_calls(folder, later, keys, rows, key_type)
    _write_lists(folder, later, keys, users, key_type)


def _load_lists(con: duckdb.DuckDBPyConnection, folder: Path, key_type: str) -> None:
    """The lists of `lists/` as tables `list_vip_csv` and so on, of one column `uid`."""

    def number_or_text(value: str) -> Any:
        return int(value) if key_type == "BIGINT" else value

    for path in sorted((folder / "lists").iterdir()):
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as source:
                ids = [number_or_text(row["uid"]) for row in csv.DictReader(source)]
        elif path.suffix == ".txt":
            lines = path.read_text(encoding="utf-8").splitlines()
            ids = [number_or_text(line) for line in lines if line]
        else:
            ids = pq.read_table(path).columns[-1].to_pylist()
        name = f"list_{path.stem}_{path.suffix[1:]}"
        con.execute(f"CREATE TABLE {name} (uid {key_type})")
        con.execute(f"INSERT INTO {name} SELECT unnest(?::{key_type}[])", [ids])


def connect(
    folder: Path, zone: str = TIME_ZONE, salts: Iterable[str] = ()
) -> duckdb.DuckDBPyConnection:
    """Open the tables as `users`, `events`, `visits`, `redeems` and `calls`.

    NaN is NULL, days are local days. An event has a number of its own, `nr`, and, unless its time
    is a date, `clock`: the local time. `past_events` and so on are the events up to as_of whose key
    is not missing. `tie` has the hash that breaks ties, `salted` the hash for the sides of a split.
    """

    def quoted(path: Path) -> str:
        return "'" + str(path).replace("'", "''") + "'"

    parts = folder / "events"
    files = parts / "*" / "*.parquet" if parts.is_dir() else folder / "events.parquet"
    con = duckdb.connect()
    con.execute(f"SET TimeZone = '{zone}'")
    con.execute(
        f"""
        CREATE TABLE users AS
        SELECT * REPLACE (
                 CASE WHEN isnan(score) THEN NULL ELSE score END AS score,
                 CASE WHEN isnan(ratio) THEN NULL ELSE ratio END AS ratio
               ),
               CAST(timezone('{zone}', last_active) AS DATE) AS last_active_day,
               CAST(seen_at AS DATE) AS seen_at_day
        FROM read_parquet({quoted(folder / "users" / "*.parquet")}, hive_partitioning = false)
        """
    )
    con.execute(
        f"""
        CREATE TABLE events AS
        SELECT * REPLACE (
                 CASE WHEN isnan(price) THEN NULL ELSE price END AS price,
                 CASE WHEN isnan(amount) THEN NULL ELSE amount END AS amount
               ),
               timezone('{zone}', ts) AS clock,
               CAST(timezone('{zone}', ts) AS DATE) AS day,
               row_number() OVER () AS nr
        FROM read_parquet({quoted(files)}, hive_partitioning = false)
        """
    )
    con.execute(
        f"""
        CREATE TABLE visits AS
        SELECT *, row_number() OVER () AS nr FROM read_parquet({quoted(folder / "visits.parquet")})
        """
    )
    con.execute(
        f"""
        CREATE TABLE redeems AS
        SELECT *, timezone('{zone}', ts) AS clock, CAST(timezone('{zone}', ts) AS DATE) AS day,
               row_number() OVER () AS nr
        FROM read_parquet({quoted(folder / "redeems.parquet")})
        """
    )
    con.execute(
        f"""
        CREATE TABLE calls AS
        SELECT * RENAME (member AS uid), "at" AS clock, CAST("at" AS DATE) AS day,
               row_number() OVER () AS nr
        FROM read_parquet({quoted(folder / "calls.parquet")})
        """
    )
    for name in ("events", "visits", "redeems", "calls"):
        con.execute(
            f"""
            CREATE TABLE past_{name} AS
            SELECT * FROM {name} WHERE uid IS NOT NULL AND day <= DATE '{AS_OF}'
            """
        )
    uids = [row[0] for row in con.sql("SELECT uid FROM users").fetchall()]
    key_type = "BIGINT" if isinstance(uids[0], int) else "VARCHAR"
    _load_lists(con, folder, key_type)

    def raw(uid: Any) -> bytes:
        return uid.to_bytes(8, "little", signed=True) if isinstance(uid, int) else uid.encode()

    con.execute(f"CREATE TABLE tie (uid {key_type}, h HUGEINT)")
    con.execute(f"CREATE TABLE salted (salt VARCHAR, uid {key_type}, h HUGEINT)")
    for salt in (None, *salts):
        seed = 42 if salt is None else xxhash.xxh64_intdigest(salt.encode(), 42)
        hashes = [xxhash.xxh64_intdigest(raw(uid), seed) for uid in uids]
        if salt is None:
            con.execute(
                f"INSERT INTO tie SELECT unnest(?::{key_type}[]), unnest(?::UBIGINT[])",
                [uids, hashes],
            )
        else:
            con.execute(
                f"INSERT INTO salted SELECT ?, unnest(?::{key_type}[]), unnest(?::UBIGINT[])",
                [salt, uids, hashes],
            )
    return con
