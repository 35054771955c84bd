"""Against a running server: see clients/README.md for the variables."""

import json
import os
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sfumato_client import ApiError, Sfumato, checked
from sfumato_client.generated.api.webhooks import (
    create_webhook_endpoint,
    delete_webhook_endpoint,
    get_webhook_signing_secret,
)
from sfumato_client.generated.models import AnonymizationType, BlurType, NewEndpoint, Profile

PICTURE = os.environ["SFUMATO_PICTURE"]


@pytest.fixture
def sfumato():
    return Sfumato(os.environ["SFUMATO_URL"], os.environ["SFUMATO_CLIENT_ID"], os.environ["SFUMATO_SECRET_ID"])


def test_a_picture_is_uploaded_waited_for_and_downloaded(sfumato, tmp_path):
    job_id = sfumato.anonymize(
        PICTURE,
        output_detections_url=True,
        activation_plates_blur=False,
        profile=Profile.BALANCED,
        blur_type=BlurType(anonymization_type=AnonymizationType.PIXELATE, num_pixels=6),
    )
    job = sfumato.ended(job_id, every_s=0.1)
    assert job.status == "Succeeded", job.error
    sfumato.download(job.output_media, tmp_path / "hidden.jpg")
    assert (tmp_path / "hidden.jpg").read_bytes().startswith(b"\xff\xd8")
    sfumato.download(job.output_json, tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())["detections"]
    assert [(detection["class"], detection["hidden"]) for detection in found] == [("face", True)]


def test_what_the_server_refuses_is_an_exception_with_its_message(sfumato):
    with pytest.raises(ApiError, match="face_threshold") as refused:
        sfumato.anonymize(PICTURE, face_threshold=2)
    assert refused.value.status == 400
    stranger = Sfumato(os.environ["SFUMATO_URL"], os.environ["SFUMATO_CLIENT_ID"], "secret_wrong")
    with pytest.raises(ApiError) as refused:
        stranger.job("nothing")
    assert refused.value.status == 401
    assert sfumato.job("nothing").status == "Unknown job"


def test_webhooks_arrive_in_order_and_are_signed(sfumato):
    received = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((dict(self.headers.items()), body))
            answer = json.dumps({"taskId": json.loads(body)["taskId"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/hook"
    endpoint = checked(
        create_webhook_endpoint.sync_detailed(client=sfumato.routes, body=NewEndpoint(webhook_url=address))
    )
    secret = checked(get_webhook_signing_secret.sync_detailed(endpoint.uuid, client=sfumato.routes)).signing_secret
    job_id = sfumato.anonymize(PICTURE)
    webhook, statuses = Webhook(secret), []
    while not statuses or statuses[-1] != "Succeeded":
        headers, body = received.get(timeout=120)
        headers = {name.lower(): value for name, value in headers.items()}
        assert headers["x-auth-token"] == endpoint.webhook_token
        webhook.verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            webhook.verify(body + b" ", headers)
        assert json.loads(body)["taskId"] == job_id
        statuses.append(json.loads(body)["status"])
    assert statuses == ["Sent", "Started", "Succeeded"]
    delete_webhook_endpoint.sync_detailed(endpoint.uuid, client=sfumato.routes)
    server.shutdown()
