from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.counts_body import CountsBody
from ...models.error_body import ErrorBody
from ...models.new_replay import NewReplay
from ...models.replay_body import ReplayBody
from ...types import Response


def _get_kwargs(
    uuid: UUID,
    *,
    body: NewReplay,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/webhook-url/{uuid}/replay".format(
            uuid=quote(str(uuid), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> CountsBody | ErrorBody | ReplayBody:
    if response.status_code == 200:
        response_200 = CountsBody.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = ReplayBody.from_dict(response.json())

        return response_202

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
) -> Response[CountsBody | ErrorBody | ReplayBody]:
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
    body: NewReplay,
) -> Response[CountsBody | ErrorBody | ReplayBody]:
    """Send the events of a time to a webhook endpoint again.

     An extension. Events go out in the order of their jobs, under the `webhook-id` that they had; one
    that the endpoint was never
    told gets its first. What is on its way stays so. A replay survives a restart and goes on where it
    was; it makes room for
    what happens meanwhile. An endpoint has one replay at a time. With `dryRun` nothing is sent and 200
    answers the counts.

    Args:
        uuid (UUID):
        body (NewReplay): Which events to send again. What is absent chooses all. Example:
            {'dryRun': True, 'since': '2024-06-04T00:00:00Z', 'states': ['expired', 'superseded',
            'missing']}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CountsBody | ErrorBody | ReplayBody]
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
    body: NewReplay,
) -> CountsBody | ErrorBody | ReplayBody | None:
    """Send the events of a time to a webhook endpoint again.

     An extension. Events go out in the order of their jobs, under the `webhook-id` that they had; one
    that the endpoint was never
    told gets its first. What is on its way stays so. A replay survives a restart and goes on where it
    was; it makes room for
    what happens meanwhile. An endpoint has one replay at a time. With `dryRun` nothing is sent and 200
    answers the counts.

    Args:
        uuid (UUID):
        body (NewReplay): Which events to send again. What is absent chooses all. Example:
            {'dryRun': True, 'since': '2024-06-04T00:00:00Z', 'states': ['expired', 'superseded',
            'missing']}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CountsBody | ErrorBody | ReplayBody
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
    body: NewReplay,
) -> Response[CountsBody | ErrorBody | ReplayBody]:
    """Send the events of a time to a webhook endpoint again.

     An extension. Events go out in the order of their jobs, under the `webhook-id` that they had; one
    that the endpoint was never
    told gets its first. What is on its way stays so. A replay survives a restart and goes on where it
    was; it makes room for
    what happens meanwhile. An endpoint has one replay at a time. With `dryRun` nothing is sent and 200
    answers the counts.

    Args:
        uuid (UUID):
        body (NewReplay): Which events to send again. What is absent chooses all. Example:
            {'dryRun': True, 'since': '2024-06-04T00:00:00Z', 'states': ['expired', 'superseded',
            'missing']}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CountsBody | ErrorBody | ReplayBody]
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
    body: NewReplay,
) -> CountsBody | ErrorBody | ReplayBody | None:
    """Send the events of a time to a webhook endpoint again.

     An extension. Events go out in the order of their jobs, under the `webhook-id` that they had; one
    that the endpoint was never
    told gets its first. What is on its way stays so. A replay survives a restart and goes on where it
    was; it makes room for
    what happens meanwhile. An endpoint has one replay at a time. With `dryRun` nothing is sent and 200
    answers the counts.

    Args:
        uuid (UUID):
        body (NewReplay): Which events to send again. What is absent chooses all. Example:
            {'dryRun': True, 'since': '2024-06-04T00:00:00Z', 'states': ['expired', 'superseded',
            'missing']}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CountsBody | ErrorBody | ReplayBody
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            client=client,
            body=body,
        )
    ).parsed
