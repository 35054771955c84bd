from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.anonymization_type import AnonymizationType
from ..types import UNSET, Unset

T = TypeVar("T", bound="BlurType")


@_attrs_define
class BlurType:
    """How detections are hidden.

    Example:
        {'anonymization_type': 'pixelate', 'num_pixels': 10}

    Attributes:
        anonymization_type (AnonymizationType | Unset): What stands in a hidden region.
        hex_color (str | Unset): Colour of `opaque`: `#rrggbb` or `#rgb`. Default: '#000000'.
        num_pixels (int | Unset): Cells of `pixelate` across the longer side of the region. Default: 10.
        smooth_padding (float | Unset): Width of the soft edge around the region, as a fraction of its size. Default:
            0.0.
    """

    anonymization_type: AnonymizationType | Unset = UNSET
    hex_color: str | Unset = "#000000"
    num_pixels: int | Unset = 10
    smooth_padding: float | Unset = 0.0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        anonymization_type: str | Unset = UNSET
        if not isinstance(self.anonymization_type, Unset):
            anonymization_type = self.anonymization_type.value

        hex_color = self.hex_color

        num_pixels = self.num_pixels

        smooth_padding = self.smooth_padding

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if anonymization_type is not UNSET:
            field_dict["anonymization_type"] = anonymization_type
        if hex_color is not UNSET:
            field_dict["hex_color"] = hex_color
        if num_pixels is not UNSET:
            field_dict["num_pixels"] = num_pixels
        if smooth_padding is not UNSET:
            field_dict["smooth_padding"] = smooth_padding

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        _anonymization_type = d.pop("anonymization_type", UNSET)
        anonymization_type: AnonymizationType | Unset
        if isinstance(_anonymization_type, Unset):
            anonymization_type = UNSET
        else:
            anonymization_type = AnonymizationType(_anonymization_type)

        hex_color = d.pop("hex_color", UNSET)

        num_pixels = d.pop("num_pixels", UNSET)

        smooth_padding = d.pop("smooth_padding", UNSET)

        blur_type = cls(
            anonymization_type=anonymization_type,
            hex_color=hex_color,
            num_pixels=num_pixels,
            smooth_padding=smooth_padding,
        )

        blur_type.additional_properties = d
        return blur_type

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
