"""Refusals in the form that the clients of a path can read: each protocol has its own."""

import json
from collections.abc import Collection

from seatrial.http.messages import EncodedResponse, Headers, to_bytes

MLFLOW_PATHS = ("/invocations", "/ping", "/version")
ERROR_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


def door_error(status: int, text: str, headers: Headers = ()) -> EncodedResponse:
    """An error in the form of most protocols."""
    return EncodedResponse(status, to_bytes({"error": text}), headers)


def mlflow_error(status: int, text: str, headers: Headers = ()) -> EncodedResponse:
    """An error in MLflow's form."""
    code = ERROR_CODES.get(status, "BAD_REQUEST")
    return EncodedResponse(status, to_bytes({"error_code": code, "message": text}), headers)


def in_form_of(path: str, own: Collection[str], response: EncodedResponse) -> EncodedResponse:
    """Translate a refusal for a path; `own` are the paths that a platform named. Status and headers stay."""
    if path in MLFLOW_PATHS:
        error = mlflow_error
    elif path in ("/v2", "/score") or path.startswith(("/v1/", "/v2/")) or path in own:
        error = door_error
    else:
        return response
    return error(response.status, json.loads(response.body)["detail"], response.headers)
