"""Run in MLflow's environment: saves the pipeline in the sklearn flavour, answering with probabilities."""

import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    model, out = joblib.load(sys.argv[1]), sys.argv[2]
    answers = {"pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
    mlflow.sklearn.save_model(model, out, pip_requirements=["scikit-learn"], **answers)
