#!/usr/bin/env bash
# datamash 1.7-2 (Debian bookworm's): with `--narm` the correlation and the covariance of two columns have figures of different rows as pairs, where each
# column lacks one: the correlation of a column with itself is -0.98. And without it the smallest, the largest, the median, quartiles and percentiles of
# figures with a nan among them are figures by the order of the rows: the median of four and a nan is nan, 0.2 or 0.3.
# Guess before: rows with both figures, so 1 for a column and itself, as pairs are one row's; nan for every figure of a nan, as for its mean, whatever the
# order.
# Seen: y = x of 1 9 2 8 1 9 without the first x and the last y: ppearson -0.984, and 1 without those rows. With unequal numbers of them: an error. nan 0.1
#       0.2 0.3 0.4: median 0.2, perc:90 0.36, trimmean:0.2 0.2, min nan; 0.4 0.3 0.2 0.1 nan: median 0.3, min 0.1; 0.1 0.2 nan 0.3 0.4: median nan, min 0.1
# What follows for a user: KL against perplexity over runs, of which one lacks each, has any correlation; a run that diverged moves the median of the others,
# and drops out of the best and the worst, unless it is the first row. Remove such rows before.
# Here no correlation is a figure, and a mean is of the runs that have the figure (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 datamash=1.7-2
for package in *.deb; do dpkg -x "$package" .; done

assert() {  # what, value, expected value
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "it was $3" >&2; exit 1; }
}

figures() {  # options and operations of datamash -- rows
    local arguments=()
    while [ "$1" != -- ]; do arguments+=("$1"); shift; done
    shift
    printf '%s\n' "$@" | LC_ALL=C usr/bin/datamash -t, "${arguments[@]}"
}

usr/bin/datamash --version | head -n 1
complete=(9,9 2,2 8,8 1,1)
assert "without the rows" "$(figures -R 3 ppearson 1:2 -- "${complete[@]}")" 1.000
assert "a column and itself" "$(figures -R 3 --narm ppearson 1:2 -- NA,1 "${complete[@]}" 9,NA)" -0.984
assert "the covariance" "$(figures -R 3 --narm scov 1:2 -- NA,1 "${complete[@]}" 9,NA)" -15.450
assert "nan first" "$(figures median 1 perc:90 1 trimmean:0.2 1 min 1 mean 1 -- nan 0.1 0.2 0.3 0.4)" 0.2,0.36,0.2,nan,nan
assert "nan last" "$(figures median 1 min 1 max 1 mean 1 -- 0.4 0.3 0.2 0.1 nan)" 0.3,0.1,0.4,nan
assert "nan between" "$(figures median 1 min 1 max 1 mean 1 -- 0.1 0.2 nan 0.3 0.4)" nan,0.1,0.4,nan
assert "with --narm" "$(figures --narm median 1 min 1 max 1 mean 1 -- nan 0.1 0.2 0.3 0.4)" 0.25,0.1,0.4,0.25
