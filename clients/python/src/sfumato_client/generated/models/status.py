from enum import StrEnum


class Status(StrEnum):
    FAILED = "Failed"
    RETRIED = "Retried"
    REVOKED = "Revoked"
    SENT = "Sent"
    STARTED = "Started"
    SUCCEEDED = "Succeeded"
    UNKNOWN_JOB = "Unknown job"

    def __str__(self) -> str:
        return str(self.value)
