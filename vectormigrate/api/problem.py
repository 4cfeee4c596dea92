"""Errors as problem details (RFC 9457): the status of HTTP, and everything that `--json` tells of an error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from vectormigrate.model.errors import StoreError, VectormigrateError
from vectormigrate.model.http_status import status_of

from .bodies import dump

MEDIA = "application/problem+json"


def status(error: VectormigrateError) -> int:
    """As `model.http_status` has it; but a store that does not let *us* in is no refusal of whoever asks."""
    found = status_of(error)
    return 502 if isinstance(error, StoreError) and found in (401, 403) else found


def document(error: VectormigrateError, code: int | None = None) -> dict[str, Any]:
    """The problem as its members."""
    code = code or status(error)
    told = error.as_dict()
    return {
        "type": f"urn:vectormigrate:error:{error.code}",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": told.pop("message"),
        **told,
    }


def response(error: VectormigrateError, code: int | None = None, **headers: str) -> Response:
    """The answer, with `Retry-After` where a wait is known."""
    body = document(error, code)
    if error.retry_after is not None:
        headers["retry_after"] = str(max(1, round(error.retry_after)))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(dump(body), body["status"], named, MEDIA)
