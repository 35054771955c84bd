from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.anonymization_form import AnonymizationForm
from ...models.error_body import ErrorBody
from ...models.job_created import JobCreated
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: AnonymizationForm,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/innovation-service/anonymization",
    }

    _kwargs["files"] = body.to_multipart()

    headers["Content-Type"] = "multipart/form-data; boundary=+++"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | JobCreated:
    if response.status_code == 200:
        response_200 = JobCreated.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 402:
        response_402 = ErrorBody.from_dict(response.json())

        return response_402

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 408:
        response_408 = ErrorBody.from_dict(response.json())

        return response_408

    if response.status_code == 409:
        response_409 = ErrorBody.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = ErrorBody.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = ErrorBody.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = ErrorBody.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = ErrorBody.from_dict(response.json())

        return response_429

    if response.status_code == 507:
        response_507 = ErrorBody.from_dict(response.json())

        return response_507

    response_default = ErrorBody.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorBody | JobCreated]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: AnonymizationForm,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[ErrorBody | JobCreated]:
    """Upload a file and have it anonymized.

     Answers as soon as the file is stored; the work happens afterwards. An upload that fails or is cut
    off leaves no job
    and no file.

    With an `Idempotency-Key` (extension) the request may be sent again, with the same file, file name
    and options, when its
    answer got lost: the answer is the same job. A key is kept for 24 hours.

    Args:
        idempotency_key (None | str | Unset):
        body (AnonymizationForm): The form of an upload. Fields in any order; other fields are
            ignored. What BlurIt does not know is called an extension.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobCreated]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: AnonymizationForm,
    idempotency_key: None | str | Unset = UNSET,
) -> ErrorBody | JobCreated | None:
    """Upload a file and have it anonymized.

     Answers as soon as the file is stored; the work happens afterwards. An upload that fails or is cut
    off leaves no job
    and no file.

    With an `Idempotency-Key` (extension) the request may be sent again, with the same file, file name
    and options, when its
    answer got lost: the answer is the same job. A key is kept for 24 hours.

    Args:
        idempotency_key (None | str | Unset):
        body (AnonymizationForm): The form of an upload. Fields in any order; other fields are
            ignored. What BlurIt does not know is called an extension.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobCreated
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: AnonymizationForm,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[ErrorBody | JobCreated]:
    """Upload a file and have it anonymized.

     Answers as soon as the file is stored; the work happens afterwards. An upload that fails or is cut
    off leaves no job
    and no file.

    With an `Idempotency-Key` (extension) the request may be sent again, with the same file, file name
    and options, when its
    answer got lost: the answer is the same job. A key is kept for 24 hours.

    Args:
        idempotency_key (None | str | Unset):
        body (AnonymizationForm): The form of an upload. Fields in any order; other fields are
            ignored. What BlurIt does not know is called an extension.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | JobCreated]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: AnonymizationForm,
    idempotency_key: None | str | Unset = UNSET,
) -> ErrorBody | JobCreated | None:
    """Upload a file and have it anonymized.

     Answers as soon as the file is stored; the work happens afterwards. An upload that fails or is cut
    off leaves no job
    and no file.

    With an `Idempotency-Key` (extension) the request may be sent again, with the same file, file name
    and options, when its
    answer got lost: the answer is the same job. A key is kept for 24 hours.

    Args:
        idempotency_key (None | str | Unset):
        body (AnonymizationForm): The form of an upload. Fields in any order; other fields are
            ignored. What BlurIt does not know is called an extension.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | JobCreated
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
