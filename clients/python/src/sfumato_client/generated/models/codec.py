from enum import StrEnum


class Codec(StrEnum):
    H264 = "h264"
    HEVC = "hevc"
    KEEP = "keep"

    def __str__(self) -> str:
        return str(self.value)
