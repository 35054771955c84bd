from enum import StrEnum


class Profile(StrEnum):
    BALANCED = "balanced"
    FAST = "fast"
    THOROUGH = "thorough"

    def __str__(self) -> str:
        return str(self.value)
