#!/usr/bin/env bash
# r-cran-rcpptoml 0.2.2+dfsg-1 (Debian bookworm's RcppTOML 0.2.2, R 4.2.2): an array whose first figure is whole has whole numbers only: [0, 0.5, 1] is read
# as 0, 0, 1, and [1, 1e-5] as 1, 0. A whole number from 2,147,483,648 on is another: 3,000,000,000 is -1,294,967,296, and 4,294,967,297 is 1. No warning is
# given.
# Guess before: as TOML says, 0, 0.5 and 1 as doubles, and 2^53 + 1 kept or refused; the help says that what it reads with is TOML 1.0 compliant.
# Seen: [0.5, 1, 2] is right; [0, 0.5, 1] 0 0 1; [1, 1e-5] 1 0; [1, inf] 1 NA; 2147483648 NA (these two do warn), 2147483649 -2147483647; [4294967297, 1] 1 1
# What follows for a user: weights of the KL term, thresholds or learning rates of a search, read in R from the file that the training had from Python, are
# others, zeros among them; two seeds that differ in their upper bits are one.
# Here settings are read by Python's tomllib (vaecli/settings/toml_file.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-rcpptoml=0.2.2+dfsg-1 r-cran-rcpp=1.0.10-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
library(RcppTOML)
options(digits = 10)
cat("version", as.character(packageVersion("RcppTOML")), R.version.string, "\n")
read <- function(text) parseTOML(text, fromFile = FALSE)[["x"]]
texts <- c("[0.5, 1, 2]", "[0, 0.5, 1]", "[1, 1e-5]", "[1, inf]", "2147483647", "2147483648", "2147483649", "3000000000", "4294967297", "[4294967297, 1]")
values <- suppressWarnings(sapply(texts, function(text) read(paste("x =", text))))
for (text in texts) cat(text, "is", values[[text]], "\n")
warned <- FALSE
both <- withCallingHandlers(read("x = [0, 0.5, 1]\ny = 3000000000"), warning = function(w) warned <<- TRUE)
cat("warned:", warned, "\n")
stopifnot(
  identical(values[["[0.5, 1, 2]"]], c(0.5, 1, 2)),
  "a half is a half from now" = identical(values[["[0, 0.5, 1]"]], c(0L, 0L, 1L)),
  identical(values[["[1, 1e-5]"]], c(1L, 0L)),
  identical(values[["[1, inf]"]], c(1L, NA)),
  identical(values[["2147483647"]], 2147483647L),
  "large numbers are themselves or refused from now" = identical(values[["3000000000"]], -1294967296L),
  identical(values[["4294967297"]], 1L),
  is.na(values[["2147483648"]]),
  !warned
)
R
