"""Which units follow when: in whatever order the processes end."""

from experiment_stubs import LINE

from fmn.progress import Silence
from fmn.retrieval.store import write_json
from fmn.train.experiments.comparison_schedule import Schedule
from fmn.train.experiments.experiment_folder import candidate_file


def test_candidates_that_end_at_once_start_each_run_once(tmp_path):
    encoders = {LINE: {"video": "i3d", "audio": "bilstm"}}
    schedule = Schedule(tmp_path / "cache", tmp_path / "out", encoders, [LINE], 3, (1,), "cpu", Silence())
    begun = schedule.begin()
    assert len(begun) == len(LINE.settings) == 2
    (tmp_path / "out" / "Line-Co-1").mkdir(parents=True)
    for number in (0, 1):  # both files are there before the schedule hears of either
        write_json(candidate_file(tmp_path / "out", LINE, number), {"validation_mAP": 0.5 + number / 10})
    units = [unit for ended in begun for unit in schedule.following(ended, None)]
    assert [unit.place.name for unit in units] == ["seed-0", "seed-1", "seed-2"]
    assert all(unit.setting == LINE.settings[1] for unit in units)
