"""Texts as a few numbers: what their words or letters have in common, by TF-IDF and a truncated SVD.

No vocabulary is kept: pieces of a text are hashed, and only the places that training met have a weight, so that a model stays
small whatever the texts. It learns nothing of the target.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

PLACES = 2**18  # of the hash
MOST_PLACES = 20_000  # kept, the most frequent ones
MOST_TEXTS = 20_000  # distinct ones that are learned from
LEAST_SPREAD = 1e-12

Pieces = Literal["letters", "words"]
_ANALYSED: dict[Pieces, tuple[str, tuple[int, int]]] = {"letters": ("char_wb", (3, 4)), "words": ("word", (1, 2))}


class TextEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Each column of texts as at most `components` numbers, the first of which has a standard deviation of about 1.

    `pieces`: letters, of which three and four in a row are looked at, for names and codes; or words and pairs of them, for
    free text. A missing text has the number 0 everywhere, and so has one of which training knew no piece.

    Source: Deerwester et al. (1990), Indexing by Latent Semantic Analysis; of names by their letters: Cerda and Varoquaux (2022),
    IEEE Transactions on Knowledge and Data Engineering 34(3).
    """

    def __init__(self, pieces: Pieces = "letters", components: int = 30, random_state: int = 0) -> None:
        self.pieces = pieces
        self.components = components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "TextEncoder":  # noqa: ARG002 - as every transformer of scikit-learn
        """Learn from texts, shape (rows, columns); NaN where one is missing."""
        table = np.asarray(X, dtype=object)
        learned = [self._learned(table[:, column]) for column in range(table.shape[1])]
        self.places_, self.weights_, self.components_ = ([each[part] for each in learned] for part in range(3))
        self.n_features_in_ = table.shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """The numbers of texts, column after column of `X`; shape (rows, numbers)."""
        table = np.asarray(X, dtype=object)
        made = []
        for column, (places, weights, directions) in enumerate(
            zip(self.places_, self.weights_, self.components_, strict=True)
        ):
            texts, rows = _distinct(table[:, column])
            if not texts:  # a table without rows, which scikit-learn's hashing refuses
                made.append(np.zeros((0, directions.shape[1])))
                continue
            made.append((_weighed(self._counts(texts)[:, places], weights) @ directions)[rows])
        return np.hstack(made)

    def _counts(self, texts: list[str]) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        analyzer, lengths = _ANALYSED[self.pieces]
        return HashingVectorizer(
            analyzer=analyzer, ngram_range=lengths, n_features=PLACES, alternate_sign=False, norm=None
        ).transform(texts)

    def _learned(self, column: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
        """The places of the hash that count, their weights, and what a weighed text is multiplied with."""
        from sklearn.utils.extmath import randomized_svd

        texts, rows = _distinct(column)
        times = np.bincount(rows, minlength=len(texts)).astype(np.float64)
        if len(texts) > MOST_TEXTS:
            chosen = np.sort(np.random.default_rng(self.random_state).permutation(len(texts))[:MOST_TEXTS])
            texts, times = [texts[place] for place in chosen], times[chosen]
        counts = self._counts(texts)
        frequent = np.asarray((counts > 0).T @ times).ravel()
        places = np.flatnonzero(frequent)
        if len(places) > MOST_PLACES:
            places = np.sort(places[np.argsort(-frequent[places], kind="stable")[:MOST_PLACES]])
        weights = np.log((1 + times.sum()) / (1 + frequent[places])) + 1
        most = min(self.components, len(texts), len(places))
        if not most:
            return np.zeros(1, dtype=np.int64), np.zeros(1), np.zeros((1, 1))
        weighed = _weighed(counts[:, places], weights)
        repeated = weighed.multiply(np.sqrt(times)[:, None]).tocsr()  # each text as often as it stands in the table
        _, _, directions = randomized_svd(repeated, n_components=most, random_state=self.random_state)
        first = np.asarray(weighed @ directions[0])
        mean = np.average(first, weights=times)
        spread = float(np.sqrt(np.average((first - mean) ** 2, weights=times)))
        return places, weights, directions.T / (spread if spread > LEAST_SPREAD else 1.0)


def _distinct(column: NDArray[np.object_]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts, a missing one as an empty text, and the place of that of each row."""
    places: dict[str, int] = {}
    rows = [places.setdefault(text if isinstance(text, str) else "", len(places)) for text in column.tolist()]
    return list(places), np.array(rows, dtype=np.int64)


def _weighed(counts: Any, weights: NDArray[Any]) -> Any:
    """Counts of pieces as TF-IDF, each text of length 1."""
    from sklearn.preprocessing import normalize

    return normalize(counts.multiply(weights).tocsr(), norm="l2", copy=False)
