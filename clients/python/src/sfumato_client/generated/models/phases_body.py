from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PhasesBody")


@_attrs_define
class PhasesBody:
    """Milliseconds of each phase that was reached.

    Attributes:
        total_ms (float): All of it.
        body_ms (float | Unset): The answer's body.
        connect_ms (float | Unset): TCP connection.
        dns_ms (float | Unset): Name resolution.
        headers_ms (float | Unset): Until the answer's headers.
        tls_ms (float | Unset): TLS handshake.
    """

    total_ms: float
    body_ms: float | Unset = UNSET
    connect_ms: float | Unset = UNSET
    dns_ms: float | Unset = UNSET
    headers_ms: float | Unset = UNSET
    tls_ms: float | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        total_ms = self.total_ms

        body_ms = self.body_ms

        connect_ms = self.connect_ms

        dns_ms = self.dns_ms

        headers_ms = self.headers_ms

        tls_ms = self.tls_ms

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "totalMs": total_ms,
            }
        )
        if body_ms is not UNSET:
            field_dict["bodyMs"] = body_ms
        if connect_ms is not UNSET:
            field_dict["connectMs"] = connect_ms
        if dns_ms is not UNSET:
            field_dict["dnsMs"] = dns_ms
        if headers_ms is not UNSET:
            field_dict["headersMs"] = headers_ms
        if tls_ms is not UNSET:
            field_dict["tlsMs"] = tls_ms

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        total_ms = d.pop("totalMs")

        body_ms = d.pop("bodyMs", UNSET)

        connect_ms = d.pop("connectMs", UNSET)

        dns_ms = d.pop("dnsMs", UNSET)

        headers_ms = d.pop("headersMs", UNSET)

        tls_ms = d.pop("tlsMs", UNSET)

        phases_body = cls(
            total_ms=total_ms,
            body_ms=body_ms,
            connect_ms=connect_ms,
            dns_ms=dns_ms,
            headers_ms=headers_ms,
            tls_ms=tls_ms,
        )

        phases_body.additional_properties = d
        return phases_body

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
