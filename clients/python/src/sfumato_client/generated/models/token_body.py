from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TokenBody")


@_attrs_define
class TokenBody:
    """A pair of tokens.

    Example:
        {'expireTime': 3600, 'expiresIn': 3600, 'refreshToken': 'rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk',
            'token': 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9…'}

    Attributes:
        expire_time (int): Lifetime of the access token in seconds.
        expires_in (int): The same as `expireTime`.
        refresh_token (str): Gives the next pair, once, at `POST /token`.
        token (str): The access token, a JWT: send it as `Authorization: Bearer …`.
    """

    expire_time: int
    expires_in: int
    refresh_token: str
    token: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        expire_time = self.expire_time

        expires_in = self.expires_in

        refresh_token = self.refresh_token

        token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "expireTime": expire_time,
                "expiresIn": expires_in,
                "refreshToken": refresh_token,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        expire_time = d.pop("expireTime")

        expires_in = d.pop("expiresIn")

        refresh_token = d.pop("refreshToken")

        token = d.pop("token")

        token_body = cls(
            expire_time=expire_time,
            expires_in=expires_in,
            refresh_token=refresh_token,
            token=token,
        )

        token_body.additional_properties = d
        return token_body

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
