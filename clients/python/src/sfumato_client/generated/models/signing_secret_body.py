from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SigningSecretBody")


@_attrs_define
class SigningSecretBody:
    """What verifies the signatures of an endpoint's events.

    Example:
        {'signingSecret': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=', 'uuid':
            '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9'}

    Attributes:
        signing_secret (str): The key of `webhook-signature`, as Standard Webhooks libraries take it. While the overlap
            of a rotation lasts, the
            newest: the one before signs too.
        uuid (UUID): The endpoint.
    """

    signing_secret: str
    uuid: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        signing_secret = self.signing_secret

        uuid = str(self.uuid)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "signingSecret": signing_secret,
                "uuid": uuid,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        signing_secret = d.pop("signingSecret")

        uuid = UUID(d.pop("uuid"))

        signing_secret_body = cls(
            signing_secret=signing_secret,
            uuid=uuid,
        )

        signing_secret_body.additional_properties = d
        return signing_secret_body

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
