"""The histogram's geometry."""

from vectormigrate.daemon.report.charts import BAR, histogram


def test_no_pairs_no_chart():
    assert histogram((), 0.999) is None
    assert histogram(((0.9, 1.0, 0),), 0.999) is None


def test_the_fullest_bin_fills_the_width_and_a_single_pair_is_still_seen():
    chart = histogram(((0.9, 0.99, 1), (0.99, 1.0, 1_000_000)), 0.99)
    assert chart is not None
    full, single = chart.bars
    assert (full.width, full.count) == (BAR, 1_000_000)
    assert 10 < single.width < BAR / 10


def test_the_highest_similarity_comes_first_and_bins_below_the_threshold_are_marked():
    chart = histogram(((0.0, 0.5, 2), (0.5, 0.999, 3), (0.999, 1.0, 4)), 0.999)
    assert chart is not None
    assert [(bar.count, bar.below) for bar in chart.bars] == [(4, False), (3, True), (2, True)]
    assert [bar.y for bar in chart.bars] == sorted(bar.y for bar in chart.bars)


def test_runs_of_empty_bins_become_one_line_and_none_at_the_low_end():
    bins = [(number / 10, (number + 1) / 10, 0) for number in range(10)]
    bins[9], bins[4] = (0.9, 1.0, 5), (0.4, 0.5, 1)
    chart = histogram(bins, 0.999)
    assert chart is not None
    assert [(bar.label, bar.count) for bar in chart.bars] == [
        ("0.9 \N{EN DASH} 1", 5),
        ("4 empty bins", None),
        ("0.4 \N{EN DASH} 0.5", 1),
    ]
    assert chart.summary == "0.9 \N{EN DASH} 1: 5; 0.4 \N{EN DASH} 0.5: 1"


def test_a_bin_of_one_value_is_labelled_by_it():
    chart = histogram(((1.0, 1.0, 7),), 0.999)
    assert chart is not None
    assert chart.bars[0].label == "1"
