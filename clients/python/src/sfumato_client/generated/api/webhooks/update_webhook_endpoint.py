from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.endpoint_body import EndpointBody
from ...models.endpoint_change import EndpointChange
from ...models.error_body import ErrorBody
from ...types import Response


def _get_kwargs(
    uuid: UUID,
    *,
    body: EndpointChange,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/webhook-url/{uuid}".format(
            uuid=quote(str(uuid), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> EndpointBody | ErrorBody:
    if response.status_code == 200:
        response_200 = EndpointBody.from_dict(response.json())

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
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    body: EndpointChange,
) -> Response[EndpointBody | ErrorBody]:
    """Change a webhook endpoint.

    Args:
        uuid (UUID):
        body (EndpointChange): A change. What is absent or `null` stays as it is. Example:
            {'active': True, 'webhookUrl': 'https://example.com/blurit/v2'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EndpointBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    body: EndpointChange,
) -> EndpointBody | ErrorBody | None:
    """Change a webhook endpoint.

    Args:
        uuid (UUID):
        body (EndpointChange): A change. What is absent or `null` stays as it is. Example:
            {'active': True, 'webhookUrl': 'https://example.com/blurit/v2'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EndpointBody | ErrorBody
    """

    return sync_detailed(
        uuid=uuid,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    body: EndpointChange,
) -> Response[EndpointBody | ErrorBody]:
    """Change a webhook endpoint.

    Args:
        uuid (UUID):
        body (EndpointChange): A change. What is absent or `null` stays as it is. Example:
            {'active': True, 'webhookUrl': 'https://example.com/blurit/v2'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EndpointBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    body: EndpointChange,
) -> EndpointBody | ErrorBody | None:
    """Change a webhook endpoint.

    Args:
        uuid (UUID):
        body (EndpointChange): A change. What is absent or `null` stays as it is. Example:
            {'active': True, 'webhookUrl': 'https://example.com/blurit/v2'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EndpointBody | ErrorBody
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            client=client,
            body=body,
        )
    ).parsed
