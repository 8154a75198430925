"""Objects of scikit-learn, pandas and SciPy as people save them, for test_models.py.

    models.py write FOLDER          each in protocols 2, 4 and 5, and with joblib, plain and packed
    models.py load FOLDER WANTS     whether each loads and is what WANTS, written by `write`, says
"""

import json
import pathlib
import pickle
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import scipy.sparse
from sklearn import cluster, compose, decomposition, ensemble, feature_extraction, linear_model, mixture, model_selection
from sklearn import naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree
from sklearn.base import BaseEstimator

from pickle_kinds import digest

PROTOCOLS = [2, 4, 5]
PACKED = {"": 0, ".gz": ("gzip", 3), ".xz": ("xz", 1)}


def table():
    random = np.random.RandomState(0)
    return random.normal(size=(60, 4)), random.randint(0, 3, 60)


def models():
    numbers, labels = table()
    words = np.array(["a cat", "a dog and a cat", "no dog"] * 20)
    yield "linear", linear_model.LinearRegression().fit(numbers, labels)
    yield "logistic", linear_model.LogisticRegression(random_state=np.random.RandomState(3)).fit(numbers, labels)
    yield "sgd", linear_model.SGDClassifier(random_state=1, max_iter=50, tol=None).fit(numbers, labels)
    yield "tree", tree.DecisionTreeClassifier(random_state=1).fit(numbers, labels)
    yield "forest", ensemble.RandomForestClassifier(5, random_state=1).fit(numbers, labels)
    yield "boosting", ensemble.GradientBoostingRegressor(n_estimators=5, random_state=1).fit(numbers, labels)
    yield "histograms", ensemble.HistGradientBoostingClassifier(max_iter=3, random_state=1).fit(numbers, labels)
    yield "isolation", ensemble.IsolationForest(n_estimators=4, random_state=1).fit(numbers)
    yield "svm", svm.SVC(probability=False).fit(numbers, labels)
    yield "bayes", naive_bayes.GaussianNB().fit(numbers, labels)
    yield "neighbors", neighbors.KNeighborsClassifier(algorithm="kd_tree").fit(numbers, labels)
    yield "network", neural_network.MLPClassifier((5,), max_iter=3, random_state=1).fit(numbers, labels)
    yield "clusters", cluster.KMeans(3, n_init=1, random_state=1).fit(numbers)
    yield "mixture", mixture.GaussianMixture(2, random_state=1).fit(numbers)
    yield "components", decomposition.PCA(2).fit(numbers)
    yield "scaler", preprocessing.StandardScaler().fit(numbers)
    yield "categories", preprocessing.OneHotEncoder(handle_unknown="ignore").fit(words.astype(object)[:, None])
    yield "words", feature_extraction.text.TfidfVectorizer().fit(words)
    steps = [("scale", preprocessing.StandardScaler()), ("pca", decomposition.PCA(2)), ("fit", neighbors.KNeighborsRegressor())]
    yield "pipeline", pipeline.Pipeline(steps).fit(numbers, labels)
    columns = [("scale", preprocessing.StandardScaler(), [0, 1]), ("as it is", "passthrough", slice(2, 4))]
    yield "columns", compose.ColumnTransformer(columns).fit(numbers)
    search = model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=2)
    yield "search", search.fit(numbers, labels)


def frames():
    columns = {"n": [1, 2, 3], "x": [0.5, np.nan, 2.0], "text": ["a", None, "ü"], "when": pd.date_range("2020-01-01", periods=3)}
    yield "mixed", pd.DataFrame(columns)
    yield "categories", pd.DataFrame({"c": pd.Categorical(["a", "b", "a"], ordered=True), "b": [True, False, True]})
    yield "zones", pd.Series(pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"), name="t")
    yield "levels", pd.Series(range(4), pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["u", "v"]))
    yield "nullable", pd.DataFrame({"i": pd.array([1, None, 3], "Int64"), "s": pd.array(["a", None, "b"], "string")})
    yield "sparse", pd.DataFrame({"s": pd.arrays.SparseArray([0.0, 0.0, 1.0])})
    yield "periods", pd.Series([1, 2], pd.period_range("2020-01", periods=2, freq="M"))
    yield "intervals", pd.Series([1, 2], pd.IntervalIndex.from_breaks([0, 1, 2]))
    yield "deltas", pd.Series(pd.to_timedelta([1, 2], unit="h"))


def matrices():
    dense = np.arange(12.0).reshape(3, 4) % 3
    for format in ["csr", "csc", "coo", "dia", "lil", "dok"]:
        yield format, scipy.sparse.coo_matrix(dense).asformat(format)


def everything():
    for family, named in [("scikit-learn", models()), ("pandas", frames()), ("scipy", matrices())]:
        for name, value in named:
            yield f"{family}/{name}", value


def described(value):
    """What it is, in a form that is the same in every NumPy."""
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return [repr(value), repr(value.dtypes), repr(value.index), value.to_csv()]
    if scipy.sparse.issparse(value):
        return [value.format, digest(value.toarray())]
    return parts(value)


def parts(value, depth=0):
    """Attributes of estimators, and theirs."""
    if isinstance(value, BaseEstimator) and depth < 6:
        state = {name: parts(part, depth + 1) for name, part in sorted(vars(value).items())}
        return {type(value).__name__: state}
    if isinstance(value, (list, tuple)) or isinstance(value, np.ndarray) and value.dtype == object:
        return [parts(part, depth + 1) for part in np.asarray(value, dtype=object).ravel()] if depth < 6 else None
    if isinstance(value, dict):
        return [[str(key), parts(part, depth + 1)] for key, part in value.items()] if depth < 6 else None
    if hasattr(value, "__getstate__") and type(value).__module__.startswith("sklearn.tree"):
        return digest({name: part for name, part in value.__getstate__().items() if isinstance(part, np.ndarray)})
    if isinstance(value, (np.ndarray, np.generic, int, float, str, bool, type(None))):
        return digest(value)
    return type(value).__name__


def arrays(value, found, depth=0):
    """Numbers that an estimator, a frame or a matrix has as attributes."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.dtype.isnative:
        found.append(np.ascontiguousarray(value).tobytes().hex())
    elif depth < 4:
        inner = value if isinstance(value, (list, tuple)) else vars(value).values() if isinstance(value, BaseEstimator) else ()
        for part in inner:
            arrays(part, found, depth + 1)
    return found


def predicted(value):
    numbers, _ = table()
    if hasattr(value, "predict"):
        return np.asarray(value.predict(numbers), "f8").ravel().tolist()
    return []


def write(folder):
    wants = {}
    for name, value in everything():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        files = []
        for protocol in PROTOCOLS:
            files.append(f"{name}.{protocol}.pkl")
            pathlib.Path(folder, files[-1]).write_bytes(pickle.dumps(value, protocol))
        for suffix, compress in PACKED.items():
            files.append(f"{name}.joblib{suffix}")
            joblib.dump(value, pathlib.Path(folder, files[-1]), compress=compress)
        # What is no contiguous array becomes one.
        value = pickle.loads(pickle.dumps(value, 4))
        inside = arrays([getattr(value, "data", None)] if scipy.sparse.issparse(value) else value, [])
        want = {"is": described(value), "predicts": predicted(value), "arrays": inside}
        wants.update((file, want) for file in files)
    pathlib.Path(folder, "wants.json").write_text(json.dumps(wants))


def load(folder, wants):
    out = {}
    for file, want in json.loads(pathlib.Path(wants).read_text()).items():
        path = pathlib.Path(folder, file)
        try:
            value = joblib.load(path) if ".joblib" in file else pickle.loads(path.read_bytes())
            # Not exact: another NumPy may bring another BLAS.
            good = json.loads(json.dumps(described(value))) == want["is"]
            out[file] = "" if good and np.allclose(predicted(value), want["predicts"]) else "differs"
        except Exception as error:  # noqa: BLE001
            out[file] = f"{type(error).__name__}: {error}"
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        load(*sys.argv[2:])
