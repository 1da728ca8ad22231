"""What a report says, in English and in Chinese: one table, and how numbers read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from audience.report import words as plain
from audience.rules.language import Language, Pair

__all__ = ["TABLE", "Language", "Words"]


@dataclass(frozen=True)
class Words:
    """A report's words in one language."""

    language: Language = Language.ENGLISH

    def __call__(self, key: str, **values: object) -> str:
        """What a key says, with values in it. Raises KeyError where there is no such key."""
        return self.language.say(TABLE[key], **values)

    def count(self, value: int | None) -> str:
        """A count; of None that it is hidden."""
        return self("hidden") if value is None else plain.number(value)

    def users(self, value: int | None) -> str:
        """A count with its unit."""
        return self("hidden") if value is None else self("users_n", n=plain.number(value))

    def percent(self, share: float | None) -> str:
        """A share of 0 to 1 in percent; ``–`` where there is none."""
        return plain.percent(share)

    def interval(self, low: str, high: str) -> str:
        """From the one to the other."""
        return f"{low} – {high}"

    def days(self, first: date | None, last: date | None) -> str:
        """A stretch of days; of one that is not known the other alone, ``–`` where none is."""
        known = dict.fromkeys(each.isoformat() for each in (first, last) if each is not None)
        return " – ".join(known) or "–"

    def days_up_to(self, first: date | None, last: date | None) -> str:
        """The same of a stretch that begins anywhere where its first day is not known."""
        return self.interval("…", f"{last}") if first is None and last else self.days(first, last)


TABLE: dict[str, Pair] = {
    # what the page is about
    "title": ("Audience report", "人群报告"),
    "contents": ("Contents", "目录"),
    "skip": ("Skip to the report", "跳到正文"),
    "as_of": ("As of", "数据日期"),
    "base": ("Base", "基础人群"),
    "the_base": ("the base", "基础人群"),
    "packs": ("Packs", "人群包"),
    "suppressed": ("Suppressed", "已排除"),
    "snapshot": ("Snapshot of the user table", "用户表快照"),
    "warnings": ("Warnings", "提示"),
    "small_cells": (
        "Some counts are hidden because few users stand behind them, or because they would "
        "tell such a count. They have no bar or a hatched mark of one length.",
        "部分数字因涉及人数过少，或可推算出过少的人数，已隐藏；图中不画，或用固定长度的斜线标记代替。",
    ),
    # words that stand in many places
    "hidden": ("hidden", "已隐藏"),
    "users": ("Users", "人数"),
    "users_n": ("{n} users", "{n} 人"),
    "pack": ("Pack", "人群包"),
    "label": ("Label", "名称"),
    "size": ("Size", "规模"),
    "share": ("Of base", "占基础人群"),
    "change": ("Change", "变化"),
    "table": ("Table: {what}", "数据表：{what}"),
    "rows": ("{n} rows", "{n} 行"),
    "shown_of": ("{n} of {all} shown", "共 {all} 项，显示 {n} 项"),
    "tag": ("Tag", "标签"),
    "value": ("Value", "取值"),
    "condition": ("Condition", "条件"),
    "interval": ("95% interval", "95% 区间"),
    "chance": ("by chance?", "可能是偶然"),
    "few": ("few users", "人数太少"),
    "remark": ("Remark", "备注"),
    "where": ("Where", "位置"),
    # sizes
    "sizes": ("Pack sizes", "人群包规模"),
    "sizes_about": (
        "Users in each pack, and their share of the base.",
        "各人群包的人数及占基础人群的比例。",
    ),
    "sizes_about_before": (
        "Users in each pack, their share of the base, and the change since the last build.",
        "各人群包的人数、占基础人群的比例，以及与上一次构建相比的变化。",
    ),
    "sizes_chart": ("Users in each pack", "各人群包人数"),
    "sizes_told": (
        "{n} packs of a base of {base}. Largest: {largest}.",
        "{n} 个人群包，基础人群 {base}。最大：{largest}。",
    ),
    "before": ("Last build", "上次构建"),
    "new": ("new", "新增"),
    # waterfalls
    "waterfalls": ("From the base to each pack", "从基础人群到人群包"),
    "waterfalls_about": (
        "Conditions that hold one after the other, and who is left after each. "
        "Indented conditions are parts of the one above; their bars show for whom each holds "
        "alone.",
        "条件依次生效后剩下的人数。缩进的条件是上一条的组成部分，条形表示单独满足该条件的人数。",
    ),
    "waterfall_chart": ("From the base to {pack}", "从基础人群到{pack}"),
    "waterfall_told": (
        "{n} conditions lead from a base of {base} to {size}.",
        "经 {n} 个条件，从基础人群 {base} 得到 {size}。",
    ),
    "left_over": ("left", "剩余"),
    "lost": ("lost by this condition", "被该条件筛掉"),
    "alone": ("alone", "单独满足"),
    "without": ("Without it", "去掉该条件"),
    "only_missing": ("Only by a missing value", "仅因缺失值"),
    "nearby": ("Nearby bounds", "临近阈值"),
    "at_bound": ("At", "阈值"),
    # overlaps
    "overlaps": ("Overlaps", "人群重叠"),
    "overlaps_about": (
        "How much packs have in common, and who is in exactly which of them.",
        "人群包之间的共同人数，以及恰好属于某些包的人数。",
    ),
    "heat_chart": (
        "Share of the row's pack in the column's pack",
        "行人群包中同时属于列人群包的比例",
    ),
    "heat_told": (
        "{n} packs against each other. Highest share: {highest}.",
        "{n} 个人群包两两对照。最高比例：{highest}。",
    ),
    "heat_of": (
        "{share} of {one} is in {other}: {both}",
        "{one}中 {share} 同时属于{other}：{both}",
    ),
    "upset_chart": ("Users in exactly these packs", "恰好属于这些人群包的人数"),
    "upset_told": (
        "The {n} largest combinations. Largest: {largest}.",
        "人数最多的 {n} 种组合。最大：{largest}。",
    ),
    "outside": ("in none", "不在任何包中"),
    "other": ("Other", "另一个"),
    "both": ("Both", "共同人数"),
    "of_pack": ("Of pack", "占前者"),
    "of_other": ("Of other", "占后者"),
    "exactly": ("In exactly", "恰好属于"),
    "redundant": ("Packs that another one makes needless", "可由其他包代替的人群包"),
    "why": ("Why", "原因"),
    "equal": ("the same users", "人群相同"),
    "within": ("all of it is in the other", "完全包含在另一个中"),
    "nearly": ("more than 95% of both are in both", "双方超过 95% 的人相同"),
    # profiles
    "profiles": ("Profiles", "人群画像"),
    "profiles_about": (
        "Values by how much they set a pack apart. TGI 100 is as often as in the baseline; "
        "a pale bar may be by chance, one with an arrow goes beyond the scale.",
        "按区分度排列的标签取值。TGI 100 表示与对照人群相同；浅色表示可能是偶然，"
        "箭头表示超出刻度。",
    ),
    "profile_chart": ("TGI of {pack} against {baseline}", "{pack}相对{baseline}的 TGI"),
    "profile_told": (
        "{size} in the pack, {baseline} in the baseline. First: {first}.",
        "人群包 {size}，对照人群 {baseline}。首位：{first}。",
    ),
    "share_in": ("Share", "占比"),
    "baseline_users": ("Users in baseline", "对照人数"),
    "baseline_share": ("In baseline", "对照占比"),
    "over": ("above the baseline", "高于对照"),
    "under": ("below the baseline", "低于对照"),
    # conversions
    "conversions": ("Conversion", "转化"),
    "conversions_about": (
        "How many of each pack's users converted, and of those with each value. "
        "Whiskers are 95% intervals.",
        "各人群包的转化比例，以及其中各取值用户的转化比例，细线为 95% 区间。",
    ),
    "goal": ("Goal: ", "目标："),
    "goal_rule": ("Goal", "目标"),
    "goal_until": (
        "The goal is counted up to {day}, as the packs are: a pack that leaves out who had done "
        "it by that day converts nobody.",
        "目标与人群包统计到同一天（{day}）：已排除当天及之前完成目标者的人群包，无人转化。",
    ),
    "overview_chart": ("Conversion rate of each pack → {target}", "各人群包转化率 → {target}"),
    "overview_told": ("{n} packs. Highest: {highest}.", "{n} 个人群包。最高：{highest}。"),
    "nobody_converted": ("Nobody in this pack converted.", "该人群包无人转化。"),
    "no_value_told": (
        "Overall: {rates}. By value there is nothing to show: every rate is 0 or hidden.",
        "总体：{rates}。按取值无可展示的内容：各取值的转化率为 0 或已隐藏。",
    ),
    "conversion": ("{source} → {target}", "{source} → {target}"),
    "conversion_chart": ("Conversion rate, {source} → {target}", "转化率：{source} → {target}"),
    "conversion_told": ("Overall: {rates}.", "总体：{rates}。"),
    "overall": ("all", "总体"),
    "period": ("Period", "时期"),
    "rate": ("Rate", "转化率"),
    "converted": ("Converted", "转化人数"),
    "of_users": ("Of", "总人数"),
    "ctgi": ("Conversion TGI", "转化 TGI"),
    # flows
    "flows": ("Moves between stages", "阶段流转"),
    "flows_about": (
        "From the stage on the first day to that on the second; bands are as wide as users are "
        "many.",
        "从第一天的阶段到第二天的阶段，带宽与人数成正比。",
    ),
    "flow_of": ("{stages}, {start} → {end}", "{stages}，{start} → {end}"),
    "flow_chart": ("Moves between stages of {stages}", "{stages}各阶段之间的流转"),
    "flow_told": (
        "{start} to {end}: {stayed} stayed, {entered} entered, {left} left.",
        "{start} 至 {end}：{stayed}留在原阶段，{entered}进入，{left}离开。",
    ),
    "entered": ("(entered)", "（进入）"),
    "left": ("(left)", "（离开）"),
    "from_to": ("{start} ↓  {end} →", "{start} ↓  {end} →"),
    # reasons
    "reasons": ("What changed, and why", "变化及原因"),
    "reasons_about": ("From {old} to {new}.", "从 {old} 到 {new}。"),
    "reasons_chart": ("Added and removed by cause, {pack}", "{pack}：各原因增减人数"),
    "reasons_told": (
        "From {old} to {new}: {added} added, {removed} removed, {kept} kept.",
        "{old} → {new}：新增 {added}，移出 {removed}，保留 {kept}。",
    ),
    "added": ("added", "新增"),
    "removed": ("removed", "移出"),
    "kept": ("kept", "保留"),
    "cause": ("Cause", "原因"),
    "kind": ("Kind", "类别"),
    "transitions": ("Values that changed", "取值变化"),
    "untold": ("What can't be told", "无法说明的变化"),
    "kind_rule": ("rule edited", "规则修改"),
    "kind_tag": ("tag value", "标签变化"),
    "kind_window": ("window moved", "时间窗移动"),
    "kind_list": ("list", "名单"),
    "kind_limit": ("limit", "数量上限"),
    "kind_suppressed": ("suppressed", "排除名单"),
    "kind_entered": ("entered the base", "进入基础人群"),
    "kind_left": ("left the base", "离开基础人群"),
    "kind_unknown": ("unknown", "未知"),
    "TGI": ("TGI", "TGI"),
    "jaccard": ("Jaccard", "Jaccard"),
    "lift": ("Lift", "提升度"),
    # what the numbers of a chart by itself are, by the kind of chart
    "numbers_bars": ("users, and their share of the base", "人数及占基础人群的比例"),
    "numbers_drops": ("users who are left after each condition", "各条件生效后剩余的人数"),
    "numbers_heat": ("percent of the row's pack", "占行人群包的百分比"),
    "numbers_indices": (
        "TGI and its 95% interval; 100 is as often as in the baseline",
        "TGI 及其 95% 区间，100 表示与对照人群相同",
    ),
    "numbers_rates": ("conversion rate and its 95% interval", "转化率及其 95% 区间"),
    "numbers_users": ("users", "人数"),
    # how it was computed
    "method": ("How it was computed", "计算说明"),
    "rules": ("Rules", "规则"),
    "variables": ("Variables", "变量"),
    "inputs": ("Inputs", "数据来源"),
    "lists": ("Lists and published packs: {names}", "名单与已发布的人群包：{names}"),
    "input_table": ("Table", "数据表"),
    "files": ("Files", "文件数"),
    "bytes": ("Bytes", "字节数"),
    "days": ("Days", "日期范围"),
    "program": ("Program", "程序"),
    "version": ("audience {version}", "audience {version}"),
    "terms": ("Terms", "术语"),
    "term_base": (
        "The users that all packs of the rule file are chosen from, without those who are "
        "suppressed.",
        "规则文件中所有人群包的选取范围，不含被排除的用户。",
    ),
    "term_tgi": (
        "Target group index: the share of a value in the pack, divided by its share in the "
        "baseline, times 100. 100 means as often as in the baseline, 200 twice as often.",
        "目标群体指数：取值在人群包中的占比 ÷ 在对照人群中的占比 × 100。"
        "100 表示与对照相同，200 表示两倍。",
    ),
    "term_jaccard": (
        "Users in both of two packs, divided by the users in either: 0 if they share nobody, "
        "1 if they are the same.",
        "两个人群包的共同人数 ÷ 合并去重后的人数。0 表示没有交集，1 表示完全相同。",
    ),
    "term_lift": (
        "Users in both of two packs times users in the base, divided by the product of the two "
        "sizes: how many times as many share both as if the packs had nothing to do with "
        "each other.",
        "两包共同人数 × 基础人群人数 ÷ 两包人数之积，即与两包互不相关时相比，共同人数的倍数。",
    ),
    "term_ctgi": (
        "Share of a value among the users who converted, divided by its share among those who "
        "did not, times 100.",
        "取值在已转化用户中的占比 ÷ 在未转化用户中的占比 × 100。",
    ),
    "term_interval": (
        "Where the true value lies with 95% confidence: of a TGI the interval of a ratio of two "
        "shares, symmetric in its logarithm (Katz et al., 1978); of a rate that of Wilson (1927).",
        "真实值有 95% 把握落入的范围。TGI 采用两个比例之比的对数对称区间（Katz 等，1978），"
        "转化率采用 Wilson 区间（1927）。",
    ),
    "term_chance": (
        "“By chance?” stands where a test of two shares does not tell the difference from "
        "chance, with the false discovery rate of all lines held at 5% (Benjamini, Hochberg, "
        "1995). "
        "“Few users” stands where counts are too small for the test.",
        "“可能是偶然”指两个比例的检验无法排除偶然（所有行的错误发现率控制在 5%，"
        "Benjamini 与 Hochberg，1995）；“人数太少”指人数不足以检验。",
    ),
}
"""Each key in English and in Chinese."""
