from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EndpointBody")


@_attrs_define
class EndpointBody:
    """A webhook endpoint.

    Example:
        {'active': True, 'createdAt': '2024-06-04T10:29:10.656Z', 'updatedAt': '2024-06-04T10:29:10.656Z', 'uuid':
            '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'webhookToken': 'wis-wht_IYXYVOI2ZP2C3CXOCP0K4M7Q', 'webhookUrl':
            'https://example.com/blurit'}

    Attributes:
        active (bool): Whether it is called. `false` after it was switched off, or after it kept failing for days.
        created_at (datetime.datetime): When it was made.
        updated_at (datetime.datetime): When it was last changed.
        uuid (UUID): Names the endpoint in other calls.
        webhook_token (str): What the endpoint finds in the header `X-Auth-Token` of every event.
        webhook_url (str): Where events are sent.
    """

    active: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime
    uuid: UUID
    webhook_token: str
    webhook_url: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active = self.active

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        uuid = str(self.uuid)

        webhook_token = self.webhook_token

        webhook_url = self.webhook_url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "active": active,
                "createdAt": created_at,
                "updatedAt": updated_at,
                "uuid": uuid,
                "webhookToken": webhook_token,
                "webhookUrl": webhook_url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        active = d.pop("active")

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        uuid = UUID(d.pop("uuid"))

        webhook_token = d.pop("webhookToken")

        webhook_url = d.pop("webhookUrl")

        endpoint_body = cls(
            active=active,
            created_at=created_at,
            updated_at=updated_at,
            uuid=uuid,
            webhook_token=webhook_token,
            webhook_url=webhook_url,
        )

        endpoint_body.additional_properties = d
        return endpoint_body

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
