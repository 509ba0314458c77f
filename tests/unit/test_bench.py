"""What `make bench` says where it cannot measure."""

from __future__ import annotations

import sys

from bench import __main__ as bench


def test_without_the_samples_the_comparison_is_left_out_and_says_how_to_have_it(
    monkeypatch, capsys
):
    monkeypatch.delenv("PEERS", raising=False)
    monkeypatch.setattr(sys, "argv", ["bench", "bench.peers"])
    bench.main()
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.startswith("bench.peers left out")
    assert "PEERS=<its folder> make bench" in line


def test_a_folder_that_is_no_checkout_is_not_taken_for_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PEERS", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bench", "bench.peers"])
    bench.main()
    assert "left out" in capsys.readouterr().out
