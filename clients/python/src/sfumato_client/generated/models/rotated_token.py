from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="RotatedToken")


@_attrs_define
class RotatedToken:
    """A new token.

    Example:
        {'overlapUntil': '2024-06-05T10:29:10.656Z', 'uuid': '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'webhookToken':
            'wis-wht_8Q2M4T7ZK0V5C1X9B3N6D2RF'}

    Attributes:
        uuid (UUID): The endpoint.
        webhook_token (str): The new token.
        overlap_until (datetime.datetime | Unset): Until then the token before is what `X-Auth-Token` carries; absent
            without an overlap.
    """

    uuid: UUID
    webhook_token: str
    overlap_until: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        uuid = str(self.uuid)

        webhook_token = self.webhook_token

        overlap_until: str | Unset = UNSET
        if not isinstance(self.overlap_until, Unset):
            overlap_until = self.overlap_until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "uuid": uuid,
                "webhookToken": webhook_token,
            }
        )
        if overlap_until is not UNSET:
            field_dict["overlapUntil"] = overlap_until

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        uuid = UUID(d.pop("uuid"))

        webhook_token = d.pop("webhookToken")

        _overlap_until = d.pop("overlapUntil", UNSET)
        overlap_until: datetime.datetime | Unset
        if isinstance(_overlap_until, Unset):
            overlap_until = UNSET
        else:
            overlap_until = datetime.datetime.fromisoformat(_overlap_until)

        rotated_token = cls(
            uuid=uuid,
            webhook_token=webhook_token,
            overlap_until=overlap_until,
        )

        rotated_token.additional_properties = d
        return rotated_token

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
