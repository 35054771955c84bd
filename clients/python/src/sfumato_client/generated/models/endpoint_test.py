from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.header_body import HeaderBody
    from ..models.phases_body import PhasesBody


T = TypeVar("T", bound="EndpointTest")


@_attrs_define
class EndpointTest:
    """What happened when an endpoint was tried. Members of phases that were not reached are absent.

    Example:
        {'address': '93.184.215.14:443', 'body': '<p>OK</p>', 'explanation': 'the endpoint answered 200, but its body is
            not a JSON object with our taskId', 'headers': [{'name': 'content-type', 'value': 'text/html'}], 'kept': False,
            'outcome': 'bad_ack', 'phases': {'bodyMs': 0.1, 'connectMs': 11.0, 'dnsMs': 1.2, 'headersMs': 30.1, 'tlsMs':
            24.7, 'totalMs': 67.1}, 'startedAt': '2024-06-04T10:29:10.656Z', 'status': 200, 'taskId':
            '018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S', 'tls': 'TLSv1.3
            TLS13_AES_128_GCM_SHA256', 'webhookId': '018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9'}

    Attributes:
        explanation (str): The same in words, and what to mend.
        kept (bool): Whether the endpoint kept the contract.
        outcome (str): `ok`, `bad_ack`, `status`, `timeout_connect`, `timeout_total`, `dns`, `tls`, `connect`,
            `blocked_address`,
            `body_too_large` or `cancelled`.
        phases (PhasesBody): Milliseconds of each phase that was reached.
        started_at (datetime.datetime): When the test began.
        task_id (str): The made-up job that was told of.
        webhook_id (str): The `webhook-id` of the request.
        address (str | Unset): Address and port that answered the connection.
        body (str | Unset): The first 4 KiB of the answer's body.
        headers (list[HeaderBody] | Unset): Headers of the answer, in order.
        status (int | Unset): Status code of the answer.
        tls (str | Unset): TLS version and cipher suite.
    """

    explanation: str
    kept: bool
    outcome: str
    phases: PhasesBody
    started_at: datetime.datetime
    task_id: str
    webhook_id: str
    address: str | Unset = UNSET
    body: str | Unset = UNSET
    headers: list[HeaderBody] | Unset = UNSET
    status: int | Unset = UNSET
    tls: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        explanation = self.explanation

        kept = self.kept

        outcome = self.outcome

        phases = self.phases.to_dict()

        started_at = self.started_at.isoformat()

        task_id = self.task_id

        webhook_id = self.webhook_id

        address = self.address

        body = self.body

        headers: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.headers, Unset):
            headers = []
            for headers_item_data in self.headers:
                headers_item = headers_item_data.to_dict()
                headers.append(headers_item)

        status = self.status

        tls = self.tls

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "explanation": explanation,
                "kept": kept,
                "outcome": outcome,
                "phases": phases,
                "startedAt": started_at,
                "taskId": task_id,
                "webhookId": webhook_id,
            }
        )
        if address is not UNSET:
            field_dict["address"] = address
        if body is not UNSET:
            field_dict["body"] = body
        if headers is not UNSET:
            field_dict["headers"] = headers
        if status is not UNSET:
            field_dict["status"] = status
        if tls is not UNSET:
            field_dict["tls"] = tls

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.header_body import HeaderBody
        from ..models.phases_body import PhasesBody

        d = dict(src_dict)
        explanation = d.pop("explanation")

        kept = d.pop("kept")

        outcome = d.pop("outcome")

        phases = PhasesBody.from_dict(d.pop("phases"))

        started_at = datetime.datetime.fromisoformat(d.pop("startedAt"))

        task_id = d.pop("taskId")

        webhook_id = d.pop("webhookId")

        address = d.pop("address", UNSET)

        body = d.pop("body", UNSET)

        _headers = d.pop("headers", UNSET)
        headers: list[HeaderBody] | Unset = UNSET
        if _headers is not UNSET:
            headers = []
            for headers_item_data in _headers:
                headers_item = HeaderBody.from_dict(headers_item_data)

                headers.append(headers_item)

        status = d.pop("status", UNSET)

        tls = d.pop("tls", UNSET)

        endpoint_test = cls(
            explanation=explanation,
            kept=kept,
            outcome=outcome,
            phases=phases,
            started_at=started_at,
            task_id=task_id,
            webhook_id=webhook_id,
            address=address,
            body=body,
            headers=headers,
            status=status,
            tls=tls,
        )

        endpoint_test.additional_properties = d
        return endpoint_test

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
