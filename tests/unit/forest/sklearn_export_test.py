"""Exported scikit-learn forests answer exactly as scikit-learn does, on thresholds too. Usage: this ASK_MODEL EXAMPLES"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
except ImportError as problem:
    print("SKIPPED:", problem)
    sys.exit(77)

ask_model, examples = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(examples) / "sklearn_export"))
from export_forest import forest_section, write_model  # noqa: E402

FEATURES = 20  # of the definition below
DEFINITION = "polar v=1 dq=0.05 m=5 p=2 direct=origin radius=0.03 scale=0 parts=both eps=1e-06"
random = np.random.default_rng(1)
x = random.normal(size=(3000, FEATURES)).astype(np.float32)
y = np.array([4, 6, 7])[(x[:, 0] + 0.5 * random.normal(size=len(x)) > 0.3).astype(int) + (x[:, 1] > 0.8)]
lengths = np.column_stack([3 + x[:, 2] ** 2, 5 + x[:, 3], 8 + x[:, 4] * x[:, 5], *[np.full(len(x), 90.0)] * 3])
classifier = RandomForestClassifier(31, min_samples_leaf=5, random_state=1).fit(x, y)
regressor = RandomForestRegressor(20, max_features="sqrt", min_samples_leaf=2, random_state=1).fit(x, lengths)

# Half of the vectors lie exactly on thresholds, as near as float32 comes from either side.
test = random.normal(size=(10000, FEATURES)).astype(np.float32)
trees = [e.tree_ for e in classifier.estimators_ + regressor.estimators_]
cuts = [np.concatenate([t.threshold[t.feature == f] for t in trees]) for f in range(FEATURES)]
for row in test[:5000]:
    for f in range(FEATURES):
        if len(cuts[f]):
            row[f] = np.float32(random.choice(cuts[f]))

with tempfile.TemporaryDirectory() as folder:
    model, rows, out = (str(pathlib.Path(folder) / n) for n in ("m.blm", "rows", "out"))
    write_model(model, DEFINITION, {"system": forest_section(classifier), "lattice.cubic": forest_section(regressor)})
    test.tofile(rows)
    subprocess.run([ask_model, model, rows, out], check=True)
    ours = np.fromfile(out).reshape(len(test), -1)

votes = np.stack([e.predict(test).astype(int) for e in classifier.estimators_], axis=1)
votes = np.stack([(votes == k).sum(axis=1) for k in range(3)], axis=1)
medians = np.median(np.stack([e.predict(test) for e in regressor.estimators_]), axis=0)[:, :3]
assert np.array_equal(ours[:, :3], classifier.predict_proba(test)), np.abs(ours[:, :3] - classifier.predict_proba(test)).max()
assert np.array_equal(ours[:, 3:6], votes)
assert np.array_equal(ours[:, 6:], medians), np.abs(ours[:, 6:] - medians).max()
weighted = RandomForestClassifier(2, class_weight="balanced", random_state=1).fit(x, y)
try:
    forest_section(weighted)
    raise SystemExit("a weighted forest was exported")
except ValueError:
    pass
print("10000 vectors: probabilities, votes and medians are equal")
