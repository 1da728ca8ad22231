"""ClickHouse (chdb), one wide pass: events folded once, joined to the users, a column a pack."""

from __future__ import annotations

from typing import Any

import chdb.session
import numpy as np
import pyarrow as pa
from common import BEHAVIOUR, SETS, Bits, Job, first, job, pair_counts, tell
from sql import SET_SQL, combine, conditions, date, tag_packs

Session: Any = chdb.session.Session  # it has no types

_D7, _D14, _D30 = date(first(7)), date(first(14)), date(first(30))
_D60, _D90 = date(first(60)), date(first(90))
_FAN = "action = 'view' AND category = 'phone'"

# Tried: uniqExactIf of the brands (a little slower), all kinds of hash joins (the same), a sorting
# merge join (a third slower), one thread (twice as long), four (the same).
FOLD = f"""
SELECT user_id,
  xiaomi > 0 AS xiaomi_lookers,
  looks >= 5 AS phone_fans,
  round(spent, 2) >= 5000 AS big_spenders,
  brands >= 3 AS comparers,
  bought BETWEEN {date(first(61))} AND {date(first(31))} AS drifting,
  cart7 > 0 AND buy7 = 0 AS full_carts,
  huawei > 0 AND apple > 0 AND neither = 0 AS swing
FROM (
  SELECT assumeNotNull(user_id) AS user_id,
    countIf({_FAN} AND brand = 'xiaomi' AND dt >= {_D30}) AS xiaomi,
    countIf({_FAN} AND dt >= {_D14}) AS looks,
    sumIf(assumeNotNull(amount), action = 'buy' AND dt >= {_D90}) AS spent,
    length(groupUniqArrayIf(brand, {_FAN} AND dt >= {_D60})) AS brands,
    maxIf(dt, action = 'buy') AS bought,
    countIf(action = 'cart' AND dt >= {_D7}) AS cart7,
    countIf(action = 'buy' AND dt >= {_D7}) AS buy7,
    countIf(action = 'view' AND brand = 'huawei' AND dt >= {_D90}) AS huawei,
    countIf(action = 'view' AND brand = 'apple' AND dt >= {_D90}) AS apple,
    countIf(action = 'buy' AND brand IN ('huawei', 'apple') AND dt >= {_D90}) AS neither
  FROM EVENTS
  WHERE user_id IS NOT NULL AND (action = 'buy' OR (action = 'cart' AND dt >= {_D7})
    OR ({_FAN} AND dt >= {_D60})
    OR (action = 'view' AND brand IN ('huawei', 'apple') AND dt >= {_D90}))
  GROUP BY user_id
)
"""
FANS = (
    f"SELECT assumeNotNull(user_id) AS user_id, count() >= 5 AS phone_fans FROM EVENTS "
    f"WHERE user_id IS NOT NULL AND {_FAN} GROUP BY user_id"
)


def has(how: str, column: str, values: list[str]) -> str:
    """That a list has any or all of the values."""
    return f"has{how.title()}({column}, [{', '.join(values)}])"


def wide(packs: list[str]) -> str:
    """The users with a column for each pack; 1 where they are in it."""
    if packs[0] == "p000":
        # Each of the 25 conditions once, then the packs out of them.
        named = conditions(has)
        columns = ", ".join(f"coalesce({text}, false) AS c_{name}" for name, text in named.items())
        combined = combine({name: f"c_{name}" for name in named})
        outer = ", ".join(f"{text} AS {name}" for name, text in combined.items())
        return f"SELECT user_id, {outer} FROM (SELECT user_id, {columns} FROM USERS)"
    tags = tag_packs(has)
    by_events = [name for name in packs if name in BEHAVIOUR]
    by_tags = [name for name in packs if name in tags]
    columns = "".join(f", coalesce({tags[name]}, false) AS {name}" for name in by_tags)
    query = f"SELECT assumeNotNull(user_id) AS user_id{columns} FROM USERS"
    if by_events:
        # Whoever has no events gets zeros from the join.
        fold = FOLD if len(by_events) > 1 else FANS
        query = f"SELECT * FROM ({query}) AS u LEFT JOIN ({fold}) AS e USING (user_id)"
    if not set(SETS) & set(packs):
        return query
    plain = "".join(f", {SET_SQL[name]} AS {name}" for name in SETS if name != "win_back")
    query = f"SELECT *{plain} FROM ({query})"
    return f"SELECT *, {SET_SQL['win_back']} AS win_back FROM ({query})"


def main() -> None:
    """The wide table, a file for each pack, the overlaps."""
    work: Job = job()
    con = Session()
    con.query("SET output_format_parquet_compression_method = 'zstd'")
    con.query("SET use_hive_partitioning = 1")
    days = ",".join(path.split("dt=")[1].split("/")[0] for path in work.days(work.window))
    files = f"{work.folder}/events/dt={{{days}}}/part-0.parquet"
    query = wide(work.packs).replace("USERS", f"file('{work.users}', Parquet)")
    query = query.replace("EVENTS", f"file('{files}', Parquet)")
    con.query("CREATE DATABASE IF NOT EXISTS bench")
    con.query(f"CREATE TABLE bench.wide ENGINE = Memory AS {query}")
    for name in work.packs:
        path = work.out / f"{name}.parquet"
        path.unlink(missing_ok=True)
        con.query(
            f"INSERT INTO FUNCTION file('{path}', Parquet) SELECT user_id FROM bench.wide "
            f"WHERE {name}"
        )
    bits = bitmaps(con, work.packs)
    sizes = {n: int(np.bitwise_count(b).sum()) for n, b in zip(work.packs, bits, strict=True)}
    tell(sizes, pair_counts(work.packs, bits) if len(bits) > 1 else {})


def bitmaps(con: Any, packs: list[str]) -> list[Bits]:
    """A bitmap of the users for each pack."""
    columns = ", ".join(f"toUInt8({name}) AS {name}" for name in packs)
    data = con.query(f"SELECT {columns} FROM bench.wide", "ArrowStream").bytes()
    table = pa.ipc.open_stream(data).read_all()
    return [np.packbits(table[name].to_numpy().view(np.bool_)) for name in packs]


if __name__ == "__main__":
    main()
