"""The packs in SQL, for both engines that speak it; what lists have is put in by each of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from common import SETS, TAGS, ago, first
from generate import hundred


def date(value: object) -> str:
    """A date as SQL writes it."""
    return f"DATE '{value}'"


def between(low: int, high: int) -> str:
    """From `high` days ago to `low` days ago."""
    return f"BETWEEN {date(ago(high))} AND {date(ago(low))}"


TAG_SQL = {
    "jd_5k_plus": "jd_value >= 5000 AND plus",
    "young_women_cities": "gender = 'F' AND age BETWEEN 18 AND 29 AND city_tier IN ('1', 'new1')",
    "rich_families": "purchase_power IN ('L4', 'L5') AND marriage = 'married' AND child_age <= 12",
    "owners": "car_owner AND house_owner AND age BETWEEN 30 AND 55",
    "apple_premium": "device_brand = 'apple' AND device_price >= 3000",
    "android_upgraders": "os = 'android' AND device_price <= 1500 AND activity_score >= 0.6",
    "gamers": "{any:interests:'gaming', 'digital'} AND age BETWEEN 16 AND 30",
    "cooks_and_beauties": "{all:interests:'cooking', 'beauty'}",
    "phone_owners": ("{any:categories_owned:'phone'} AND device_brand NOT IN ('huawei', 'apple')"),
    "new_customers": f"registered_on {between(0, 179)} AND language = 'zh'",
    "sleeping": f"last_active_on {between(60, 180)} AND jd_value BETWEEN 1500 AND 20000",
    "lapsed_buyers": f"last_buy_on {between(91, 365)} AND uninstalled_on IS NULL",
    "churn_risk": "churn_score >= 0.7 AND rfm_score >= 40",
    "bargain_hunters": "price_sensitivity >= 0.5 AND promo_score > 0.5 AND coupons >= 3",
    "coast": (
        "province IN ('广东', '浙江', '江苏', '上海', '福建') "
        "AND income_band IN ('B1', 'B2', 'B3') AND NOT coalesce(age >= 60, false)"
    ),
    "educated": (
        "coalesce(education IN ('master', 'doctor'), false) OR (education = 'bachelor' AND "
        "(coalesce(job IN ('white_collar', 'programmer', 'finance', 'lawyer'), false) "
        "OR coalesce(income_band IN ('B6', 'B7', 'B8'), false)))"
    ),
    "quality": (
        "CAST(coalesce(plus, false) AS INT) + CAST(coalesce(member_level >= 4, false) AS INT) + "
        "CAST(coalesce(ltv >= 2000, false) AS INT) + CAST(coalesce(orders_90d >= 4, false) AS INT)"
        " + CAST(coalesce(visits_30d >= 15, false) AS INT) >= 3"
    ),
    "birthday_club": (
        "{any:segments:101, 105, 120, 130, 150, 170} AND birthday_month IN (6, 7) "
        "AND newsletter AND NOT coalesce(refunds_180d >= 2, false)"
    ),
}

# The same where all users get an answer, so that no filter orders the parts by what they cost.
CHEAP_FIRST = {
    "gamers": "CASE WHEN age BETWEEN 16 AND 30 THEN {any:interests:'gaming', 'digital'} END",
    "birthday_club": (
        "CASE WHEN birthday_month IN (6, 7) AND newsletter AND NOT coalesce(refunds_180d >= 2, "
        "false) THEN {any:segments:101, 105, 120, 130, 150, 170} END"
    ),
}

# Over columns that are called like the packs and are never null.
SET_SQL = {
    "valuable_lookers": "jd_5k_plus AND xiaomi_lookers",
    "young_reach": (
        "(young_women_cities OR gamers OR new_customers) AND NOT big_spenders AND NOT sleeping"
    ),
    "quality_drifting": "quality AND drifting AND NOT churn_risk",
    "phone_minded": (
        "CAST(xiaomi_lookers AS INT) + CAST(phone_fans AS INT) + CAST(comparers AS INT) + "
        "CAST(swing AS INT) + CAST(apple_premium AS INT) + CAST(phone_owners AS INT) >= 2"
    ),
    "win_back": (
        "((owners AND educated) OR rich_families OR full_carts) "
        "AND NOT lapsed_buyers AND NOT phone_minded"
    ),
}

CONDITION_SQL = {
    "valuable": "jd_value >= 2000",
    "frugal": "jd_value <= 600",
    "member": "plus",
    "level": "member_level >= 3",
    "woman": "gender = 'F'",
    "man": "gender = 'M'",
    "young": "age BETWEEN 18 AND 30",
    "middle": "age BETWEEN 31 AND 50",
    "city": "city_tier IN ('1', 'new1')",
    "town": "city_tier IN ('4', '5')",
    "south": "province IN ('广东', '福建', '广西', '海南')",
    "power": "purchase_power IN ('L4', 'L5')",
    "owner": "coalesce(car_owner, false) OR coalesce(house_owner, false)",
    "desk": "job IN ('white_collar', 'programmer', 'finance', 'lawyer', 'teacher')",
    "degree": "education IN ('bachelor', 'master', 'doctor')",
    "parent": "child_age IS NOT NULL",
    "apple": "device_brand = 'apple'",
    "dear_phone": "device_price >= 2500",
    "active": f"last_active_on {between(0, 13)}",
    "buyer": f"last_buy_on {between(0, 59)}",
    "new": f"registered_on {between(0, 365)}",
    "loyal": "rfm_score >= 60 AND churn_score <= 0.5",
    "promo": "promo_score >= 0.6",
    "gamer": "{any:interests:'gaming', 'digital', 'sports'}",
    "phone": "{any:categories_owned:'phone'}",
}


def combine(named: dict[str, str]) -> dict[str, str]:
    """The hundred packs over these texts of the conditions."""
    packs = {}
    for name, (all_of, any_of, minus) in hundred().items():
        parts = [f"({named[one]})" for one in all_of]
        if any_of:
            parts.append("(" + " OR ".join(f"({named[one]})" for one in any_of) + ")")
        parts += [f"NOT ({named[one]})" for one in minus]
        packs[name] = " AND ".join(parts)
    return packs


# How an engine says that a list column has any, or all, of some values.
Has = Callable[[str, str, list[str]], str]


def _spelt(texts: dict[str, str], has: Has) -> dict[str, str]:
    def one(found: re.Match[str]) -> str:
        return has(found[1], found[2], found[3].split(", "))

    return {name: re.sub(r"\{(\w+):(\w+):([^}]+)\}", one, text) for name, text in texts.items()}


def tag_packs(has: Has, wide: bool = False) -> dict[str, str]:
    """Predicates of all packs that read tags alone; `wide` for a column of all users."""
    safe = {name: f"coalesce({text}, false)" for name, text in CONDITION_SQL.items()}
    return _spelt(TAG_SQL | (CHEAP_FIRST if wide else {}) | combine(safe), has)


def conditions(has: Has) -> dict[str, str]:
    """The 25 conditions of the hundred packs."""
    return _spelt(CONDITION_SQL, has)


def contains(how: str, column: str, values: list[str]) -> str:
    """As DuckDB does it fastest: a few values one by one (has_any took twice as long)."""
    if len(values) > 3:
        return f"list_has_{how}({column}, [{', '.join(values)}])"
    word = " OR " if how == "any" else " AND "
    return "(" + word.join(f"list_contains({column}, {value})" for value in values) + ")"


__all__ = ["SETS", "SET_SQL", "TAGS", "TAG_SQL", "combine", "conditions", "date", "first"]
