#!/usr/bin/env bash
# r-cran-coin 1.4-2-1+b1 (Debian bookworm's coin 1.4-2, R 4.2.2): the exact test of two groups, `oneway_test(distribution = "exact")`, does not count the observed figures on one side where
# they differ by hundredths: three seeds against three larger ones have p = 0.05 for 0.1, five against five 0.004 for 0.008. Of figures near 1e-9 p is 1.
# Guess before: the exact p, by counting all splits, which a factor on all figures doesn't change (of figures with many digits this was guessed again, after the first sign).
# Seen: 0.011, 0.022, 0.033 to the power of 0.9 against 0.052, 0.063, 0.081 to it have 0.05, times 100 0.1; so has the test of ranks. Of 400 pairs of three normal figures with a deviation
#       of 0.01 all have p short of one split in 20, with a deviation of 1 none: p is up to 0.05 in 10 % of cases without a difference and in none. `alternative = "less"` is right
# What follows for a user: a difference between two methods' KLs or losses comes out significant with so few seeds that none can be, and whether it does depends on the unit. The help says that
# the split-up algorithm takes figures that aren't whole. Multiply them, rank them (`wilcox_test`), or take `approximate()`.
# Here p-values are Student's (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-coin=1.4-2-1+b1 r-cran-libcoin=1.0-9-1+b1 r-cran-modeltools=0.2-23-2 r-cran-matrixstats=0.63.0-1 r-cran-mvtnorm=1.1-3-1+b1
apt-get download -q=2 r-cran-multcomp=1.4-22-1 r-cran-th.data=1.1-1-1 r-cran-sandwich=3.0-2-1 r-cran-zoo=1.8-11-1 r-cran-codetools=0.2-19-1
apt-get download -q=2 r-cran-survival=3.5-3-1 r-cran-matrix=1.5-3-1 r-cran-lattice=0.20-45-3 r-cran-mass=7.3-58.2-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
options(digits = 4, width = 160)
suppressMessages(library(coin))
cat("version", as.character(packageVersion("coin")), R.version.string, "\n")
groups <- function(n) factor(rep(c("first", "second"), each = n))
test <- function(figures, by = oneway_test, ...) pvalue(by(figures ~ groups(length(figures) / 2), distribution = "exact", ...))
counted <- function(figures) {
    n <- length(figures) / 2
    differences <- apply(combn(2 * n, n), 2, function(part) sum(figures[part]) - sum(figures[-part]))
    mean(abs(differences) >= abs(differences[1]) - 1e-9 * max(abs(figures)))
}
three <- c(0.011, 0.022, 0.033, 0.052, 0.063, 0.081)^0.9
five <- c(0.011, 0.022, 0.033, 0.035, 0.041, 0.052, 0.063, 0.081, 0.083, 0.09)^0.9
seen <- sapply(list(three = three, five = five), function(figures) {
    less <- test(figures, alternative = "less")
    c(said = test(figures), hundredfold = test(100 * figures), ranks = test(figures, wilcox_test), counted = counted(figures), less = less)
})
small <- suppressWarnings(test(five * 1e-8))
set.seed(1)
normal <- replicate(400, rnorm(6))
units <- sapply(c(1, 0.01), function(unit) {
    said <- apply(unit * normal, 2, test)
    missing <- 20 * (apply(normal, 2, counted) - said)
    c(unit = unit, right = mean(abs(missing) < 1e-6), short_of_one = mean(abs(missing - 1) < 1e-6), up_to_0.05 = mean(said < 0.051))
})
print(seen)
cat("times 1e-8", small, "\n")
print(units)
stopifnot(
    all(abs(seen[c("hundredfold", "ranks", "counted"), "three"] - 0.1) < 1e-9),
    "small figures have the exact p from now" = abs(seen["said", "three"] - 0.05) < 1e-9,
    all(abs(seen[c("hundredfold", "ranks", "counted"), "five"] - 2 / 252) < 1e-9),
    "small figures have the exact p from now" = abs(seen["said", "five"] - 1 / 252) < 1e-9,
    abs(seen["less", ] - c(1 / 20, 1 / 252)) < 1e-9,
    small == 1,
    units["right", 1] > 0.98,
    units["short_of_one", 2] > 0.98,
    units["up_to_0.05", 1] == 0,
    units["up_to_0.05", 2] > 0.05
)
R
