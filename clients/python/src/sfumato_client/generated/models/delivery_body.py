from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.attempt_body import AttemptBody


T = TypeVar("T", bound="DeliveryBody")


@_attrs_define
class DeliveryBody:
    """One event on its way to one endpoint. What does not apply is absent.

    Example:
        {'attempts': [{'at': '2024-06-04T10:29:10.660Z', 'durationMs': 87, 'number': 1, 'outcome': 'bad_ack', 'phases':
            {'bodyMs': 0.1, 'connectMs': 11.0, 'dnsMs': 1.2, 'headersMs': 49.8, 'tlsMs': 24.7, 'totalMs': 87.0}, 'response':
            '<p>OK</p>', 'status': 200}], 'eventAt': '2024-06-04T10:29:10.656Z', 'id':
            '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'nextAttemptAt': '2024-06-04T10:29:46.012Z', 'sequence': 3, 'state':
            'pending', 'status': 'Succeeded', 'taskId':
            '018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S'}

    Attributes:
        attempts (list[AttemptBody]): Every attempt, oldest first.
        event_at (datetime.datetime): When the event happened.
        id (UUID): The `webhook-id` of every attempt.
        sequence (int): The event's number within its job.
        state (str): `pending`, `sending`, `delivered`, `superseded` (the end of the job has overtaken it), `expired`
            (given up after 7
            days) or `dropped`.
        status (str): What it tells: `Sent`, `Started`, `Succeeded` or `Failed`.
        task_id (str): The job that the event speaks of.
        closed_at (datetime.datetime | Unset): When it was closed.
        next_attempt_at (datetime.datetime | Unset): While it is pending: not before this time.
    """

    attempts: list[AttemptBody]
    event_at: datetime.datetime
    id: UUID
    sequence: int
    state: str
    status: str
    task_id: str
    closed_at: datetime.datetime | Unset = UNSET
    next_attempt_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        attempts = []
        for attempts_item_data in self.attempts:
            attempts_item = attempts_item_data.to_dict()
            attempts.append(attempts_item)

        event_at = self.event_at.isoformat()

        id = str(self.id)

        sequence = self.sequence

        state = self.state

        status = self.status

        task_id = self.task_id

        closed_at: str | Unset = UNSET
        if not isinstance(self.closed_at, Unset):
            closed_at = self.closed_at.isoformat()

        next_attempt_at: str | Unset = UNSET
        if not isinstance(self.next_attempt_at, Unset):
            next_attempt_at = self.next_attempt_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "attempts": attempts,
                "eventAt": event_at,
                "id": id,
                "sequence": sequence,
                "state": state,
                "status": status,
                "taskId": task_id,
            }
        )
        if closed_at is not UNSET:
            field_dict["closedAt"] = closed_at
        if next_attempt_at is not UNSET:
            field_dict["nextAttemptAt"] = next_attempt_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.attempt_body import AttemptBody

        d = dict(src_dict)
        attempts = []
        _attempts = d.pop("attempts")
        for attempts_item_data in _attempts:
            attempts_item = AttemptBody.from_dict(attempts_item_data)

            attempts.append(attempts_item)

        event_at = datetime.datetime.fromisoformat(d.pop("eventAt"))

        id = UUID(d.pop("id"))

        sequence = d.pop("sequence")

        state = d.pop("state")

        status = d.pop("status")

        task_id = d.pop("taskId")

        _closed_at = d.pop("closedAt", UNSET)
        closed_at: datetime.datetime | Unset
        if isinstance(_closed_at, Unset):
            closed_at = UNSET
        else:
            closed_at = datetime.datetime.fromisoformat(_closed_at)

        _next_attempt_at = d.pop("nextAttemptAt", UNSET)
        next_attempt_at: datetime.datetime | Unset
        if isinstance(_next_attempt_at, Unset):
            next_attempt_at = UNSET
        else:
            next_attempt_at = datetime.datetime.fromisoformat(_next_attempt_at)

        delivery_body = cls(
            attempts=attempts,
            event_at=event_at,
            id=id,
            sequence=sequence,
            state=state,
            status=status,
            task_id=task_id,
            closed_at=closed_at,
            next_attempt_at=next_attempt_at,
        )

        delivery_body.additional_properties = d
        return delivery_body

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
