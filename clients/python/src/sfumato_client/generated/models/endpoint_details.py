from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="EndpointDetails")


@_attrs_define
class EndpointDetails:
    """A webhook endpoint with its settings and how it has been doing. What does not apply is absent.

    Example:
        {'ack': 'strict', 'active': True, 'consecutiveFailures': 0, 'createdAt': '2024-06-04T10:29:10.656Z',
            'description': 'Billing', 'keepResponses': True, 'lastSuccessAt': '2024-06-05T08:00:00.000Z', 'state': 'active',
            'updatedAt': '2024-06-04T10:29:10.656Z', 'uuid': '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9', 'webhookToken': 'wis-
            wht_IYXYVOI2ZP2C3CXOCP0K4M7Q', 'webhookUrl': 'https://example.com/blurit'}

    Attributes:
        active (bool): Whether it is called. `false` after it was switched off, or after it kept failing for days.
        created_at (datetime.datetime): When it was made.
        updated_at (datetime.datetime): When it was last changed.
        uuid (UUID): Names the endpoint in other calls.
        webhook_token (str): What the endpoint finds in the header `X-Auth-Token` of every event.
        webhook_url (str): Where events are sent.
        ack (str): What acknowledges an event: `strict` or `status`.
        consecutive_failures (int): Failed attempts since the last success.
        keep_responses (bool): Whether the first 4 KiB of its answers are kept.
        state (str): `active`, `held` (it failed for too long; its events wait, and one probe an hour goes out) or
            `disabled`.
        description (str | Unset): What you call it.
        failing_since (datetime.datetime | Unset): When the first of them ended.
        held_reason (str | Unset): Why it is held: `failing` or `gone` (it answered 410).
        held_since (datetime.datetime | Unset): Since when it is held.
        last_success_at (datetime.datetime | Unset): When an attempt last succeeded.
        next_probe_at (datetime.datetime | Unset): When the next probe may go out.
        next_webhook_token (str | Unset): The token that is sent once the overlap of a rotation has ended.
        paused_until (datetime.datetime | Unset): It asked for a pause until then (`Retry-After`).
        signing_secret_overlap_until (datetime.datetime | Unset): Until when the signing secret before the last rotation
            signs too.
        token_overlap_until (datetime.datetime | Unset): When `nextWebhookToken` takes the place of `webhookToken`.
    """

    active: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime
    uuid: UUID
    webhook_token: str
    webhook_url: str
    ack: str
    consecutive_failures: int
    keep_responses: bool
    state: str
    description: str | Unset = UNSET
    failing_since: datetime.datetime | Unset = UNSET
    held_reason: str | Unset = UNSET
    held_since: datetime.datetime | Unset = UNSET
    last_success_at: datetime.datetime | Unset = UNSET
    next_probe_at: datetime.datetime | Unset = UNSET
    next_webhook_token: str | Unset = UNSET
    paused_until: datetime.datetime | Unset = UNSET
    signing_secret_overlap_until: datetime.datetime | Unset = UNSET
    token_overlap_until: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        active = self.active

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        uuid = str(self.uuid)

        webhook_token = self.webhook_token

        webhook_url = self.webhook_url

        ack = self.ack

        consecutive_failures = self.consecutive_failures

        keep_responses = self.keep_responses

        state = self.state

        description = self.description

        failing_since: str | Unset = UNSET
        if not isinstance(self.failing_since, Unset):
            failing_since = self.failing_since.isoformat()

        held_reason = self.held_reason

        held_since: str | Unset = UNSET
        if not isinstance(self.held_since, Unset):
            held_since = self.held_since.isoformat()

        last_success_at: str | Unset = UNSET
        if not isinstance(self.last_success_at, Unset):
            last_success_at = self.last_success_at.isoformat()

        next_probe_at: str | Unset = UNSET
        if not isinstance(self.next_probe_at, Unset):
            next_probe_at = self.next_probe_at.isoformat()

        next_webhook_token = self.next_webhook_token

        paused_until: str | Unset = UNSET
        if not isinstance(self.paused_until, Unset):
            paused_until = self.paused_until.isoformat()

        signing_secret_overlap_until: str | Unset = UNSET
        if not isinstance(self.signing_secret_overlap_until, Unset):
            signing_secret_overlap_until = self.signing_secret_overlap_until.isoformat()

        token_overlap_until: str | Unset = UNSET
        if not isinstance(self.token_overlap_until, Unset):
            token_overlap_until = self.token_overlap_until.isoformat()

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
                "ack": ack,
                "consecutiveFailures": consecutive_failures,
                "keepResponses": keep_responses,
                "state": state,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if failing_since is not UNSET:
            field_dict["failingSince"] = failing_since
        if held_reason is not UNSET:
            field_dict["heldReason"] = held_reason
        if held_since is not UNSET:
            field_dict["heldSince"] = held_since
        if last_success_at is not UNSET:
            field_dict["lastSuccessAt"] = last_success_at
        if next_probe_at is not UNSET:
            field_dict["nextProbeAt"] = next_probe_at
        if next_webhook_token is not UNSET:
            field_dict["nextWebhookToken"] = next_webhook_token
        if paused_until is not UNSET:
            field_dict["pausedUntil"] = paused_until
        if signing_secret_overlap_until is not UNSET:
            field_dict["signingSecretOverlapUntil"] = signing_secret_overlap_until
        if token_overlap_until is not UNSET:
            field_dict["tokenOverlapUntil"] = token_overlap_until

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

        ack = d.pop("ack")

        consecutive_failures = d.pop("consecutiveFailures")

        keep_responses = d.pop("keepResponses")

        state = d.pop("state")

        description = d.pop("description", UNSET)

        _failing_since = d.pop("failingSince", UNSET)
        failing_since: datetime.datetime | Unset
        if isinstance(_failing_since, Unset):
            failing_since = UNSET
        else:
            failing_since = datetime.datetime.fromisoformat(_failing_since)

        held_reason = d.pop("heldReason", UNSET)

        _held_since = d.pop("heldSince", UNSET)
        held_since: datetime.datetime | Unset
        if isinstance(_held_since, Unset):
            held_since = UNSET
        else:
            held_since = datetime.datetime.fromisoformat(_held_since)

        _last_success_at = d.pop("lastSuccessAt", UNSET)
        last_success_at: datetime.datetime | Unset
        if isinstance(_last_success_at, Unset):
            last_success_at = UNSET
        else:
            last_success_at = datetime.datetime.fromisoformat(_last_success_at)

        _next_probe_at = d.pop("nextProbeAt", UNSET)
        next_probe_at: datetime.datetime | Unset
        if isinstance(_next_probe_at, Unset):
            next_probe_at = UNSET
        else:
            next_probe_at = datetime.datetime.fromisoformat(_next_probe_at)

        next_webhook_token = d.pop("nextWebhookToken", UNSET)

        _paused_until = d.pop("pausedUntil", UNSET)
        paused_until: datetime.datetime | Unset
        if isinstance(_paused_until, Unset):
            paused_until = UNSET
        else:
            paused_until = datetime.datetime.fromisoformat(_paused_until)

        _signing_secret_overlap_until = d.pop("signingSecretOverlapUntil", UNSET)
        signing_secret_overlap_until: datetime.datetime | Unset
        if isinstance(_signing_secret_overlap_until, Unset):
            signing_secret_overlap_until = UNSET
        else:
            signing_secret_overlap_until = datetime.datetime.fromisoformat(
                _signing_secret_overlap_until
            )

        _token_overlap_until = d.pop("tokenOverlapUntil", UNSET)
        token_overlap_until: datetime.datetime | Unset
        if isinstance(_token_overlap_until, Unset):
            token_overlap_until = UNSET
        else:
            token_overlap_until = datetime.datetime.fromisoformat(_token_overlap_until)

        endpoint_details = cls(
            active=active,
            created_at=created_at,
            updated_at=updated_at,
            uuid=uuid,
            webhook_token=webhook_token,
            webhook_url=webhook_url,
            ack=ack,
            consecutive_failures=consecutive_failures,
            keep_responses=keep_responses,
            state=state,
            description=description,
            failing_since=failing_since,
            held_reason=held_reason,
            held_since=held_since,
            last_success_at=last_success_at,
            next_probe_at=next_probe_at,
            next_webhook_token=next_webhook_token,
            paused_until=paused_until,
            signing_secret_overlap_until=signing_secret_overlap_until,
            token_overlap_until=token_overlap_until,
        )

        endpoint_details.additional_properties = d
        return endpoint_details

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
