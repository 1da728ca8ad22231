"""DuckDB, one wide pass: events folded once, joined to the users, a boolean column a pack."""

from __future__ import annotations

import duckdb
import numpy as np
from common import BEHAVIOUR, SETS, Bits, Job, first, job, pair_counts, tell
from sql import SET_SQL, combine, conditions, contains, date, tag_packs

_D7, _D14, _D30 = date(first(7)), date(first(14)), date(first(30))
_D60, _D90 = date(first(60)), date(first(90))
_FAN = "action = 'view' AND category = 'phone'"

# Rows are folded by user and brand first, which counts distinct brands for nothing; facts that only
# have to be true once are bits of one number. Tried: FILTER aggregates over named conditions (half
# as much time again), count(DISTINCT brand) in one level (a quarter more). Most rows count for no
# pack; left in, they made more than twice as many groups.
FOLD = f"""
SELECT user_id,
  seen & 1 > 0 AS xiaomi_lookers,
  looks >= 5 AS phone_fans,
  coalesce(round(spent, 2) >= 5000, false) AS big_spenders,
  brands >= 3 AS comparers,
  coalesce(bought BETWEEN {date(first(61))} AND {date(first(31))}, false) AS drifting,
  seen & 6 = 2 AS full_carts,
  seen & 56 = 24 AS swing
FROM (
  SELECT user_id, bit_or(seen) AS seen, sum(looks) AS looks, sum(spent) AS spent,
    count(brand) AS brands, max(bought) AS bought
  FROM (
    SELECT user_id,
      CASE WHEN fan AND dt >= {_D60} THEN brand END AS brand,
      bit_or(
        CASE WHEN fan AND brand = 'xiaomi' AND dt >= {_D30} THEN 1 ELSE 0 END
        + CASE WHEN cart AND dt >= {_D7} THEN 2 ELSE 0 END
        + CASE WHEN buy AND dt >= {_D7} THEN 4 ELSE 0 END
        + CASE WHEN view AND brand = 'huawei' AND dt >= {_D90} THEN 8 ELSE 0 END
        + CASE WHEN view AND brand = 'apple' AND dt >= {_D90} THEN 16 ELSE 0 END
        + CASE WHEN buy AND brand IN ('huawei', 'apple') AND dt >= {_D90} THEN 32 ELSE 0 END
      ) AS seen,
      sum(CASE WHEN fan AND dt >= {_D14} THEN 1 ELSE 0 END) AS looks,
      sum(CASE WHEN buy AND dt >= {_D90} THEN amount END) AS spent,
      max(CASE WHEN buy THEN dt END) AS bought
    FROM (
      SELECT user_id, dt, brand, amount, {_FAN} AS fan, action = 'buy' AS buy,
        action = 'view' AS view, action = 'cart' AS cart
      FROM events
      WHERE action = 'buy' OR (action = 'cart' AND dt >= {_D7}) OR ({_FAN} AND dt >= {_D60})
        OR (action = 'view' AND brand IN ('huawei', 'apple') AND dt >= {_D90})
    ) GROUP BY ALL
  ) GROUP BY user_id
)
"""
FANS = (
    f"SELECT user_id, count(*) >= 5 AS phone_fans FROM events WHERE {_FAN} AND dt >= {_D14} "
    "GROUP BY user_id"
)


def wide(packs: list[str]) -> str:
    """The users with a boolean, never null, for each pack."""
    tags = tag_packs(contains, wide=True)
    by_events = [name for name in packs if name in BEHAVIOUR]
    by_tags = [name for name in packs if name in tags]
    if packs[0] == "p000":
        # Each of the 25 conditions once, then the packs out of them.
        named = conditions(contains)
        columns = ", ".join(f"coalesce({text}, false) AS {name}" for name, text in named.items())
        combined = combine({name: f'"{name}"' for name in named})
        outer = ", ".join(f"{text} AS {name}" for name, text in combined.items())
        columns = columns.replace(" AS new", ' AS "new"').replace(" AS all", ' AS "all"')
        return f"SELECT user_id, {outer} FROM (SELECT user_id, {columns} FROM users)"
    columns = "".join(f", coalesce({tags[name]}, false) AS {name}" for name in by_tags)
    source = "users"
    if by_events:
        columns += "".join(f", coalesce({name}, false) AS {name}" for name in by_events)
        fold = FOLD if len(by_events) > 1 else FANS
        source = f"users LEFT JOIN ({fold}) USING (user_id)"
    query = f"SELECT user_id{columns} FROM {source}"
    if not set(SETS) & set(packs):
        return query
    plain = "".join(f", {SET_SQL[name]} AS {name}" for name in SETS if name != "win_back")
    query = f"SELECT *{plain} FROM ({query})"
    return f"SELECT *, {SET_SQL['win_back']} AS win_back FROM ({query})"


def bitmaps(con: duckdb.DuckDBPyConnection, packs: list[str]) -> list[Bits]:
    """A bitmap of the users for each pack, as Arrow hands them out, to count overlaps with.

    Tried: 435 counts with FILTER in one query (11 seconds in place of 0.1), groups of equal rows
    (no faster for thirty, a little slower for a hundred).
    """
    parts: list[list[Bits]] = [[] for _ in packs]
    found = con.sql(f"SELECT {', '.join(packs)} FROM wide").to_arrow_reader(1 << 20)
    for batch in found:
        for place, column in enumerate(batch.columns):
            octets = np.frombuffer(column.buffers()[1], dtype=np.uint8)
            parts[place].append(octets[: -(-len(column) // 8)])
    return [np.concatenate(part) for part in parts]


def main() -> None:
    """The wide table, a file for each pack, the overlaps."""
    work: Job = job()
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    con.execute(f"CREATE VIEW users AS FROM '{work.users}'")
    con.execute(
        "CREATE VIEW events AS FROM "
        f"read_parquet('{work.folder}/events/*/*.parquet', hive_partitioning = true)"
    )
    con.execute(f"CREATE TEMP TABLE wide AS {wide(work.packs)}")
    for name in work.packs:
        con.execute(
            f"COPY (SELECT user_id FROM wide WHERE {name}) "
            f"TO '{work.out}/{name}.parquet' (COMPRESSION zstd)"
        )
    bits = bitmaps(con, work.packs)
    sizes = {n: int(np.bitwise_count(b).sum()) for n, b in zip(work.packs, bits, strict=True)}
    tell(sizes, pair_counts(work.packs, bits) if len(bits) > 1 else {})


if __name__ == "__main__":
    main()
