"""Opens a sample result file with the readers that users have: h5py, ncdump, and xarray with both engines.

The file is the one that tests/results/write_sample.cpp makes. Exits non-zero with a line per finding. Knows no schema
beyond what a stranger could see: that data sets have units, and coordinates under the names of their dimensions.
"""

import argparse
import math
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy
import xarray

SMALL = 2048  # bytes; results/README.md
TRIAL = "/trials/blas-t1-s1"
# Group -> the dimensions, with coordinates, of one of its data sets.
COORDINATES = {
    "/summary": ("step_time_median", ("trial",)),
    f"{TRIAL}/steps": ("phase_time", ("step", "phase")),
    f"{TRIAL}/epochs": ("validation_loss", ("epoch",)),
    f"{TRIAL}/checks": ("gradient_error", ("tensor",)),
    f"{TRIAL}/order": ("permutation", ("epoch", "sample")),
    "/groups/s1/rounds": ("step_time", ("round", "trial")),
}
LABELS = {
    f"{TRIAL}/steps": ("phase", ["forward", "loss", "backward", "reduce", "update"]),
    f"{TRIAL}/checks": ("tensor", ["layers.0.weight", "layers.0.bias"]),
    "/groups/s1/rounds": ("trial", ["blas-t1-s1", "blas-t1-s1~twin", "tbb-t2-s1"]),
}


def check_h5py(path: Path) -> list[str]:
    """Units and filters of every data set, text as text, values where they belong."""
    findings = []
    kinds = set()

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if not isinstance(item.attrs.get("units"), str):
            findings.append(f"{name}: no units")
        if item.id.get_create_plist().get_obj_track_times():
            findings.append(f"{name}: has time stamps, so that equal records give different files")
        numeric = h5py.check_string_dtype(item.dtype) is None
        if numeric and "/parameters/" not in name:
            small = item.nbytes <= SMALL
            kinds.add(small)
            if small and item.id.get_create_plist().get_layout() != h5py.h5d.COMPACT:
                findings.append(f"{name}: of {item.nbytes} bytes, but not compact")
            if not small and not (item.chunks and item.shuffle and item.compression == "gzip" and item.fletcher32):
                findings.append(f"{name}: not chunked, shuffled, deflated and checksummed")

    with h5py.File(path) as file:
        file.visititems(visit)
        if kinds != {True, False}:
            findings.append("the sample has no data sets of either size")
        attributes = file[TRIAL].attrs
        expected = {
            "dataset.path": "données/mnist-10k",
            "experiment.description": "",
            "training.learning_rate": 0.1,
            "dataset.shuffle": 1,
            "same_bits_for_any_threads": 1,
        }
        for key, value in expected.items():
            if attributes[key] != value:
                findings.append(f"{TRIAL}: {key} is {attributes[key]!r}, not {value!r}")
        if attributes["dataset.shuffle"].dtype != numpy.uint8:
            findings.append(f"{TRIAL}: a boolean is not uint8")
        if list(attributes["model.layers"]) != [784, 128, 10]:
            findings.append(f"{TRIAL}: model.layers is {attributes['model.layers']}")
        if list(file["environment"].attrs)[:3] != ["cpu_model", "cores", "blas_core_forced"]:
            findings.append("/environment: attributes are not in the order of their creation")
        if file["groups/s1/environment"] != file["environment"]:
            findings.append("/groups/s1/environment is not the same object as /environment")
        if file["groups/s2/environment"].attrs["cpu_model"] != "Another CPU":
            findings.append("/groups/s2/environment is not the group's own")
        if file["groups/s2/environment"] != file["groups/s3/environment"]:
            findings.append("equal environments are not shared")
        if not math.isclose(file[f"{TRIAL}/parameters/final/layers.0.weight"][1, 0], 0.4):
            findings.append("parameters/final/layers.0.weight is not row-major")
        if file["/trials/neuron-t1-s1"].attrs["diverged_at_step"] != 0:
            findings.append("diverged_at_step is not 0")
        if file["/summary/status"].asstr()[3] != "unsupported":
            findings.append("/summary/status is not in the order of the trials")
    return findings


def check_xarray(path: Path, engine: str) -> list[str]:
    """Dimensions, coordinates and units as a data set has them after opening its group."""
    findings = []
    for group, (name, dimensions) in COORDINATES.items():
        with xarray.open_dataset(path, engine=engine, group=group) as dataset:
            dataset.load()
            where = f"{engine}: {group}/{name}"
            if dataset[name].dims != dimensions:
                findings.append(f"{where}: dimensions {dataset[name].dims}, not {dimensions}")
            for dimension in dimensions:
                if dimension not in dataset.coords:
                    findings.append(f"{where}: no coordinates {dimension}")
            if "units" not in dataset[name].attrs:
                findings.append(f"{where}: no units")
            if dataset[name].dtype.kind not in "fi":
                findings.append(f"{where}: decoded to {dataset[name].dtype}")
            if group in LABELS:
                coordinate, labels = LABELS[group]
                if list(dataset[coordinate].values) != labels:
                    findings.append(f"{engine}: {group}/{coordinate} is {list(dataset[coordinate].values)}")
    return findings


def check_ncdump(path: Path) -> list[str]:
    """The whole file passes through ncdump, and the header shows dimensions and units."""
    if shutil.which("ncdump") is None:
        print("ncdump is not installed: left out")
        return []
    subprocess.run(["ncdump", path], check=True, stdout=subprocess.DEVNULL)
    header = subprocess.run(["ncdump", "-h", path], check=True, capture_output=True, text=True).stdout
    wanted = ["double phase_time(step, phase) ;", 'string wall_time:units = "s" ;', "string phase(phase) ;"]
    return [f"ncdump -h does not show `{line}`" for line in wanted if line not in header]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    findings = check_h5py(path) + check_ncdump(path)
    for engine in ("h5netcdf", "netcdf4"):
        findings += check_xarray(path, engine)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
