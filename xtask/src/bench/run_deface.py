"""Runs deface as it is, with the number of threads of ONNX Runtime chosen, or prints what it detects.

    run_deface.py blur   --threads N [--scale WxH] FILE...   deface's own command line; N = 0 leaves its default
    run_deface.py detect --threads N [--scale WxH] FILE...   JSON lines as `sfumato detect` prints them
"""

import json
import sys
import time

import cv2
import onnxruntime


def limit(threads):
    cv2.setNumThreads(threads)
    session = onnxruntime.InferenceSession

    def limited(*arguments, **named):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = threads
        return session(*arguments, sess_options=options, **named)

    onnxruntime.InferenceSession = limited


def cpu_ms():
    return 1000 * time.process_time()


def detect(scale, files):
    import imageio.v2 as iio
    from deface.centerface import CenterFace

    in_shape = tuple(int(side) for side in scale.split("x")) if scale else None
    # deface says on standard output what it runs on.
    output, sys.stdout = sys.stdout, sys.stderr
    center_face = CenterFace(in_shape=in_shape, backend="onnxrt")
    sys.stdout = output
    for file in files:
        start = cpu_ms()
        frame = iio.imread(file)
        decoded = cpu_ms()
        found, _ = center_face(frame, threshold=0.2)
        ended = cpu_ms()
        detections = [
            {
                "class": "face",
                "confidence": float(score),
                "box": {
                    "x": float(left),
                    "y": float(top),
                    "width": float(right - left),
                    "height": float(bottom - top),
                },
            }
            for left, top, right, bottom, score in found
        ]
        timings = {"decode_ms": decoded - start, "inference_ms": ended - decoded}
        document = {"detections": detections}
        print(json.dumps({"file": file, "document": document, "timings": timings}), flush=True)


def main():
    mode, _, threads, *rest = sys.argv[1:]
    scale = None
    if rest[0] == "--scale":
        scale, rest = rest[1], rest[2:]
    if int(threads) > 0:
        limit(int(threads))
    if mode == "detect":
        detect(scale, rest)
        return
    from deface.deface import main as deface

    sys.argv = ["deface", "--backend", "onnxrt", *(["--scale", scale] if scale else []), *rest]
    deface()


main()
