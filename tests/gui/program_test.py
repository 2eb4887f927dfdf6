#!/usr/bin/env python3
"""bragglive-gui as a program: exit codes, messages, screenshots without a display."""
import os
import struct
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
ENV = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
failures = []


def run(*arguments, timeout=120):
    done = subprocess.run([PROGRAM, *arguments], env=ENV, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def check(what, good):
    if not good:
        failures.append(what)


def png_size(path):
    with open(path, "rb") as file:
        head = file.read(24)
    check(path + " is a PNG", head[:8] == b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", head[16:24])


def expect(code, text, *arguments):
    got, _, err = run(*arguments)
    lines = [line for line in err.splitlines() if line.startswith("bragglive-gui: ")]
    check(f"{arguments}: exit code {got}, expected {code}: {err}", got == code)
    check(f"{arguments}: one line with '{text}', got {err!r}", len(lines) == 1 and text in lines[0])


code, out, _ = run("--help")
check("--help", code == 0 and "--screenshot" in out and "SOURCE" in out)

with tempfile.TemporaryDirectory() as folder:
    png = os.path.join(folder, "window.png")
    expect(2, "--no-such-option", "--no-such-option")
    expect(2, "--scan", "x.npy", "--scan", "12by12", "--screenshot", png)
    expect(2, "--protocol", "tcp://localhost:1", "--protocol", "morse")
    expect(2, "SOURCE", "--screenshot", png)
    expect(3, "no display", "x.npy")
    expect(3, "no_such_file.npy", os.path.join(folder, "no_such_file.npy"), "--screenshot", png)
    expect(3, "no_such_model", "demo:gold", "--model", os.path.join(folder, "no_such_model.blm"), "--screenshot", png)
    expect(3, "no_such.toml", "demo:gold", "--calibration", os.path.join(folder, "no_such.toml"), "--screenshot", png)
    broken = os.path.join(folder, "broken.npy")
    with open(broken, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00 this is not a header")
    expect(3, "broken.npy", broken, "--screenshot", png)
    check("no picture after a failure", not os.path.exists(png))

    during, picture, result = (os.path.join(folder, name) for name in ("during.png", "picture.png", "result.h5"))
    code, _, err = run("demo:gold?scan=24x32&particles=5", "--screenshot", png, "--screenshot-during", during,
                       "--picture", picture, "--out", result, "--threads", "2")
    check(f"demo: {code} {err}", code == 0)
    if code == 0:
        check("window size", png_size(png) == (1440, 900))
        check("window size during", png_size(during) == (1440, 900))
        check("picture size", png_size(picture)[0] > 700)
        with open(result, "rb") as file:
            check("result is HDF5", file.read(8) == b"\x89HDF\r\n\x1a\n")
    expect(3, "cannot write", "demo:gold?scan=8x8&particles=1", "--screenshot", os.path.join(folder, "no", "such", "place.png"))

for failure in failures:
    print("FAILED:", failure)
sys.exit(1 if failures else 0)
