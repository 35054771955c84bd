from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.job_cancelled import JobCancelled
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    anonymization_job_id: str,
    delete_files: bool | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["anonymization_job_id"] = anonymization_job_id

    params["delete_files"] = delete_files

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/innovation-service/anonymization",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | JobCancelled:
    if response.status_code == 200:
        response_200 = JobCancelled.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = ErrorBody.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = ErrorBody.from_dict(response.json())

        return response_409

    if response.status_code == 429:
        response_429 = ErrorBody.from_dict(response.json())

        return response_429

    response_default = ErrorBody.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorBody | JobCancelled]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
    delete_files: bool | Unset = UNSET,
) -> Response[ErrorBody | JobCancelled]:
    """Cancel a job, or delete all of its files.

     A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again
    is no failure, so
    that a lost answer can be asked for again. A cancelled job sends no webhook.

    With `delete_files=true` a job that has ended is no failure either: the original, detections that
    were given for it, and the
    result are deleted at once, whatever their retention. What the job was, and its events, stay.

    Args:
        anonymization_job_id (str):
        delete_files (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobCancelled]
    """

    kwargs = _get_kwargs(
        anonymization_job_id=anonymization_job_id,
        delete_files=delete_files,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
    delete_files: bool | Unset = UNSET,
) -> ErrorBody | JobCancelled | None:
    """Cancel a job, or delete all of its files.

     A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again
    is no failure, so
    that a lost answer can be asked for again. A cancelled job sends no webhook.

    With `delete_files=true` a job that has ended is no failure either: the original, detections that
    were given for it, and the
    result are deleted at once, whatever their retention. What the job was, and its events, stay.

    Args:
        anonymization_job_id (str):
        delete_files (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobCancelled
    """

    return sync_detailed(
        client=client,
        anonymization_job_id=anonymization_job_id,
        delete_files=delete_files,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
    delete_files: bool | Unset = UNSET,
) -> Response[ErrorBody | JobCancelled]:
    """Cancel a job, or delete all of its files.

     A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again
    is no failure, so
    that a lost answer can be asked for again. A cancelled job sends no webhook.

    With `delete_files=true` a job that has ended is no failure either: the original, detections that
    were given for it, and the
    result are deleted at once, whatever their retention. What the job was, and its events, stay.

    Args:
        anonymization_job_id (str):
        delete_files (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobCancelled]
    """

    kwargs = _get_kwargs(
        anonymization_job_id=anonymization_job_id,
        delete_files=delete_files,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
    delete_files: bool | Unset = UNSET,
) -> ErrorBody | JobCancelled | None:
    """Cancel a job, or delete all of its files.

     A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again
    is no failure, so
    that a lost answer can be asked for again. A cancelled job sends no webhook.

    With `delete_files=true` a job that has ended is no failure either: the original, detections that
    were given for it, and the
    result are deleted at once, whatever their retention. What the job was, and its events, stay.

    Args:
        anonymization_job_id (str):
        delete_files (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobCancelled
    """

    return (
        await asyncio_detailed(
            client=client,
            anonymization_job_id=anonymization_job_id,
            delete_files=delete_files,
        )
    ).parsed
