from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.job_status import JobStatus
from ...types import UNSET, Response


def _get_kwargs(
    *,
    anonymization_job_id: str,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["anonymization_job_id"] = anonymization_job_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/innovation-service/anonymization",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | JobStatus:
    if response.status_code == 200:
        response_200 = JobStatus.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 429:
        response_429 = ErrorBody.from_dict(response.json())

        return response_429

    response_default = ErrorBody.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorBody | JobStatus]:
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
) -> Response[ErrorBody | JobStatus]:
    """Ask where a job stands.

     A job that does not exist, or is another client's, is `Unknown job` with status code 200.

    Args:
        anonymization_job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobStatus]
    """

    kwargs = _get_kwargs(
        anonymization_job_id=anonymization_job_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
) -> ErrorBody | JobStatus | None:
    """Ask where a job stands.

     A job that does not exist, or is another client's, is `Unknown job` with status code 200.

    Args:
        anonymization_job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobStatus
    """

    return sync_detailed(
        client=client,
        anonymization_job_id=anonymization_job_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
) -> Response[ErrorBody | JobStatus]:
    """Ask where a job stands.

     A job that does not exist, or is another client's, is `Unknown job` with status code 200.

    Args:
        anonymization_job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobStatus]
    """

    kwargs = _get_kwargs(
        anonymization_job_id=anonymization_job_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    anonymization_job_id: str,
) -> ErrorBody | JobStatus | None:
    """Ask where a job stands.

     A job that does not exist, or is another client's, is `Unknown job` with status code 200.

    Args:
        anonymization_job_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobStatus
    """

    return (
        await asyncio_detailed(
            client=client,
            anonymization_job_id=anonymization_job_id,
        )
    ).parsed
