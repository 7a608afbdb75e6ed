"""The production package: the folder that serving, batch inference, CI and a fresh machine need to use the champion.

This room knows its format, its hashes, its model file and how to predict with it. It knows neither ZenML nor DVC.
"""
