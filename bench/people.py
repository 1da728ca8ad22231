"""The benchmark's user table: about 45 tags, skewed and with gaps as such tables have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from columns import Draw, Ints, key_column, shares, zipf

FIRST_DAY = 19_538  # 2023-06-30 in days since 1970
PROVINCES = [
    "广东",
    "江苏",
    "浙江",
    "山东",
    "河南",
    "四川",
    "湖北",
    "河北",
    "湖南",
    "福建",
    "安徽",
    "上海",
    "北京",
    "辽宁",
    "陕西",
    "江西",
    "重庆",
    "广西",
    "云南",
    "天津",
    "山西",
    "贵州",
    "黑龙江",
    "吉林",
    "内蒙古",
    "甘肃",
    "新疆",
    "海南",
    "宁夏",
    "香港",
    "台湾",
    "青海",
    "西藏",
    "澳门",
]
TIERS = ["1", "new1", "2", "3", "4", "5"]
JOBS = [
    "white_collar",
    "worker",
    "service",
    "self_employed",
    "student",
    "farmer",
    "programmer",
    "teacher",
    "civil_servant",
    "medical",
    "manager",
    "retired",
    "freelancer",
    "driver",
    "courier",
    "designer",
    "finance",
    "lawyer",
    "military",
    "other",
]
DEVICES = [
    "huawei",
    "apple",
    "xiaomi",
    "vivo",
    "oppo",
    "honor",
    "redmi",
    "realme",
    "samsung",
    "oneplus",
    "meizu",
    "lenovo",
]
CHANNELS = ["app", "wechat", "search", "feed", "referral", "store", "sms", "partner"]
CATEGORIES = ["phone", *(f"cat_{n:02d}" for n in range(1, 40))]
INTERESTS = [
    *[
        "gaming",
        "digital",
        "travel",
        "sports",
        "cooking",
        "beauty",
        "cars",
        "reading",
        "photography",
        "parenting",
    ],
    *(f"interest_{n:02d}" for n in range(10, 60)),
]


def users(keys: Ints, seed: tuple[int, ...], text: bool) -> Any:
    """Rows of the user table for these keys."""
    draw = Draw(seed, len(keys))
    rng, rows = draw.rng, draw.rows
    # What somebody can spend and how much they use the shop runs through many of the tags.
    wealth, habit = rng.standard_normal(rows), rng.standard_normal(rows)
    city = draw.codes(zipf(300, 0.8))
    tier = np.minimum(np.searchsorted([4, 19, 49, 110, 190], city, side="right"), 5)
    # The first 34 cities are one in each province, the others lie anywhere.
    province = np.where(city < 34, city, (city * 7 + city // 34) % 34)
    age = np.clip(rng.normal(37, 13, rows), 14, 85)
    price = np.exp(7.6 + 0.35 * wealth + 0.35 * rng.standard_normal(rows))
    device = draw.codes(zipf(12, 0.7))
    system = np.where(device == 1, 0, np.where((device == 0) | (device == 5), 2, 1))
    power = np.searchsorted([-1.2, -0.3, 0.7, 1.6], wealth + 0.4 * rng.standard_normal(rows))

    def counter(level: float, lean: float) -> Ints:
        return rng.poisson(np.exp(level + lean * habit)).astype(np.int64)

    def score(lean: float) -> Any:
        raw = lean * habit + rng.standard_normal(rows)
        return 1 / (1 + np.exp(-raw))

    small, medium = pa.int8(), pa.int32()
    return pa.table(
        {
            "user_id": key_column(keys, text),
            "age": draw.whole(age, small, 0.06),
            "gender": draw.text(["F", "M"], shares(52, 48), 0.08),
            "city_tier": draw.named(TIERS, tier, 0.02),
            "province": draw.named(PROVINCES, province, 0.02),
            "city": draw.named([f"city_{n:03d}" for n in range(300)], city, 0.03),
            "jd_value": draw.whole(
                np.exp(6.9 + 0.7 * wealth + 0.6 * habit + 0.3 * rng.standard_normal(rows)),
                medium,
                0.011,
            ),
            "purchase_power": draw.named([f"L{n}" for n in range(1, 6)], power, 0.10),
            "plus": draw.flag(1 / (1 + np.exp(2.0 - 0.9 * wealth - 0.5 * habit))),
            "car_owner": draw.flag(0.35, 0.30),
            "house_owner": draw.flag(0.42, 0.30),
            "job": draw.text(JOBS, zipf(20, 0.8), 0.25),
            "education": draw.text(
                ["high_school", "college", "bachelor", "master", "doctor"],
                shares(34, 29, 28, 7, 2),
                0.35,
            ),
            "marriage": draw.text(["married", "single", "divorced"], shares(58, 36, 6), 0.40),
            "child_age": draw.whole(rng.integers(0, 18, rows), small, 0.60),
            "device_brand": draw.named(DEVICES, device, 0.05),
            "device_price": draw.whole(np.round(price, -2) - 1, medium, 0.05),
            "os": draw.named(["ios", "android", "harmony"], system, 0.05),
            "channel": draw.text(CHANNELS, zipf(8, 1.0), 0.01),
            "income_band": draw.text([f"B{n}" for n in range(1, 9)], zipf(8, 0.6), 0.50),
            "member_level": draw.whole(np.clip(rng.poisson(2.2, rows), 0, 9), small),
            "rfm_score": draw.number(100 * score(1.2), 2),
            "price_sensitivity": draw.number(score(-0.3), 4, 0.15),
            "activity_score": draw.number(score(1.5), 4),
            "churn_score": draw.number(score(-1.5), 4, 0.20),
            "promo_score": draw.number(score(0.2), 3, 0.25),
            "review_score": draw.number(5 * score(0.1), 1, 0.45),
            "ltv": draw.number(np.exp(6.0 + 0.9 * wealth + 0.8 * habit), 2, 0.03),
            "orders_90d": draw.whole(counter(0.2, 0.9), medium),
            "visits_30d": draw.whole(counter(1.6, 1.0), medium),
            "coupons": draw.whole(counter(0.4, 0.6), medium, 0.05),
            "cart_items": draw.whole(counter(0.8, 0.8), medium),
            "favourites": draw.whole(counter(0.5, 1.1), medium, 0.02),
            "refunds_180d": draw.whole(counter(-2.0, 0.5), small),
            "reviews": draw.whole(counter(-0.5, 1.0), medium, 0.10),
            "registered_on": draw.date(FIRST_DAY, 3600 * rng.random(rows) ** 1.4),
            "last_active_on": draw.date(FIRST_DAY, rng.exponential(25, rows) % 720, 0.02),
            "last_buy_on": draw.date(FIRST_DAY, rng.exponential(80, rows) % 1400, 0.45),
            "uninstalled_on": draw.date(FIRST_DAY, rng.exponential(200, rows) % 1400, 0.60),
            "birthday_month": draw.whole(rng.integers(1, 13, rows), small, 0.18),
            "interests": draw.lists(pa.array(INTERESTS), 2.5, 8, 0.12),
            "categories_owned": draw.lists(pa.array(CATEGORIES), 1.6, 8, 0.20),
            "segments": draw.lists(pa.array(range(100, 300), pa.int32()), 1.8, 8, 0.05),
            "newsletter": draw.flag(0.985),
            "risk_flag": draw.flag(0.001),
            "company_account": draw.flag(0.004),
            "language": draw.text(["zh", "en", "ug"], shares(99.2, 0.6, 0.2)),
            "country": draw.text(["CN", "SG", "US"], shares(99.8, 0.1, 0.1)),
        }
    )
