"""The crontab line and the timer: that cron and systemd take them as they are meant."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from audience.errors import UsageError
from audience.scheduling import Schedule, make_schedule, unit_name
from support import MakeProject, Run

SHANGHAI = datetime(2024, 3, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
RULE = "campaign: c\nphase: p\npacks: {all: {where: {age: known}}}\n"


def made(at: str = "03:00", now: datetime = SHANGHAI, root: str = "/srv/人群 包/100%") -> Schedule:
    words = ["build-pack", "/srv/a b.yaml", "--as-of", "yesterday", "--quiet"]
    program = ["/opt/audience/bin/audience"]
    return make_schedule(program, words, Path(root), time.fromisoformat(at), "Asia/Shanghai", now)


def line_of(schedule: Schedule) -> str:
    return schedule.cron.splitlines()[-1]


def line_of_text(printed: str) -> str:
    """The crontab line of what the command prints."""
    return next(line for line in printed.splitlines() if " && " in line)


def test_cron_gets_time_folder_and_command() -> None:
    fields = line_of(made()).split(" ", 5)
    assert fields[:5] == ["0", "3", "*", "*", "*"]
    # As cron does: a percent sign behind a backslash is one.
    command = fields[5].replace("\\%", "%")
    assert shlex.split(command) == [
        "cd",
        "/srv/人群 包/100%",
        "&&",
        "/opt/audience/bin/audience",
        "build-pack",
        "/srv/a b.yaml",
        "--as-of",
        "yesterday",
        "--quiet",
    ]
    assert "%" not in fields[5].replace("\\%", "")


@pytest.mark.parametrize(
    ("zone", "at", "local"),
    [
        ("Asia/Shanghai", "03:00", "0 3"),
        ("UTC", "03:00", "0 19"),
        ("UTC", "08:30", "30 0"),
        ("Asia/Kolkata", "03:00", "30 0"),
    ],
)
def test_cron_goes_by_the_machines_own_clock(zone: str, at: str, local: str) -> None:
    schedule = made(at, SHANGHAI.astimezone(ZoneInfo(zone)))
    assert line_of(schedule).startswith(local + " * * * cd ")
    assert (f"is {local.split()[1].zfill(2)}" in schedule.cron) == (zone != "Asia/Shanghai")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_systemd_takes_both_files(tmp_path: Path) -> None:
    folder = tmp_path / "人群 包" / "100%"
    folder.mkdir(parents=True)
    program = tmp_path / "audience"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    words = ["build-pack", "/srv/a b.yaml", "--notify", 'echo "$AUDIENCE_EXIT" 50%']
    schedule = make_schedule([str(program)], words, folder, time(3), "Asia/Shanghai", SHANGHAI)
    unit = unit_name(folder)
    (tmp_path / f"{unit}.service").write_text(schedule.service)
    (tmp_path / f"{unit}.timer").write_text(schedule.timer)
    for name in (f"{unit}.service", f"{unit}.timer"):
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
        assert told == []
    calendar = schedule.timer.split("OnCalendar=")[1].splitlines()[0]
    done = subprocess.run(
        ["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_prints_what_is_right_for_the_project(
    make_project: MakeProject, run: Run
) -> None:
    folder = make_project([{"user_id": 1, "age": 2}], {"a.yaml": RULE})
    done = run("schedule", "rules/a.yaml", "--at", "03:05", "--notify", "mail boss", at=folder)
    assert done.code == 0
    assert str(folder / "rules/a.yaml") in done.out
    assert "--as-of yesterday --quiet --notify 'mail boss'" in done.out
    assert "OnCalendar=*-*-* 03:05:00 Asia/Shanghai" in done.out
    assert f"WorkingDirectory={folder}" in done.out
    assert done.err == ""
    assert "/etc/systemd/system/audience-project-a.service" in done.out
    assert "~/.config/systemd/user/audience-project-a.service" in done.out
    assert "systemctl enable --now audience-project-a.timer" in done.out
    assert "systemctl --user enable --now audience-project-a.timer" in done.out
    assert "loginctl enable-linger" in done.out
    assert f"\nUser={pwd.getpwuid(os.geteuid()).pw_name}\n" in done.out


def test_all_rule_files_are_warned_of(make_project: MakeProject, run: Run) -> None:
    folder = make_project([{"user_id": 1, "age": 2}], {"a.yaml": RULE})
    done = run("schedule", at=folder)
    assert done.code == 0
    assert "audience build-pack --as-of yesterday" in line_of_text(done.out)
    assert "warning: this builds every rule file" in done.err
    assert "finished phases too" in done.err


@pytest.mark.parametrize(
    ("root", "rules", "name"),
    [
        ("/srv/shop", [], "audience-shop"),
        ("/srv/shop", ["rules/nightly.yaml"], "audience-shop-nightly"),
        (
            "/srv/shop",
            ["rules/nightly.yaml", "rules/other.yaml"],
            "audience-shop-nightly-[0-9a-f]+",
        ),
        ("/srv/人群", [], "audience-[0-9a-f]{8}"),
        ("/srv/人群 x%", [], "audience-x-[0-9a-f]{8}"),
        ("/srv/shop", ["rules/夜间.yaml"], "audience-shop-[0-9a-f]{8}"),
        ("/srv/-o.service", [], "audience-o-service-[0-9a-f]{8}"),
        ("/", [], "audience-[0-9a-f]{8}"),
        ("/srv/" + "x" * 250, [], "audience-x{100}-[0-9a-f]{8}"),
        ("/srv/\udcff", [], "audience-[0-9a-f]{8}"),
    ],
)
def test_units_have_names_that_systemd_takes(root: str, rules: list[str], name: str) -> None:
    assert re.fullmatch(name, unit_name(Path(root), [Path(each) for each in rules]))


def test_units_of_odd_names_are_told_apart() -> None:
    names = [
        unit_name(Path("/srv") / each) for each in ("人群", "用户", "a b", "a%b", "a", "人群/a b")
    ]
    rules = [[Path(f"/srv/a/{each}.yaml")] for each in ("夜", "日")]
    names += [unit_name(Path("/srv/a"), each) for each in (*rules, rules[0] + rules[1])]
    assert len(set(names)) == 9


def test_a_user_whom_the_machine_does_not_know_is_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2_000_000_000)
    assert "\nUser=2000000000\n" in made().service


@pytest.mark.parametrize("break_", ["\n", "\r"])
def test_a_line_break_has_no_place(break_: str) -> None:
    with pytest.raises(UsageError, match="line break"):
        made(root=f"/srv/a{break_}b")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "25:00"], "expected a time of day"),
        (["--as-of", "2024-01-01"], "expected today or yesterday"),
        (["rules/none.yaml"], "there is no rule file"),
    ],
)
def test_what_cannot_be_scheduled(
    make_project: MakeProject, run: Run, words: list[str], told: str
) -> None:
    folder = make_project([{"user_id": 1, "age": 2}], {"a.yaml": RULE})
    done = run("schedule", *words, at=folder)
    assert done.code == 2
    assert told in done.err
