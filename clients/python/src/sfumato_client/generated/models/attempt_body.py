from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.phases_body import PhasesBody


T = TypeVar("T", bound="AttemptBody")


@_attrs_define
class AttemptBody:
    """One POST.

    Attributes:
        at (datetime.datetime): When it began.
        duration_ms (int): How long it took.
        number (int): The `webhook-attempt`.
        ours (bool): It failed by a fault of the server's own network: it spends nothing, and its number is given again.
        outcome (str): `ok`, `bad_ack`, `status`, `timeout_connect`, `timeout_total`, `dns`, `tls`, `connect`,
            `blocked_address`,
            `body_too_large` or `cancelled`.
        phases (PhasesBody | Unset): Milliseconds of each phase that was reached.
        response (str | Unset): The first 4 KiB of the answer's body, for 7 days, unless they are not kept.
        retry_after (datetime.datetime | Unset): The endpoint asked to be left alone until then.
        status (int | Unset): Status code of the answer.
    """

    at: datetime.datetime
    duration_ms: int
    number: int
    ours: bool
    outcome: str
    phases: PhasesBody | Unset = UNSET
    response: str | Unset = UNSET
    retry_after: datetime.datetime | Unset = UNSET
    status: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        duration_ms = self.duration_ms

        number = self.number

        ours = self.ours

        outcome = self.outcome

        phases: dict[str, Any] | Unset = UNSET
        if not isinstance(self.phases, Unset):
            phases = self.phases.to_dict()

        response = self.response

        retry_after: str | Unset = UNSET
        if not isinstance(self.retry_after, Unset):
            retry_after = self.retry_after.isoformat()

        status = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "durationMs": duration_ms,
                "number": number,
                "ours": ours,
                "outcome": outcome,
            }
        )
        if phases is not UNSET:
            field_dict["phases"] = phases
        if response is not UNSET:
            field_dict["response"] = response
        if retry_after is not UNSET:
            field_dict["retryAfter"] = retry_after
        if status is not UNSET:
            field_dict["status"] = status

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.phases_body import PhasesBody

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        duration_ms = d.pop("durationMs")

        number = d.pop("number")

        ours = d.pop("ours")

        outcome = d.pop("outcome")

        _phases = d.pop("phases", UNSET)
        phases: PhasesBody | Unset
        if isinstance(_phases, Unset):
            phases = UNSET
        else:
            phases = PhasesBody.from_dict(_phases)

        response = d.pop("response", UNSET)

        _retry_after = d.pop("retryAfter", UNSET)
        retry_after: datetime.datetime | Unset
        if isinstance(_retry_after, Unset):
            retry_after = UNSET
        else:
            retry_after = datetime.datetime.fromisoformat(_retry_after)

        status = d.pop("status", UNSET)

        attempt_body = cls(
            at=at,
            duration_ms=duration_ms,
            number=number,
            ours=ours,
            outcome=outcome,
            phases=phases,
            response=response,
            retry_after=retry_after,
            status=status,
        )

        attempt_body.additional_properties = d
        return attempt_body

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
