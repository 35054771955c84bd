from enum import StrEnum


class OtherEntries(StrEnum):
    ERROR = "error"
    OMIT = "omit"

    def __str__(self) -> str:
        return str(self.value)
