"""What must hold, whatever befalls a rotation: at any moment, and once Secrets Manager is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from bench.faults.arenas import Counted, Logging
from wickie.errors import AuthenticationError
from wickie.fingerprints import publishable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.faults.trial import Trial


def broken(trial: Trial, invariants: Mapping[str, Callable[[Trial], bool]]) -> list[str]:
    """Name those that do not hold."""
    return [text for text, holds in invariants.items() if not holds(trial)]


def _labelled_once(trial: Trial) -> bool:
    labels = [label for names in trial.rotator.aws.labels(trial.arn).values() for label in names]
    return labels.count("AWSCURRENT") == 1 and labels.count("AWSPENDING") <= 1


def _clients_sign_in(trial: Trial) -> bool:
    """With what they read. One user has one password: from set to finish it is AWSPENDING's."""
    aws, honours = trial.rotator.aws, trial.rotator.arena.honours
    current, pending = (aws.value(trial.arn, label) for label in ("AWSCURRENT", "AWSPENDING"))
    if current and honours(current):
        return True
    return not trial.rotator.overlap and pending is not None and honours(pending)


def _nothing_told(trial: Trial) -> bool:
    texts, arena = trial.texts(), trial.rotator.arena
    if isinstance(arena, Logging):
        texts.append(arena.log())
    return not any(secret in text for secret in trial.secrets() for text in texts)


def _errors_are_its_own(trial: Trial) -> bool:
    return all(isinstance(error, trial.rotator.raises) for error in trial.errors)


def _not_misread(trial: Trial) -> bool:
    refusals = [error for error in trial.errors if isinstance(error, AuthenticationError)]
    return not (trial.unreachable and refusals)


def _promoted(trial: Trial) -> bool:
    aws = trial.rotator.aws
    pending = aws.version(trial.arn, "AWSPENDING")
    return aws.version(trial.arn, "AWSCURRENT") == trial.token and pending in (None, trial.token)


def _current_is_honoured(trial: Trial) -> bool:
    value = trial.rotator.aws.value(trial.arn, "AWSCURRENT")
    return value is not None and trial.rotator.arena.honours(value)


def _old_as_promised(trial: Trial) -> bool:
    return trial.rotator.arena.honours(trial.old) is trial.rotator.overlap


def _older_is_gone(trial: Trial) -> bool:
    return trial.older is None or not trial.rotator.arena.honours(trial.older)


def _same_document(trial: Trial) -> bool:
    """All but who signs in and how; where it signs in above all."""
    value, parse = trial.rotator.aws.value(trial.arn, "AWSCURRENT") or "{}", trial.rotator.parse
    kept = json.loads(value).get("team") == "lighthouse"
    return kept and parse(value).place == parse(trial.old).place


def _fingerprints_agree(trial: Trial) -> bool:
    aws, rotator = trial.rotator.aws, trial.rotator
    value = aws.value(trial.arn, "AWSCURRENT")
    if not (rotator.publishes and value and publishable(rotator.parse(value).secret.reveal())):
        return True
    stages = aws.stages(trial.arn)
    current = [version for version, stage in stages.items() if stage == "CURRENT"]
    return current == [trial.token] and "PENDING" not in stages.values()


def _no_strays(trial: Trial) -> bool:
    aws, arena = trial.rotator.aws, trial.rotator.arena
    return not isinstance(arena, Counted) or not arena.strays(list(aws.values(trial.arn).values()))


ALWAYS: Final[Mapping[str, Callable[[Trial], bool]]] = {
    "not exactly one version is AWSCURRENT, or more than one AWSPENDING": _labelled_once,
    "what clients read is not honoured": _clients_sign_in,
    "plaintext in an error or a log": _nothing_told,
    "an error that is not its own got through": _errors_are_its_own,
    "a network fault was read as a refusal": _not_misread,
}

IN_THE_END: Final[Mapping[str, Callable[[Trial], bool]]] = {
    "AWSCURRENT is not the new version, or AWSPENDING is left over": _promoted,
    "AWSCURRENT is not honoured": _current_is_honoured,
    "the old credential is not as the strategy promises": _old_as_promised,
    "more than the last two credentials are honoured": _older_is_gone,
    "unknown keys were lost, or another system is named": _same_document,
    "fingerprints disagree with the labels": _fingerprints_agree,
    "a credential was made that no version holds": _no_strays,
    "plaintext in an error or a log": _nothing_told,
    "an error that is not its own got through": _errors_are_its_own,
}
