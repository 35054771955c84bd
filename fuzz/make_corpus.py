#!/usr/bin/env python3
"""Writes the hostile files that the tests replay (`tests/corpus` of the crates `media`, `http` and `sfumato`).

A name begins with `ok-` where the file has to be processed, with `bad-` where it has to be refused; of metadata, with
`some-` where something is kept, with `none-` where nothing is. The files are deterministic: running this twice changes
nothing.
"""

import base64
import struct
import zlib
from pathlib import Path

CRATES = Path(__file__).resolve().parent.parent / "crates"


def write(folder, name, content, *, crate="media"):
    path = CRATES / crate / "tests/corpus" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# JPEG: one component, every coefficient zero, so that a block takes two bits.


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg(width, height, *, segments=b"", scan=None, sof=0xC0, precision=8, components=1, end=b"\xff\xd9"):
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    bits = blocks * 2
    if scan is None:
        scan = bytes((bits + 7) // 8)
        if bits % 8:
            scan = scan[:-1] + bytes([(1 << (8 - bits % 8)) - 1])
    table = segment(0xDB, bytes([0]) + bytes([1] * 64))
    frame = segment(
        sof,
        struct.pack(">BHHB", precision, height, width, components)
        + b"".join(bytes([i + 1, 0x11, 0]) for i in range(components)),
    )
    huffman = b"".join(
        segment(0xC4, bytes([kind, 1]) + bytes(15) + bytes([0])) for kind in (0x00, 0x10)
    )
    start = segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))
    return b"\xff\xd8" + segments + table + frame + huffman + start + scan + end


def jpegs():
    plain = jpeg(16, 16)
    exif = b"Exif\0\0" + tiff_fields([(0x0112, 3, 1, struct.pack("<HH", 6, 0))])
    files = {
        "ok-16x16": plain,
        "ok-1x1": jpeg(1, 1),
        "ok-wide": jpeg(4096, 8),
        "ok-orientation": jpeg(16, 8, segments=segment(0xE1, exif)),
        "ok-second-picture-behind": plain + jpeg(8, 8),
        "ok-garbage-behind": plain + b"garbage" * 9,
        "ok-fill-bytes": plain[:2] + b"\xff" * 20 + plain[2:],
        "ok-hostile-exif": jpeg(16, 16, segments=segment(0xE1, b"Exif\0\0" + exif_loop())),
        "ok-hostile-icc": jpeg(16, 16, segments=segment(0xE2, b"ICC_PROFILE\0\1\1" + icc_overlap())),
        "ok-icc-of-too-many-parts": jpeg(16, 16, segments=segment(0xE2, b"ICC_PROFILE\0\xff\xff" + bytes(99))),
        "bad-empty": b"\xff\xd8\xff",
        "bad-cut-in-header": plain[:40],
        "bad-cut-in-scan": jpeg(512, 512)[:-300],
        "bad-no-scan": plain[: plain.index(b"\xff\xda")] + b"\xff\xd9",
        "bad-no-frame": b"\xff\xd8" + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\xff\xd9",
        "bad-short-frame": b"\xff\xd8" + segment(0xC0, b"\x08") + b"\xff\xd9",
        "bad-no-tables": b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0")
        + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\0\xff\xd9",
        "bad-zero-width": jpeg(0, 16, scan=b""),
        "bad-zero-height": jpeg(16, 0, scan=b""),
        "bad-65535-wide": jpeg(65535, 8, scan=b""),
        "bad-huge": jpeg(65000, 65000, scan=b"\0"),
        "bad-lossless": jpeg(16, 16, sof=0xC3),
        "bad-12-bits": jpeg(16, 16, sof=0xC1, precision=12),
        "bad-too-many-scans": jpeg(
            8, 8, sof=0xC2, scan=b"\x3f" + (segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + b"\x3f") * 200
        ),
        "bad-size-that-lies": jpeg(16, 16).replace(struct.pack(">HH", 16, 16), struct.pack(">HH", 900, 900)),
    }
    for name, content in files.items():
        write("jpeg", name, content)


# PNG.


def chunk(kind, data, *, length=None, crc=None):
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", crc)


def png(width, height, *, depth=8, color=0, between=b"", pixels=None, behind=b"", interlace=0, end=chunk(b"IEND", b"")):
    if pixels is None:
        pixels = zlib.compress((b"\0" + bytes((width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color] * depth + 7) // 8)) * height, 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + header + between + chunk(b"IDAT", pixels) + behind + end


def pngs():
    plain = png(16, 16)
    bomb = zlib.compress(bytes(20 << 20), 9)
    files = {
        "ok-16x16": plain,
        "ok-1x1": png(1, 1),
        "ok-16-bits": png(3, 5, depth=16, color=6),
        "ok-one-bit": png(9, 3, depth=1),
        "ok-palette": png(4, 4, color=3, between=chunk(b"PLTE", bytes(range(30)))),
        "ok-text-bomb": png(16, 16, between=chunk(b"zTXt", b"Comment\0\0" + bomb)),
        "ok-profile-that-is-none": png(16, 16, between=chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(999)))),
        "ok-hostile-exif": png(16, 16, between=chunk(b"eXIf", exif_loop())),
        "ok-data-behind-the-end": plain + b"garbage",
        "bad-empty": b"\x89PNG\r\n\x1a\n",
        "bad-cut-in-header": plain[:20],
        "bad-cut-in-pixels": plain[:-20],
        "bad-no-pixels": png(16, 16, pixels=b""),
        "bad-pixels-end-early": png(16, 16, pixels=zlib.compress(bytes(20))),
        "bad-pixels-are-garbage": png(16, 16, pixels=b"garbage"),
        "bad-zero-width": png(0, 16, pixels=b""),
        "bad-zero-height": png(16, 0, pixels=b""),
        "bad-65535-wide": png(65535, 1, pixels=zlib.compress(bytes(65536))),
        "bad-huge": png(0x7FFFFFFF, 0x7FFFFFFF, pixels=bomb),
        "bad-depth": png(16, 16, depth=3, pixels=zlib.compress(bytes(999))),
        "bad-checksum": plain.replace(b"IHDR", b"IHDr", 1),
        "bad-palette-that-lacks": png(4, 4, color=3),
        "bad-chunk-that-is-too-long": plain[:33] + chunk(b"tEXt", b"x", length=0x7FFFFFFF),
    }
    for name, content in files.items():
        write("png", name, content)


# WebP, BMP, TIFF.


def riff(*chunks, size=None):
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


# One pixel, lossless.
VP8L = bytes.fromhex("2f0000001007101111888 8fe07 00".replace(" ", ""))


def vp8x(width, height, flags=0):
    return b"VP8X", bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]


def webps():
    plain = riff((b"VP8L", VP8L))
    files = {
        "ok-1x1": plain,
        "ok-garbage-behind": plain + b"garbage",
        "ok-hostile-exif": riff(vp8x(1, 1, 0x08), (b"VP8L", VP8L), (b"EXIF", exif_loop())),
        "bad-empty": b"RIFF\x04\0\0\0WEBP",
        "bad-cut": plain[:-8],
        "bad-size-that-lies": riff((b"VP8L", VP8L), size=0xFFFFFFF0)[:24],
        "bad-huge-canvas": riff(vp8x(1 << 24, 1 << 24), (b"VP8L", VP8L)),
        "bad-animation-without-frames": riff(vp8x(4, 4, 0x02), (b"ANIM", bytes(6))),
        "bad-key-frame": riff((b"VP8 ", b"\0\0\0\x9d\1\x2a\0\0\0\0")),
    }
    for name, content in files.items():
        write("webp", name, content)


def bmp(width, height, *, bits=24, compression=0, offset=54, pixels=None, colors=0, header=40):
    if pixels is None:
        pixels = bytes((abs(width) * bits + 31) // 32 * 4 * abs(height))
    return (
        b"BM"
        + struct.pack("<IHHI", 54 + len(pixels), 0, 0, offset)
        + struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(pixels), 2835, 2835, colors, 0)
        + pixels
    )


def bmps():
    plain = bmp(16, 16)
    files = {
        "ok-16x16": plain,
        "ok-1x1": bmp(1, 1),
        "ok-top-down": bmp(5, -3),
        "bad-cut-in-header": plain[:30],
        "bad-cut-in-pixels": plain[:-300],
        "bad-zero-width": bmp(0, 16),
        "bad-zero-height": bmp(16, 0),
        "bad-huge": bmp(0x7FFFFFFF, 0x7FFFFFFF, pixels=b""),
        "bad-negative-width": bmp(-16, 16, pixels=bytes(999)),
        "bad-smallest-height": bmp(16, -0x80000000, pixels=bytes(99)),
        "bad-65535-wide": bmp(65535, 1, pixels=bytes(99)),
        "bad-offset-outside": bmp(16, 16, offset=0xFFFFFFF0),
        "bad-bits": bmp(16, 16, bits=7, pixels=bytes(999)),
        "bad-compression": bmp(16, 16, compression=99),
        "bad-holds-jpeg": bmp(16, 16, bits=0, compression=4, pixels=jpeg(16, 16)),
        "bad-holds-png": bmp(16, 16, bits=0, compression=5, pixels=png(16, 16)),
    }
    for name, content in files.items():
        write("bmp", name, content)


def tiff_fields(fields, *, next_directory=0, behind=b""):
    """A little-endian directory; values are four bytes each."""
    entries = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in sorted(fields))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + struct.pack("<I", next_directory) + behind


def exif_loop():
    """A directory that is its own EXIF directory, its own position, and the next one."""
    loop = struct.pack("<I", 8)
    return tiff_fields([(0x8769, 4, 1, loop), (0x8825, 4, 1, loop), (0xA005, 4, 1, loop)], next_directory=8)


def tiff(
    width, height, *, strip=None, offset=None, next_directory=0, extra=(), compression=1, count=None, bits=8, color=1, samples=1
):
    pixels = bytes(width * height) if strip is None else strip
    number = lambda value: struct.pack("<I", value)
    fields = [
        (0x0100, 4, 1, number(width)),
        (0x0101, 4, 1, number(height)),
        (0x0102, 3, 1, number(bits)),
        (0x0103, 3, 1, number(compression)),
        (0x0106, 3, 1, number(color)),
        (0x0115, 3, 1, number(samples)),
        (0x0116, 4, 1, number(height)),
        (0x0117, 4, 1, number(len(pixels) if count is None else count)),
        *extra,
    ]
    start = 8 + 2 + 12 * (len(fields) + 1) + 4
    fields.append((0x0111, 4, 1, number(start if offset is None else offset)))
    return tiff_fields(fields, next_directory=next_directory, behind=pixels)


def tiffs():
    number = lambda value: struct.pack("<I", value)
    plain = tiff(16, 16)
    files = {
        "ok-16x16": plain,
        "ok-1x1": tiff(1, 1),
        "bad-empty": b"II*\0",
        "bad-cut-in-directory": plain[:40],
        "bad-cut-in-pixels": plain[:-100],
        "bad-no-fields": tiff_fields([]),
        "bad-directory-outside": b"II*\0\xf0\xff\xff\xff",
        "bad-zero-width": tiff(0, 16),
        "bad-zero-height": tiff(16, 0),
        "bad-huge": tiff(0xFFFFFFF0, 0xFFFFFFF0, strip=b"x"),
        "bad-65535-wide": tiff(65535, 1, strip=b"x"),
        "bad-strip-outside": tiff(16, 16, offset=0xFFFFFF00),
        "bad-strip-that-lies": tiff(16, 16, count=0xFFFFFFFF),
        "bad-pages-in-a-circle": tiff(16, 16, next_directory=8),
        "bad-compression": tiff(16, 16, compression=60000),
        "bad-fax-group-3": tiff(16, 16, compression=3, bits=1),
        "bad-bits-in-reverse": tiff(16, 16, bits=1, extra=[(0x010A, 3, 1, number(2))]),
        "bad-alpha-beside-inks": tiff(16, 16, color=5, samples=5, extra=[(0x0152, 3, 1, number(2))]),
        "bad-jpeg-of-the-old-kind": tiff(16, 16, compression=6),
        "bad-float": tiff(16, 16, extra=[(0x0153, 3, 1, number(3))]),
    }
    for name, content in files.items():
        write("tiff", name, content)


# Metadata.


def exifs():
    text = struct.pack("<I", 8 + 2 + 12 + 4)
    number = struct.pack("<HH", 6, 0)
    files = {
        "none-empty": b"",
        "none-header": b"II*\0",
        "none-loop": exif_loop(),
        "none-count-that-is-huge": tiff_fields([(0x010F, 2, 0xFFFFFFFF, text)]),
        "none-offset-outside": tiff_fields([(0x010F, 2, 100, b"\xf0\xff\xff\xff")]),
        "none-directory-outside": b"II*\0\xf0\xff\xff\xff",
        "none-rationals-that-overlap": tiff_fields([(0x011A, 5, 0x1FFFFFFF, text)]),
        "none-unknown-type": tiff_fields([(0x010F, 99, 1, text)]),
        "none-many-fields": tiff_fields([(tag, 2, 60000, b"\x08\0\0\0") for tag in range(0x0100, 0x1400)]),
        "some-orientation": tiff_fields([(0x0112, 3, 1, number)]),
        "some-orientation-before-damage": tiff_fields([(0x0112, 3, 1, number)], next_directory=0xFFFFFFF0),
    }
    for name, content in files.items():
        write("exif", name, content)


RDF = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/'{}</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def xmps():
    laughs = "<!DOCTYPE x [" + "".join(
        f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9)
    ) + "]>"
    files = {
        "some-format": RDF.format(" dc:format='image/jpeg'>"),
        "none-empty": "",
        "none-laughs": laughs + RDF.format("><dc:title>&a9;</dc:title>"),
        "none-external-entity": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + RDF.format("><dc:title>&a;</dc:title>"),
        "none-deep": RDF.format(">" + "<dc:a>" * 5000 + "</dc:a>" * 5000),
        "none-open": RDF.format("><dc:title>")[:-30],
        "none-many-namespaces": RDF.format("".join(f" xmlns:n{i}='u{i}'" for i in range(1000)) + ">"),
        "none-data": RDF.format("><dc:source>" + "QUJD" * 1000 + "</dc:source>"),
        "none-binary": "\x00\x01\x02",
    }
    for name, content in files.items():
        write("xmp", name, content.encode())


def icc(tags, *, size=None, count=None):
    table = b"".join(name + struct.pack(">II", offset, length) for name, offset, length, _ in tags)
    data = b"".join(content for *_, content in tags)
    whole = 132 + len(table) + len(data)
    header = struct.pack(">I", whole if size is None else size).ljust(36, b"\0") + b"acsp"
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags) if count is None else count) + table + data


def icc_overlap():
    """Many tags that all refer to the same curve."""
    curve = b"curv\0\0\0\0" + struct.pack(">I", 4000) + bytes(8000)
    names = [b"rTRC", b"gTRC", b"bTRC", b"kTRC"] * 300
    start = 132 + 12 * len(names)
    return icc([(name, start, len(curve), curve if i == 0 else b"") for i, name in enumerate(names)])


def iccs():
    white = b"XYZ \0\0\0\0white point!"
    files = {
        "some-white-point": icc([(b"wtpt", 144, 20, white)]),
        "some-overlap": icc_overlap(),
        "none-empty": b"",
        "none-header": bytes(128),
        "none-count-that-is-huge": icc([(b"wtpt", 144, 20, white)], count=0xFFFFFFFF),
        "none-offset-outside": icc([(b"wtpt", 0xFFFFFFF0, 20, white)]),
        "none-size-that-lies": icc([(b"wtpt", 144, 20, white)], size=0xFFFFFFFF),
        "none-size-that-is-huge": icc([(b"wtpt", 144, 0xFFFFFFF0, white)]),
        "none-in-its-table": icc([(b"wtpt", 4, 20, white)]),
        "none-curve-that-lies": icc([(b"rTRC", 144, 12, b"curv\0\0\0\0\xff\xff\xff\xff")]),
        "none-table-that-overflows": icc([(b"A2B0", 144, 48, b"mft1\0\0\0\0\x0f\x0f\xff\0" + bytes(36))]),
        "none-curves-in-a-circle": icc([(b"A2B0", 144, 32, b"mAB \0\0\0\0\x03\x03\0\0" + struct.pack(">5I", 0, 0, 0, 0, 0))]),
    }
    for name, content in files.items():
        write("icc", name, content)


def segments():
    block = lambda number, data: b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data
    files = {
        "none-empty": b"",
        "none-markers": b"\xff\xd8" + b"\xff" * 300,
        "none-length-of-zero": b"\xff\xd8" + b"\xff\xe0\0\0" * 50,
        "none-length-that-lies": b"\xff\xd8\xff\xe1\xff\xffExif\0\0",
        "none-resource-that-lies": b"8BIM\x04\x04\0\0\xff\xff\xff\xff\x1c\x02\x78\0\x05",
        "none-name-that-lies": b"8BIM\x04\x04\xff",
        "none-dataset-that-lies": block(0x0404, b"\x1c\x02\x78\x7f\xffabc"),
        "some-caption": block(0x0404, b"\x1c\x02\x78\0\x07caption"),
    }
    for name, content in files.items():
        write("segments", name, content)


def probes():
    files = {
        "bad-empty": b"",
        "bad-text": b"just a text, and no picture",
        "bad-gif": b"GIF89a" + bytes(30),
        "bad-video": b"\0\0\0\x18ftypmp42" + bytes(30),
        "bad-script": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "bad-zip": b"PK\3\4" + bytes(30),
        "bad-zeros": bytes(64),
        "ok-png": png(16, 16),
        "ok-jpeg": jpeg(16, 16),
    }
    for name, content in files.items():
        write("probe", name, content)


def zip_entry(name, content=b"text", *, method=0, data=None, flags=0, crc=None, size=None, local=None, mode=0, extra=b""):
    if data is None:
        data = zlib.compress(content, 9, -15) if method == 8 else content
    crc = zlib.crc32(content) if crc is None else crc
    size = len(content) if size is None else size
    numbers = struct.pack("<IHHIII", flags | method << 16, 0, 33, crc, len(data), size)
    lengths = struct.pack("<HH", len(name), len(extra))
    local_name = name if local is None else local
    header = b"PK\3\4\x14\0" + numbers + struct.pack("<HH", len(local_name), len(extra)) + local_name + extra
    record = b"PK\1\2\x14\3\x14\0" + numbers + lengths + struct.pack("<HHHI", 0, 0, 0, mode << 16)
    return header, data, record, name + extra


def archive(*entries, count=None, offsets=None, front=b"", end=None):
    body, directory = front, b""
    for index, (header, data, record, name) in enumerate(entries):
        offset = len(body) if offsets is None else offsets[index]
        directory += record + struct.pack("<I", offset) + name
        body += header + data
    count = len(entries) if count is None else count
    tail = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0) if end is None else end
    return body + directory + b"PK\5\6" + tail


def archives():
    text = zip_entry(b"a.txt")
    files = {
        "ok-stored": archive(text),
        "ok-deflated": archive(zip_entry(b"a/b.txt", b"text" * 90, method=8)),
        "ok-folder": archive(zip_entry(b"a/", b""), zip_entry(b"a/b.txt")),
        "ok-code-page": archive(zip_entry(b"gr\x94\xe1e.txt")),
        "ok-utf8": archive(zip_entry("größe.txt".encode(), flags=0x800)),
        "ok-backslash": archive(zip_entry(b"a\\b.txt")),
        "ok-empty-parts": archive(zip_entry(b"./a//b.txt")),
        "ok-other-order": archive(*[zip_entry(name) for name in (b"b", b"a", b"c")]),
        "bad-empty": b"",
        "bad-signature-only": b"PK\3\4",
        "bad-data-in-front": archive(text, front=b"MZ program"),
        "bad-two-archives": archive(text) + archive(text, text),
        "bad-more-entries": archive(text, count=9),
        "bad-second-disk": archive(text, end=struct.pack("<HHHHIIH", 1, 1, 1, 1, 51, 39, 0)),
        "bad-directory-elsewhere": archive(text, end=struct.pack("<HHHHIIH", 0, 0, 1, 1, 51, 2, 0)),
        "bad-zip64-missing": archive(text, end=b"\0\0\0\0" + b"\xff" * 12 + b"\0\0"),
        "bad-parent": archive(zip_entry(b"../a.txt")),
        "bad-parent-backslash": archive(zip_entry(b"a\\..\\..\\b.txt")),
        "bad-root": archive(zip_entry(b"/a.txt")),
        "bad-drive": archive(zip_entry(b"C:a.txt")),
        "bad-nul": archive(zip_entry(b"a.jpg\0.txt")),
        "bad-no-name": archive(zip_entry(b"")),
        "bad-no-utf8": archive(zip_entry(b"a\xff", flags=0x800)),
        "bad-unicode-path": archive(
            zip_entry(b"a", extra=b"up\x0d\0\1" + struct.pack("<I", zlib.crc32(b"a")) + b"../a.txt")
        ),
        "bad-other-local-name": archive(zip_entry(b"a.txt", local=b"b.txt")),
        "bad-duplicate": archive(text, zip_entry(b"A.TXT")),
        "bad-file-and-folder": archive(zip_entry(b"a"), zip_entry(b"a/b")),
        "bad-link": archive(zip_entry(b"a", b"/etc/passwd", mode=0o120777)),
        "bad-encrypted": archive(zip_entry(b"a.txt", flags=1)),
        "bad-method": archive(zip_entry(b"a.txt", method=14)),
        "bad-checksum": archive(zip_entry(b"a.txt", crc=1)),
        "bad-size": archive(zip_entry(b"a.txt", b"text" * 90, method=8, size=90)),
        "bad-cut-data": archive(zip_entry(b"a.txt", method=8, data=b"\x4b")),
        "bad-shared-data": archive(text, zip_entry(b"b.txt"), offsets=(0, 0)),
        "bad-offset": archive(text, offsets=(0xFFFFFFF0,)),
        "bad-bomb": archive(zip_entry(b"a", bytes(1 << 21), method=8)),
    }
    for name, content in files.items():
        write("archive", name, content)


# Videos: two frames of JPEG, 16 pixels a side. They are read up to where frames would be decoded, so that codecs that nobody
# knows are well.

FRAME = jpeg(16, 16)


def box(kind, *content, size=None):
    content = b"".join(content)
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def full_box(kind, *content, flags=0):
    return box(kind, struct.pack(">I", flags), *content)


def sample_entry(kind, width, height, extra=b""):
    head = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HHII", width, height, 72 << 16, 72 << 16)
    return box(kind, head, struct.pack(">IH", 0, 1), bytes(32), struct.pack(">Hh", 24, -1), extra)


MP4_JPEG = full_box(
    b"esds", b"\3\x15\0\1\0", b"\4\x0d\x6c\x11", bytes(11), b"\6\1\2"
)


def mov(
    *, brand=b"qt  ", entry=None, handler=b"vide", frames=2, sizes=None, durations=None, chunk=None, reference=None,
    duration=80, extra=b"", tracks=1, index=None, in_front=b"",
):
    front = box(b"ftyp", brand, bytes(4), brand) + in_front
    data = box(b"mdat", FRAME * frames)
    entry = sample_entry(b"jpeg", 16, 16) if entry is None else entry
    sizes = struct.pack(">II", len(FRAME), frames) if sizes is None else sizes
    durations = struct.pack(">III", 1, frames, 40) if durations is None else durations
    chunk = len(front) + 8 if chunk is None else chunk
    reference = full_box(b"url ", flags=1) if reference is None else reference
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", durations),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, frames, 1)),
        full_box(b"stsz", sizes),
        full_box(b"stco", struct.pack(">II", 1, chunk)),
    )
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    media = box(
        b"mdia",
        full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, 1000, duration, 0x55C4, 0)),
        full_box(b"hdlr", bytes(4), handler, bytes(13)),
        box(
            b"minf",
            full_box(b"vmhd", bytes(8), flags=1),
            box(b"dinf", full_box(b"dref", struct.pack(">I", 1), reference)),
            table,
        ),
    )
    head = full_box(
        b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, duration), bytes(16), matrix, struct.pack(">II", 16 << 16, 16 << 16), flags=7
    )
    movie = full_box(
        b"mvhd", struct.pack(">IIIIIH", 0, 0, 1000, duration, 1 << 16, 1 << 8), bytes(10), matrix, bytes(24), struct.pack(">I", 9)
    )
    track = box(b"trak", head, extra, media)
    return front + data + (box(b"moov", movie, track * tracks) if index is None else index)


def avi(*, width=16, height=16, codec=b"MJPG", frames=2, size=None, rate=25):
    head = struct.pack("<14I", 40000, 0, 0, 0x10, frames, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = b"vids" + codec + struct.pack("<10I", 0, 0, 0, 1, rate, 0, frames, 0, 0, 0) + struct.pack("<4H", 0, 0, width & 0xFFFF, height & 0xFFFF)
    form = struct.pack("<IiiHH4s5I", 40, width, height, 1, 24, codec, 0, 0, 0, 0, 0)

    def riff_list(kind, *chunks):
        return (b"LIST", kind + b"".join(struct.pack("<4sI", *chunk_head) + body for chunk_head, body in chunks))

    def as_chunk(kind, body):
        return ((kind, len(body)), body + bytes(len(body) % 2))

    tracks = as_chunk(*riff_list(b"strl", as_chunk(b"strh", stream), as_chunk(b"strf", form)))
    header = as_chunk(*riff_list(b"hdrl", as_chunk(b"avih", head), tracks))
    movie = as_chunk(*riff_list(b"movi", *[as_chunk(b"00dc", FRAME)] * 2))
    body = b"AVI " + b"".join(struct.pack("<4sI", *head) + content for head, content in (header, movie))
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def element(name, *content, size=None):
    """An element of Matroska."""
    content = b"".join(content)
    # The size in eight bytes; all ones is unknown.
    return name + (b"\1" + struct.pack(">Q", len(content) if size is None else size)[1:]) + content


def short_element(name, content):
    return name + bytes([0x80 | len(content)]) + content


def number(name, value):
    return element(name, struct.pack(">Q", value))


def mkv(*, document=b"matroska", codec=b"V_MJPEG", width=16, height=16, tracks=1, size=None, scale=1000000, extra=b"", block=b"\x81\0\0\x80"):
    kind = short_element(b"\x42\x82", document)
    head = element(b"\x1a\x45\xdf\xa3", kind, number(b"\x42\x87", 4), number(b"\x42\x85", 2))
    info = element(b"\x15\x49\xa9\x66", number(b"\x2a\xd7\xb1", scale))
    entries = [
        element(
            b"\xae", number(b"\xd7", i + 1), number(b"\x73\xc5", i + 1), number(b"\x83", 1), element(b"\x86", codec),
            element(b"\xe0", number(b"\xb0", width), number(b"\xba", height)),
        )
        for i in range(tracks)
    ]
    cluster = element(
        b"\x1f\x43\xb6\x75", number(b"\xe7", 0), element(b"\xa3", block, FRAME), element(b"\xa3", b"\x81\0\x28\x80", FRAME)
    )
    return head + element(b"\x18\x53\x80\x67", info, extra, element(b"\x16\x54\xae\x6b", *entries), cluster, size=size)


def videos():
    plain = mov()
    nested = b""
    for _ in range(400):
        nested = box(b"udta", nested)
    files = {
        "ok-mov": plain,
        "ok-mp4": mov(brand=b"isom", entry=sample_entry(b"mp4v", 16, 16, MP4_JPEG)),
        "ok-avi": avi(),
        "ok-mkv": mkv(),
        "ok-mkv-of-unknown-size": mkv(size=(1 << 56) - 1),
        "ok-webm": mkv(document=b"webm", codec=b"V_VP8"),
        "bad-nested-boxes": mov(extra=nested),
        "ok-garbage-behind": plain + b"garbage" * 9,
        "ok-avi-size-that-lies": avi(size=0xFFFFFFFF),
        "ok-second-track": mov(tracks=2),
        "bad-cut-in-header": plain[:20],
        "bad-no-index": mov(index=b""),
        "bad-cut-in-index": plain[:-300],
        "bad-index-that-is-empty": mov(index=box(b"moov")),
        "bad-index-in-itself": mov(index=box(b"moov", size=1 << 31)),
        "bad-box-that-is-too-short": mov(in_front=box(b"free", size=4)),
        "bad-sound-alone": mov(handler=b"soun", entry=sample_entry(b"sowt", 16, 16)),
        "bad-reference": mov(reference=full_box(b"url ", b"http://127.0.0.1/a\0")),
        "bad-alias": mov(reference=full_box(b"alis", bytes(150))),
        "bad-compressed-index": mov(index=box(b"moov", box(b"cmov", b"garbage"))),
        "bad-many-samples": mov(sizes=struct.pack(">II", 1, 0xFFFFFFFF)),
        "bad-many-sizes": mov(sizes=struct.pack(">II", 0, 0x7FFFFFFF)),
        "bad-huge": mov(entry=sample_entry(b"jpeg", 0xFFFF, 0xFFFF)),
        "ok-unknown-codec": mov(entry=sample_entry(b"what", 16, 16)),
        "bad-long": mov(duration=0xFFFFFFFE),
        "bad-many-tracks": mov(tracks=300),
        "bad-avi-cut": avi()[:60],
        "bad-avi-huge": avi(width=1 << 30, height=1 << 30),
        "ok-avi-unknown-codec": avi(codec=b"what"),
        "bad-mkv-cut": mkv()[:60],
        "bad-mkv-huge": mkv(width=1 << 20, height=1 << 20),
        "ok-mkv-unknown-codec": mkv(codec=b"V_WHAT"),
        "bad-mkv-many-tracks": mkv(tracks=300),
        "ok-mkv-element-that-overflows": mkv(extra=element(b"\x11\x4d\x9b\x74", size=(1 << 56) - 2)),
        "bad-empty-matroska": element(b"\x1a\x45\xdf\xa3", short_element(b"\x42\x82", b"matroska")),
    }
    for name, content in files.items():
        write("video", name, content)


# What comes by HTTP: forms with the boundary `b`, the header of tokens, and that of ranges. A form that is `ok` makes a job.

PICTURE = b"\xff\xd8\xff\xe0" + bytes(12)


def part(name, content, *, head=b""):
    if name is not None:
        head = b'Content-Disposition: form-data; name="' + name + b'"' + head
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def forms():
    media = part(b"input_media", PICTURE, head=b'; filename="a.jpg"\r\nContent-Type: image/jpeg')
    end = b"--b--\r\n"
    files = {
        "ok-plain": media + end,
        "ok-options": part(b"activation_faces_blur", b"true") + part(b"blur_type", b'{"anonymization_type":"opaque"}') + media + end,
        "ok-brackets": part(b"included_area[left]", b"0") + part(b"included_area[right]", b"1") + part(b"included_area[top]", b"0")
        + part(b"included_area[bottom]", b"1") + media + end,
        "ok-unknown-field": part(b"field", b"\xff\xfe") + media + end,
        "ok-preamble": b"preamble\r\n" + media + end,
        "ok-behind-the-end": media + end + b"epilogue",
        "ok-path-as-name": media.replace(b"a.jpg", b"../../etc/passwd") + end,
        "bad-empty": b"",
        "bad-end-only": end,
        "bad-no-end": media,
        "bad-cut-in-head": media[:30],
        "bad-cut-in-boundary": media + b"--",
        "bad-other-boundary": media.replace(b"--b", b"--c") + end,
        "bad-no-name": part(None, PICTURE) + end,
        "bad-no-head": b"--b\r\n\r\n" + PICTURE + b"\r\n" + end,
        "bad-two-files": media + media + end,
        "bad-no-file": part(b"activation_faces_blur", b"true") + end,
        "bad-empty-file": part(b"input_media", b"", head=b'; filename="a.jpg"') + end,
        "bad-text-as-file": part(b"input_media", b"just a text", head=b'; filename="a.jpg"') + end,
        "bad-value": part(b"mask_growth", b"1e999") + media + end,
        "bad-json": part(b"blur_type", b'{"anonymization_type":') + media + end,
        "bad-deep-json": part(b"included_area", b"[" * 9000) + media + end,
        "bad-many-areas": part(b"excluded_area", b"[" + b",".join([b"[[0,0],[1,0],[0,1]]"] * 2000) + b"]") + media + end,
        "bad-member": part(b"blur_type[__proto__]", b"1") + media + end,
        "bad-long-value": part(b"profile", b"a" * 70000) + media + end,
        "ok-long-name": part(b"a" * 20000, b"1") + media + end,
        "bad-many-fields": part(b"field", b"1") * 5000 + media + end,
        "bad-no-utf8": part(b"profile", b"\xff\xfe") + media + end,
        "bad-folded-head": part(b"input_media", PICTURE, head=b'\r\n ; filename="a.jpg"') + end,
        "bad-nul-in-name": part(b"pro\0file", b"fast") + media + end,
    }
    for name, content in files.items():
        write("form", name, content, crate="http")


def tokens():
    def encoded(text):
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=")

    claims = (
        '{"iss":"sfumato","aud":"sfumato-api","sub":"018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f",'
        '"sid":"018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f","iat":0,"exp":9999999999,"jti":"a"}'
    )

    def token(head='{"alg":"HS256","typ":"JWT"}', body=claims, signature=b"c2ln"):
        return b"Bearer " + encoded(head) + b"." + encoded(body) + b"." + signature

    files = {
        "bad-empty": b"",
        "bad-scheme-alone": b"Bearer",
        "bad-dots": b"Bearer ..",
        "bad-many-dots": b"Bearer " + b"." * 2000,
        "bad-signature": token(),
        "bad-no-signature": token(signature=b""),
        "bad-algorithm-none": token('{"alg":"none"}', signature=b""),
        "bad-algorithm-asymmetric": token('{"alg":"RS256"}'),
        "bad-algorithm-unknown": token('{"alg":"XX"}'),
        "bad-algorithm-twice": token('{"alg":"HS256","alg":"none"}'),
        "bad-key-elsewhere": token('{"alg":"HS256","jku":"http://127.0.0.1:1/","kid":"../../dev/null"}'),
        "bad-own-key": token('{"alg":"RS256","jwk":{"kty":"RSA","n":"AQ","e":"AQAB"}}'),
        "bad-critical": token('{"alg":"HS256","crit":["exp"]}'),
        "bad-compressed": token('{"alg":"HS256","zip":"DEF"}'),
        "bad-encrypted": b"Bearer " + encoded('{"alg":"dir","enc":"A128GCM"}') + b"..a.a.a",
        "bad-no-json": token("alg", "claims"),
        "bad-deep-json": token("[" * 3000),
        "bad-padding": token().replace(b".", b"=."),
        "bad-plain-base64": token(signature=b"a+/="),
        "bad-huge-number": token(body='{"exp":1e999}'),
        "bad-basic": b"Basic YTpi",
        "bad-tabs": b"Bearer\t" + token()[7:],
        "bad-two": token() + b", " + token(),
        "bad-high-bytes": b"Bearer \xff\xfe.\xff.\xff",
    }
    for name, content in files.items():
        write("token", name, content, crate="http")


def ranges():
    # Of a file of ten bytes.
    files = {
        "part-first": b"bytes=0-0",
        "part-last": b"bytes=-1",
        "part-open": b"bytes=4-",
        "part-beyond-the-end": b"bytes=4-99999999999999999999"[:24],
        "part-suffix-beyond": b"bytes=-99",
        "whole-empty": b"",
        "whole-other-unit": b"lines=0-1",
        "whole-backwards": b"bytes=5-1",
        "whole-several": b"bytes=0-1,4-5",
        "whole-many": b"bytes=" + b",".join([b"0-"] * 1500),
        "whole-nonsense": b"bytes=a-b",
        "whole-signs": b"bytes=+1--2",
        "none-overflow": b"bytes=18446744073709551616-18446744073709551617",
        "whole-high-bytes": b"bytes=\xff-",
        "none-behind-the-end": b"bytes=10-",
        "none-far-behind": b"bytes=18446744073709551614-18446744073709551615",
        "none-last-zero": b"bytes=-0",
    }
    for name, content in files.items():
        write("range", name, content, crate="http")


def configs():
    example = (CRATES.parent / "config.example.toml").read_text()
    # A line that begins with `#` and a name shows a default.
    lines = [line[1:] if line[:1] == "#" and line[1:2].isalpha() else line for line in example.splitlines()]
    listen = b"listen = '127.0.0.1:9'\n"
    files = {
        "ok-empty": b"",
        "ok-everything": "\n".join(lines).encode(),
        "ok-empty-section": b"[worker]\n",
        "ok-section-inline": b"worker = { jobs_at_once = 3 }\n",
        "ok-dotted": b"worker.jobs_at_once = 3\nworker.lease = '10s'\n",
        "ok-quoted-name": b"'listen' = \"127.0.0.1:9\"\n",
        "ok-escapes": b'[worker]\nlease = "\\u0031\\u0030s"\n',
        "ok-hexadecimal": b"[webhooks]\ndeliveries_at_once = 0x1_0\n",
        "ok-windows-lines": listen.replace(b"\n", b"\r\n"),
        "ok-quotes-in-a-path": b"data_dir = '''a \"quoted\" 'path' # \\'''\n",
        "ok-lines-in-a-path": b'data_dir = """a\nb"""\n',
        "ok-control-characters-in-a-path": b'data_dir = "\\u0001\\t\\u007f"\n',
        "ok-byte-order-mark": b"\xef\xbb\xbf" + listen,
        "bad-no-utf8": b"listen = '\xff'\n",
        "bad-nul": b"listen = '\0'\n",
        "bad-no-value": b"listen =\n",
        "bad-no-end": b"listen = '127.0.0.1:9",
        "bad-section-without-end": b"[worker\n",
        "bad-name-twice": listen * 2,
        "bad-section-twice": b"[worker]\n[worker]\n",
        "bad-section-of-a-value": listen + b"[listen]\n",
        "bad-value-of-a-section": b"worker = 3\n",
        "bad-array-of-sections": b"[[worker]]\njobs_at_once = 3\n",
        "bad-unknown-name": b"lisen = '127.0.0.1:9'\n",
        "bad-unknown-section": b"[workers]\njobs_at_once = 3\n",
        "bad-empty-name": b"'' = 3\n",
        "bad-long-name": b"a" * 60_000 + b" = 3\n",
        "bad-long-line": b"listen = '" + b"1" * 60_000 + b"'\n",
        "bad-deep": b"listen = " + b"[" * 30_000 + b"\n",
        "bad-deep-sections": b"[" + b"a." * 30_000 + b"a]\n",
        "bad-number-beyond": b"[worker]\njobs_at_once = 99999999999999999999\n",
        "bad-number-below": b"[worker]\njobs_at_once = -1\n",
        "bad-number-broken": b"[worker]\njobs_at_once = 1.5\n",
        "bad-duration-beyond": b"[worker]\nlease = '99999999999999999999d'\n",
        "bad-duration-overflow": b"[worker]\nlease = '18446744073709551615d'\n",
        "bad-size-overflow": b"[uploads]\nbytes_max = '18446744073709551615TiB'\n",
        "bad-date": b"listen = 1979-05-27\n",
        "bad-rule": b"[worker]\nlease = '1s'\n",
        "bad-wide-characters": "[worker]\nlease = '１０s\U0001f980'\n".encode(),
    }
    for name, content in files.items():
        write("config", name, content, crate="sfumato")


for make in (jpegs, pngs, webps, bmps, tiffs, exifs, xmps, iccs, segments, probes, archives, videos, forms, tokens, ranges, configs):
    make()
