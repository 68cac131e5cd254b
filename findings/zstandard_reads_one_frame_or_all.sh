#!/usr/bin/env bash
# zstandard 0.25.0: of a file of two frames, as `cat a.zst b.zst` and parallel writers make it, `decompress` and `read_to_iter` give the
# first frame and end without a word, while `copy_stream`, `stream_writer` and `stream_reader(...).read()` give both, with
# `read_across_frames=False` too: that decides only what one `read(n)` returns. A frame to be skipped that is empty and comes first makes
# `decompress` return nothing at all.
# Guess before: `stream_reader` stops after the first frame unless `read_across_frames=True`, which is False by default.
# Seen: decompress 2 bytes, read_to_iter 2; stream_reader 4 by default and with False, copy_stream 4, stream_writer 4; after an empty
#       skippable frame: decompress 0
# What follows for a user: a corpus is cut to its first frame by the one call and not by the other, and no error tells them apart.
# Here frames are read one after the other until the file ends (vaecli/corpus/split_files.py; tests/corpus/test_kinds.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check zstandard==0.25.0
"$folder/venv/bin/python" - <<'PY'
import io
import struct

import zstandard

pack, unpack = zstandard.ZstdCompressor().compress, zstandard.ZstdDecompressor()
two = pack(b"a\n") + pack(b"b\n")
copied, written = io.BytesIO(), io.BytesIO()
unpack.copy_stream(io.BytesIO(two), copied)
unpack.stream_writer(written).write(two)
lengths = {
    "decompress": len(unpack.decompress(two)),
    "read_to_iter": len(b"".join(unpack.read_to_iter(two))),
    "stream_reader": len(unpack.stream_reader(two).read()),
    "read_across_frames=False": len(unpack.stream_reader(two, read_across_frames=False).read()),
    "copy_stream": len(copied.getvalue()),
    "stream_writer": len(written.getvalue()),
}
skipped = len(unpack.decompress(struct.pack("<II", 0x184D2A50, 0) + pack(b"a\n")))
print("version", zstandard.__version__, "bytes of 4:", lengths, "after an empty skippable frame, of 2:", skipped)
assert lengths["decompress"] == lengths["read_to_iter"] == 2, "all frames are read from now"
assert lengths["stream_reader"] == lengths["copy_stream"] == lengths["stream_writer"] == 4
assert lengths["read_across_frames=False"] == 4, "the reader stops after a frame from now"
assert skipped == 0, "an empty skippable frame is passed over from now"
PY
