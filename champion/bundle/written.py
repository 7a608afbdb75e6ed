"""Whether a model file is one that this product would write; looked at before anything in it is made.

The list of trusted types keeps out what runs code. skops itself trusts all of scikit-learn's estimators, also those that open
the files that their input names or call what a parameter holds, and takes arrays as they are. So here types, parameters, and
the arrays that compiled code follows are held against what a candidate of a use case can become.
"""

import functools
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from champion.bundle.packed import BOOSTING, MARK, NAMED, TREES
from champion.bundle.sizes import SCHEMA
from champion.bundle.skops_inside import Parts
from champion.modeling import trees
from champion.modeling.libraries import LIBRARIES, TRUSTED
from champion.modeling.libraries.scikit_learn import CHOOSING, SCORES
from champion.modeling.own.code import OwnCode
from champion.modeling.own.kinds import STEP, TRANSFORMERS

_SCALARS = r"bool_?|u?int\d+|float\d+|str_"
_LOADERS = {
    "DictNode": r"builtins\.dict",
    "ListNode": r"builtins\.list",
    "TupleNode": r"builtins\.tuple",
    "SliceNode": r"builtins\.slice",
    "JsonNode": r"builtins\.str",
    "TypeNode": rf"builtins\.(str|int|float|bool)|numpy\.({_SCALARS})",
    "DTypeNode": r"numpy\.dtype",
    "NdArrayNode": rf"numpy\.(ndarray|{_SCALARS})",
    "RandomStateNode": r"numpy\.random\.mtrand\.RandomState",
    "RandomGeneratorNode": r"numpy\.random\._generator\.Generator",
    "PartialNode": r"functools\.partial",
    "FunctionNode": "|".join(map(re.escape, ("sklearn.utils.validation.check_array", *SCORES, *CHOOSING))),
    "LossNode": r"sklearn\.(_loss\._loss|linear_model\._sgd_fast)\.\w+",
    "TreeNode": r"sklearn\.tree\._tree\.Tree",
    "ObjectNode": r".*",  # see _types
}
"""What skops may make of a node, by its loader, as a pattern of the type's whole name."""

_PARTS = frozenset(
    {
        "sklearn._loss.link.HalfLogitLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.ExponentialLoss",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.neighbors._unsupervised.NearestNeighbors",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.preprocessing._target_encoder.TargetEncoder",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeRegressor",
    }
)
"""What the pipelines of classifiers hold besides the classifiers, found by writing each of them."""

_TRANSFORMERS = frozenset(
    f"sklearn.{name}"
    for name in (
        *("decomposition._pca.PCA", "decomposition._truncated_svd.TruncatedSVD", "decomposition._kernel_pca.KernelPCA"),
        *("feature_selection._from_model.SelectFromModel", "feature_selection._rfe.RFE"),
        *(
            "feature_selection._univariate_selection.SelectKBest",
            "feature_selection._univariate_selection.SelectPercentile",
        ),
        *("feature_selection._variance_threshold.VarianceThreshold", "impute._base.MissingIndicator"),
        *("kernel_approximation.Nystroem", "kernel_approximation.RBFSampler", "pipeline.FeatureUnion"),
        *("preprocessing._data.MaxAbsScaler", "preprocessing._data.Normalizer", "preprocessing._data.PowerTransformer"),
        *("preprocessing._data.QuantileTransformer", "preprocessing._data.RobustScaler"),
        *("preprocessing._discretization.KBinsDiscretizer", "preprocessing._polynomial.PolynomialFeatures"),
        "random_projection.GaussianRandomProjection",
    )
)
"""Transformers that a pipeline in YAML may hold, read to be harmless: arrays in, arrays out."""

_UNSEEN = frozenset(
    {"sklearn.ensemble._gb.GradientBoostingRegressor", "sklearn.svm._classes.NuSVR", "sklearn.svm._classes.SVR"}
)
"""Of no task yet, and with arrays that nothing here looks at."""

_FIXED: dict[str, dict[str, tuple[Any, ...]]] = {
    "sklearn.pipeline.Pipeline": {"memory": (None,), "transform_input": (None,), "verbose": (False,)},
    "sklearn.compose._column_transformer.ColumnTransformer": {
        "remainder": ("drop",), "n_jobs": (None,), "transformer_weights": (None,), "verbose": (False,),
    },
    "sklearn.preprocessing._function_transformer.FunctionTransformer": {
        "inverse_func": (None,), "kw_args": (None,), "inv_kw_args": (None,), "feature_names_out": (None, "one-to-one"),
    },
    "sklearn.impute._base.SimpleImputer": {"strategy": ("mean", "median", "most_frequent", "constant")},
}  # fmt: skip
"""Parameters that no use case sets, with the values that this product gives them."""

_CALLED = {
    ("sklearn.preprocessing._function_transformer.FunctionTransformer", "func"),
    ("sklearn.preprocessing._encoders.OneHotEncoder", "dtype"),
    ("sklearn.metrics._scorer._CurveScorer", "_score_func"),
    ("sklearn.metrics._scorer._Scorer", "_score_func"),
    ("sklearn.feature_selection._univariate_selection.SelectKBest", "score_func"),
    ("sklearn.feature_selection._univariate_selection.SelectPercentile", "score_func"),
    ("sklearn.preprocessing._encoders.OrdinalEncoder", "dtype"),
}
"""The attributes that may be a function or a type; everywhere else it would be called in place of something else."""
_CALLING = frozenset({"functools.partial", *(kind for kind, field in _CALLED if field.endswith("score_func"))})
"""What functions may stand in: a partial, in which `look` finds check_array alone, and what scores by one."""
_MOMENTARY = ("DTypeNode", "RandomStateNode", "RandomGeneratorNode")
_CALLABLE = ("FunctionNode", "PartialNode", "TypeNode")

_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"


@functools.cache
def _types() -> frozenset[str]:
    from sklearn.utils import all_estimators

    known = all_estimators(["classifier", "regressor"])
    kinds = {f"{each.__module__}.{each.__name__}" for _, each in known}
    return (TRUSTED | _PARTS | _TRANSFORMERS | TRANSFORMERS | {STEP} | kinds) - _UNSEEN


def check_written(
    archive: zipfile.ZipFile | Parts, own: OwnCode | None = None, schema: Any = None
) -> set[tuple[str, str]]:
    """Refuse a skops file that holds what no candidate becomes, of `own` code too. Raises ValueError with what was found.

    `schema`: that of the file, where it is read already. Returns the kinds of its nodes: loaders with the types that they make.
    """
    schema = json.loads(archive.read(SCHEMA)) if schema is None else schema
    if schema["protocol"] < 2:
        raise ValueError(f"protocol {schema['protocol']} of skops")
    reader = _Reader(archive, own)
    reader.look(schema, _Owner())
    return reader.kinds


@functools.lru_cache(maxsize=1024)
def _may_be(loader: str, name: str) -> bool:
    """Whether skops may make a type of this name by this loader."""
    return re.fullmatch(_LOADERS.get(loader, "(?!)"), name) is not None


class _Owner(NamedTuple):
    """What a node has to fit to: the least number of features of the models that it is a part of, and which are categorical."""

    type: str = ""
    width: int = 0
    categorical: NDArray[Any] | None = None


class _Reader:
    """One model file while it is looked through."""

    def __init__(self, archive: zipfile.ZipFile | Parts, own: OwnCode | None) -> None:
        self._archive, self._own = archive, own
        self._nodes: dict[int, Mapping[str, Any]] = {}
        self.kinds: set[tuple[str, str]] = set()

    def look(self, node: Mapping[str, Any], owner: _Owner) -> None:
        """Look at a node and at all below it."""
        loader, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        own = self._own is not None and self._own.has(name)
        if not _may_be(loader, name) or (loader == "ObjectNode" and not own and name not in _types()):
            raise ValueError(f"{name}, made by {loader}")
        self.kinds.add((loader, name))
        number = node.get("__id__")
        if isinstance(number, int) and not _same(self._nodes.setdefault(number, node), node):
            raise ValueError(f"two objects of the number {number}")  # skops takes the first for both
        if loader == "DictNode" and MARK in node["content"]:
            self._part(_Fields(self, node), owner)
        elif loader == "ObjectNode":
            owner = self._object(name, _Fields(self, node["content"]), owner)
        elif loader == "TreeNode":
            self._tree(node, owner)
        elif loader == "FunctionNode" and owner.type not in _CALLING:
            raise ValueError(f"the function {name} in {owner.type}")
        elif loader == "PartialNode":
            owner = owner._replace(type=name)
        for child in _below(node):
            self.look(child, owner)

    def array(self, node: Mapping[str, Any]) -> NDArray[Any]:
        """The array that a node stands for."""
        if node["__loader__"] != "NdArrayNode" or node["type"] != "numpy":
            raise ValueError(f"{node['__loader__']} in the place of an array")
        return _array(self._archive.read(node["file"]))

    def value(self, node: Mapping[str, Any]) -> Any:
        """What a node stands for that is a plain value."""
        return json.loads(node["content"]) if node["__loader__"] == "JsonNode" else self.array(node).item()

    def _object(self, name: str, fields: "_Fields", owner: _Owner) -> _Owner:
        """Look at an object's own fields; returns what its parts have to fit to."""
        for field, node in fields.nodes.items():
            if node["__loader__"] in _CALLABLE and (name, field) not in _CALLED:
                raise ValueError(f"{field}={node['__module__']}.{node['__class__']} in {name}")
            if field in _FIXED.get(name, {}) and self.value(node) not in _FIXED[name][field]:
                raise ValueError(f"{field}={self.value(node)!r} in {name}")
        width = fields.value("n_features_in_") if "n_features_in_" in fields.nodes else owner.width
        owner = _Owner(name, min(width, owner.width or width), owner.categorical)
        check = _CHECKS.get(name) or (_FITTED_CHECKS.get(name) if fields.fitted else None)
        return (check and check(fields, owner)) or owner

    def _part(self, fields: "_Fields", owner: _Owner) -> None:
        """Look at what `champion.bundle.packed` made."""
        kind = fields.value(MARK)
        if kind == BOOSTING:
            _packed_boosting(fields, owner)
        elif kind == TREES:
            _packed_trees(fields, owner)
        elif kind != NAMED and not (kind in LIBRARIES and LIBRARIES[kind].ADAPTED):
            raise ValueError(f"a part {kind!r} that is not known")

    def _tree(self, node: Mapping[str, Any], owner: _Owner) -> None:
        fields, arguments = _Fields(self, node["content"]), node["__reduce__"]["args"]["content"]
        nodes, values, classes = fields.array("nodes"), fields.array("values"), self.array(arguments[1])
        if [self.value(arguments[2]), *classes.shape, *values.shape] != [1, 1, len(nodes), 1, *classes]:
            raise ValueError("a tree with more than one output, or without a value for each node")
        width = min(owner.width, self.value(arguments[0]))
        depth = trees.check_tree(nodes["left_child"], nodes["right_child"], nodes["feature"], width)
        if (fields.value("node_count"), fields.value("max_depth")) != (len(nodes), depth):
            raise ValueError("a tree of another number of nodes or another depth than it says")


class _Fields:
    """The fields of an object's state, which for some objects is a tuple."""

    def __init__(self, reader: _Reader, node: Any) -> None:
        content = (node or {}).get("content")
        self.nodes: dict[str, Any] = content if isinstance(content, dict) else {}
        self.content: Any = content
        self.read = reader
        self.array: Callable[[str], NDArray[Any]] = lambda name: reader.array(self.nodes[name])
        self.value: Callable[[str], Any] = lambda name: reader.value(self.nodes[name])

    @property
    def fitted(self) -> bool:
        """Whether an estimator has more than its parameters; one that others are copies of has not, and answers nothing."""
        return any(name.startswith("_") or name.endswith("_") for name in self.nodes.keys() - {"_sklearn_version"})

    def of(self, name: str) -> "_Fields":
        """Those of an object in one of them."""
        return _Fields(self.read, self.nodes[name]["content"])


def _same(one: Any, other: Any) -> bool:
    """Whether two nodes stand for the same: what skops makes for a moment, to write it, has another number each time."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        if one.get("__loader__") == other.get("__loader__") and one.get("__loader__") in _MOMENTARY:
            return True
        if one.keys() != other.keys():
            return False
        for key, value in one.items():
            theirs = other[key]
            if key == "__id__" or (type(value) is type(theirs) is str and value == theirs):
                continue
            if not _same(value, theirs):
                return False
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _below(value: Any) -> list[Mapping[str, Any]]:
    """The nodes next below a node, of JSON."""
    found: list[Mapping[str, Any]] = []
    for each in value.values() if type(value) is dict else value:
        kind = type(each)
        if kind is dict and type(each.get("__loader__")) is str:
            found.append(each)
        elif kind is dict or kind is list:
            found += _below(each)
    return found


def _boosting(fields: _Fields, owner: _Owner) -> _Owner:
    bins = fields.of("_bin_mapper")
    categorical = bins.array("is_categorical_")
    thresholds = [fields.read.array(node) for node in bins.nodes["bin_thresholds_"]["content"]]
    trees.check_bins(thresholds, categorical, owner.width)
    return owner._replace(categorical=categorical)


def _boosted_tree(fields: _Fields, owner: _Owner) -> None:
    nodes, bitsets = fields.array("nodes"), fields.array("raw_left_cat_bitsets")
    if owner.categorical is None:
        raise ValueError("a boosted tree without its boosting")
    leaf = nodes["is_leaf"] != 0
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    trees.check_tree(left, right, nodes["feature_idx"], owner.width)
    trees.check_bitsets(nodes, bitsets, owner.categorical)


def _packed_boosting(fields: _Fields, owner: _Owner) -> None:
    nodes, bitsets, counts, sets = map(fields.array, ("nodes", "raw", "counts", "sets"))
    if owner.categorical is None or len(counts) % fields.value("together"):
        raise ValueError("boosted trees without their boosting")
    if len(sets) != len(counts) or (sets < 0).any() or sets.sum() != len(bitsets):
        raise ValueError("boosted trees with other sets of categories than they say")
    if fields.array("binned").shape != bitsets.shape:
        raise ValueError("boosted trees with other sets of categories than they say")
    leaf = nodes["is_leaf"] != 0
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    trees.check_trees(left, right, nodes["feature_idx"], counts, owner.width)
    trees.check_bitsets(nodes, bitsets, owner.categorical, np.repeat(sets, counts))


def _packed_trees(fields: _Fields, owner: _Owner) -> None:
    nodes, values, counts, classes = map(fields.array, ("nodes", "values", "counts", "classes"))
    template = fields.nodes["template"]
    if not re.fullmatch(r"sklearn\.tree\._classes\.\w+", f"{template['__module__']}.{template['__class__']}"):
        raise ValueError(f"trees of the type {template['__class__']}")
    if [*classes.shape, *values.shape] != [1, len(nodes), 1, *classes]:
        raise ValueError("trees with more than one output, or without a value for each node")
    width = min(owner.width, fields.value("features"))
    depths = trees.check_trees(nodes["left_child"], nodes["right_child"], nodes["feature"], counts, width)
    if not np.array_equal(depths, fields.array("depths")):
        raise ValueError("trees of another depth than they say")


def _stages(fields: _Fields, owner: _Owner) -> None:
    """Gradient boosting adds to as many columns as its first answer has."""
    count = fields.value("n_trees_per_iteration_")
    stages = fields.nodes["estimators_"]
    where = _Fields(fields.read, stages).nodes if stages["__loader__"] == "DictNode" else stages
    shape = [fields.read.value(each) for each in where["shape"]["content"]]
    first = fields.nodes["init_"]
    if first["__loader__"] == "ObjectNode":
        classes = len(fields.of("init_").array("class_prior_"))
        several = fields.nodes["_loss"]["__class__"] == "HalfMultinomialLoss"
        count = count if (1 if classes == 2 else classes, classes > 2) == (count, several) else -1
    if shape[1:] != [count]:
        raise ValueError(f"{owner.type} with other stages than its classes need")


def _neighbours(fields: _Fields, owner: _Owner) -> None:
    rows, order, heap, bounds = (fields.read.array(node) for node in fields.content[:4])
    trees.check_neighbours(rows, order, heap, bounds, 2 if owner.type.endswith("KDTree") else 1)
    levels, nodes, weights = (fields.read.value(fields.content[position]) for position in (5, 6, 12))
    if (2**levels - 1, nodes, weights) != (nodes, len(heap), None):
        raise ValueError("an index of neighbours of another depth than it says")


def _neighbours_of(fields: _Fields, owner: _Owner) -> None:
    if fields.array("_fit_X").shape[1:] != (owner.width,):
        raise ValueError("neighbours of another number of features")


def _vectors(fields: _Fields, owner: _Owner) -> None:
    vectors, counts, factors = map(fields.array, ("support_vectors_", "_n_support", "_dual_coef_"))
    trees.check_vectors(vectors, counts, factors, fields.array("_intercept_"), owner.width)
    if not {fields.array(name).size for name in ("_probA", "_probB")} <= {0, fields.array("_intercept_").size}:
        raise ValueError("support vectors with probabilities of other pairs than they have")


_CHECKS: dict[str, Callable[[_Fields, _Owner], _Owner | None]] = {
    f"{_BOOSTING}.predictor.TreePredictor": _boosted_tree,
    "sklearn.neighbors._ball_tree.BallTree": _neighbours,
    "sklearn.neighbors._kd_tree.KDTree": _neighbours,
}
"""The types whose arrays are followed by compiled code, with what looks at them."""
_FITTED_CHECKS: dict[str, Callable[[_Fields, _Owner], _Owner | None]] = {
    f"{_BOOSTING}.gradient_boosting.HistGradientBoostingClassifier": _boosting,
    f"{_BOOSTING}.gradient_boosting.HistGradientBoostingRegressor": _boosting,
    "sklearn.ensemble._gb.GradientBoostingClassifier": _stages,
    "sklearn.neighbors._classification.KNeighborsClassifier": _neighbours_of,
    "sklearn.neighbors._classification.RadiusNeighborsClassifier": _neighbours_of,
    "sklearn.neighbors._regression.KNeighborsRegressor": _neighbours_of,
    "sklearn.neighbors._regression.RadiusNeighborsRegressor": _neighbours_of,
    "sklearn.neighbors._unsupervised.NearestNeighbors": _neighbours_of,
    "sklearn.svm._classes.NuSVC": _vectors,
    "sklearn.svm._classes.SVC": _vectors,
}
"""Estimators of such arrays, once they are fitted; inside another one stands the estimator that was not, too."""


def _array(data: bytes) -> NDArray[Any]:
    """The array of a file of NumPy's, to be looked at; what `np.load` without pickle makes of it."""
    if not data.startswith(b"\x93NUMPY\x01\x00"):
        array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        return array
    start = 10 + int.from_bytes(data[8:10], "little")
    shape, by_columns, dtype = _header(data[8:start])
    if dtype.hasobject or start + math.prod(shape) * dtype.itemsize > len(data):
        raise ValueError("an array that is not what it says")
    return np.ndarray(shape, dtype, data, start, order="F" if by_columns else "C")


@functools.lru_cache(maxsize=256)
def _header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = np.lib.format.read_array_header_1_0(io.BytesIO(header))
    return found
