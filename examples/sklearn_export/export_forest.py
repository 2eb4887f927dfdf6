#!/usr/bin/python3
"""Writes scikit-learn forests into a bragglive model file.

    from export_forest import forest_section, write_model
    write_model("my.blm", feature_definition, {"system": forest_section(classifier, labels=[2, 3, 4, 5, 6, 7])})

Sections: "system" (labels: crystal-system numbers), "space_group.NAME" (labels: space-group numbers), "lattice.NAME"
(a RandomForestRegressor with the outputs a, b, c, alpha, beta, gamma). The byte layout is described in
core/forest/model_container.hpp and core/forest/forest.hpp.

Votes, mean probabilities and medians agree with scikit-learn's exactly: scikit-learn compares float32 features with float64
thresholds, so thresholds are rounded down to float32 (x <= t for a float32 x is x <= round_down(t)), leaves keep their sample
counts, and regression values stay in double precision. Forests trained with class or sample weights are refused.
"""
import json
import struct
import zlib

import numpy as np

PURE_LEAF = 1 << 31
UNSCALED = 0xFFFF


def _round_down(threshold):
    nearest = threshold.astype(np.float32)
    too_high = nearest.astype(np.float64) > threshold
    return np.where(too_high, np.nextafter(nearest, np.float32(-np.inf)), nearest).astype(np.float32)


def _pairs_first(tree):
    """Order of the nodes with both children side by side, and behind their parent."""
    order, position, stack = [0], {0: 0}, [0]
    while stack:
        node = stack.pop()
        left, right = tree.children_left[node], tree.children_right[node]
        if left < 0:
            continue
        for child in (left, right):
            position[child] = len(order)
            order.append(child)
        stack += [right, left]
    return order, position


def _class_leaf(counts, words, known):
    whole = np.rint(counts).astype(np.int64)
    if np.abs(counts - whole).max() > 1e-6:
        raise ValueError("the forest was trained with weights: its leaves hold no sample counts")
    present = np.flatnonzero(whole)
    if len(present) == 1:
        return PURE_LEAF | int(present[0])
    if whole.max() >= 1 << 24:
        raise ValueError("a leaf holds more than 16 million samples")
    record = [len(present) | int(np.argmax(whole)) << 16] + [int(k) << 24 | int(whole[k]) for k in present]
    key = tuple(record)
    if key not in known:
        known[key] = len(words)
        words.extend(record)
    return known[key]


def forest_section(forest, labels=None):
    """Bytes of one forest section; `labels`: what classifier.classes_[i] stands for (default: the classes themselves)."""
    classifies = hasattr(forest, "classes_")
    outputs = len(forest.classes_) if classifies else forest.n_outputs_
    nodes, starts, words, values, known = [], [0], [], [], {}
    for estimator in forest.estimators_:
        tree = estimator.tree_
        order, position = _pairs_first(tree)
        thresholds = _round_down(tree.threshold)
        for place, node in enumerate(order):
            if tree.children_left[node] >= 0:
                delta = position[tree.children_left[node]] - place
                nodes.append(struct.pack("<fI", thresholds[node], int(tree.feature[node]) | delta << 11))
            elif classifies:
                nodes.append(struct.pack("<II", _class_leaf(tree.value[node, 0], words, known), 0))
            else:
                nodes.append(struct.pack("<II", len(values) // outputs, 0))
                values.extend(tree.value[node, :, 0])
        starts.append(len(nodes))
    leaf_data = np.array(words, "<u4") if classifies else np.array(values, "<f8")
    per_output = np.array((forest.classes_ if labels is None else labels) if classifies else [UNSCALED] * outputs, "<u2")
    head = struct.pack("<6I2Q", 2, 1 if classifies else 2, forest.n_features_in_, outputs, len(forest.estimators_), 8,
                       len(nodes), len(leaf_data))
    body = head + np.array(starts, "<u8").tobytes() + per_output.tobytes()
    body += b"\0" * (-len(body) % 8)
    return body + b"".join(nodes) + leaf_data.tobytes()


def definition_hash(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def write_model(path, feature_definition, forests, provenance=None):
    """`feature_definition`: the whole line that `bragglive inspect` shows for a model with these features."""
    metadata = dict(provenance or {}, format="bragglive-crystal-model",
                    features={"definition": feature_definition, "hash": definition_hash(feature_definition)})
    sections = [("metadata", json.dumps(metadata, indent=1).encode())] + list(forests.items())
    offset, table, body = 32 + 64 * len(sections), b"", b""
    for name, content in sections:
        gap = -offset % 64
        body += b"\0" * gap + content
        table += struct.pack("<40sQQII", name.encode(), offset + gap, len(content), zlib.crc32(content), 0)
        offset += gap + len(content)
    head = struct.pack("<8sIIQ", b"BLMODEL\n", 1, len(sections), offset)
    with open(path, "wb") as out:
        out.write(head + struct.pack("<II", zlib.crc32(head, zlib.crc32(table)), 0) + table + body)
