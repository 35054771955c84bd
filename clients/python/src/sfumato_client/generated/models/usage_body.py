from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.used import Used


T = TypeVar("T", bound="UsageBody")


@_attrs_define
class UsageBody:
    """What a client may have and has.

    Example:
        {'bytes_stored': {'max': None, 'used': 73400320}, 'jobs_running': {'max': None, 'used': 2}, 'jobs_today':
            {'max': 1000, 'used': 41}, 'jobs_waiting': {'max': 100, 'used': 3}, 'priority_max': 'high', 'weight': 1}

    Attributes:
        bytes_stored (Used): How much is used of what may be.
        jobs_running (Used): How much is used of what may be.
        jobs_today (Used): How much is used of what may be.
        jobs_waiting (Used): How much is used of what may be.
        priority_max (str): The highest `priority` that it may give a job.
        weight (int): The client's share of the work where others have jobs waiting, too.
    """

    bytes_stored: Used
    jobs_running: Used
    jobs_today: Used
    jobs_waiting: Used
    priority_max: str
    weight: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bytes_stored = self.bytes_stored.to_dict()

        jobs_running = self.jobs_running.to_dict()

        jobs_today = self.jobs_today.to_dict()

        jobs_waiting = self.jobs_waiting.to_dict()

        priority_max = self.priority_max

        weight = self.weight

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bytes_stored": bytes_stored,
                "jobs_running": jobs_running,
                "jobs_today": jobs_today,
                "jobs_waiting": jobs_waiting,
                "priority_max": priority_max,
                "weight": weight,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.used import Used

        d = dict(src_dict)
        bytes_stored = Used.from_dict(d.pop("bytes_stored"))

        jobs_running = Used.from_dict(d.pop("jobs_running"))

        jobs_today = Used.from_dict(d.pop("jobs_today"))

        jobs_waiting = Used.from_dict(d.pop("jobs_waiting"))

        priority_max = d.pop("priority_max")

        weight = d.pop("weight")

        usage_body = cls(
            bytes_stored=bytes_stored,
            jobs_running=jobs_running,
            jobs_today=jobs_today,
            jobs_waiting=jobs_waiting,
            priority_max=priority_max,
            weight=weight,
        )

        usage_body.additional_properties = d
        return usage_body

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
