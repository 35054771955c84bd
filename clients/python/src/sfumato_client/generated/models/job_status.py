from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.status import Status
from ..types import UNSET, Unset

T = TypeVar("T", bound="JobStatus")


@_attrs_define
class JobStatus:
    """Where a job stands. Members that do not apply are absent.

    Example:
        {'output_json': 'https://blur.example.com/innovation-service/result/018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.json',
            'output_media': 'https://blur.example.com/innovation-service/result/018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.jpg',
            'status': 'Succeeded'}

    Attributes:
        status (Status): Where a job stands, in the words of the API.
        error (str | Unset): Why the job failed and what can be done; with `Failed`.
        eta_seconds (int | Unset): Seconds until the job will be done, if it goes on as it does; with `Started`, once
            that can be told.
        output_json (str | Unset): URL of the detections document; with `Succeeded`, where it was asked for.
        output_media (str | Unset): URL of the anonymized file; with `Succeeded`.
        progress (float | Unset): Part done, 0 to 1; with `Started`.
        warnings (list[str] | Unset): What the customer should know about the result.
    """

    status: Status
    error: str | Unset = UNSET
    eta_seconds: int | Unset = UNSET
    output_json: str | Unset = UNSET
    output_media: str | Unset = UNSET
    progress: float | Unset = UNSET
    warnings: list[str] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status.value

        error = self.error

        eta_seconds = self.eta_seconds

        output_json = self.output_json

        output_media = self.output_media

        progress = self.progress

        warnings: list[str] | Unset = UNSET
        if not isinstance(self.warnings, Unset):
            warnings = self.warnings

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
            }
        )
        if error is not UNSET:
            field_dict["error"] = error
        if eta_seconds is not UNSET:
            field_dict["eta_seconds"] = eta_seconds
        if output_json is not UNSET:
            field_dict["output_json"] = output_json
        if output_media is not UNSET:
            field_dict["output_media"] = output_media
        if progress is not UNSET:
            field_dict["progress"] = progress
        if warnings is not UNSET:
            field_dict["warnings"] = warnings

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        status = Status(d.pop("status"))

        error = d.pop("error", UNSET)

        eta_seconds = d.pop("eta_seconds", UNSET)

        output_json = d.pop("output_json", UNSET)

        output_media = d.pop("output_media", UNSET)

        progress = d.pop("progress", UNSET)

        warnings = cast(list[str], d.pop("warnings", UNSET))

        job_status = cls(
            status=status,
            error=error,
            eta_seconds=eta_seconds,
            output_json=output_json,
            output_media=output_media,
            progress=progress,
            warnings=warnings,
        )

        job_status.additional_properties = d
        return job_status

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
