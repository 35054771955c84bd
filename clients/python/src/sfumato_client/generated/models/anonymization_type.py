from enum import StrEnum


class AnonymizationType(StrEnum):
    BLUR = "blur"
    OPAQUE = "opaque"
    PIXELATE = "pixelate"

    def __str__(self) -> str:
        return str(self.value)
