#!/usr/bin/env bash
# r-cran-mlmetrics 1.1.1-3 (Debian bookworm's MLmetrics 1.1.1, R 4.2.2): the area under the precision-recall curve of a probe that is always right is 0 where it
# says two values, and 1 - 1 / n of n positive ones where all differ; constant predictions have 0 too. `Gini` and `NormalizedGini` of constant predictions are
# 1, -1 or 0.17 by the order of the rows, and `MultiLogLoss` takes the columns of the probabilities for the classes in the order of their levels, whatever the
# columns' names.
# Guess before: 1 for perfect predictions, the share of the positive for constant ones; 0 for the Gini of ties in any order; probabilities by column names, as
# svm gives them named in the order in which the classes come.
# Seen: 100 negatives with 0.1 and 100 positives with 0.9: PRAUC 0; of 0.8 for 80 positives and 20 negatives and 0.2 for the others 0.13; of scores that all
#       differ, all right, with 2, 10 and 100 positives 0.5, 0.9, 0.99. Constant: Gini -1 with the negatives first, 1 with the positives first, 0.17 mixed. The log loss of
#       probabilities 0.9 of the right class, with the columns b, c, a: 3 for 0.105
# What follows for a user: a probe of a collapsed code that says the same for each sentence has a Gini of 1 where the corpus comes in the order of its classes,
# and one that is always right an area of 0. Sort the columns, and break ties before.
# Here a probe tells accuracies (vaecli/metrics/extras/probe.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-mlmetrics=1.1.1-3 r-cran-rocr=1.0-11-2 r-cran-gplots=3.1.3-1 r-cran-gtools=3.9.4-1 r-cran-catools=1.18.2-1+b1
apt-get download -q=2 r-cran-bitops=1.0-7-1 r-cran-kernsmooth=2.23-20-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS_SITE="" R_LIBS_USER=""
export R_LIBS="$folder/usr/lib/R/site-library:$folder/usr/lib/R/library" LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
suppressMessages(library(MLmetrics))
cat("version", as.character(packageVersion("MLmetrics")), R.version.string, "\n")
right <- rep(0:1, each = 100)
perfect <- rep(c(0.1, 0.9), each = 100)
coarse <- c(rep(0.2, 80), rep(0.8, 20), rep(0.2, 20), rep(0.8, 80))
constant <- rep(0.5, 200)
all_differ <- sapply(c(2, 10, 100), function(n) PRAUC(c(1:n, n + 1:n) / (4 * n), rep(0:1, each = n)))
areas <- c(perfect = PRAUC(perfect, right), coarse = PRAUC(coarse, right), constant = PRAUC(constant, right))
cat("areas under the precision-recall curve\n")
print(areas)
cat("of n scores that all differ and are right", all_differ, "\n")
set.seed(0)
orders <- list(negatives_first = 1:200, positives_first = 200:1, mixed = sample(200))
gini <- sapply(orders, function(rows) c(
  constant = NormalizedGini(constant, right[rows]), plain = Gini(constant, right[rows]), coarse = NormalizedGini(coarse[rows], right[rows]), roc = AUC(coarse[rows], right[rows])
))
print(gini)
classes <- factor(rep(c("a", "b", "c"), each = 10))
probabilities <- matrix(0.05, 30, 3, dimnames = list(NULL, c("a", "b", "c")))
probabilities[cbind(1:30, as.integer(classes))] <- 0.9
losses <- sapply(list(c("a", "b", "c"), c("b", "c", "a")), function(columns) MultiLogLoss(probabilities[, columns], classes))
cat("log loss with the columns in order, and not", losses, "by hand", -log(0.9), "\n")
stopifnot(
  "perfect predictions have more from now" = areas[["perfect"]] == 0,
  "constant ones have the share of the positive from now" = areas[["constant"]] == 0, areas[["coarse"]] < 0.2,
  all(abs(all_differ - c(0.5, 0.9, 0.99)) < 1e-6),
  "ties don't go by the order of the rows from now" = identical(unname(sign(gini["constant", 1:2])), c(-1, 1)),
  all(abs(gini[1:2, 1:2]) == 1), diff(range(gini["coarse", ])) > 0.5, all(abs(gini["roc", ] - 0.8) < 1e-9),
  abs(losses[1] + log(0.9)) < 1e-6,
  "columns go by their names from now" = losses[2] > 2.5
)
R
