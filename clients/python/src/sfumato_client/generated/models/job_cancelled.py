from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status
from ..types import UNSET, Unset

T = TypeVar("T", bound="JobCancelled")


@_attrs_define
class JobCancelled:
    """The job is cancelled, or its files are deleted.

    Example:
        {'status': 'Revoked'}

    Attributes:
        status (Status): Where a job stands, in the words of the API.
        original_deleted (bool | Unset): With `delete_files`: whether the original is deleted, with all that belongs to
            it. Not where another job on it has not
            finished, or where the storage could not delete it yet.
        result_deleted (bool | Unset): With `delete_files`: whether there is no result any more. Not where the storage
            could not delete it yet.
    """

    status: Status
    original_deleted: bool | Unset = UNSET
    result_deleted: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status.value

        original_deleted = self.original_deleted

        result_deleted = self.result_deleted

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if original_deleted is not UNSET:
            field_dict["original_deleted"] = original_deleted
        if result_deleted is not UNSET:
            field_dict["result_deleted"] = result_deleted

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        status = Status(d.pop("status"))

        original_deleted = d.pop("original_deleted", UNSET)

        result_deleted = d.pop("result_deleted", UNSET)

        job_cancelled = cls(
            status=status,
            original_deleted=original_deleted,
            result_deleted=result_deleted,
        )

        job_cancelled.additional_properties = d
        return job_cancelled

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
