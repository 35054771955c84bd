from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.endpoint_body import EndpointBody
from ...models.error_body import ErrorBody
from ...models.new_endpoint import NewEndpoint
from ...types import Response


def _get_kwargs(
    *,
    body: NewEndpoint,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/webhook-url",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> EndpointBody | ErrorBody:
    if response.status_code == 201:
        response_201 = EndpointBody.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

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
) -> Response[EndpointBody | ErrorBody]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: NewEndpoint,
) -> Response[EndpointBody | ErrorBody]:
    """Add a webhook endpoint.

     From now on it gets a POST for each status change of the client's jobs, with the header `X-Auth-
    Token: <webhookToken>`
    and the body `{"taskId": "<anonymization_job_id>", "status": "Sent" | "Started" | "Succeeded" |
    "Failed"}`. It must
    answer 200 with `{"taskId": "<the same>"}`; anything else is tried again. A client has five
    endpoints at most. The
    path with a slash at its end is the same.

    Args:
        body (NewEndpoint): A new endpoint. Example: {'webhookUrl': 'https://example.com/blurit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EndpointBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: NewEndpoint,
) -> EndpointBody | ErrorBody | None:
    """Add a webhook endpoint.

     From now on it gets a POST for each status change of the client's jobs, with the header `X-Auth-
    Token: <webhookToken>`
    and the body `{"taskId": "<anonymization_job_id>", "status": "Sent" | "Started" | "Succeeded" |
    "Failed"}`. It must
    answer 200 with `{"taskId": "<the same>"}`; anything else is tried again. A client has five
    endpoints at most. The
    path with a slash at its end is the same.

    Args:
        body (NewEndpoint): A new endpoint. Example: {'webhookUrl': 'https://example.com/blurit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EndpointBody | ErrorBody
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: NewEndpoint,
) -> Response[EndpointBody | ErrorBody]:
    """Add a webhook endpoint.

     From now on it gets a POST for each status change of the client's jobs, with the header `X-Auth-
    Token: <webhookToken>`
    and the body `{"taskId": "<anonymization_job_id>", "status": "Sent" | "Started" | "Succeeded" |
    "Failed"}`. It must
    answer 200 with `{"taskId": "<the same>"}`; anything else is tried again. A client has five
    endpoints at most. The
    path with a slash at its end is the same.

    Args:
        body (NewEndpoint): A new endpoint. Example: {'webhookUrl': 'https://example.com/blurit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EndpointBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: NewEndpoint,
) -> EndpointBody | ErrorBody | None:
    """Add a webhook endpoint.

     From now on it gets a POST for each status change of the client's jobs, with the header `X-Auth-
    Token: <webhookToken>`
    and the body `{"taskId": "<anonymization_job_id>", "status": "Sent" | "Started" | "Succeeded" |
    "Failed"}`. It must
    answer 200 with `{"taskId": "<the same>"}`; anything else is tried again. A client has five
    endpoints at most. The
    path with a slash at its end is the same.

    Args:
        body (NewEndpoint): A new endpoint. Example: {'webhookUrl': 'https://example.com/blurit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EndpointBody | ErrorBody
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
