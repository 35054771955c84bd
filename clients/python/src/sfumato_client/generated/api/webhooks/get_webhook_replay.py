from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.replay_body import ReplayBody
from ...types import Response


def _get_kwargs(
    uuid: UUID,
    replay_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/webhook-url/{uuid}/replay/{replay_id}".format(
            uuid=quote(str(uuid), safe=""),
            replay_id=quote(str(replay_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | ReplayBody:
    if response.status_code == 200:
        response_200 = ReplayBody.from_dict(response.json())

        return response_200

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
) -> Response[ErrorBody | ReplayBody]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    uuid: UUID,
    replay_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[ErrorBody | ReplayBody]:
    """Read how far a replay is.

     An extension. Replays that are over are forgotten after 7 days.

    Args:
        uuid (UUID):
        replay_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ReplayBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        replay_id=replay_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    uuid: UUID,
    replay_id: UUID,
    *,
    client: AuthenticatedClient,
) -> ErrorBody | ReplayBody | None:
    """Read how far a replay is.

     An extension. Replays that are over are forgotten after 7 days.

    Args:
        uuid (UUID):
        replay_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ReplayBody
    """

    return sync_detailed(
        uuid=uuid,
        replay_id=replay_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    uuid: UUID,
    replay_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[ErrorBody | ReplayBody]:
    """Read how far a replay is.

     An extension. Replays that are over are forgotten after 7 days.

    Args:
        uuid (UUID):
        replay_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ReplayBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        replay_id=replay_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    uuid: UUID,
    replay_id: UUID,
    *,
    client: AuthenticatedClient,
) -> ErrorBody | ReplayBody | None:
    """Read how far a replay is.

     An extension. Replays that are over are forgotten after 7 days.

    Args:
        uuid (UUID):
        replay_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ReplayBody
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            replay_id=replay_id,
            client=client,
        )
    ).parsed
