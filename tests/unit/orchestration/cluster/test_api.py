from champion.orchestration.cluster.api import Cluster, step_of
from tests.unit.orchestration.cluster.conftest import Api


def test_a_run_is_seen_with_its_jobs_its_pods_and_the_warnings_about_them_alone(api: Api, cluster: Cluster) -> None:
    api.run = "quota"
    seen = cluster.seen("quota")
    assert [step_of(job) for job in seen.jobs] == ["train_forest"]
    assert seen.pods == []
    assert {event["involvedObject"]["name"] for event in seen.events} == {"quota"}


def test_a_line_of_a_log_that_is_json_comes_as_it_was_written(cluster: Cluster) -> None:
    assert cluster.log("oom-1") == ['{"event": "epoch", "loss": 0.5}', "ValueError: no such column"]
