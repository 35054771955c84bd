from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ReplayBody")


@_attrs_define
class ReplayBody:
    """A replay and how far it is. What does not apply is absent.

    Example:
        {'created': 0, 'createdAt': '2024-06-05T10:29:10.656Z', 'examined': 4000, 'id':
            '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'onTheirWay': 3, 'progress': 0.4, 'resent': 1210, 'since':
            '2024-06-04T00:00:00.000Z', 'state': 'running', 'states': [], 'statuses': ['Succeeded', 'Failed'], 'until':
            '2024-06-05T10:29:10.656Z'}

    Attributes:
        created (int): Deliveries of events that the endpoint had never been told.
        examined (int): Events that were looked at.
        on_their_way (int): Chosen events that were on their way already.
        resent (int): Deliveries that go out again.
        created_at (datetime.datetime): When it was begun.
        id (UUID): Names the replay in other calls.
        progress (float): Part of the events that has been looked at, 0 to 1.
        since (datetime.datetime): Events from this time on.
        state (str): `running`, `done` (every chosen event has its delivery; these go out like any other) or
            `cancelled`.
        states (list[str]): Events that stand so at the endpoint; empty for all.
        statuses (list[str]): Events that tell one of these; empty for all.
        until (datetime.datetime): Events before this time.
        ended_at (datetime.datetime | Unset): When it was done or cancelled.
        job_id (str | Unset): Events of this job only.
    """

    created: int
    examined: int
    on_their_way: int
    resent: int
    created_at: datetime.datetime
    id: UUID
    progress: float
    since: datetime.datetime
    state: str
    states: list[str]
    statuses: list[str]
    until: datetime.datetime
    ended_at: datetime.datetime | Unset = UNSET
    job_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created = self.created

        examined = self.examined

        on_their_way = self.on_their_way

        resent = self.resent

        created_at = self.created_at.isoformat()

        id = str(self.id)

        progress = self.progress

        since = self.since.isoformat()

        state = self.state

        states = self.states

        statuses = self.statuses

        until = self.until.isoformat()

        ended_at: str | Unset = UNSET
        if not isinstance(self.ended_at, Unset):
            ended_at = self.ended_at.isoformat()

        job_id = self.job_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created": created,
                "examined": examined,
                "onTheirWay": on_their_way,
                "resent": resent,
                "createdAt": created_at,
                "id": id,
                "progress": progress,
                "since": since,
                "state": state,
                "states": states,
                "statuses": statuses,
                "until": until,
            }
        )
        if ended_at is not UNSET:
            field_dict["endedAt"] = ended_at
        if job_id is not UNSET:
            field_dict["jobId"] = job_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created = d.pop("created")

        examined = d.pop("examined")

        on_their_way = d.pop("onTheirWay")

        resent = d.pop("resent")

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        id = UUID(d.pop("id"))

        progress = d.pop("progress")

        since = datetime.datetime.fromisoformat(d.pop("since"))

        state = d.pop("state")

        states = cast(list[str], d.pop("states"))

        statuses = cast(list[str], d.pop("statuses"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        _ended_at = d.pop("endedAt", UNSET)
        ended_at: datetime.datetime | Unset
        if isinstance(_ended_at, Unset):
            ended_at = UNSET
        else:
            ended_at = datetime.datetime.fromisoformat(_ended_at)

        job_id = d.pop("jobId", UNSET)

        replay_body = cls(
            created=created,
            examined=examined,
            on_their_way=on_their_way,
            resent=resent,
            created_at=created_at,
            id=id,
            progress=progress,
            since=since,
            state=state,
            states=states,
            statuses=statuses,
            until=until,
            ended_at=ended_at,
            job_id=job_id,
        )

        replay_body.additional_properties = d
        return replay_body

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
