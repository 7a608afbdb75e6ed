"""The rival of a run from `init`: one fit of its boosting candidate on the train set, with nothing around it.

``python one_fit.py CONFIG`` in a checkout of the product; prints the seconds of the fit alone.
"""

import sys
import time
from pathlib import Path

from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.tasks.learning import learning_of
from champion.modeling.tasks.target import target_of
from champion.workspace.workspace import open_workspace
from pipelines.table_check import whole_table

use_case = open_workspace(sys.argv[1]).use_case
data = use_case.data
table = whole_table(Path(data.path), data.path, use_case, data.drop)
made = prepare_table(table, data, rule_for(table, data, use_case.split))
features, classes = made.plan.features, made.plan.classes
frame = model_frame(made.train, features)
labels = target_of(use_case.task).canonical_labels(made.train[data.target])
learned = learning_of(use_case.task).encode(labels, classes)
candidate = use_case.candidates["boosting"]
model = build_pipeline(candidate, features, use_case.fitting().seed, use_case.task, len(classes), classes)
began = time.perf_counter()
model.fit(frame, learned)
sys.stdout.write(f"fit {time.perf_counter() - began:.2f} s\n")
