"""DuckDB, one query a pack: what most people would write first."""

from __future__ import annotations

import duckdb
from common import BEHAVIOUR, SETS, Job, first, job, mask_counts, tell
from sql import SET_SQL, contains, date, tag_packs


def behaviour(name: str) -> str:
    """Ids of a pack by behaviour, strangers among them."""
    fans = "action = 'view' AND category = 'phone'"
    texts = {
        "xiaomi_lookers": f"SELECT DISTINCT user_id FROM events WHERE {fans} "
        f"AND brand = 'xiaomi' AND dt >= {date(first(30))}",
        "phone_fans": f"SELECT user_id FROM events WHERE {fans} AND dt >= {date(first(14))} "
        "GROUP BY user_id HAVING count(*) >= 5",
        # Prices have two decimals, so rounding takes the error out of the sum of floats.
        "big_spenders": f"SELECT user_id FROM events WHERE action = 'buy' "
        f"AND dt >= {date(first(90))} GROUP BY user_id HAVING round(sum(amount), 2) >= 5000",
        "comparers": f"SELECT user_id FROM events WHERE {fans} AND dt >= {date(first(60))} "
        "GROUP BY user_id HAVING count(DISTINCT brand) >= 3",
        "drifting": "SELECT user_id FROM events WHERE action = 'buy' GROUP BY user_id "
        f"HAVING max(dt) BETWEEN {date(first(61))} AND {date(first(31))}",
        "full_carts": "SELECT user_id FROM events WHERE action IN ('cart', 'buy') "
        f"AND dt >= {date(first(7))} GROUP BY user_id HAVING bool_and(action = 'cart')",
        "swing": "SELECT user_id FROM events WHERE action IN ('view', 'buy') "
        f"AND brand IN ('huawei', 'apple') AND dt >= {date(first(90))} GROUP BY user_id HAVING "
        "bool_and(action = 'view') AND count(DISTINCT brand) = 2",
    }
    return texts[name]


def set_query(text: str) -> str:
    """Ids out of the packs before it, which are joined as columns of booleans."""
    words = text.replace("(", " ").replace(")", " ").split()
    used = list(dict.fromkeys(word for word in words if word in _NAMED))
    union = " UNION ALL ".join(
        "SELECT user_id, " + ", ".join(f"{n == one} AS {n}" for n in used) + f" FROM {one}"
        for one in used
    )
    folded = ", ".join(f"bool_or({n}) AS {n}" for n in used)
    return (
        f"SELECT user_id FROM (SELECT user_id, {folded} FROM ({union}) GROUP BY user_id) "
        f"WHERE {text}"
    )


_NAMED: set[str] = set()


def main() -> None:
    """Every pack into a table of ids and into its file, then the overlaps."""
    work: Job = job()
    con = duckdb.connect()
    con.execute("SET preserve_insertion_order = false")
    con.execute(f"CREATE VIEW users AS FROM '{work.users}'")
    con.execute(
        "CREATE VIEW events AS FROM "
        f"read_parquet('{work.folder}/events/*/*.parquet', hive_partitioning = true)"
    )
    by_tags = tag_packs(contains)
    sizes = {}
    for name in work.packs:
        if name in SETS:
            query = set_query(SET_SQL[name])
        elif name in BEHAVIOUR:
            query = f"SELECT user_id FROM users SEMI JOIN ({behaviour(name)}) USING (user_id)"
        else:
            query = f"SELECT user_id FROM users WHERE {by_tags[name]}"
        # The ids stay in memory for the packs built on this one and for the overlaps; reading
        # the file again was slower.
        con.execute(f"CREATE TEMP TABLE {name} AS {query}")
        _NAMED.add(name)
        con.execute(f"COPY {name} TO '{work.out}/{name}.parquet' (COMPRESSION zstd)")
        row = con.execute(f"SELECT count(*) FROM {name}").fetchone()
        sizes[name] = row[0] if row else 0
    tell(sizes, overlaps(con, work.packs) if len(work.packs) > 1 else {})


def overlaps(con: duckdb.DuckDBPyConnection, packs: list[str]) -> dict[str, int]:
    """Users of every two packs.

    Tried: a semi-join for each pair (10 times slower for thirty packs), a self-join of all ids
    (faster for a hundred), and each user's packs as bits of a number, counted (faster for thirty).
    """
    if len(packs) > 32:
        return _joined(con, packs)
    union = " UNION ALL ".join(
        f"SELECT user_id, {1 << n}::BIGINT AS bit FROM {name}" for n, name in enumerate(packs)
    )
    found = con.execute(
        "SELECT bits, count(*) AS users FROM "
        f"(SELECT user_id, bit_or(bit) AS bits FROM ({union}) GROUP BY user_id) GROUP BY bits"
    ).fetchnumpy()
    return mask_counts(packs, [found["bits"]], found["users"])


def _joined(con: duckdb.DuckDBPyConnection, packs: list[str]) -> dict[str, int]:
    union = " UNION ALL ".join(
        f"SELECT user_id, {n}::UTINYINT AS pack FROM {name}" for n, name in enumerate(packs)
    )
    rows = con.execute(
        f"WITH ids AS MATERIALIZED ({union}) SELECT a.pack, b.pack, count(*) FROM ids a "
        "JOIN ids b USING (user_id) WHERE a.pack < b.pack GROUP BY ALL"
    ).fetchall()
    found = {(one, other): users for one, other, users in rows}
    return {
        f"{packs[i]}|{packs[j]}": found.get((i, j), 0)
        for i in range(len(packs))
        for j in range(i + 1, len(packs))
    }


if __name__ == "__main__":
    main()
