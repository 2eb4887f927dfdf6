#!/usr/bin/env python3
"""Reads every include and refuses the ones that point the wrong way. usage: check_includes.py ROOT"""
import re
import sys
from pathlib import Path

# folder -> what its files may include of the project; the longest prefix counts.
ALLOWED = {
    "core": ["core"],
    "streams": ["core", "streams"],
    "plugin": ["core", "streams", "plugin"],
    "gui": ["core", "streams", "plugin", "gui"],
    "tests": ["core", "streams", "plugin", "gui", "tests", "examples"],
    "examples": ["core", "streams", "plugin", "gui", "examples"],
}
LIVE_CORE = ["core/frame", "core/calibrate", "core/detect", "core/features", "core/forest", "core/phases", "core/label"]
SIMULATION = ["core/crystal", "core/bloch", "core/train"]
# Files of the left may not include what the right matches.
FORBIDDEN = [
    (["core"], r"^(Q[A-Z]|Qt|zmq|msgpack|tbb/flow|oneapi/tbb/flow|lz4|iostream$|CLI/|spdlog)", "core knows no Qt, sockets, msgpack, flow graph or stdout"),
    (LIVE_CORE, r"^(thread|tbb/|oneapi/|hdf5|gemmi(?!/third_party/pocketfft)|spglib)", "the live core starts no threads and reads no crystals"),
    (["streams"], r"^(Q[A-Z]|Qt|tbb/|oneapi/)", "streams know no Qt and no TBB"),
    (["gui"], r"^(zmq|msgpack|tbb/|oneapi/|hdf5|lz4)", "the window sees snapshots, not transports"),
]
# Simulation and training are never linked into the live path: only these may include them.
SIMULATION_USERS = ["core/crystal", "core/bloch", "core/train", "streams/demo", "plugin/command", "plugin/known_crystal", "tests", "examples"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def below(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def faults_of(path, text):
    top = path.split("/")[0]
    for bracket, name in INCLUDE.findall(text):
        if name.split("/")[0] in ALLOWED and "/" in name:
            if bracket != '"':
                yield f'{path}: <{name}> is ours: write "{name}"'
            if not below(name, ALLOWED[top]):
                yield f"{path}: {top} may not include {name}"
            if below(name, SIMULATION) and not below(path, SIMULATION_USERS):
                yield f"{path}: {name} is simulation, never part of the live path"
        for folders, pattern, reason in FORBIDDEN:
            if below(path, folders) and re.match(pattern, name):
                yield f"{path}: includes {name}: {reason}"


def main(root):
    files = [f for top in ALLOWED for f in sorted(Path(root, top).rglob("*")) if f.suffix in (".hpp", ".cpp", ".h", ".c")]
    if len(files) < 20:
        sys.exit(f"{root}: only {len(files)} source files found, is this the project's root?")
    faults = [fault for f in files for fault in faults_of(f.relative_to(root).as_posix(), f.read_text())]
    print("\n".join(faults) or f"{len(files)} files, every include points the right way")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
