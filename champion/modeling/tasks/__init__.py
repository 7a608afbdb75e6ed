"""Kinds of learning: what a target is, how it is fitted and scored, and which tables and curves belong to it.

A task is a folder with two modules, found by a table each: `target` (what preparing a table needs) and `learning` (what
training and judging need), so that a new score does not make anybody prepare the table anew.
"""
