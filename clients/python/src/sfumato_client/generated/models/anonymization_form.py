from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..models.audio import Audio
from ..models.codec import Codec
from ..models.mask_shape import MaskShape
from ..models.metadata import Metadata
from ..models.other_entries import OtherEntries
from ..models.priority import Priority
from ..models.profile import Profile
from ..models.subtitles import Subtitles
from ..types import UNSET, File, Unset

if TYPE_CHECKING:
    from ..models.area import Area
    from ..models.blur_type import BlurType


T = TypeVar("T", bound="AnonymizationForm")


@_attrs_define
class AnonymizationForm:
    """The form of an upload. Fields in any order; other fields are ignored. What BlurIt does not know is called an
    extension.

        Attributes:
            input_media (File): The file, exactly one: JPEG, PNG, WebP, BMP or TIFF; MP4, MOV, AVI, MKV or WebM; or a ZIP
                archive of those. The content
                decides, not the name or the declared type.
            activation_faces_blur (bool | Unset): Find and hide faces. `true`, `false`, `1` or `0`. Default: True.
            activation_plates_blur (bool | Unset): Find and hide licence plates. `true`, `false`, `1` or `0`. Default: True.
            audio (Audio | Unset): What is done with the sound of a video: every track is copied bit for bit (`keep`), every
                track is as long as it was and
                silent (`mute`), or there is none (`strip`).
            blur_type (BlurType | Unset): How detections are hidden. Example: {'anonymization_type': 'pixelate',
                'num_pixels': 10}.
            codec (Codec | Unset): How the pictures of a video are encoded: as they were where there is an encoder for it,
                otherwise H.264, in WebM VP9
                (`keep`); H.264 (`h264`); HEVC (`hevc`).
            excluded_area (Area | list[Area | list[list[float]]] | Unset): One rectangle, or a list of at most 100 regions.
                Example: {'bottom': 1, 'left': 0, 'right': 0.5, 'top': 0}.
            face_threshold (float | Unset): Extension. Confidence from which a face counts. The lower it is the less is
                missed, and the more is hidden that is no
                face. Where it is absent the profile decides.
            included_area (Area | list[Area | list[list[float]]] | Unset): One rectangle, or a list of at most 100 regions.
                Example: {'bottom': 1, 'left': 0, 'right': 0.5, 'top': 0}.
            mask_growth (float | Unset): Extension. By how much of its width and height a bounding box grows on each side
                before it is hidden. Default: 0.15.
            mask_shape (MaskShape | Unset): The shape of a hidden region: an ellipse with fuller corners around the grown
                box (`ellipse`), the grown box (`box`), or
                the quadrilateral of the corners where the detector gives them and the grown box otherwise (`quad`).
            metadata (Metadata | Unset): What of the original's metadata the result has: what it needs to look the same
                (`strip`), that and what says nothing about
                persons, devices or places (`safe`), or everything but embedded pictures and what cannot be searched for them
                (`keep`).
            other_entries (OtherEntries | Unset): What becomes of an archive's other entries: they are reported as errors
                (`error`), or left out without one (`omit`).
            output_detections_url (bool | Unset): Also produce a JSON document of what was found. Default: False.
            plate_threshold (float | Unset): Extension. Confidence from which a licence plate counts; as `face_threshold`.
            priority (Priority | Unset): Which of a client's waiting jobs is begun first: all of a higher priority before
                any of a lower one, the oldest of the same
                first. Jobs of other clients wait neither more nor less for it.
            profile (Profile | Unset): How hard is looked, time against misses: one quick look for each class (`fast`),
                several models and sizes (`balanced`),
                or everything there is (`thorough`).
            quality (int | Unset): Extension. How closely a video resembles the original outside of the masks: a constant
                rate factor as x264 counts, 0 for
                the best and 51 for the smallest. Default: 21.
            subtitles (Subtitles | Unset): What is done with the subtitles of a video: there are none in the result
                (`drop`), or every track is copied (`keep`).
    """

    input_media: File
    activation_faces_blur: bool | Unset = True
    activation_plates_blur: bool | Unset = True
    audio: Audio | Unset = UNSET
    blur_type: BlurType | Unset = UNSET
    codec: Codec | Unset = UNSET
    excluded_area: Area | list[Area | list[list[float]]] | Unset = UNSET
    face_threshold: float | Unset = UNSET
    included_area: Area | list[Area | list[list[float]]] | Unset = UNSET
    mask_growth: float | Unset = 0.15
    mask_shape: MaskShape | Unset = UNSET
    metadata: Metadata | Unset = UNSET
    other_entries: OtherEntries | Unset = UNSET
    output_detections_url: bool | Unset = False
    plate_threshold: float | Unset = UNSET
    priority: Priority | Unset = UNSET
    profile: Profile | Unset = UNSET
    quality: int | Unset = 21
    subtitles: Subtitles | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.area import Area

        input_media = self.input_media.to_tuple()

        activation_faces_blur = self.activation_faces_blur

        activation_plates_blur = self.activation_plates_blur

        audio: str | Unset = UNSET
        if not isinstance(self.audio, Unset):
            audio = self.audio.value

        blur_type: dict[str, Any] | Unset = UNSET
        if not isinstance(self.blur_type, Unset):
            blur_type = self.blur_type.to_dict()

        codec: str | Unset = UNSET
        if not isinstance(self.codec, Unset):
            codec = self.codec.value

        excluded_area: dict[str, Any] | list[dict[str, Any] | list[list[float]]] | Unset
        if isinstance(self.excluded_area, Unset):
            excluded_area = UNSET
        elif isinstance(self.excluded_area, Area):
            excluded_area = self.excluded_area.to_dict()
        else:
            excluded_area = []
            for componentsschemas_regions_type_1_item_data in self.excluded_area:
                componentsschemas_regions_type_1_item: (
                    dict[str, Any] | list[list[float]]
                )
                if isinstance(componentsschemas_regions_type_1_item_data, Area):
                    componentsschemas_regions_type_1_item = (
                        componentsschemas_regions_type_1_item_data.to_dict()
                    )
                else:
                    componentsschemas_regions_type_1_item = []
                    for (
                        componentsschemas_region_type_1_item_data
                    ) in componentsschemas_regions_type_1_item_data:
                        componentsschemas_region_type_1_item = (
                            componentsschemas_region_type_1_item_data
                        )

                        componentsschemas_regions_type_1_item.append(
                            componentsschemas_region_type_1_item
                        )

                excluded_area.append(componentsschemas_regions_type_1_item)

        face_threshold = self.face_threshold

        included_area: dict[str, Any] | list[dict[str, Any] | list[list[float]]] | Unset
        if isinstance(self.included_area, Unset):
            included_area = UNSET
        elif isinstance(self.included_area, Area):
            included_area = self.included_area.to_dict()
        else:
            included_area = []
            for componentsschemas_regions_type_1_item_data in self.included_area:
                componentsschemas_regions_type_1_item: (
                    dict[str, Any] | list[list[float]]
                )
                if isinstance(componentsschemas_regions_type_1_item_data, Area):
                    componentsschemas_regions_type_1_item = (
                        componentsschemas_regions_type_1_item_data.to_dict()
                    )
                else:
                    componentsschemas_regions_type_1_item = []
                    for (
                        componentsschemas_region_type_1_item_data
                    ) in componentsschemas_regions_type_1_item_data:
                        componentsschemas_region_type_1_item = (
                            componentsschemas_region_type_1_item_data
                        )

                        componentsschemas_regions_type_1_item.append(
                            componentsschemas_region_type_1_item
                        )

                included_area.append(componentsschemas_regions_type_1_item)

        mask_growth = self.mask_growth

        mask_shape: str | Unset = UNSET
        if not isinstance(self.mask_shape, Unset):
            mask_shape = self.mask_shape.value

        metadata: str | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.value

        other_entries: str | Unset = UNSET
        if not isinstance(self.other_entries, Unset):
            other_entries = self.other_entries.value

        output_detections_url = self.output_detections_url

        plate_threshold = self.plate_threshold

        priority: str | Unset = UNSET
        if not isinstance(self.priority, Unset):
            priority = self.priority.value

        profile: str | Unset = UNSET
        if not isinstance(self.profile, Unset):
            profile = self.profile.value

        quality = self.quality

        subtitles: str | Unset = UNSET
        if not isinstance(self.subtitles, Unset):
            subtitles = self.subtitles.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "input_media": input_media,
            }
        )
        if activation_faces_blur is not UNSET:
            field_dict["activation_faces_blur"] = activation_faces_blur
        if activation_plates_blur is not UNSET:
            field_dict["activation_plates_blur"] = activation_plates_blur
        if audio is not UNSET:
            field_dict["audio"] = audio
        if blur_type is not UNSET:
            field_dict["blur_type"] = blur_type
        if codec is not UNSET:
            field_dict["codec"] = codec
        if excluded_area is not UNSET:
            field_dict["excluded_area"] = excluded_area
        if face_threshold is not UNSET:
            field_dict["face_threshold"] = face_threshold
        if included_area is not UNSET:
            field_dict["included_area"] = included_area
        if mask_growth is not UNSET:
            field_dict["mask_growth"] = mask_growth
        if mask_shape is not UNSET:
            field_dict["mask_shape"] = mask_shape
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if other_entries is not UNSET:
            field_dict["other_entries"] = other_entries
        if output_detections_url is not UNSET:
            field_dict["output_detections_url"] = output_detections_url
        if plate_threshold is not UNSET:
            field_dict["plate_threshold"] = plate_threshold
        if priority is not UNSET:
            field_dict["priority"] = priority
        if profile is not UNSET:
            field_dict["profile"] = profile
        if quality is not UNSET:
            field_dict["quality"] = quality
        if subtitles is not UNSET:
            field_dict["subtitles"] = subtitles

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        from ..models.area import Area

        files: types.RequestFiles = []

        files.append(("input_media", self.input_media.to_tuple()))

        if not isinstance(self.activation_faces_blur, Unset):
            files.append(
                (
                    "activation_faces_blur",
                    (None, str(self.activation_faces_blur).encode(), "text/plain"),
                )
            )

        if not isinstance(self.activation_plates_blur, Unset):
            files.append(
                (
                    "activation_plates_blur",
                    (None, str(self.activation_plates_blur).encode(), "text/plain"),
                )
            )

        if not isinstance(self.audio, Unset):
            files.append(
                ("audio", (None, str(self.audio.value).encode(), "text/plain"))
            )

        if not isinstance(self.blur_type, Unset):
            files.append(
                (
                    "blur_type",
                    (
                        None,
                        json.dumps(self.blur_type.to_dict()).encode(),
                        "application/json",
                    ),
                )
            )

        if not isinstance(self.codec, Unset):
            files.append(
                ("codec", (None, str(self.codec.value).encode(), "text/plain"))
            )

        if not isinstance(self.excluded_area, Unset):
            if isinstance(self.excluded_area, Area):
                files.append(
                    (
                        "excluded_area",
                        (
                            None,
                            json.dumps(self.excluded_area.to_dict()).encode(),
                            "application/json",
                        ),
                    )
                )
            else:
                for componentsschemas_regions_type_1_item_element in self.excluded_area:
                    if isinstance(componentsschemas_regions_type_1_item_element, Area):
                        files.append(
                            (
                                "excluded_area",
                                (
                                    None,
                                    json.dumps(
                                        componentsschemas_regions_type_1_item_element.to_dict()
                                    ).encode(),
                                    "application/json",
                                ),
                            )
                        )
                    else:
                        for (
                            componentsschemas_region_type_1_item_element
                        ) in componentsschemas_regions_type_1_item_element:
                            for (
                                componentsschemas_region_type_1_item_item_element
                            ) in componentsschemas_region_type_1_item_element:
                                files.append(
                                    (
                                        "excluded_area",
                                        (
                                            None,
                                            str(
                                                componentsschemas_region_type_1_item_item_element
                                            ).encode(),
                                            "text/plain",
                                        ),
                                    )
                                )

        if not isinstance(self.face_threshold, Unset):
            files.append(
                (
                    "face_threshold",
                    (None, str(self.face_threshold).encode(), "text/plain"),
                )
            )

        if not isinstance(self.included_area, Unset):
            if isinstance(self.included_area, Area):
                files.append(
                    (
                        "included_area",
                        (
                            None,
                            json.dumps(self.included_area.to_dict()).encode(),
                            "application/json",
                        ),
                    )
                )
            else:
                for componentsschemas_regions_type_1_item_element in self.included_area:
                    if isinstance(componentsschemas_regions_type_1_item_element, Area):
                        files.append(
                            (
                                "included_area",
                                (
                                    None,
                                    json.dumps(
                                        componentsschemas_regions_type_1_item_element.to_dict()
                                    ).encode(),
                                    "application/json",
                                ),
                            )
                        )
                    else:
                        for (
                            componentsschemas_region_type_1_item_element
                        ) in componentsschemas_regions_type_1_item_element:
                            for (
                                componentsschemas_region_type_1_item_item_element
                            ) in componentsschemas_region_type_1_item_element:
                                files.append(
                                    (
                                        "included_area",
                                        (
                                            None,
                                            str(
                                                componentsschemas_region_type_1_item_item_element
                                            ).encode(),
                                            "text/plain",
                                        ),
                                    )
                                )

        if not isinstance(self.mask_growth, Unset):
            files.append(
                ("mask_growth", (None, str(self.mask_growth).encode(), "text/plain"))
            )

        if not isinstance(self.mask_shape, Unset):
            files.append(
                (
                    "mask_shape",
                    (None, str(self.mask_shape.value).encode(), "text/plain"),
                )
            )

        if not isinstance(self.metadata, Unset):
            files.append(
                ("metadata", (None, str(self.metadata.value).encode(), "text/plain"))
            )

        if not isinstance(self.other_entries, Unset):
            files.append(
                (
                    "other_entries",
                    (None, str(self.other_entries.value).encode(), "text/plain"),
                )
            )

        if not isinstance(self.output_detections_url, Unset):
            files.append(
                (
                    "output_detections_url",
                    (None, str(self.output_detections_url).encode(), "text/plain"),
                )
            )

        if not isinstance(self.plate_threshold, Unset):
            files.append(
                (
                    "plate_threshold",
                    (None, str(self.plate_threshold).encode(), "text/plain"),
                )
            )

        if not isinstance(self.priority, Unset):
            files.append(
                ("priority", (None, str(self.priority.value).encode(), "text/plain"))
            )

        if not isinstance(self.profile, Unset):
            files.append(
                ("profile", (None, str(self.profile.value).encode(), "text/plain"))
            )

        if not isinstance(self.quality, Unset):
            files.append(("quality", (None, str(self.quality).encode(), "text/plain")))

        if not isinstance(self.subtitles, Unset):
            files.append(
                ("subtitles", (None, str(self.subtitles.value).encode(), "text/plain"))
            )

        for prop_name, prop in self.additional_properties.items():
            files.append((prop_name, (None, str(prop).encode(), "text/plain")))

        return files

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.area import Area
        from ..models.blur_type import BlurType

        d = dict(src_dict)
        input_media = File(payload=BytesIO(d.pop("input_media")))

        activation_faces_blur = d.pop("activation_faces_blur", UNSET)

        activation_plates_blur = d.pop("activation_plates_blur", UNSET)

        _audio = d.pop("audio", UNSET)
        audio: Audio | Unset
        if isinstance(_audio, Unset):
            audio = UNSET
        else:
            audio = Audio(_audio)

        _blur_type = d.pop("blur_type", UNSET)
        blur_type: BlurType | Unset
        if isinstance(_blur_type, Unset):
            blur_type = UNSET
        else:
            blur_type = BlurType.from_dict(_blur_type)

        _codec = d.pop("codec", UNSET)
        codec: Codec | Unset
        if isinstance(_codec, Unset):
            codec = UNSET
        else:
            codec = Codec(_codec)

        def _parse_excluded_area(
            data: object,
        ) -> Area | list[Area | list[list[float]]] | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_regions_type_0 = Area.from_dict(data)

                return componentsschemas_regions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, list):
                raise TypeError()
            componentsschemas_regions_type_1 = []
            _componentsschemas_regions_type_1 = data
            for (
                componentsschemas_regions_type_1_item_data
            ) in _componentsschemas_regions_type_1:

                def _parse_componentsschemas_regions_type_1_item(
                    data: object,
                ) -> Area | list[list[float]]:
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        componentsschemas_region_type_0 = Area.from_dict(data)

                        return componentsschemas_region_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, list):
                        raise TypeError()
                    componentsschemas_region_type_1 = []
                    _componentsschemas_region_type_1 = data
                    for (
                        componentsschemas_region_type_1_item_data
                    ) in _componentsschemas_region_type_1:
                        componentsschemas_region_type_1_item = cast(
                            list[float], componentsschemas_region_type_1_item_data
                        )

                        componentsschemas_region_type_1.append(
                            componentsschemas_region_type_1_item
                        )

                    return componentsschemas_region_type_1

                componentsschemas_regions_type_1_item = (
                    _parse_componentsschemas_regions_type_1_item(
                        componentsschemas_regions_type_1_item_data
                    )
                )

                componentsschemas_regions_type_1.append(
                    componentsschemas_regions_type_1_item
                )

            return componentsschemas_regions_type_1

        excluded_area = _parse_excluded_area(d.pop("excluded_area", UNSET))

        face_threshold = d.pop("face_threshold", UNSET)

        def _parse_included_area(
            data: object,
        ) -> Area | list[Area | list[list[float]]] | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_regions_type_0 = Area.from_dict(data)

                return componentsschemas_regions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, list):
                raise TypeError()
            componentsschemas_regions_type_1 = []
            _componentsschemas_regions_type_1 = data
            for (
                componentsschemas_regions_type_1_item_data
            ) in _componentsschemas_regions_type_1:

                def _parse_componentsschemas_regions_type_1_item(
                    data: object,
                ) -> Area | list[list[float]]:
                    try:
                        if not isinstance(data, dict):
                            raise TypeError()
                        componentsschemas_region_type_0 = Area.from_dict(data)

                        return componentsschemas_region_type_0
                    except (TypeError, ValueError, AttributeError, KeyError):
                        pass
                    if not isinstance(data, list):
                        raise TypeError()
                    componentsschemas_region_type_1 = []
                    _componentsschemas_region_type_1 = data
                    for (
                        componentsschemas_region_type_1_item_data
                    ) in _componentsschemas_region_type_1:
                        componentsschemas_region_type_1_item = cast(
                            list[float], componentsschemas_region_type_1_item_data
                        )

                        componentsschemas_region_type_1.append(
                            componentsschemas_region_type_1_item
                        )

                    return componentsschemas_region_type_1

                componentsschemas_regions_type_1_item = (
                    _parse_componentsschemas_regions_type_1_item(
                        componentsschemas_regions_type_1_item_data
                    )
                )

                componentsschemas_regions_type_1.append(
                    componentsschemas_regions_type_1_item
                )

            return componentsschemas_regions_type_1

        included_area = _parse_included_area(d.pop("included_area", UNSET))

        mask_growth = d.pop("mask_growth", UNSET)

        _mask_shape = d.pop("mask_shape", UNSET)
        mask_shape: MaskShape | Unset
        if isinstance(_mask_shape, Unset):
            mask_shape = UNSET
        else:
            mask_shape = MaskShape(_mask_shape)

        _metadata = d.pop("metadata", UNSET)
        metadata: Metadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = Metadata(_metadata)

        _other_entries = d.pop("other_entries", UNSET)
        other_entries: OtherEntries | Unset
        if isinstance(_other_entries, Unset):
            other_entries = UNSET
        else:
            other_entries = OtherEntries(_other_entries)

        output_detections_url = d.pop("output_detections_url", UNSET)

        plate_threshold = d.pop("plate_threshold", UNSET)

        _priority = d.pop("priority", UNSET)
        priority: Priority | Unset
        if isinstance(_priority, Unset):
            priority = UNSET
        else:
            priority = Priority(_priority)

        _profile = d.pop("profile", UNSET)
        profile: Profile | Unset
        if isinstance(_profile, Unset):
            profile = UNSET
        else:
            profile = Profile(_profile)

        quality = d.pop("quality", UNSET)

        _subtitles = d.pop("subtitles", UNSET)
        subtitles: Subtitles | Unset
        if isinstance(_subtitles, Unset):
            subtitles = UNSET
        else:
            subtitles = Subtitles(_subtitles)

        anonymization_form = cls(
            input_media=input_media,
            activation_faces_blur=activation_faces_blur,
            activation_plates_blur=activation_plates_blur,
            audio=audio,
            blur_type=blur_type,
            codec=codec,
            excluded_area=excluded_area,
            face_threshold=face_threshold,
            included_area=included_area,
            mask_growth=mask_growth,
            mask_shape=mask_shape,
            metadata=metadata,
            other_entries=other_entries,
            output_detections_url=output_detections_url,
            plate_threshold=plate_threshold,
            priority=priority,
            profile=profile,
            quality=quality,
            subtitles=subtitles,
        )

        anonymization_form.additional_properties = d
        return anonymization_form

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
