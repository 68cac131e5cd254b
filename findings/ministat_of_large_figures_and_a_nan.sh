#!/usr/bin/env bash
# ministat 20150715-1+b1 (Debian bookworm's): the median of an even number of figures is the upper one of the two in the middle, 3 for 1 to 4. Deviations are of
# sums of squares: near 10^8 five runs that are ten steps below five others do not differ by the test, and those that are one step below do. With a nan in a file
# nothing differs.
# Guess before: 2.5; the same deviation and answer wherever the figures lie; nan in everything, or an error, and no answer of the test.
# Seen: 1 2 3 4: median 3, 1 2 3 10: 3. 0.1 to 0.5 against 1.1 to 1.5: stddev 0.158, a difference; against 0.2 to 0.6: none. The same plus 10^8: stddev 0, no
#       difference and a difference; plus 1.7 10^9: stddev 22.6. 1 2 3 4 against 101 102 103 nan: none. nan 1 2 3: min nan, max 3, median 2; 1 2 3 nan: 1, nan, 3
# What follows for a user: negative log likelihoods summed over a large corpus, and times in seconds since 1970, are compared the wrong way round; a method with
# one diverged seed does not differ from any, of which the manual says "for all statistical purposes identical". Subtract the first figure from all, and
# take out nan.
# Here a test is of differences, a deviation about their mean, and pairs with an undefined figure are left out (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 ministat=20150715-1+b1
for package in *.deb; do dpkg -x "$package" .; done

assert() {  # what, value, expected value
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "it was $3" >&2; exit 1; }
}

summary() {  # fields of the table: 2 n, 3 min, 4 max, 5 median, 6 mean, 7 deviation -- figures
    local fields=$1
    shift
    printf '%s\n' "$@" > one
    LC_ALL=C usr/bin/ministat -n one | awk -v fields="$fields" 'END {n = split(fields, at, ","); for (i = 1; i <= n; i++) printf "%s%s", (i > 1 ? " " : ""), $at[i]}'
}

compare() {  # whether two files differ
    LC_ALL=C usr/bin/ministat -A one two | grep -o "^Difference at\|^No difference"
}

steps() {  # where they lie, how many steps of 0.1 above it
    awk -v from="$1" -v above="$2" 'BEGIN {for (i = 1; i <= 5; i++) printf "%.1f\n", from + (above + i) / 10}'
}

apart() {  # where they lie, how many steps the second five are above the first
    steps "$1" 0 > one
    steps "$1" "$2" > two
    compare
}

assert "the median of 1 2 3 4" "$(summary 5 1 2 3 4)" 3
assert "of 1 2 3 10" "$(summary 5 1 2 3 10)" 3
assert "of 1 2 3" "$(summary 5 1 2 3)" 2
assert "a deviation near 0" "$(summary 7 $(steps 0 0))" 0.15811388
assert "near 100000000" "$(summary 7 $(steps 100000000 0))" 0
assert "near 1700000000" "$(summary 7 $(steps 1700000000 0))" 22.627417
assert "ten steps apart, near 0" "$(apart 0 10)" "Difference at"
assert "one step" "$(apart 0 1)" "No difference"
assert "ten steps apart, near 100000000" "$(apart 100000000 10)" "No difference"
assert "one step" "$(apart 100000000 1)" "Difference at"
printf '%s\n' 1 2 3 4 > one
printf '%s\n' 101 102 103 104 > two
assert "a hundred apart" "$(compare)" "Difference at"
printf '%s\n' 101 102 103 nan > two
assert "with a nan" "$(compare)" "No difference"
assert "min, max, median with nan first" "$(summary 3,4,5 nan 1 2 3)" "nan 3 2"
assert "nan last" "$(summary 3,4,5 1 2 3 nan)" "1 nan 3"
