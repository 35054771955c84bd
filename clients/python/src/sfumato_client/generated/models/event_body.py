from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="EventBody")


@_attrs_define
class EventBody:
    """One change of one job's status.

    Attributes:
        at (datetime.datetime): When.
        cursor (str): Reading `after` this goes on behind the event.
        id (UUID): Names the event.
        sequence (int): 1, 2, 3 … within the job.
        status (str): `Sent`, `Started`, `Succeeded` or `Failed`.
        task_id (str): The job.
    """

    at: datetime.datetime
    cursor: str
    id: UUID
    sequence: int
    status: str
    task_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        cursor = self.cursor

        id = str(self.id)

        sequence = self.sequence

        status = self.status

        task_id = self.task_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "cursor": cursor,
                "id": id,
                "sequence": sequence,
                "status": status,
                "taskId": task_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        cursor = d.pop("cursor")

        id = UUID(d.pop("id"))

        sequence = d.pop("sequence")

        status = d.pop("status")

        task_id = d.pop("taskId")

        event_body = cls(
            at=at,
            cursor=cursor,
            id=id,
            sequence=sequence,
            status=status,
            task_id=task_id,
        )

        event_body.additional_properties = d
        return event_body

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
