from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.refresh_request import RefreshRequest
from ...models.token_body import TokenBody
from ...types import Response


def _get_kwargs(
    *,
    body: RefreshRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/token",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | TokenBody:
    if response.status_code == 200:
        response_200 = TokenBody.from_dict(response.json())

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

    if response.status_code == 429:
        response_429 = ErrorBody.from_dict(response.json())

        return response_429

    response_default = ErrorBody.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorBody | TokenBody]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: RefreshRequest,
) -> Response[ErrorBody | TokenBody]:
    """Get the next pair of tokens.

     Send the old access token in `Authorization`; it may have expired but must be authentic and of the
    same client. Each
    refresh token works once. Using one a second time ends the login it belongs to, because somebody
    else has a copy.

    Args:
        body (RefreshRequest): The refresh token of the last login or refresh. Example:
            {'refreshToken': 'rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | TokenBody]
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
    body: RefreshRequest,
) -> ErrorBody | TokenBody | None:
    """Get the next pair of tokens.

     Send the old access token in `Authorization`; it may have expired but must be authentic and of the
    same client. Each
    refresh token works once. Using one a second time ends the login it belongs to, because somebody
    else has a copy.

    Args:
        body (RefreshRequest): The refresh token of the last login or refresh. Example:
            {'refreshToken': 'rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | TokenBody
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: RefreshRequest,
) -> Response[ErrorBody | TokenBody]:
    """Get the next pair of tokens.

     Send the old access token in `Authorization`; it may have expired but must be authentic and of the
    same client. Each
    refresh token works once. Using one a second time ends the login it belongs to, because somebody
    else has a copy.

    Args:
        body (RefreshRequest): The refresh token of the last login or refresh. Example:
            {'refreshToken': 'rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | TokenBody]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: RefreshRequest,
) -> ErrorBody | TokenBody | None:
    """Get the next pair of tokens.

     Send the old access token in `Authorization`; it may have expired but must be authentic and of the
    same client. Each
    refresh token works once. Using one a second time ends the login it belongs to, because somebody
    else has a copy.

    Args:
        body (RefreshRequest): The refresh token of the last login or refresh. Example:
            {'refreshToken': 'rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | TokenBody
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
