"""What the analysis says in words of its own, in both languages."""

from __future__ import annotations

from audience.rules.language import Pair

# Causes: what became of somebody.

NEWER: Pair = ("{words}: newer events came in", "{words}（有新事件进入时间窗）")
OLDER: Pair = ("{words}: older events fell out", "{words}（有旧事件移出时间窗）")
OTHER_DAYS: Pair = ("{words}: events of other days", "{words}（统计的日期不同）")
OTHER_DAY: Pair = ("{words}: the day is another", "{words}（统计日期不同）")
GONE_FROM_TABLE: Pair = ("not in the user table any more", "已不在用户表中")
NEW_IN_TABLE: Pair = ("new in the user table", "用户表中新增")
OPTED_OUT: Pair = ("on a suppress list", "在排除名单中")
OPTED_IN: Pair = ("on a suppress list then, and no more", "当时在排除名单中，现已不在")
LIST_OF_THEN: Pair = ("{names}: not the ids of then", "{names}：ID 与当时不同")
LIST_SINCE: Pair = ("{names}: other ids since {build}", "{names}：ID 在 {build} 之后有变动")
OWN_PUBLISHED: Pair = ("published packs of the phase itself", "本期自己已发布的人群包")
TABLES_OTHERS: Pair = (
    "the tables of {build} are not as they were",
    "{build} 所用的数据表已不是当时的样子",
)
DATA_SINCE: Pair = ("tags or behaviour since {build}", "{build} 之后的标签或行为")
RULE_OR_DATA: Pair = ("the rule or the data", "规则或数据")
EDIT_NEW: Pair = ("new: {new}", "新增：{new}")
EDIT_GONE: Pair = ("gone: {old}", "删除：{old}")
EDIT: Pair = ("{old} → {new}", "{old} → {new}")

# What can't be told, and what is not as it was.

NO_PACK: Pair = (
    "no pack is on both sides; name one of each: campaign/phase/pack",
    "两次构建没有同名的人群包；请各指定一个：campaign/phase/pack",
)
RULES_UNREADABLE: Pair = (
    "the rules of {build} can't be read any more: {problem}",
    "{build} 的规则已无法读取：{problem}",
)
FILES_CHANGED: Pair = (
    "{n} of {all} files that {build} was made from are gone or not as they were, "
    "for example {example}",
    "{build} 所用的 {all} 个文件中有 {n} 个已不存在或有变动，例如 {example}",
)
NOT_EVALUATED: Pair = ("can't be evaluated any more: {problem}", "已无法计算：{problem}")
SNAPSHOT_GONE: Pair = (
    "the snapshot of the user table that {build} read is gone",
    "{build} 所用的用户表快照已不存在",
)
FORGOTTEN: Pair = (
    "{build}: people were taken out since, and the rules lack their ids",
    "{build}：此后有用户被移除，规则中已没有他们的 ID",
)
OTHER_TABLES: Pair = (
    "{build}: the project named other tables, or other columns in them",
    "{build}：当时项目使用其他数据表，或其中的其他列",
)
OTHER_ZONE: Pair = (
    "{build}: the project was in the time zone {zone}",
    "{build}：当时项目的时区为 {zone}",
)
NO_FLOW: Pair = ("no flow of stages since {day}: {problem}", "没有 {day} 以来的阶段流转：{problem}")
NO_BUILD: Pair = (
    "nothing of {phase} was published as of {day}: sizes are not compared, and no causes told",
    "{phase} 在 {day} 没有发布过构建：不比较人数，也不说明原因",
)
OTHER_SIZE: Pair = (
    "{pack} was published with {published} users; its rules give {now} by the tables and lists of "
    "today, as all that follows does",
    "{pack} 发布时有 {published} 人；按现在的数据表和名单计算为 {now} 人，下文均按现在的数据计算",
)
