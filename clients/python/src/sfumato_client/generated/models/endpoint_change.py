from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="EndpointChange")


@_attrs_define
class EndpointChange:
    """A change. What is absent or `null` stays as it is.

    Example:
        {'active': True, 'webhookUrl': 'https://example.com/blurit/v2'}

    Attributes:
        ack (None | str | Unset): An extension. What acknowledges an event from now on: `strict` (200 and a JSON object
            with its `taskId`) or
            `status` (any 2xx).
        active (bool | None | Unset): `false` switches it off. `true` switches it on, also after it was held for
            failing; what waits for it is then sent.
        description (None | str | Unset): An extension. What you call it: one line of up to 200 characters; an empty
            text removes it.
        keep_responses (bool | None | Unset): An extension. Whether the first 4 KiB of its answers are kept for 7 days,
            for you to look at.
        webhook_url (None | str | Unset): The new URL.
    """

    ack: None | str | Unset = UNSET
    active: bool | None | Unset = UNSET
    description: None | str | Unset = UNSET
    keep_responses: bool | None | Unset = UNSET
    webhook_url: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ack: None | str | Unset
        if isinstance(self.ack, Unset):
            ack = UNSET
        else:
            ack = self.ack

        active: bool | None | Unset
        if isinstance(self.active, Unset):
            active = UNSET
        else:
            active = self.active

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        keep_responses: bool | None | Unset
        if isinstance(self.keep_responses, Unset):
            keep_responses = UNSET
        else:
            keep_responses = self.keep_responses

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if ack is not UNSET:
            field_dict["ack"] = ack
        if active is not UNSET:
            field_dict["active"] = active
        if description is not UNSET:
            field_dict["description"] = description
        if keep_responses is not UNSET:
            field_dict["keepResponses"] = keep_responses
        if webhook_url is not UNSET:
            field_dict["webhookUrl"] = webhook_url

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_ack(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        ack = _parse_ack(d.pop("ack", UNSET))

        def _parse_active(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        active = _parse_active(d.pop("active", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_keep_responses(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        keep_responses = _parse_keep_responses(d.pop("keepResponses", UNSET))

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhookUrl", UNSET))

        endpoint_change = cls(
            ack=ack,
            active=active,
            description=description,
            keep_responses=keep_responses,
            webhook_url=webhook_url,
        )

        endpoint_change.additional_properties = d
        return endpoint_change

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
