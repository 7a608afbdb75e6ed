"""Kinds of learning, each a folder of modules that are found by a table: a further task is a folder, and its row in each.

`target` is what preparing a table needs, `learning` what training needs, `judging` what comparing two models needs, and
`answer` what whoever answers needs: apart, so that a further curve refits nothing, and another score prepares no table anew.
"""
