from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="RotatedSecret")


@_attrs_define
class RotatedSecret:
    """A new signing secret.

    Example:
        {'overlapUntil': '2024-06-05T10:29:10.656Z', 'signingSecret':
            'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=', 'uuid': '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9'}

    Attributes:
        signing_secret (str): The new secret.
        uuid (UUID): The endpoint.
        overlap_until (datetime.datetime | Unset): Until then the secret before signs too; absent without an overlap.
    """

    signing_secret: str
    uuid: UUID
    overlap_until: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        signing_secret = self.signing_secret

        uuid = str(self.uuid)

        overlap_until: str | Unset = UNSET
        if not isinstance(self.overlap_until, Unset):
            overlap_until = self.overlap_until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "signingSecret": signing_secret,
                "uuid": uuid,
            }
        )
        if overlap_until is not UNSET:
            field_dict["overlapUntil"] = overlap_until

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        signing_secret = d.pop("signingSecret")

        uuid = UUID(d.pop("uuid"))

        _overlap_until = d.pop("overlapUntil", UNSET)
        overlap_until: datetime.datetime | Unset
        if isinstance(_overlap_until, Unset):
            overlap_until = UNSET
        else:
            overlap_until = datetime.datetime.fromisoformat(_overlap_until)

        rotated_secret = cls(
            signing_secret=signing_secret,
            uuid=uuid,
            overlap_until=overlap_until,
        )

        rotated_secret.additional_properties = d
        return rotated_secret

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
