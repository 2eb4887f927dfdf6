#!/usr/bin/env python3
"""The include check must see each kind of fault: a check that cannot fail checks nothing."""
from check_includes import faults_of

BAD = [
    ("core/label/a.hpp", '#include "plugin/session.hpp"'),
    ("core/detect/a.cpp", "#include <QImage>"),
    ("core/detect/a.cpp", "#include <thread>"),
    ("core/bloch/a.cpp", "#include <zmq.hpp>"),
    ("streams/a.cpp", "#include <tbb/task_arena.h>"),
    ("streams/native/a.cpp", '#include "core/bloch/bloch_wave.hpp"'),
    ("plugin/engine.cpp", '#include "core/train/trainer.hpp"'),
    ("plugin/engine.cpp", '#include "gui/main_window.hpp"'),
    ("gui/a.cpp", "#  include <zmq.hpp>"),
    ("gui/a.cpp", "#include <core/label/map_snapshot.hpp>"),
]
GOOD = [
    ("core/train/a.cpp", "#include <tbb/parallel_for.h>"),
    ("streams/demo/a.cpp", '#include "core/bloch/bloch_wave.hpp"'),
    ("plugin/label_graph.cpp", "#include <tbb/flow_graph.h>"),
    ("gui/a.cpp", '#include "plugin/session.hpp"'),
]
for path, text in BAD:
    assert list(faults_of(path, text)), f"not caught: {path}: {text}"
for path, text in GOOD:
    assert not list(faults_of(path, text)), f"wrongly refused: {path}: {text}"
print(f"{len(BAD)} faults caught, {len(GOOD)} good includes passed")
