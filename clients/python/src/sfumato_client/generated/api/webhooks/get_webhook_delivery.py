from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.delivery_body import DeliveryBody
from ...models.error_body import ErrorBody
from ...types import Response


def _get_kwargs(
    uuid: UUID,
    delivery_id: UUID,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/webhook-url/{uuid}/deliveries/{delivery_id}".format(
            uuid=quote(str(uuid), safe=""),
            delivery_id=quote(str(delivery_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> DeliveryBody | ErrorBody:
    if response.status_code == 200:
        response_200 = DeliveryBody.from_dict(response.json())

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
) -> Response[DeliveryBody | ErrorBody]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    uuid: UUID,
    delivery_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[DeliveryBody | ErrorBody]:
    """Read one delivery with all its attempts.

     An extension. `deliveryId` is the `webhook-id` that the endpoint was sent.

    Args:
        uuid (UUID):
        delivery_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeliveryBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        delivery_id=delivery_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    uuid: UUID,
    delivery_id: UUID,
    *,
    client: AuthenticatedClient,
) -> DeliveryBody | ErrorBody | None:
    """Read one delivery with all its attempts.

     An extension. `deliveryId` is the `webhook-id` that the endpoint was sent.

    Args:
        uuid (UUID):
        delivery_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeliveryBody | ErrorBody
    """

    return sync_detailed(
        uuid=uuid,
        delivery_id=delivery_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    uuid: UUID,
    delivery_id: UUID,
    *,
    client: AuthenticatedClient,
) -> Response[DeliveryBody | ErrorBody]:
    """Read one delivery with all its attempts.

     An extension. `deliveryId` is the `webhook-id` that the endpoint was sent.

    Args:
        uuid (UUID):
        delivery_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeliveryBody | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        delivery_id=delivery_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    uuid: UUID,
    delivery_id: UUID,
    *,
    client: AuthenticatedClient,
) -> DeliveryBody | ErrorBody | None:
    """Read one delivery with all its attempts.

     An extension. `deliveryId` is the `webhook-id` that the endpoint was sent.

    Args:
        uuid (UUID):
        delivery_id (UUID):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeliveryBody | ErrorBody
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            delivery_id=delivery_id,
            client=client,
        )
    ).parsed
