from enum import StrEnum


class Audio(StrEnum):
    KEEP = "keep"
    MUTE = "mute"
    STRIP = "strip"

    def __str__(self) -> str:
        return str(self.value)
