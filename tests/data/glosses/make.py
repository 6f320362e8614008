#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
#
# Makes the files of this folder from the full set of 117,659 glosses and 1,000 queries:
#
#   python3 make.py /path/to/glosses        (needs numpy)
#
# The documents are the 20,000 rows that numpy's default_rng(5) chooses, renumbered 0 .. 19999 in the
# same order; the queries are the first 200. Where the source folder has its own subset of the same
# rows as CSV (small/: the vectors before they were rounded, with six digits), ours must be its
# nearest float16 values.
#
# The exact answers are computed on the float16 values, by cosine distance in float64. Products and
# sums of float16 values are exact there, so that no order of summation can change them; ties go to
# the lower id.
import csv
import gzip
import pathlib
import shutil
import sys

import numpy as np

DIM, DOCUMENTS, QUERIES, NEIGHBOURS = 384, 20000, 200, 10
HERE = pathlib.Path(__file__).parent


def read_rows(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        header, *rows = (line.rstrip("\n").split("\t") for line in lines)
    return header, rows


def write_gzip(path, lines):
    """The same bytes whenever it is made: no time stamp, no file name."""
    with open(path, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as out:
            out.write("".join(lines).encode("utf-8"))


def check_against_csv(path, vectors):
    """Ours must lie within half a float16 step (and the printed digits' rounding) of the printed."""
    csv.field_size_limit(1 << 20)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            printed = np.array(row["embedding"].strip("[]").split(","), dtype="f8")
            step = np.spacing(np.abs(vectors[number])).astype("f8")
            distance = np.abs(printed - vectors[number].astype("f8"))
            assert int(row["id"]) == number
            assert (distance <= step / 2 + np.abs(printed) * 5e-6).all(), f"{path}: row {number}"
    assert number + 1 == len(vectors)


def exact_neighbours(documents, queries):
    lengths = np.linalg.norm(documents.astype("f8"), axis=1)
    ids = np.arange(len(documents))
    for query in queries.astype("f8"):
        similarity = documents.astype("f8") @ query / lengths
        yield np.lexsort((ids, -similarity))[:NEIGHBOURS]


def main(source):
    all_documents = np.fromfile(source / "docs.f16", "<f2").reshape(-1, DIM)
    chosen = np.sort(
        np.random.default_rng(5).choice(len(all_documents), DOCUMENTS, replace=False)
    )
    documents = all_documents[chosen]
    queries = np.fromfile(source / "queries.f16", "<f2").reshape(-1, DIM)[:QUERIES]

    if (source / "small").is_dir():
        check_against_csv(source / "small" / "docs.csv.gz", documents)
        check_against_csv(source / "small" / "queries.csv.gz", queries)

    documents.tofile(HERE / "docs.f16")
    queries.tofile(HERE / "queries.f16")

    header, rows = read_rows(source / "docs.tsv.gz")
    keep = [header.index(name) for name in ("lexname", "bucket", "lemmas", "definition")]
    lines = ["id\tlexname\tbucket\tlemmas\tdefinition\n"]
    for number, row in enumerate(rows[i] for i in chosen):
        lines.append("\t".join([str(number), *(row[i] for i in keep)]) + "\n")
    write_gzip(HERE / "docs.tsv.gz", lines)

    header, rows = read_rows(source / "queries.tsv.gz")
    text = header.index("text")
    lines = ["id\ttext\n"]
    lines += [f"{number}\t{row[text]}\n" for number, row in enumerate(rows[:QUERIES])]
    write_gzip(HERE / "queries.tsv.gz", lines)

    with open(HERE / "truth10.tsv", "w", encoding="utf-8", newline="\n") as out:
        for number, found in enumerate(exact_neighbours(documents, queries)):
            out.write(f"{number}\t{{{','.join(map(str, found))}}}\n")

    shutil.copyfile(source / "LICENSE-WordNet.txt", HERE / "LICENSE-WordNet.txt")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make.py /path/to/glosses")
    main(pathlib.Path(sys.argv[1]))
