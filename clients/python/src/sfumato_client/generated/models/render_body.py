from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define

from ..models.audio import Audio
from ..models.codec import Codec
from ..models.mask_shape import MaskShape
from ..models.metadata import Metadata
from ..models.priority import Priority
from ..models.subtitles import Subtitles
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.blur_type import BlurType
    from ..models.render_body_detections import RenderBodyDetections


T = TypeVar("T", bound="RenderBody")


@_attrs_define
class RenderBody:
    """What is to be rendered. Options that are absent are those of the job.

    Example:
        {'anonymization_job_id': '018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C',
            'blur_type': {'anonymization_type': 'pixelate', 'num_pixels': 10}, 'detections': {'detections': [{'box':
            {'height': 130, 'width': 94, 'x': 176, 'y': 63}, 'class': 'face', 'manual': True}], 'picture': {'height': 512,
            'width': 512}, 'schema': 'sfumato.detections/1'}}

    Attributes:
        anonymization_job_id (str): The job whose original is rendered again; a revision of it is as good.
        detections (RenderBodyDetections): What is to be hidden, and nothing else: a detections document as a job
            answers with, edited.
        audio (Audio | Unset): What is done with the sound of a video: every track is copied bit for bit (`keep`), every
            track is as long as it was and
            silent (`mute`), or there is none (`strip`).
        blur_type (BlurType | Unset): How detections are hidden. Example: {'anonymization_type': 'pixelate',
            'num_pixels': 10}.
        codec (Codec | Unset): How the pictures of a video are encoded: as they were where there is an encoder for it,
            otherwise H.264, in WebM VP9
            (`keep`); H.264 (`h264`); HEVC (`hevc`).
        mask_growth (float | Unset): By how much of its width and height a bounding box grows on each side before it is
            hidden.
        mask_shape (MaskShape | Unset): The shape of a hidden region: an ellipse with fuller corners around the grown
            box (`ellipse`), the grown box (`box`), or
            the quadrilateral of the corners where the detector gives them and the grown box otherwise (`quad`).
        metadata (Metadata | Unset): What of the original's metadata the result has: what it needs to look the same
            (`strip`), that and what says nothing about
            persons, devices or places (`safe`), or everything but embedded pictures and what cannot be searched for them
            (`keep`).
        output_detections_url (bool | Unset): Also tell where the detections document of the result is.
        priority (Priority | Unset): Which of a client's waiting jobs is begun first: all of a higher priority before
            any of a lower one, the oldest of the same
            first. Jobs of other clients wait neither more nor less for it.
        quality (int | Unset): How closely a video resembles the original outside of the masks.
        subtitles (Subtitles | Unset): What is done with the subtitles of a video: there are none in the result
            (`drop`), or every track is copied (`keep`).
    """

    anonymization_job_id: str
    detections: RenderBodyDetections
    audio: Audio | Unset = UNSET
    blur_type: BlurType | Unset = UNSET
    codec: Codec | Unset = UNSET
    mask_growth: float | Unset = UNSET
    mask_shape: MaskShape | Unset = UNSET
    metadata: Metadata | Unset = UNSET
    output_detections_url: bool | Unset = UNSET
    priority: Priority | Unset = UNSET
    quality: int | Unset = UNSET
    subtitles: Subtitles | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        anonymization_job_id = self.anonymization_job_id

        detections = self.detections.to_dict()

        audio: str | Unset = UNSET
        if not isinstance(self.audio, Unset):
            audio = self.audio.value

        blur_type: dict[str, Any] | Unset = UNSET
        if not isinstance(self.blur_type, Unset):
            blur_type = self.blur_type.to_dict()

        codec: str | Unset = UNSET
        if not isinstance(self.codec, Unset):
            codec = self.codec.value

        mask_growth = self.mask_growth

        mask_shape: str | Unset = UNSET
        if not isinstance(self.mask_shape, Unset):
            mask_shape = self.mask_shape.value

        metadata: str | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.value

        output_detections_url = self.output_detections_url

        priority: str | Unset = UNSET
        if not isinstance(self.priority, Unset):
            priority = self.priority.value

        quality = self.quality

        subtitles: str | Unset = UNSET
        if not isinstance(self.subtitles, Unset):
            subtitles = self.subtitles.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "anonymization_job_id": anonymization_job_id,
                "detections": detections,
            }
        )
        if audio is not UNSET:
            field_dict["audio"] = audio
        if blur_type is not UNSET:
            field_dict["blur_type"] = blur_type
        if codec is not UNSET:
            field_dict["codec"] = codec
        if mask_growth is not UNSET:
            field_dict["mask_growth"] = mask_growth
        if mask_shape is not UNSET:
            field_dict["mask_shape"] = mask_shape
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if output_detections_url is not UNSET:
            field_dict["output_detections_url"] = output_detections_url
        if priority is not UNSET:
            field_dict["priority"] = priority
        if quality is not UNSET:
            field_dict["quality"] = quality
        if subtitles is not UNSET:
            field_dict["subtitles"] = subtitles

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.blur_type import BlurType
        from ..models.render_body_detections import RenderBodyDetections

        d = dict(src_dict)
        anonymization_job_id = d.pop("anonymization_job_id")

        detections = RenderBodyDetections.from_dict(d.pop("detections"))

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

        output_detections_url = d.pop("output_detections_url", UNSET)

        _priority = d.pop("priority", UNSET)
        priority: Priority | Unset
        if isinstance(_priority, Unset):
            priority = UNSET
        else:
            priority = Priority(_priority)

        quality = d.pop("quality", UNSET)

        _subtitles = d.pop("subtitles", UNSET)
        subtitles: Subtitles | Unset
        if isinstance(_subtitles, Unset):
            subtitles = UNSET
        else:
            subtitles = Subtitles(_subtitles)

        render_body = cls(
            anonymization_job_id=anonymization_job_id,
            detections=detections,
            audio=audio,
            blur_type=blur_type,
            codec=codec,
            mask_growth=mask_growth,
            mask_shape=mask_shape,
            metadata=metadata,
            output_detections_url=output_detections_url,
            priority=priority,
            quality=quality,
            subtitles=subtitles,
        )

        return render_body
