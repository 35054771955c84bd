"""Contains all the data models used in inputs/outputs"""

from .anonymization_form import AnonymizationForm
from .anonymization_type import AnonymizationType
from .area import Area
from .attempt_body import AttemptBody
from .audio import Audio
from .blur_type import BlurType
from .codec import Codec
from .counts_body import CountsBody
from .delivery_body import DeliveryBody
from .delivery_page import DeliveryPage
from .endpoint_body import EndpointBody
from .endpoint_change import EndpointChange
from .endpoint_details import EndpointDetails
from .endpoint_test import EndpointTest
from .error_body import ErrorBody
from .event_body import EventBody
from .event_page import EventPage
from .header_body import HeaderBody
from .health import Health
from .job_cancelled import JobCancelled
from .job_created import JobCreated
from .job_status import JobStatus
from .login_request import LoginRequest
from .mask_shape import MaskShape
from .metadata import Metadata
from .new_endpoint import NewEndpoint
from .new_replay import NewReplay
from .other_entries import OtherEntries
from .phases_body import PhasesBody
from .priority import Priority
from .profile import Profile
from .ready import Ready
from .refresh_request import RefreshRequest
from .render_body import RenderBody
from .render_body_detections import RenderBodyDetections
from .replay_body import ReplayBody
from .rotated_secret import RotatedSecret
from .rotated_token import RotatedToken
from .rotation import Rotation
from .signing_secret_body import SigningSecretBody
from .status import Status
from .subtitles import Subtitles
from .token_body import TokenBody
from .usage_body import UsageBody
from .used import Used

__all__ = (
    "AnonymizationForm",
    "AnonymizationType",
    "Area",
    "AttemptBody",
    "Audio",
    "BlurType",
    "Codec",
    "CountsBody",
    "DeliveryBody",
    "DeliveryPage",
    "EndpointBody",
    "EndpointChange",
    "EndpointDetails",
    "EndpointTest",
    "ErrorBody",
    "EventBody",
    "EventPage",
    "HeaderBody",
    "Health",
    "JobCancelled",
    "JobCreated",
    "JobStatus",
    "LoginRequest",
    "MaskShape",
    "Metadata",
    "NewEndpoint",
    "NewReplay",
    "OtherEntries",
    "PhasesBody",
    "Priority",
    "Profile",
    "Ready",
    "RefreshRequest",
    "RenderBody",
    "RenderBodyDetections",
    "ReplayBody",
    "RotatedSecret",
    "RotatedToken",
    "Rotation",
    "SigningSecretBody",
    "Status",
    "Subtitles",
    "TokenBody",
    "UsageBody",
    "Used",
)
