from enum import StrEnum


class MaskShape(StrEnum):
    BOX = "box"
    ELLIPSE = "ellipse"
    QUAD = "quad"

    def __str__(self) -> str:
        return str(self.value)
