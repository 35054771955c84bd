from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewEndpoint")


@_attrs_define
class NewEndpoint:
    """A new endpoint.

    Example:
        {'webhookUrl': 'https://example.com/blurit'}

    Attributes:
        webhook_url (str): Where events are to be sent: `https` or `http`, an address on the public internet.
        ack (None | str | Unset): An extension. What acknowledges an event: `strict` (200 and a JSON object with its
            `taskId`; the default) or `status`
            (any 2xx).
        description (None | str | Unset): An extension. What you call it: one line of up to 200 characters.
        keep_responses (bool | None | Unset): An extension. Whether the first 4 KiB of its answers are kept for 7 days,
            for you to look at (the default).
    """

    webhook_url: str
    ack: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    keep_responses: bool | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        webhook_url = self.webhook_url

        ack: None | str | Unset
        if isinstance(self.ack, Unset):
            ack = UNSET
        else:
            ack = self.ack

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

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "webhookUrl": webhook_url,
            }
        )
        if ack is not UNSET:
            field_dict["ack"] = ack
        if description is not UNSET:
            field_dict["description"] = description
        if keep_responses is not UNSET:
            field_dict["keepResponses"] = keep_responses

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        webhook_url = d.pop("webhookUrl")

        def _parse_ack(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        ack = _parse_ack(d.pop("ack", UNSET))

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

        new_endpoint = cls(
            webhook_url=webhook_url,
            ack=ack,
            description=description,
            keep_responses=keep_responses,
        )

        new_endpoint.additional_properties = d
        return new_endpoint

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
