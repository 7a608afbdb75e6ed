"""Doubts in words."""

from champion.comparison.doubts import doubt_in_words
from champion.modeling.doubts.doubt import Doubt


def test_a_doubt_names_the_columns_the_share_and_the_remedy() -> None:
    group = Doubt(what="group", columns=("patient",), others=("born",), count=60, share=0.97)
    assert doubt_in_words(group, "ill") == (
        "The values of 'patient' repeat, with one 'ill' each (so do those of 'born'): several rows of one thing (60 of them "
        "seen). 97% of the holdout's rows have a twin in the train set, and scores may be far too good. Where new rows will be "
        "of new things, say `split: {by: group, column: NAME}` with that column."
    )
    pair = doubt_in_words(Doubt(what="group", columns=("age", "height"), count=60), "ill")
    assert "'age' and 'height' repeat together" in pair
    assert "twin" not in pair, "before a split nobody knows"
    renamed = doubt_in_words(Doubt(what="renamed", columns=("code",), share=1.0), "ill")
    assert "'code'" in renamed
    assert "data.drop" in renamed
    decides = doubt_in_words(Doubt(what="decides", columns=("a", "b"), share=0.9996, next_best=0.612), "ill")
    assert decides.startswith(
        "Each of 'a', 'b' alone decides 'ill', in 100.0% of the rows; the best of the others gives 61.2%"
    )
    assert "'user_id'" in doubt_in_words(Doubt(what="order", columns=("user_id",), share=0.9), "ill")
