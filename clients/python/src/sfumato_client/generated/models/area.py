from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Area")


@_attrs_define
class Area:
    """A rectangle in fractions of the picture's width and height: 0 ≤ left < right ≤ 1, 0 ≤ top < bottom ≤ 1.

    Example:
        {'bottom': 1, 'left': 0, 'right': 0.5, 'top': 0}

    Attributes:
        bottom (float): Lower edge.
        left (float): Left edge.
        right (float): Right edge.
        top (float): Upper edge.
    """

    bottom: float
    left: float
    right: float
    top: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bottom = self.bottom

        left = self.left

        right = self.right

        top = self.top

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bottom": bottom,
                "left": left,
                "right": right,
                "top": top,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        bottom = d.pop("bottom")

        left = d.pop("left")

        right = d.pop("right")

        top = d.pop("top")

        area = cls(
            bottom=bottom,
            left=left,
            right=right,
            top=top,
        )

        area.additional_properties = d
        return area

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
