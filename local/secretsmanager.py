"""
Secrets Manager: versions, labels and rotation as AWS documents them.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/ is the reference; where it is
silent, a comment says what is assumed.
"""

from __future__ import annotations

import json
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    OperationNotPermittedOnReplica,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretHasNoValueException,
    SecretNotFoundException,
    SecretsManagerClientError,
    SecretStageVersionMismatchException,
)
from moto.secretsmanager.models import ReplicaSecret, SecretsManagerBackend

from local import rotation
from local.awslambda import permits
from local.secret_versions import detach, move, patch_secret, stage_pending, version_with
from local.world import current
from wickie.rotation import rules as rotation_rules

if TYPE_CHECKING:
    from local.world import World

_MOST_BYTES = 65536


def complete(world: World) -> None:
    """Correct the API, and rotate on schedule."""
    _patch()
    rotation.run_schedules(world)


@cache
def _patch() -> None:
    _answer_not_found_with_400()
    patch_secret()
    _patch_values(SecretsManagerBackend)
    backend: Any = SecretsManagerBackend
    backend.rotate_secret = _rotate_secret
    backend.cancel_rotate_secret = _cancel_rotate_secret
    backend.update_secret_version_stage = _update_secret_version_stage
    backend.list_secret_version_ids = _list_secret_version_ids


def _answer_not_found_with_400() -> None:
    error: Any
    for error in (
        ResourceNotFoundException,
        SecretNotFoundException,
        SecretHasNoValueException,
        SecretStageVersionMismatchException,
    ):
        initialize = error.__init__

        def init(self: Any, *args: Any, _initialize: Any = initialize) -> None:
            _initialize(self, *args)
            self.code = 400

        error.__init__ = init


def _patch_values(backend: Any) -> None:
    get, put, update = backend.get_secret_value, backend.put_secret_value, backend.update_secret
    check = backend._check_with_existing_secrets_and_versions

    def get_secret_value(self: Any, secret_id: str, version_id: str, version_stage: str) -> Any:
        if secret_id in self.secrets and version_stage and not version_id:
            version_id = version_with(self.secrets[secret_id], version_stage) or ""
            if not version_id:
                raise ResourceNotFoundException(
                    "Secrets Manager can't find the specified secret value for staging label: "
                    + version_stage
                )
        return get(self, secret_id, version_id, version_stage)

    def check_with_existing(
        self: Any, name: str, token: str, text: str | None, binary: str | None, **kwargs: Any
    ) -> Any:
        """A version that has a value keeps it, also while it is AWSPENDING."""
        secret: Any = self.secrets.get(name) if name in self.secrets else None
        version = secret.versions.get(token, {}) if secret else {}
        if len((text or binary or "").encode()) > _MOST_BYTES:
            raise InvalidParameterException("The secret value is larger than 65536 bytes.")
        if not {"secret_string", "secret_binary"} & version.keys():
            return check(self, name, token, text, binary, **kwargs)
        if (version.get("secret_string"), version.get("secret_binary")) == (text, binary):
            return secret
        raise ResourceExistsException(
            f"You can't use ClientRequestToken {token} because that value is already in use "
            f"for a version of secret {secret.arn}."
        )

    def put_secret_value(self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        return _watched(self, secret_id, put, *args, **kwargs)

    def update_secret(self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        return _watched(self, secret_id, update, *args, **kwargs)

    backend.get_secret_value = get_secret_value
    backend._check_with_existing_secrets_and_versions = check_with_existing
    backend.put_secret_value = put_secret_value
    backend.update_secret = update_secret


def _watched(backend: Any, secret_id: str, change: Any, *args: Any, **kwargs: Any) -> Any:
    """Make a change; a new AWSCURRENT by hand abandons a rotation, and counts as one."""
    with rotation.lock:
        if secret_id not in backend.secrets:
            raise SecretNotFoundException
        secret = backend.secrets[secret_id]
        before = secret.default_version_id
        answer = change(backend, secret_id, *args, **kwargs)
        if secret.default_version_id != before:
            if version_with(secret, "AWSPENDING") not in (None, secret.default_version_id):
                rotation.abandon(secret)
            if secret.rotation_enabled:
                rotation.reschedule(secret)
        return answer


def _rotatable(backend: Any, secret_id: str) -> Any:
    if secret_id not in backend.secrets:
        raise SecretNotFoundException
    secret = backend.secrets[secret_id]
    if isinstance(secret, ReplicaSecret):
        raise OperationNotPermittedOnReplica
    if secret.is_deleted():
        raise InvalidRequestException(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    return secret


def _rotate_secret(  # noqa: PLR0917  (moto's signature)
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    with rotation.lock:
        secret = _rotatable(self, secret_id)
        arn = rotation_lambda_arn or secret.rotation_lambda_arn
        rules = rotation_rules or secret.rotation_rules
        token = self._from_client_request_token(client_request_token or str(uuid.uuid4()))
        if token in secret.versions:
            return _short(secret, token)
        _check_rotation(secret, arn, rules)
        secret.rotation_requested = secret.rotation_enabled = True
        secret.rotation_lambda_arn, secret.rotation_rules = arn, rules
        rotation.reschedule(secret)
        stage_pending(secret, token)
        if rotate_immediately:
            rotation.begin(secret, token)
        else:
            # Assumed, as AWS's own templates' testSecret implies: pending has the current value.
            present = secret.versions.get(secret.default_version_id, {})
            value = {name: text for name, text in present.items() if name.startswith("secret_")}
            secret.versions[token].update(value)
            rotation.begin_test(secret, token)
        return _short(secret, token)


def _check_rotation(secret: Any, arn: str, rules: dict[str, Any]) -> None:
    """Refuse before anything has changed."""
    if not arn:
        raise InvalidRequestException(
            "No Lambda rotation function ARN is associated with this secret."
        )
    try:
        rotation_rules.read(rules)
    except ValueError as error:
        raise InvalidParameterException(str(error)) from None
    pending = version_with(secret, "AWSPENDING")
    if pending not in (None, secret.default_version_id):
        raise InvalidRequestException(
            "A previous rotation isn't complete. That rotation will be reattempted."
        )
    try:
        function = rotation.rotation_function(arn)
    except Exception:  # noqa: BLE001  (moto's errors for this have no common root)
        raise ResourceNotFoundException(f"Resource not found for ARN '{arn}'.") from None
    if not permits(function, rotation.PRINCIPAL, secret.account_id, secret.arn):
        raise SecretsManagerClientError(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
            "function policy grants access to the principal secretsmanager.amazonaws.com.",
        )


def _short(secret: Any, token: str) -> str:
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})


def _cancel_rotate_secret(self: Any, secret_id: str) -> str:
    """Rotation ends after the step in hand; a half-made version keeps AWSPENDING."""
    with rotation.lock:
        secret = _rotatable(self, secret_id)
        if not secret.rotation_lambda_arn:
            raise InvalidRequestException(
                "No Lambda rotation function ARN is associated with this secret."
            )
        secret.rotation_enabled, secret.rotating, secret.last_rotation_date = False, None, None
        rotation.reschedule(secret)
        pending = version_with(secret, "AWSPENDING")
        return _short(secret, pending or secret.default_version_id)


def _update_secret_version_stage(
    self: Any,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str | None,
    move_to_version_id: str | None,
) -> tuple[str, str]:
    """A compare-and-swap, for every label."""
    with rotation.lock:
        secret = _rotatable(self, secret_id)
        held = version_with(secret, version_stage)
        for version_id in filter(None, (remove_from_version_id, move_to_version_id)):
            if version_id not in secret.versions:
                raise InvalidParameterException(f"Not a valid version: {version_id}")
        if remove_from_version_id and remove_from_version_id != held:
            raise InvalidParameterException(
                f"Version stage {version_stage} not found in version {remove_from_version_id}"
            )
        if held not in (None, remove_from_version_id, move_to_version_id):
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} "
                f"is currently attached to version {held}, so you must explicitly reference that "
                "version in RemoveFromVersionId."
            )
        if move_to_version_id:
            move(secret, version_stage, move_to_version_id)
        elif version_stage == "AWSCURRENT":
            raise InvalidParameterException(
                "You can only move staging label AWSCURRENT to a different secret version. "
                "It can't be completely removed."
            )
        else:
            detach(secret, version_stage)
        secret.last_changed_date = int(current().clock.now())
        return secret.arn, secret.name


def _list_secret_version_ids(self: Any, secret_id: str) -> str:
    """Those with a label; a version that rotation has staged but not filled is not one yet."""
    if secret_id not in self.secrets:
        raise SecretNotFoundException
    secret = self.secrets[secret_id]
    versions = [
        {
            "VersionId": version_id,
            "VersionStages": version["version_stages"],
            "CreatedDate": version["createdate"],
        }
        for version_id, version in list(secret.versions.items())
        if version["version_stages"] and {"secret_string", "secret_binary"} & version.keys()
    ]
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})
