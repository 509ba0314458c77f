"""What may befall a rotation. `FAULTS` is the whole list."""

from __future__ import annotations

import json
import secrets
import string
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.faults.arenas import Administered, Crowded
from bench.faults.fuse import Call, Fuse, Phase
from bench.faults.invariants import ALWAYS, broken
from bench.faults.trial import Trial
from wickie.rotation.driver import Step
from wickie.rotation.strategies import WITH_MASTER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.faults.rotator import Rotator

    Act = Callable[[Trial, Fuse, Call], None]

_HEAD_START: Final = 0.25
"""Seconds for a rival to get ahead in, unless it has to wait for a lock that we hold."""


@dataclass(frozen=True)
class AtCalls:
    """A fault that may strike at any call, each of which is one trial."""

    act: Act
    phase: Phase = Phase.BEFORE
    applies: Callable[[Rotator, Call], bool] = lambda *_: True

    def play(self, trial: Trial, point: int) -> list[str] | None:
        """Strike at call number `point`; say what was wrong then, None if there was no such."""
        fuse = Fuse(point, self.phase, partial(self.act, trial))
        trial.attempt(fuse)
        return broken(trial, ALWAYS) if fuse.blown else None


@dataclass(frozen=True)
class Once:
    """A fault that befalls the rotation as a whole."""

    scenario: Callable[[Trial], list[str]]
    first_only: bool = False
    """Whether it is about a secret that has never rotated."""

    def play(self, trial: Trial, _point: int) -> list[str] | None:
        """Let it happen, and say what was wrong then; None if it cannot happen."""
        if self.first_only and trial.rotator.second:
            return None
        return [*self.scenario(trial), *broken(trial, ALWAYS)]


def _kill(_trial: Trial, fuse: Fuse, _call: Call) -> None:
    fuse.die()


def _cut(trial: Trial, _fuse: Fuse, call: Call) -> None:
    trial.unreachable = True
    raise call.cut()


def _slow(trial: Trial, _fuse: Fuse, call: Call) -> None:
    trial.unreachable = True
    raise call.late()


def _timeout(_trial: Trial, fuse: Fuse, _call: Call) -> None:
    """Leave five seconds, and two more calls."""
    fuse.seconds_left, fuse.calls_left = 5.0, 2


def _skewed(_trial: Trial, _fuse: Fuse, call: Call) -> None:
    """Have AWS refuse the signature, as it does when the caller's clock is off."""
    text = "Signature expired: 20200101T000000Z is now earlier than 20200101T001000Z"
    raise call.refused("InvalidSignatureException", text)


def _same_token(trial: Trial, _fuse: Fuse, _call: Call) -> None:
    """Lambda delivers at least once: all steps run elsewhere while this one waits."""
    _rival(trial, trial)


def _other_secret(trial: Trial, _fuse: Fuse, _call: Call) -> None:
    _rival(trial, Trial.begin(replace(trial.rotator, second=False)))


def _rival(trial: Trial, other: Trial) -> None:
    thread = threading.Thread(target=other.attempt)
    trial.rivals.append(thread)
    thread.start()
    thread.join(_HEAD_START)


def _master_rotates(trial: Trial, _fuse: Fuse, _call: Call) -> None:
    arena = trial.rotator.arena
    if isinstance(arena, Administered) and trial.master:
        trial.rotator.aws.put(trial.master, arena.change_master())


def _has_master(rotator: Rotator, _call: Call) -> bool:
    return isinstance(rotator.arena, Administered) and rotator.strategy in WITH_MASTER


def _twice(trial: Trial) -> list[str]:
    fine = trial.attempt(steps=tuple(step for step in Step for _ in range(2)))
    return [] if fine and trial.attempt() else ["a step could not be repeated"]


def _out_of_order(trial: Trial) -> list[str]:
    """Every step too early, then every step too late. Without a value, none may be done."""
    early, found = (Step.SET, Step.TEST, Step.FINISH), []
    for step in early:
        if trial.attempt(steps=(step,)):
            found.append(f"{step} was done before createSecret")
        found += broken(trial, ALWAYS)
    trial.attempt(steps=(Step.CREATE,))
    for step in early[1:]:
        trial.attempt(steps=(step,))
        found += broken(trial, ALWAYS)
    trial.attempt(steps=(Step.SET, Step.CREATE, *Step))
    trial.attempt()
    return found


def _wrong_current(trial: Trial) -> list[str]:
    """
    The secret was never right. Nothing may change until a person has corrected it.

    IAM alone makes a key on the function's own authority, for the user that wickie.yaml names. So
    a new key in the place of a wrong one is a repair, and shuts nobody out: the right one stays
    honoured until the next rotation, and beyond it while anybody uses it.
    """
    aws, right = trial.rotator.aws, trial.old
    if trial.rotator.second:  # the secret that this user was rotated for keeps it from any other
        right = trial.old = Trial.begin(replace(trial.rotator, second=False)).old
    trial.arn = aws.store(_spoilt(trial, right))
    trial.token = aws.begin(trial.arn)
    current = aws.version(trial.arn, "AWSCURRENT")
    trial.retry()
    facts = {"the user's credential was changed": trial.rotator.arena.honours(right)}
    if isinstance(trial.rotator.arena, Crowded):
        replaced = aws.value(trial.arn, "AWSCURRENT") or ""
        facts["a wrong AWSCURRENT was not repaired"] = trial.rotator.arena.honours(replaced)
        return [wrong for wrong, holds in facts.items() if not holds]
    facts |= {
        "a wrong AWSCURRENT was replaced": aws.version(trial.arn, "AWSCURRENT") == current,
        "nothing was raised": bool(trial.errors),
    }
    aws.put(trial.arn, right)
    trial.token = aws.begin(trial.arn)
    return [wrong for wrong, holds in facts.items() if not holds]


def _spoilt(trial: Trial, value: str) -> str:
    """The same value with a secret part of the same length that is none."""
    right = trial.rotator.parse(value).secret.reveal()
    wrong = "".join(secrets.choice(string.ascii_letters) for _ in right)
    return value.replace(json.dumps(right)[1:-1], wrong)


def _no_previous(trial: Trial) -> list[str]:
    """What it holds is a stranger's then, and stays where others may be for the same user."""
    trial.renew()
    trial.rotator.aws.detach(trial.arn, "AWSPREVIOUS")
    older, trial.older = trial.older, None
    arena = trial.rotator.arena
    if not isinstance(arena, Crowded):
        return []
    trial.retry()
    facts = {
        "nothing was raised where there is no room": bool(trial.errors),
        "a stranger's credential was revoked": older is None or arena.honours(older),
    }
    arena.make_room([trial.old])
    return [wrong for wrong, holds in facts.items() if not holds]


FAULTS: Final[Mapping[str, AtCalls | Once]] = {
    "kill-before": AtCalls(_kill),
    "kill-after": AtCalls(_kill, Phase.AFTER),
    "cut-before": AtCalls(_cut),
    "cut-after": AtCalls(_cut, Phase.AFTER),
    "slow": AtCalls(_slow, Phase.AFTER),
    "timeout": AtCalls(_timeout, Phase.AFTER),
    "clock-skew": AtCalls(_skewed, applies=lambda _, call: call.aws),
    "master-rotates": AtCalls(_master_rotates, applies=_has_master),
    "concurrent-same-token": AtCalls(_same_token),
    "concurrent-other-secret": AtCalls(_other_secret),
    "duplicate-step": Once(_twice),
    "out-of-order": Once(_out_of_order),
    "wrong-current": Once(_wrong_current, first_only=True),
    "no-previous": Once(_no_previous),
}
"""Each by its name in the table that `python -m bench bench.crashes` prints."""
