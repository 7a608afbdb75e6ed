# pipeline: trains, judges and promotes; for `docker run`, and for the steps of the docker stack.
# serving: the REST service over a production package that is mounted; champion: the same with a package inside.
# EXTRAS: what a use case needs besides, as names of files in requirements/, with blanks between; run.py finds them out.
# No RUN --mount and no here-document, so that the classic builder builds it as BuildKit does.
ARG BASE=python:3.13-slim-bookworm

# The packages, as requirements/install.sh puts them into /venv. pip stays behind in this stage, and with it the address of a
# package index where one is given.
FROM ${BASE} AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
# pod: with the clients of a cluster and of S3 too
ARG PINS=image
COPY requirements/install.sh requirements/${PINS}.txt /tmp/requirements/
RUN sh /tmp/requirements/install.sh ${PINS} \
 && cd /venv/lib/python3.13/site-packages \
 && rm -f pyarrow/libarrow_flight* pyarrow/_flight*.so \
 && /venv/bin/python -c "import pandas, pyarrow.dataset, pyarrow.parquet, sklearn.ensemble, skops.io, zenml.client"
# in a layer of its own, so that another use case does not install all the others anew
COPY requirements /tmp/requirements
ARG EXTRAS=
RUN sh /tmp/requirements/install.sh ${EXTRAS}

FROM ${BASE} AS pipeline
# ZenML runs a step as whoever started the run, so every folder that is written to is open to all.
# The base image comes without the standard library's bytecode, which a container would make anew at every start.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(site-packages|test|idlelib)/' /usr/local/lib/python3.13 \
 && useradd --no-create-home --home-dir /var/champion --uid 1000 champion \
 && install -d -m 1777 /app /app/data /app/models /app/reports /var/champion /var/champion/zenml
COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH \
    HOME=/var/champion \
    LOGNAME=champion \
    MPLCONFIGDIR=/var/champion/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CHAMPION_RESULTS=/results \
    ZENML_CONFIG_PATH=/var/champion/zenml \
    ZENML_ANALYTICS_OPT_IN=false
# LightGBM alone brings no libgomp; scikit-learn does, and one of them in a process is enough
RUN python -c "import matplotlib.font_manager" && chmod -R a+rwX /var/champion/matplotlib \
 && if [ -d /venv/lib/python3.13/site-packages/lightgbm ]; then \
    ln -s /venv/lib/python3.13/site-packages/scikit_learn.libs/libgomp-*.so.* /usr/lib/libgomp.so.1 && python -c "import lightgbm"; fi
WORKDIR /app
COPY run.py dvc.yaml ./
COPY configs configs
COPY data data
COPY stacks stacks
COPY cli cli
COPY champion champion
COPY steps steps
COPY pipelines pipelines
COPY features features
COPY requirements requirements
# a checkout that was made under a strict umask is for its owner alone, and bytecode is as readable as its source
RUN chmod 1777 data && find . ! -perm -a=r -exec chmod a+rX {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app
USER champion
ENTRYPOINT ["python", "run.py"]
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="champion" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"

# The service's own packages: neither ZenML nor pandas, of pyarrow what a prediction log needs, and no printer of tables.
# Every estimator of scikit-learn can still be imported.
FROM ${BASE} AS serving-packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
COPY requirements/install.sh requirements/serving.txt /tmp/requirements/
RUN sh /tmp/requirements/install.sh serving \
 && cd /venv/lib/python3.13/site-packages \
 && rm -rf pyarrow/libarrow_flight* pyarrow/_flight*.so pyarrow/libarrow_s3* pyarrow/_s3fs*.so pyarrow/_hdfs*.so \
    pyarrow/_gcsfs*.so pyarrow/_azurefs*.so pyarrow/libarrow_python.so pyarrow/libarrow_python.so.*.*.* pyarrow/src \
    wcwidth prettytable scipy/odr sklearn/datasets/data sklearn/datasets/images sklearn/datasets/descr \
 && /venv/bin/python -c "import pyarrow.compute, pyarrow.parquet, skops.io; from sklearn.utils.discovery import all_estimators; all_estimators()"
COPY requirements /tmp/requirements
ARG EXTRAS=
# CatBoost names what only draws
RUN WITHOUT="contourpy cycler fonttools graphviz kiwisolver matplotlib pillow plotly pyparsing" \
    sh /tmp/requirements/install.sh ${EXTRAS}

FROM ${BASE} AS serving
RUN useradd --no-create-home --home-dir /app --uid 1000 champion \
 && install -d /app /app/models \
 && install -d -o champion -g champion /log
COPY --from=serving-packages /venv /venv
# the bytecode of what it needs of the standard library, which the base image comes without; libgomp as in `pipeline`
RUN /venv/bin/python -c "import click, fastapi, msgspec, prometheus_client, pyarrow.parquet, sklearn.ensemble, skops.io, uvicorn, uvloop" \
 && if [ -d /venv/lib/python3.13/site-packages/lightgbm ]; then \
    ln -s /venv/lib/python3.13/site-packages/scikit_learn.libs/libgomp-*.so.* /usr/lib/libgomp.so.1 \
    && /venv/bin/python -c "import lightgbm"; fi
# which package under models/ it serves; a container mounts models/, not the folder that a promotion swaps
ARG USE_CASE=iris
ENV PATH=/venv/bin:$PATH \
    HOME=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SERVE_HOST=0.0.0.0 \
    SERVE_PORT=8000 \
    SERVE_PACKAGE=models/${USE_CASE}
WORKDIR /app
COPY champion/__init__.py champion/errors.py champion/failures.py champion/harmless.py champion/patching.py champion/terminal.py champion/
COPY champion/use_case champion/use_case
COPY champion/modeling champion/modeling
COPY champion/tabular champion/tabular
COPY champion/bundle champion/bundle
COPY champion/serving champion/serving
RUN find . ! -perm -a=r -exec chmod a+rX {} + && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app
USER champion
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['SERVE_PORT']), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "champion.serving"]
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="champion" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"

FROM ${BASE} AS readable
ARG USE_CASE=iris
COPY models/${USE_CASE} /models/${USE_CASE}
RUN chmod -R a+rX /models

FROM serving AS champion
COPY --from=readable /models models
# the hash of its own code, which may be run since whoever builds the image has allowed it; empty where it has none
ARG TRUST_CODE=
ENV SERVE_TRUST_CODE=${TRUST_CODE}
