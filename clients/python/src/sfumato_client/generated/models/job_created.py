from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="JobCreated")


@_attrs_define
class JobCreated:
    """The job that was made.

    Example:
        {'anonymization_job_id': '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C'}

    Attributes:
        anonymization_job_id (str): Names the job in every other call and in webhooks.
    """

    anonymization_job_id: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        anonymization_job_id = self.anonymization_job_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "anonymization_job_id": anonymization_job_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        anonymization_job_id = d.pop("anonymization_job_id")

        job_created = cls(
            anonymization_job_id=anonymization_job_id,
        )

        job_created.additional_properties = d
        return job_created

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
