from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.rotated_token import RotatedToken
from ...models.rotation import Rotation
from ...types import UNSET, Response, Unset


def _get_kwargs(
    uuid: UUID,
    *,
    body: None | Rotation | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/webhook-url/{uuid}/rotate-token".format(
            uuid=quote(str(uuid), safe=""),
        ),
    }

    if isinstance(body, Rotation):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = body

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | RotatedToken:
    if response.status_code == 200:
        response_200 = RotatedToken.from_dict(response.json())

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
) -> Response[ErrorBody | RotatedToken]:
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
    body: None | Rotation | Unset = UNSET,
) -> Response[ErrorBody | RotatedToken]:
    """Give a webhook endpoint a new token.

     An extension. `X-Auth-Token` has one value, and a receiver refuses what it does not know: until the
    overlap ends the token
    before goes on being sent, and then the new one. Let the receiver accept both in between. 409 while
    the overlap of an
    earlier rotation lasts, unless `overlapSeconds` is 0.

    Args:
        uuid (UUID):
        body (None | Rotation | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | RotatedToken]
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
    body: None | Rotation | Unset = UNSET,
) -> ErrorBody | RotatedToken | None:
    """Give a webhook endpoint a new token.

     An extension. `X-Auth-Token` has one value, and a receiver refuses what it does not know: until the
    overlap ends the token
    before goes on being sent, and then the new one. Let the receiver accept both in between. 409 while
    the overlap of an
    earlier rotation lasts, unless `overlapSeconds` is 0.

    Args:
        uuid (UUID):
        body (None | Rotation | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | RotatedToken
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
    body: None | Rotation | Unset = UNSET,
) -> Response[ErrorBody | RotatedToken]:
    """Give a webhook endpoint a new token.

     An extension. `X-Auth-Token` has one value, and a receiver refuses what it does not know: until the
    overlap ends the token
    before goes on being sent, and then the new one. Let the receiver accept both in between. 409 while
    the overlap of an
    earlier rotation lasts, unless `overlapSeconds` is 0.

    Args:
        uuid (UUID):
        body (None | Rotation | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | RotatedToken]
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
    body: None | Rotation | Unset = UNSET,
) -> ErrorBody | RotatedToken | None:
    """Give a webhook endpoint a new token.

     An extension. `X-Auth-Token` has one value, and a receiver refuses what it does not know: until the
    overlap ends the token
    before goes on being sent, and then the new one. Let the receiver accept both in between. 409 while
    the overlap of an
    earlier rotation lasts, unless `overlapSeconds` is 0.

    Args:
        uuid (UUID):
        body (None | Rotation | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | RotatedToken
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            client=client,
            body=body,
        )
    ).parsed
