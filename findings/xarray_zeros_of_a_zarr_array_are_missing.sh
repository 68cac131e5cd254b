#!/usr/bin/env bash
# xarray 2026.9.0: zeros of an array that zarr 3.1.6 wrote in format 2, with its default fill value, are missing: a KL of 0 is NaN, and means leave it out. Rows that
# `to_zarr(append_dim=...)` adds to whole numbers become whole numbers.
# Guess before: what zarr has written is read as it is, zeros too, in both formats; an appended fraction is an error, or makes a column of floats.
# Seen: KLs 2, 0.5, 0, 0 are 2, 0.5, nan, nan with a mean of 1.25 for 0.625 and a minimum of 0.5; whole numbers 0, 1, 2 become nan, 1.0, 2.0 and False an object nan. In
#       format 3, with `fill_value=None`, and written by xarray, they are themselves. Appended to 1 and 2: 2.7 is 3, NaN -9223372036854775808; 300 to int8 is 44, without
#       an error; zarr's own `append` makes 2.7 a 2
# What follows for a user: the share of collapsed runs is 0 and the mean KL is that of those which did not collapse; a table begun with epochs that had whole perplexities
# has no fractions, and a diverged run's NaN is a huge negative number.
# Here tables of runs are CSV and JSON by this program, whose figures keep zero and NaN apart (vaecli/runs/history.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check xarray==2026.9.0 zarr==3.1.6 numpy==2.4.6 pandas==3.1.1
FOLDER="$folder" "$folder/venv/bin/python" - <<'PY'
import os
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray
import zarr

folder = Path(os.environ["FOLDER"])
warnings.simplefilter("ignore")


def read(values, form, **settings):
    """What xarray reads of an array that zarr has written."""
    group = zarr.open_group(folder / "written.zarr", mode="w", zarr_format=form)
    names = {"dimension_names": ["run"]} if form == 3 else {}
    array = group.create_array("kl", data=np.array(values), **names, **settings)
    if form == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = ["run"]
    assert array[:].tolist() == values
    with xarray.open_zarr(folder / "written.zarr", consolidated=False) as opened:
        return opened.kl.load()


def appended(first, more):
    path = folder / "appended.zarr"
    xarray.Dataset({"kl": ("run", np.array(first))}).to_zarr(path, mode="w", consolidated=False)
    xarray.Dataset({"kl": ("run", np.array(more))}).to_zarr(path, append_dim="run", consolidated=False)
    with xarray.open_zarr(path, consolidated=False) as opened:
        return opened.kl.load().values.tolist()


kls = [2.0, 0.5, 0.0, 0.0]
second, third, without = read(kls, 2), read(kls, 3), read(kls, 2, fill_value=None)
whole, flags = read([0, 1, 2], 2), read([False, True], 2)
xarray.Dataset({"kl": ("run", kls)}).to_zarr(folder / "own.zarr", zarr_format=2, consolidated=False)
with xarray.open_zarr(folder / "own.zarr", consolidated=False) as opened:
    own = opened.kl.load().values.tolist()
rows = appended([1, 2], [2.7]), appended([1, 2], [np.nan]), appended(np.array([1, 2], dtype="int8"), [300])
by_zarr = zarr.create_array(folder / "zarr.zarr", data=np.array([1, 2]))
by_zarr.append(np.array([2.7]))
print("versions", version("xarray"), version("zarr"), "format 2", second.values, "mean", float(second.mean()), "least", float(second.min()))
print("format 3", third.values, "no fill value", without.values, "xarray's own", own, "whole", whole.values, "flags", flags.values)
print("appended", rows, "by zarr", by_zarr[:])
assert np.isnan(second.values).tolist() == [False, False, True, True], "zeros are zeros from now"
assert float(second.mean()) == 1.25 and float(second.min()) == 0.5
assert np.isnan(whole.values[0]) and whole.dtype == float and flags.dtype == object
assert third.values.tolist() == without.values.tolist() == own == kls
assert rows[0] == [1, 2, 3], "a fraction is kept from now"
assert rows[1][2] == -(2**63) and rows[2][2] == 44
assert by_zarr[:].tolist() == [1, 2, 2]
PY
