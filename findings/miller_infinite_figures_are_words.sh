#!/usr/bin/env bash
# miller 6.6.0-2+b3 (Debian bookworm's Miller 6.6.0): inf, -inf and nan in a CSV file, as Python writes them, are words: sum, mean and variance leave them
# out, the median and the count have them, and -inf is among the largest figures. Variances, correlations and higher moments are of sums of powers: the
# standard deviation of times in seconds since 1970 is 22.6 for 0.158, and the kurtosis of 1000.1 to 1000.5 is -3.49, where no kurtosis is below -2.
# Guess before: a mean of inf or nan; -inf the smallest and inf the largest; for 1000000.1, .2 and .3 the variance 0.01, and a correlation of 1 on a line.
# Seen: 0.5, inf, -inf, 2, nan: count 5, sum 2.5, mean 1.25, median -inf, `top -n 3`: nan, inf, -inf, `top --min`: 0.5; `sort -nf`: 0.5 2 -inf inf nan. 0.1 to
#       0.5 more than 0, 1000, 10^6, 10^8, 1.7 10^9: variance 0.025, 0.025, 0.0249, 0, 512; kurtosis -1.3, -3.49, -10^12, inf, -3; correlation with twice the
#       steps 1, 1, 0.998, -inf
# What follows for a user: the mean NLL of a method of which one run diverged is that of the other runs, while its median has moved, and a log density of -inf
# is its best run's. Moments of perplexities of some thousands, of steps and of times aren't moments. Filter such rows first, and take off the mean.
# Here a table's means leave out undefined figures too, but an infinite one makes a mean infinite (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 miller=6.6.0-2+b3
for package in *.deb; do dpkg -x "$package" .; done

assert() {  # what, value, expected value
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "it was $3" >&2; exit 1; }
}

miller() {  # verb and options -- rows
    local arguments=()
    while [ "$1" != -- ]; do arguments+=("$1"); shift; done
    shift
    local four='for (k, v in $*) {if (is_float(v)) {$[k] = fmtnum(v, "%.4lf")}}'  # four decimals
    { echo nll,y; printf '%s\n' "$@"; } | MLRRC=__none__ usr/bin/mlr --icsv --onidx --ofs ' ' "${arguments[@]}" then put "$four" | tr '\n' ' ' | sed 's/ $//'
}

steps() {  # first figure: 0.1 to 0.5 more, and twice as much
    awk -v first="$1" 'BEGIN {for (i = 1; i <= 5; i++) printf "%.1f,%.1f\n", first + i / 10, first + i / 5}'
}

usr/bin/mlr --version
five=(0.5,1 inf,1 -inf,1 2,1 nan,1)
assert "count, sum, mean, median" "$(miller stats1 -a count,sum,mean,p50 -f nll -- "${five[@]}")" "5 2.5000 1.2500 -inf"
assert "the largest three" "$(miller top -n 3 -f nll then cut -f nll_top -- "${five[@]}")" "nan inf -inf"
assert "the smallest" "$(miller top --min -f nll then cut -f nll_top -- "${five[@]}")" "0.5000"
assert "in order" "$(miller sort -nf nll then cut -f nll -- "${five[@]}")" "0.5000 2 -inf inf nan"
moments=(stats1 -a "var,stddev,kurtosis" -f nll)
assert "moments near 0" "$(miller "${moments[@]}" -- $(steps 0))" "0.0250 0.1581 -1.3000"
assert "near 1000" "$(miller "${moments[@]}" -- $(steps 1000))" "0.0250 0.1581 -3.4883"
assert "near 1700000000" "$(miller "${moments[@]}" -- $(steps 1700000000))" "512.0000 22.6274 -3.0000"
assert "correlation near 1000000" "$(miller stats2 -a corr -f nll,y -- $(steps 1000000))" "0.9976"
assert "near 100000000" "$(miller stats2 -a corr -f nll,y -- $(steps 100000000))" "-Inf"
