"""Polars, one wide pass: events folded once, joined to the users, a boolean column a pack."""

from __future__ import annotations

import numpy as np
import polars as pl
from common import BEHAVIOUR, SETS, Bits, Job, first, job, pair_counts, tell
from exprs import CONDITION_EXPR, FAN, SET_EXPR, combined, scan_events, tag_exprs
from polars import col


def fold(work: Job, packs: list[str]) -> pl.LazyFrame:
    """One row for each user with an event that counts for one of the packs."""
    events = scan_events(work, work.window)
    if packs == ["phone_fans"]:
        return events.filter(FAN).group_by("user_id").agg(phone_fans=pl.len() >= 5)
    day, brand, action = col("dt"), col("brand"), col("action")
    fan, view, buy, cart = FAN, action == "view", action == "buy", action == "cart"
    rival = brand.is_in(["huawei", "apple"])
    d7, d30, d60, d90 = (day >= first(n) for n in (7, 30, 60, 90))
    wanted = buy | (cart & d7) | (fan & d60) | (view & rival & d90)
    rows = events.filter(wanted).select(
        "user_id",
        brand=pl.when(fan & d60).then(brand),
        amount=pl.when(buy & d90).then(col("amount")),
        bought=pl.when(buy).then(day),
        looks=(fan & (day >= first(14))).cast(pl.UInt32),
        xiaomi=fan & (brand == "xiaomi") & d30,
        cart7=cart & d7,
        buy7=buy & d7,
        huawei=view & (brand == "huawei") & d90,
        apple=view & (brand == "apple") & d90,
        neither=buy & rival & d90,
    )
    flags = ["xiaomi", "cart7", "buy7", "huawei", "apple", "neither"]
    sums, lasts = col("looks", "amount").sum(), col("bought").max()
    # Tried, at 100 million rows: users and brands first (15 % slower), that with facts as bits of a
    # number (10 %), a group-by for each kind of rows and joins (the same).
    folded = rows.group_by("user_id").agg(
        sums, lasts, col(flags).any(), brands=col("brand").drop_nulls().n_unique()
    )
    return folded.select(
        "user_id",
        xiaomi_lookers=col("xiaomi"),
        phone_fans=col("looks") >= 5,
        # Prices have two decimals, so rounding takes the error out of the sum of floats.
        big_spenders=col("amount").round(2) >= 5000,
        comparers=col("brands") >= 3,
        drifting=col("bought").is_between(first(61), first(31)),
        full_carts=col("cart7") & ~col("buy7"),
        swing=col("huawei") & col("apple") & ~col("neither"),
    )


def main() -> None:
    """The wide table, a file for each pack, the overlaps."""
    work: Job = job()
    packs = work.packs
    users = pl.scan_parquet(work.users)
    tags = tag_exprs()
    behaviour = [name for name in packs if name in BEHAVIOUR]
    if packs[0] == "p000":
        # Each of the 25 conditions once, then the packs out of them.
        once = {name: expr.fill_null(False) for name, expr in CONDITION_EXPR.items()}
        query = users.select("user_id", **once)
        query = query.select("user_id", **combined({name: col(name) for name in once}))
    else:
        by_tags = {name: tags[name].fill_null(False) for name in packs if name in tags}
        query = users.select("user_id", **by_tags)
    if behaviour:
        query = query.join(
            fold(work, behaviour), on="user_id", how="left", maintain_order="left"
        ).with_columns(col(behaviour).fill_null(False))
    if set(SETS) & set(packs):
        first_sets = {name: SET_EXPR[name] for name in SETS[:-1]}
        query = query.with_columns(**first_sets).with_columns(win_back=SET_EXPR["win_back"])
    frame = query.collect(engine="streaming")
    bits: list[Bits] = []
    for name in packs:
        ids = frame.lazy().filter(col(name)).select("user_id").collect()
        ids.write_parquet(work.out / f"{name}.parquet", compression="zstd")
        bits.append(np.packbits(frame[name].to_numpy()))
    sizes = {n: int(np.bitwise_count(b).sum()) for n, b in zip(packs, bits, strict=True)}
    # Tried: groups of equal rows (half as much time again for thirty, 4 times for a hundred).
    tell(sizes, pair_counts(packs, bits) if len(packs) > 1 else {})


if __name__ == "__main__":
    main()
