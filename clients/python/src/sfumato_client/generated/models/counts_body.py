from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CountsBody")


@_attrs_define
class CountsBody:
    """What a replay did, or would do.

    Attributes:
        created (int): Deliveries of events that the endpoint had never been told.
        examined (int): Events that were looked at.
        on_their_way (int): Chosen events that were on their way already.
        resent (int): Deliveries that go out again.
    """

    created: int
    examined: int
    on_their_way: int
    resent: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created = self.created

        examined = self.examined

        on_their_way = self.on_their_way

        resent = self.resent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created": created,
                "examined": examined,
                "onTheirWay": on_their_way,
                "resent": resent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created = d.pop("created")

        examined = d.pop("examined")

        on_their_way = d.pop("onTheirWay")

        resent = d.pop("resent")

        counts_body = cls(
            created=created,
            examined=examined,
            on_their_way=on_their_way,
            resent=resent,
        )

        counts_body.additional_properties = d
        return counts_body

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
