from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ...client import AuthenticatedClient, Client
from ...models.delivery_page import DeliveryPage
from ...models.error_body import ErrorBody
from ...types import UNSET, Response, Unset


def _get_kwargs(
    uuid: UUID,
    *,
    state: str | Unset = UNSET,
    job_id: str | Unset = UNSET,
    since: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["state"] = state

    params["jobId"] = job_id

    params["since"] = since

    params["cursor"] = cursor

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/webhook-url/{uuid}/deliveries".format(
            uuid=quote(str(uuid), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> DeliveryPage | ErrorBody:
    if response.status_code == 200:
        response_200 = DeliveryPage.from_dict(response.json())

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
) -> Response[DeliveryPage | ErrorBody]:
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
    state: str | Unset = UNSET,
    job_id: str | Unset = UNSET,
    since: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[DeliveryPage | ErrorBody]:
    """List the deliveries of a webhook endpoint with all their attempts.

     An extension. Newest event first. A page looks at a bounded number of events: where a filter fits
    little, go on with
    `next` until it is absent.

    Args:
        uuid (UUID):
        state (str | Unset):
        job_id (str | Unset):
        since (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeliveryPage | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        state=state,
        job_id=job_id,
        since=since,
        cursor=cursor,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    state: str | Unset = UNSET,
    job_id: str | Unset = UNSET,
    since: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> DeliveryPage | ErrorBody | None:
    """List the deliveries of a webhook endpoint with all their attempts.

     An extension. Newest event first. A page looks at a bounded number of events: where a filter fits
    little, go on with
    `next` until it is absent.

    Args:
        uuid (UUID):
        state (str | Unset):
        job_id (str | Unset):
        since (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeliveryPage | ErrorBody
    """

    return sync_detailed(
        uuid=uuid,
        client=client,
        state=state,
        job_id=job_id,
        since=since,
        cursor=cursor,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    state: str | Unset = UNSET,
    job_id: str | Unset = UNSET,
    since: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[DeliveryPage | ErrorBody]:
    """List the deliveries of a webhook endpoint with all their attempts.

     An extension. Newest event first. A page looks at a bounded number of events: where a filter fits
    little, go on with
    `next` until it is absent.

    Args:
        uuid (UUID):
        state (str | Unset):
        job_id (str | Unset):
        since (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeliveryPage | ErrorBody]
    """

    kwargs = _get_kwargs(
        uuid=uuid,
        state=state,
        job_id=job_id,
        since=since,
        cursor=cursor,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    uuid: UUID,
    *,
    client: AuthenticatedClient,
    state: str | Unset = UNSET,
    job_id: str | Unset = UNSET,
    since: str | Unset = UNSET,
    cursor: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> DeliveryPage | ErrorBody | None:
    """List the deliveries of a webhook endpoint with all their attempts.

     An extension. Newest event first. A page looks at a bounded number of events: where a filter fits
    little, go on with
    `next` until it is absent.

    Args:
        uuid (UUID):
        state (str | Unset):
        job_id (str | Unset):
        since (str | Unset):
        cursor (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeliveryPage | ErrorBody
    """

    return (
        await asyncio_detailed(
            uuid=uuid,
            client=client,
            state=state,
            job_id=job_id,
            since=since,
            cursor=cursor,
            limit=limit,
        )
    ).parsed
