"""The packs as expressions of Polars."""

from __future__ import annotations

from datetime import date

import polars as pl
from common import WINDOWS, Job, ago, first
from generate import hundred
from polars import col


def _days(column: str, low: int, high: int) -> pl.Expr:
    return col(column).is_between(ago(high), ago(low))


def _has_any(column: str, values: list[str] | list[int]) -> pl.Expr:
    # Tried: list.contains of each value, set_intersection; both take twice as long for six values.
    return col(column).list.eval(pl.element().is_in(values)).list.any()


def _no(condition: pl.Expr) -> pl.Expr:
    return ~condition.fill_null(False)


def _count(*conditions: pl.Expr) -> pl.Expr:
    return pl.sum_horizontal([c.cast(pl.UInt8).fill_null(0) for c in conditions])


TAG_EXPR = {
    "jd_5k_plus": (col("jd_value") >= 5000) & col("plus"),
    "young_women_cities": (col("gender") == "F")
    & col("age").is_between(18, 29)
    & col("city_tier").is_in(["1", "new1"]),
    "rich_families": col("purchase_power").is_in(["L4", "L5"])
    & (col("marriage") == "married")
    & (col("child_age") <= 12),
    "owners": col("car_owner") & col("house_owner") & col("age").is_between(30, 55),
    "apple_premium": (col("device_brand") == "apple") & (col("device_price") >= 3000),
    "android_upgraders": (col("os") == "android")
    & (col("device_price") <= 1500)
    & (col("activity_score") >= 0.6),
    "gamers": _has_any("interests", ["gaming", "digital"]) & col("age").is_between(16, 30),
    "cooks_and_beauties": col("interests").list.contains("cooking")
    & col("interests").list.contains("beauty"),
    "phone_owners": col("categories_owned").list.contains("phone")
    & ~col("device_brand").is_in(["huawei", "apple"]),
    "new_customers": _days("registered_on", 0, 179) & (col("language") == "zh"),
    "sleeping": _days("last_active_on", 60, 180) & col("jd_value").is_between(1500, 20000),
    "lapsed_buyers": _days("last_buy_on", 91, 365) & col("uninstalled_on").is_null(),
    "churn_risk": (col("churn_score") >= 0.7) & (col("rfm_score") >= 40),
    "bargain_hunters": (col("price_sensitivity") >= 0.5)
    & (col("promo_score") > 0.5)
    & (col("coupons") >= 3),
    "coast": col("province").is_in(["广东", "浙江", "江苏", "上海", "福建"])
    & col("income_band").is_in(["B1", "B2", "B3"])
    & _no(col("age") >= 60),
    "educated": col("education").is_in(["master", "doctor"])
    | (
        (col("education") == "bachelor")
        & (
            col("job").is_in(["white_collar", "programmer", "finance", "lawyer"])
            | col("income_band").is_in(["B6", "B7", "B8"])
        )
    ),
    "quality": _count(
        col("plus"),
        col("member_level") >= 4,
        col("ltv") >= 2000,
        col("orders_90d") >= 4,
        col("visits_30d") >= 15,
    )
    >= 3,
    "birthday_club": _has_any("segments", [101, 105, 120, 130, 150, 170])
    & col("birthday_month").is_in([6, 7])
    & col("newsletter")
    & _no(col("refunds_180d") >= 2),
}

CONDITION_EXPR = {
    "valuable": col("jd_value") >= 2000,
    "frugal": col("jd_value") <= 600,
    "member": col("plus"),
    "level": col("member_level") >= 3,
    "woman": col("gender") == "F",
    "man": col("gender") == "M",
    "young": col("age").is_between(18, 30),
    "middle": col("age").is_between(31, 50),
    "city": col("city_tier").is_in(["1", "new1"]),
    "town": col("city_tier").is_in(["4", "5"]),
    "south": col("province").is_in(["广东", "福建", "广西", "海南"]),
    "power": col("purchase_power").is_in(["L4", "L5"]),
    "owner": col("car_owner") | col("house_owner"),
    "desk": col("job").is_in(["white_collar", "programmer", "finance", "lawyer", "teacher"]),
    "degree": col("education").is_in(["bachelor", "master", "doctor"]),
    "parent": col("child_age").is_not_null(),
    "apple": col("device_brand") == "apple",
    "dear_phone": col("device_price") >= 2500,
    "active": _days("last_active_on", 0, 13),
    "buyer": _days("last_buy_on", 0, 59),
    "new": _days("registered_on", 0, 365),
    "loyal": (col("rfm_score") >= 60) & (col("churn_score") <= 0.5),
    "promo": col("promo_score") >= 0.6,
    "gamer": _has_any("interests", ["gaming", "digital", "sports"]),
    "phone": col("categories_owned").list.contains("phone"),
}

# Over columns that are called like the packs and are never null.
SET_EXPR = {
    "valuable_lookers": col("jd_5k_plus") & col("xiaomi_lookers"),
    "young_reach": (col("young_women_cities") | col("gamers") | col("new_customers"))
    & ~col("big_spenders")
    & ~col("sleeping"),
    "quality_drifting": col("quality") & col("drifting") & ~col("churn_risk"),
    "phone_minded": _count(
        col("xiaomi_lookers"),
        col("phone_fans"),
        col("comparers"),
        col("swing"),
        col("apple_premium"),
        col("phone_owners"),
    )
    >= 2,
    "win_back": ((col("owners") & col("educated")) | col("rich_families") | col("full_carts"))
    & ~col("lapsed_buyers")
    & ~col("phone_minded"),
}


def combined(conditions: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """The hundred packs over these conditions, which are never null."""
    packs = {}
    for name, (all_of, any_of, minus) in hundred().items():
        parts = [conditions[one] for one in all_of]
        if any_of:
            parts.append(pl.any_horizontal([conditions[one] for one in any_of]))
        parts += [~conditions[one] for one in minus]
        packs[name] = pl.all_horizontal(parts)
    return packs


def tag_exprs() -> dict[str, pl.Expr]:
    """All packs that read tags alone."""
    return TAG_EXPR | combined({n: e.fill_null(False) for n, e in CONDITION_EXPR.items()})


def scan_events(work: Job, back: int) -> pl.LazyFrame:
    """The events of the last so many days, with the day as a column."""
    return pl.scan_parquet(work.days(back), hive_partitioning=True, try_parse_hive_dates=True)


FAN = (col("action") == "view") & (col("category") == "phone")


def by_behaviour(work: Job, name: str) -> pl.LazyFrame:
    """Ids of a pack by behaviour, strangers among them."""
    events = scan_events(work, WINDOWS[name])
    by_user = "user_id"
    low, high = first(61), first(31)
    action, brand = col("action"), col("brand")
    rows: dict[str, pl.Expr] = {
        "xiaomi_lookers": FAN & (brand == "xiaomi"),
        "phone_fans": FAN,
        "big_spenders": action == "buy",
        "comparers": FAN,
        "drifting": action == "buy",
        "full_carts": action.is_in(["cart", "buy"]),
        "swing": action.is_in(["view", "buy"]) & brand.is_in(["huawei", "apple"]),
    }
    measures: dict[str, pl.Expr] = {
        "phone_fans": pl.len() >= 5,
        # Prices have two decimals, so rounding takes the error out of the sum of floats.
        "big_spenders": col("amount").sum().round(2) >= 5000,
        "comparers": brand.n_unique() >= 3,
        "drifting": col("dt").max().is_between(low, high),
        "full_carts": (action == "cart").all(),
        "swing": (action == "view").all() & (brand.n_unique() == 2),
    }
    chosen = events.filter(rows[name])
    if name == "xiaomi_lookers":
        return chosen.select(by_user).unique()
    return chosen.group_by(by_user).agg(measures[name].alias("x")).filter(col("x")).select(by_user)


__all__ = ["FAN", "SET_EXPR", "by_behaviour", "date", "scan_events", "tag_exprs"]
