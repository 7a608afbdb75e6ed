from champion.errors import listed, nearest, nearest_column


def test_the_nearest_word_is_suggested_and_all_are_named_where_none_is_near_and_a_long_list_is_shortened() -> None:
    assert nearest("slat", ["salt", "share"]) == "Did you mean 'salt'?"
    assert nearest("zzz", ["share", "by"]) == "Allowed are: by, share."
    assert nearest("zzz", []) == "Nothing is allowed here."
    assert nearest_column("SPECIES ", ["island", "species"]) == "Did you mean 'species'?"
    assert listed([f"c{number}" for number in range(1000)], most=2) == "'c0', 'c1' and 998 more"
