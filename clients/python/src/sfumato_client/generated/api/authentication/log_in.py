from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.login_request import LoginRequest
from ...models.token_body import TokenBody
from ...types import Response


def _get_kwargs(
    *,
    body: LoginRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/login",
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
    client: AuthenticatedClient | Client,
    body: LoginRequest,
) -> Response[ErrorBody | TokenBody]:
    """Log in.

     Gives an access token for an hour and a refresh token. A client may be logged in any number of
    times. An unknown
    client id and a wrong secret are answered alike. After ten failures with one client id from one
    address, that address
    waits for a minute before it may try that client id again, and with each further failure for twice
    as long, up to 15
    minutes. In the same way an address waits after 50 failures under any client ids, and a client id
    after 100 failures from
    anywhere, but not a client id that has logged in from that address before.

    Args:
        body (LoginRequest): A client's pair of identifier and secret, as the operator made it.
            Example: {'clientId': 'client_8Kd2mQzX41LrTvYp0aSe', 'secretId':
            'secret_pT6uVbN3xJ9cRq1LwZ8mKfYsA5dHgEo2iU7tXnBvMCk'}.

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
    client: AuthenticatedClient | Client,
    body: LoginRequest,
) -> ErrorBody | TokenBody | None:
    """Log in.

     Gives an access token for an hour and a refresh token. A client may be logged in any number of
    times. An unknown
    client id and a wrong secret are answered alike. After ten failures with one client id from one
    address, that address
    waits for a minute before it may try that client id again, and with each further failure for twice
    as long, up to 15
    minutes. In the same way an address waits after 50 failures under any client ids, and a client id
    after 100 failures from
    anywhere, but not a client id that has logged in from that address before.

    Args:
        body (LoginRequest): A client's pair of identifier and secret, as the operator made it.
            Example: {'clientId': 'client_8Kd2mQzX41LrTvYp0aSe', 'secretId':
            'secret_pT6uVbN3xJ9cRq1LwZ8mKfYsA5dHgEo2iU7tXnBvMCk'}.

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
    client: AuthenticatedClient | Client,
    body: LoginRequest,
) -> Response[ErrorBody | TokenBody]:
    """Log in.

     Gives an access token for an hour and a refresh token. A client may be logged in any number of
    times. An unknown
    client id and a wrong secret are answered alike. After ten failures with one client id from one
    address, that address
    waits for a minute before it may try that client id again, and with each further failure for twice
    as long, up to 15
    minutes. In the same way an address waits after 50 failures under any client ids, and a client id
    after 100 failures from
    anywhere, but not a client id that has logged in from that address before.

    Args:
        body (LoginRequest): A client's pair of identifier and secret, as the operator made it.
            Example: {'clientId': 'client_8Kd2mQzX41LrTvYp0aSe', 'secretId':
            'secret_pT6uVbN3xJ9cRq1LwZ8mKfYsA5dHgEo2iU7tXnBvMCk'}.

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
    client: AuthenticatedClient | Client,
    body: LoginRequest,
) -> ErrorBody | TokenBody | None:
    """Log in.

     Gives an access token for an hour and a refresh token. A client may be logged in any number of
    times. An unknown
    client id and a wrong secret are answered alike. After ten failures with one client id from one
    address, that address
    waits for a minute before it may try that client id again, and with each further failure for twice
    as long, up to 15
    minutes. In the same way an address waits after 50 failures under any client ids, and a client id
    after 100 failures from
    anywhere, but not a client id that has logged in from that address before.

    Args:
        body (LoginRequest): A client's pair of identifier and secret, as the operator made it.
            Example: {'clientId': 'client_8Kd2mQzX41LrTvYp0aSe', 'secretId':
            'secret_pT6uVbN3xJ9cRq1LwZ8mKfYsA5dHgEo2iU7tXnBvMCk'}.

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
