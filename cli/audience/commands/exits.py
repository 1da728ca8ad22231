"""Exit codes: what cron and scripts may rely on."""

from __future__ import annotations

from enum import IntEnum

from audience.errors import (
    AudienceError,
    BusyError,
    ConditionError,
    DataError,
    ExpectationError,
    NotPublishedError,
    RuleError,
    StoreError,
    UsageError,
)


class ExitCode(IntEnum):
    """One number for each way a run can end."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    RULES = 3
    DATA = 4
    STORE = 5
    BUSY = 6
    NOT_PUBLISHED = 7
    EXPECTATION = 8
    CASES = 9
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """What the code says, for the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done; warnings may have been told on stderr",
    ExitCode.INTERNAL: "a fault of the program; please report it",
    ExitCode.USAGE: "the command line is wrong, or names a file or pack that does not exist",
    ExitCode.RULES: "a rule file or the project file is wrong; every problem was told",
    ExitCode.DATA: "an input table is missing, unreadable or not what the project file says",
    ExitCode.STORE: "packs could not be written, or what is published is damaged",
    ExitCode.BUSY: "another process is publishing the same campaign, or was faster",
    ExitCode.NOT_PUBLISHED: "a published build or pack was named that is not there",
    ExitCode.EXPECTATION: (
        "an `expect` or a set of stages does not hold; nothing of that file was published"
    ),
    ExitCode.CASES: "a case of `audience test` does not hold",
    ExitCode.INTERRUPTED: "interrupted; what was published before is as it was",
    ExitCode.TERMINATED: "told to end (SIGTERM); what was published before is as it was",
}

_CODES: tuple[tuple[type[AudienceError], ExitCode], ...] = (
    (ConditionError, ExitCode.USAGE),
    (RuleError, ExitCode.RULES),
    (UsageError, ExitCode.USAGE),
    (DataError, ExitCode.DATA),
    (BusyError, ExitCode.BUSY),
    (StoreError, ExitCode.STORE),
    (NotPublishedError, ExitCode.NOT_PUBLISHED),
    (ExpectationError, ExitCode.EXPECTATION),
)


class Terminated(BaseException):
    """The process was told to end: like an interruption, no command may swallow it."""


class TerminatedAmid(Terminated, KeyboardInterrupt):
    """The same, for those who let go of what they wait for only when they are interrupted."""


def exit_of(error: BaseException) -> ExitCode:
    """The exit code of whatever ends a run."""
    match error:
        case AudienceError():
            return code_of(error)
        case Terminated():
            return ExitCode.TERMINATED
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case OSError():
            return ExitCode.STORE
        case _:
            return ExitCode.INTERNAL


def code_of(error: AudienceError) -> ExitCode:
    """The exit code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INTERNAL)
