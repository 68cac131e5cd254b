#!/usr/bin/env bash
# r-cran-bayestestr 0.13.0-1 (Debian bookworm's bayestestR 0.13.0, R 4.2.2): draws that are NaN count as inside the region of practical equivalence: with one draw of 5 and 99 NaN the difference is
# practically zero, "Accepted", at 99 %.
# Guess before: 0 % of 5, 6, 7, NaN between -0.1 and 0.1, or NA, or an error; the help has the share of the draws, or of their interval, in the region.
# Seen: 25 % of them by `rope` with the whole posterior, 50 % within the 95 % interval; 5 to 100 and a NaN have 1.1 % for 0. `equivalence_test` of 99 NaN and a 5 is Accepted. No warning. The
#       same in `describe_posterior` and `p_rope`; `hdi` leaves NaN out
# What follows for a user: a difference between methods, drawn as a mean of seeds of which some diverged, or a log ratio of two KLs that are zero, is the nearer to "no difference" the more draws
# are undefined. Leave them out first, and say how many they were.
# Here a mean leaves out undefined figures, and tests leave out pairs with one (vaecli/runs/statistics.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-bayestestr=0.13.0-1 r-cran-insight=0.19.0+dfsg-1 r-cran-datawizard=0.6.5+dfsg-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
suppressMessages(library(bayestestR))
cat("version", as.character(packageVersion("bayestestR")), R.version.string, "\n")
region <- c(-0.1, 0.1)
warned <- FALSE
share <- function(draws, ...) withCallingHandlers(rope(draws, range = region, ...)$ROPE_Percentage, warning = function(w) warned <<- TRUE)
shares <- c(defined = share(c(5, 6, 7, 8), ci = 1), whole = share(c(5, 6, 7, NaN), ci = 1), interval = share(c(5, 6, 7, NaN)), many = share(c(5:100, NaN)),
            half = share(rep(c(0, 5), 50), ci = 1))
test <- function(draws) as.character(equivalence_test(draws, range = region, ci = 1)$ROPE_Equivalence)
tests <- c(defined = test(rep(5, 100)), mostly = test(c(5, rep(NaN, 99))))
described <- describe_posterior(c(5, 6, 7, NaN), rope_range = region, rope_ci = 1, test = "rope")$ROPE_Percentage
interval <- hdi(c(1:100, NaN))
print(shares)
print(tests)
cat("described", described, "of p_rope", p_rope(c(5, 6, 7, NaN), range = region)$p_ROPE, "interval", interval$CI_low, interval$CI_high, "warned", warned, "\n")
stopifnot(
  shares[["defined"]] == 0, shares[["half"]] == 0.5,
  "NaN is not in the region from now" = shares[["whole"]] == 0.25 && shares[["interval"]] == 0.5,
  abs(shares[["many"]] - 0.011) < 0.001,
  tests[["defined"]] == "Rejected",
  "NaN is not in the region from now" = tests[["mostly"]] == "Accepted",
  described == 0.25,
  interval$CI_low >= 1 && interval$CI_high <= 100,
  !warned
)
R
