"""A client of Sfumato: the routes and types of the API, and what every program does with them."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx

from .generated import AuthenticatedClient
from .generated.api.anonymization import create_anonymization, get_anonymization
from .generated.models import AnonymizationForm, ErrorBody, JobStatus
from .generated.types import File

__all__ = ["ApiError", "Sfumato", "checked"]

# Tokens are renewed this many seconds before they run out.
RENEWAL_S = 60


class ApiError(Exception):
    """An answer other than success, with what the server said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class _Login(httpx.Auth):
    """Logs in where there is no token or it has run out, and once more where the server does not take it."""

    requires_response_body = True

    def __init__(self, url: str, client_id: str, secret_id: str) -> None:
        self.credentials = {"clientId": client_id, "secretId": secret_id}
        self.url = f"{url}/login"
        self.token, self.until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.until <= time.monotonic():
            yield from self._log_in()
        request.headers["Authorization"] = f"Bearer {self.token}"
        answer = yield request
        if answer.status_code == 401:
            yield from self._log_in()
            request.headers["Authorization"] = f"Bearer {self.token}"
            yield request

    def _log_in(self) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield httpx.Request("POST", self.url, json=self.credentials)
        if answer.status_code != 200:
            raise ApiError(answer.status_code, _message(answer))
        login = answer.json()
        self.token = login["token"]
        self.until = time.monotonic() + login["expireTime"] - RENEWAL_S


class Sfumato:
    """A server, seen by one of its clients. The functions of `generated.api` take `routes` as their client."""

    def __init__(self, url: str, client_id: str, secret_id: str, timeout_s: float = 60) -> None:
        url = url.rstrip("/")
        self.routes = AuthenticatedClient(
            base_url=url,
            token="",
            timeout=httpx.Timeout(timeout_s),
            httpx_args={"auth": _Login(url, client_id, secret_id)},
        )

    def anonymize(self, path: str | Path, **options: Any) -> str:
        """Uploads a file, which is streamed from disk, and returns the identifier of its job.

        The options are the fields of `AnonymizationForm`.
        """
        path = Path(path)
        with path.open("rb") as media:
            form = AnonymizationForm(input_media=File(payload=media, file_name=path.name), **options)
            answer = create_anonymization.sync_detailed(client=self.routes, body=form)
        return checked(answer).anonymization_job_id

    def job(self, job_id: str) -> JobStatus:
        """Where a job stands."""
        return checked(get_anonymization.sync_detailed(client=self.routes, anonymization_job_id=job_id))

    def ended(self, job_id: str, every_s: float = 1) -> JobStatus:
        """Asks until the job has ended, in whatever way."""
        while True:
            job = self.job(job_id)
            if job.status not in ("Sent", "Started", "Retried"):
                return job
            time.sleep(every_s)

    def download(self, result: str, target: str | Path) -> None:
        """Writes the content of a result to a file, piece by piece."""
        with self.routes.get_httpx_client().stream("GET", result) as answer:
            if answer.status_code != 200:
                answer.read()
                raise ApiError(answer.status_code, _message(answer))
            with Path(target).open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)


def checked(answer: Any) -> Any:
    """What a route answered, or an exception with the server's message."""
    if answer.parsed is None or isinstance(answer.parsed, ErrorBody):
        message = answer.parsed.message if answer.parsed else "the answer has no message"
        raise ApiError(int(answer.status_code), message)
    return answer.parsed


def _message(answer: httpx.Response) -> str:
    try:
        return answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        return "the answer has no message"
