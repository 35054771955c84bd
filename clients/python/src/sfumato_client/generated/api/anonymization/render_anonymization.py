from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.job_created import JobCreated
from ...models.render_body import RenderBody
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: RenderBody,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/innovation-service/anonymization/render",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

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

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorBody.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = ErrorBody.from_dict(response.json())

        return response_409

    if response.status_code == 410:
        response_410 = ErrorBody.from_dict(response.json())

        return response_410

    if response.status_code == 413:
        response_413 = ErrorBody.from_dict(response.json())

        return response_413

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
    body: RenderBody,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[ErrorBody | JobCreated]:
    """Render a job again from edited detections.

     Extension. Makes another job, a revision, which hides in the original of a finished job what the
    detections say and
    nothing else; no model looks. It has its own status, webhooks and result. The job and its result
    stay as they are. Needs
    the original: the operator decides how long originals are kept.

    Args:
        idempotency_key (None | str | Unset):
        body (RenderBody): What is to be rendered. Options that are absent are those of the job.
            Example: {'anonymization_job_id':
            '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C',
            'blur_type': {'anonymization_type': 'pixelate', 'num_pixels': 10}, 'detections':
            {'detections': [{'box': {'height': 130, 'width': 94, 'x': 176, 'y': 63}, 'class': 'face',
            'manual': True}], 'picture': {'height': 512, 'width': 512}, 'schema':
            'sfumato.detections/1'}}.

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
    body: RenderBody,
    idempotency_key: None | str | Unset = UNSET,
) -> ErrorBody | JobCreated | None:
    """Render a job again from edited detections.

     Extension. Makes another job, a revision, which hides in the original of a finished job what the
    detections say and
    nothing else; no model looks. It has its own status, webhooks and result. The job and its result
    stay as they are. Needs
    the original: the operator decides how long originals are kept.

    Args:
        idempotency_key (None | str | Unset):
        body (RenderBody): What is to be rendered. Options that are absent are those of the job.
            Example: {'anonymization_job_id':
            '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C',
            'blur_type': {'anonymization_type': 'pixelate', 'num_pixels': 10}, 'detections':
            {'detections': [{'box': {'height': 130, 'width': 94, 'x': 176, 'y': 63}, 'class': 'face',
            'manual': True}], 'picture': {'height': 512, 'width': 512}, 'schema':
            'sfumato.detections/1'}}.

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
    body: RenderBody,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[ErrorBody | JobCreated]:
    """Render a job again from edited detections.

     Extension. Makes another job, a revision, which hides in the original of a finished job what the
    detections say and
    nothing else; no model looks. It has its own status, webhooks and result. The job and its result
    stay as they are. Needs
    the original: the operator decides how long originals are kept.

    Args:
        idempotency_key (None | str | Unset):
        body (RenderBody): What is to be rendered. Options that are absent are those of the job.
            Example: {'anonymization_job_id':
            '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C',
            'blur_type': {'anonymization_type': 'pixelate', 'num_pixels': 10}, 'detections':
            {'detections': [{'box': {'height': 130, 'width': 94, 'x': 176, 'y': 63}, 'class': 'face',
            'manual': True}], 'picture': {'height': 512, 'width': 512}, 'schema':
            'sfumato.detections/1'}}.

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
    body: RenderBody,
    idempotency_key: None | str | Unset = UNSET,
) -> ErrorBody | JobCreated | None:
    """Render a job again from edited detections.

     Extension. Makes another job, a revision, which hides in the original of a finished job what the
    detections say and
    nothing else; no model looks. It has its own status, webhooks and result. The job and its result
    stay as they are. Needs
    the original: the operator decides how long originals are kept.

    Args:
        idempotency_key (None | str | Unset):
        body (RenderBody): What is to be rendered. Options that are absent are those of the job.
            Example: {'anonymization_job_id':
            '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C',
            'blur_type': {'anonymization_type': 'pixelate', 'num_pixels': 10}, 'detections':
            {'detections': [{'box': {'height': 130, 'width': 94, 'x': 176, 'y': 63}, 'class': 'face',
            'manual': True}], 'picture': {'height': 512, 'width': 512}, 'schema':
            'sfumato.detections/1'}}.

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
