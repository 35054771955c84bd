from enum import StrEnum


class Metadata(StrEnum):
    KEEP = "keep"
    SAFE = "safe"
    STRIP = "strip"

    def __str__(self) -> str:
        return str(self.value)
