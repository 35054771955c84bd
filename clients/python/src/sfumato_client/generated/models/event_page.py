from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.event_body import EventBody


T = TypeVar("T", bound="EventPage")


@_attrs_define
class EventPage:
    """Some events.

    Example:
        {'events': [{'at': '2024-06-04T10:29:10.656Z', 'cursor': 'q0XJ3v7cRkmP1sT8yZ2bWg', 'id':
            '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'sequence': 2, 'status': 'Started', 'taskId':
            '018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S'}], 'next':
            'q0XJ3v7cRkmP1sT8yZ2bWg'}

    Attributes:
        events (list[EventBody]): In the order in which they were committed.
        next_ (str): Where to go on (`after`); where there was no event, the place where you are.
    """

    events: list[EventBody]
    next_: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        next_ = self.next_

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "events": events,
                "next": next_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.event_body import EventBody

        d = dict(src_dict)
        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = EventBody.from_dict(events_item_data)

            events.append(events_item)

        next_ = d.pop("next")

        event_page = cls(
            events=events,
            next_=next_,
        )

        event_page.additional_properties = d
        return event_page

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
