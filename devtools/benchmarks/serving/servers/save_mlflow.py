"""Run in MLflow's environment: saves the pipeline in the sklearn flavour, answering with probabilities."""

import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    model, out = sys.argv[1:]
    mlflow.sklearn.save_model(
        joblib.load(model), out, serialization_format="cloudpickle", pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],
    )  # fmt: skip
