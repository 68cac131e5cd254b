#!/usr/bin/env bash
# r-cran-energy 1.7-11-1 (Debian bookworm's energy 1.7-11, R 4.2.2): the test of equal distributions, `eqdist.etest`, has the smallest p there is where all points are equal, and where one
# of ten is another. Of two methods that fail alike, in one run of ten, it finds a difference at 0.05 for 87 % of samples of five, 64 % of ten, 25 % of twenty.
# Guess before: its level (of equal points nothing more before a first 0.01), so p = 1 where no permutation changes the statistic; the help calls it an approximate permutation test.
# Seen: two groups of zeros, in one dimension or eight: p 0.005 with 199 replicates; 1, 0, 0, 0, 0 against five zeros 0.001 with 999, where each permutation has the same statistic. The
#       same codes on both sides are right, as are normal figures (5 %); halves of ones among twenty have 10 %. `method="discoB"` has 1
# What follows for a user: the codes of two collapsed posteriors are said to differ in distribution; so are a method that collapsed at one seed of five and one that never did, whose exact p
# is 1. Pass `method="discoB"`.
# Here p-values are Student's, and a test of differences that don't vary has none (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-energy=1.7-11-1 r-cran-gsl=2.1-8-1 libgsl27=2.7.1+dfsg-5+deb12u1 libgslcblas0=2.7.1+dfsg-5+deb12u1 r-cran-rcpp=1.0.10-1 r-cran-boot=1.3-28.1-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
suppressMessages(library(energy))
cat("version", as.character(packageVersion("energy")), R.version.string, "\n")
set.seed(1)
p <- function(x, y, R = 99, ...) eqdist.etest(rbind(as.matrix(x), as.matrix(y)), c(NROW(x), NROW(y)), R = R, ...)$p.value
zeros <- matrix(0, 20, 8)
equal <- c(five = p(rep(0, 5), rep(0, 5), R = 199), codes = p(zeros, zeros, R = 199), of_between = p(rep(0, 5), rep(0, 5), R = 199, method = "discoB"))
one <- c(said = p(c(1, 0, 0, 0, 0), rep(0, 5), R = 999), of_between = p(c(1, 0, 0, 0, 0), rep(0, 5), R = 999, method = "discoB"))
pooled <- matrix(c(1, rep(0, 9)))
statistics <- sapply(1:10, function(first) ksample.e(pooled[c(first, setdiff(1:10, first)), , drop = FALSE], c(5, 5)))
print(equal)
print(one)
print(statistics, digits = 17)
same <- p(c(0.1, 0.2, 0.3, 0.7), c(0.1, 0.2, 0.3, 0.7), R = 199)
level <- function(draw, n, ...) mean(sapply(1:300, function(repetition) p(draw(n), draw(n), ...)) <= 0.05)
rare <- function(n) rbinom(n, 1, 0.1)
levels <- c(five = level(rare, 5), ten = level(rare, 10), twenty = level(rare, 20), between = level(rare, 10, method = "discoB"), normal = level(rnorm, 10),
            halves = level(function(n) rbinom(n, 1, 0.5), 20))
print(levels)
stopifnot(
  "equal points have no small p from now" = equal[["five"]] == 0.005 && equal[["codes"]] == 0.005,
  equal[["of_between"]] == 1, one[["of_between"]] == 1,
  max(statistics) - min(statistics) < 1e-12,
  "one of ten has a p of 1 from now" = one[["said"]] < 0.01,
  same > 0.5,
  "it keeps its level from now" = levels[["five"]] > 0.6 && levels[["ten"]] > 0.4 && levels[["twenty"]] > 0.15,
  levels[["between"]] < 0.1, levels[["normal"]] < 0.1, levels[["halves"]] < 0.15
)
R
