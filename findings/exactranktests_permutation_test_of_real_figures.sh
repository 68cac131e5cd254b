#!/usr/bin/env bash
# r-cran-exactranktests 0.8-35-1 (Debian bookworm's exactRankTests 0.8.35, R 4.2.2): the paired permutation test of figures that aren't whole, `perm.test(...,
# paired=TRUE)`, finds a difference where there is none in 26 % of cases at 0.05, and has twice the exact p where all differences have one sign. The p of the
# same differences times 100, so that they are whole, is exact.
# Guess before: the exact p, from 2^n signs: 2/32 for five seeds of which each is better, in nats as in hundredths of a nat.
# Seen: five, six and eight seeds all better: p 0.125, 0.0625, 0.0156, exact 0.0625, 0.0312, 0.0078. Eight differences, 0, 0.08, -0.08, 0.18, 0.07, 0.23, 0.1
#       and 0: 0.672, exact 0.125. 1,000 times ten differences of N(0, 0.1), to two digits: p at most 0.05 in 26 %, times 100 in 3.8 %; p has six values in
#       all
# What follows for a user: the test says that a remedy changes the KL where nothing does, five times as often as its level; where it is better at each of six
# seeds, the test doesn't say so. Pass `tol`, or multiply until all figures are whole. Its help says that real figures are mapped "into {1,...,N}", which
# would be a coarser test that keeps its level. `wilcox.exact` is right, and coin's `symmetry_test` is.
# Here p-values are Student's, from five seeds on (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-exactranktests=0.8-35-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
suppressMessages(library(exactRankTests))
cat("version", as.character(packageVersion("exactRankTests")), R.version.string, "\n")
p <- function(d, ...) perm.test(d, rep(0, length(d)), paired = TRUE, ...)$p.value
exact <- function(d) {
  signs <- as.matrix(expand.grid(rep(list(c(-1, 1)), length(d))))
  mean(abs(signs %*% d) >= abs(sum(d)) - 1e-9)
}
better <- list(five = (1:5) / 100, six = (1:6) / 100, eight = (1:8) / 100)
one_sign <- sapply(better, function(d) c(said = p(d), exact = exact(d), whole = p(round(100 * d)), with_tol = suppressWarnings(p(d, tol = 1e-6))))
print(one_sign)
mixed <- c(0, 0.08, -0.08, 0.18, 0.07, 0.23, 0.1, 0)
print(c(said = p(mixed), exact = exact(mixed), whole = p(round(100 * mixed))))
set.seed(0)
none <- replicate(1000, {
  d <- round(rnorm(10, 0, 0.1), 2)
  c(said = p(d), whole = p(round(100 * d)), wilcoxon = suppressWarnings(wilcox.exact(d)$p.value))
})
level <- rowMeans(none <= 0.05)
cat("found where there is nothing, at 0.05:\n")
print(level)
print(sort(unique(round(none["said", ], 3))))
stopifnot(
  "the p of differences of one sign is exact from now" = all(abs(one_sign["said", ] / one_sign["exact", ] - 2) < 1e-9),
  all(abs(one_sign["whole", ] - one_sign["exact", ]) < 1e-9),
  p(mixed) > 0.6, exact(mixed) < 0.15,
  "it keeps its level from now" = level[["said"]] > 0.15,
  level[["whole"]] < 0.07, level[["wilcoxon"]] < 0.07
)
R
