"""The benchmark's event table: a day of it at a time."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from columns import Draw, Floats, Ints, key_column, shares, zipf

from people import CATEGORIES

FIRST = date(2023, 3, 3)
DAYS = 120
ITEMS = 5_000  # of each category
ACTIONS = ["view", "search", "cart", "favourite", "buy", "share"]
BUY = 4
PHONES = [
    "huawei",
    "apple",
    "xiaomi",
    "vivo",
    "oppo",
    "honor",
    "realme",
    "samsung",
    "oneplus",
    "meizu",
]
BRANDS = [*PHONES, *(f"brand_{n:03d}" for n in range(len(PHONES), 200))]
DAY_US = 86_400_000_000


def day(number: int) -> date:
    """The day with that number, from 0."""
    return FIRST + timedelta(days=number)


def shelf(seed: int) -> tuple[Ints, Floats]:
    """Brand and price of every item; items of a category lie side by side."""
    rng = np.random.default_rng([seed, 7])
    brands, prices = [], []
    for category in range(len(CATEGORIES)):
        if category == 0:
            sold = np.arange(len(PHONES))
            weights = shares(22, 20, 18, 11, 11, 10, 3, 3, 1, 1)
            middle = 8.0
        else:
            # The phone makers sell other things too, next to brands of each category.
            others = len(PHONES) + (category * 13 + np.arange(28)) % (len(BRANDS) - len(PHONES))
            sold = np.concatenate((others, [category % 6, (category + 2) % 6]))
            weights = zipf(30, 0.8)
            middle = 3.2 + 0.5 * (category % 7)
        brands.append(rng.choice(sold, ITEMS, p=weights / weights.sum()))
        prices.append(np.round(np.exp(rng.normal(middle, 0.5, ITEMS))) + 0.9)
    return np.concatenate(brands), np.concatenate(prices)


def spread(drawn: Floats, count: int) -> Ints:
    """Evenly drawn numbers as places of users, a few of whom are hundreds of times as busy.

    Busy users must not lie together in the user table, so places are spread over it by a stride
    that has no divisor in common with it.
    """
    low, power = 0.06, 4
    rank = ((low + (1 - low) * drawn) ** power - low**power) / (1 - low**power)
    stride = int(count * 0.618_034) | 1
    while math.gcd(stride, count) != 1:
        stride += 2
    return np.minimum((rank * count).astype(np.int64), count - 1) * stride % count


def events(keys: Ints, number: int, rows: int, seed: int, text: bool) -> Any:
    """One day's rows, in the order of time."""
    draw = Draw((seed, 11, number), rows)
    rng = draw.rng
    midnight = (day(number) - date(1970, 1, 1)).days * DAY_US - 8 * 3_600_000_000
    # The hours from noon to ten are busier than the others.
    late = rng.random(rows) < 0.4
    at = rng.random(rows)
    at = np.sort(np.where(late, 0.5 + at * 10 / 24, at))
    ts = pa.array(midnight + (at * DAY_US).astype(np.int64))
    user = keys[spread(rng.random(rows), len(keys))]
    # Keys lie at least two apart, so the next number is nobody's.
    user = user + (rng.random(rows, dtype=np.float32) < 0.005)
    gone = rng.random(rows, dtype=np.float32) < 0.0005
    action = draw.codes(shares(68, 12, 8, 5, 5, 2))
    weights = np.concatenate(([0.09], 0.91 * zipf(39, 0.8) / zipf(39, 0.8).sum()))
    category = draw.codes(weights)
    item = category * ITEMS + (rng.random(rows) ** 2.2 * ITEMS).astype(np.int64)
    brands, prices = shelf(seed)
    price = prices[item] * np.array([1.0, 1.0, 0.95, 0.9])[rng.integers(0, 4, rows)]
    price = np.round(price, 2)
    bought = action == BUY
    order = (number + 1) * 100_000_000 + np.cumsum(bought)
    pieces = 1 + (rng.random(rows) < 0.15) + (rng.random(rows) < 0.03)
    return pa.table(
        {
            "user_id": key_column(user, text, gone),
            "ts": ts.cast(pa.timestamp("us", tz="Asia/Shanghai")),
            "action": draw.named(ACTIONS, action),
            "category": draw.named(CATEGORIES, category),
            "brand": draw.named(BRANDS, brands[item]),
            "item_id": pa.array((item + 100_000).astype(np.int32)),
            "price": pa.array(price),
            "order_id": pa.array(order, mask=~bought),
            "amount": pa.array(np.round(price * pieces, 2), mask=~bought),
        }
    )
