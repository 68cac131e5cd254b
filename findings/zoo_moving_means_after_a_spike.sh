#!/usr/bin/env bash
# r-cran-zoo 1.8-11-1 (Debian bookworm's zoo 1.8.11 and caTools 1.18.2, R 4.2.2): after one huge figure every later moving mean of a curve is off, to its end,
# also where the window has long left it: perplexities of 75, 72 and 70 have a `rollmean` of 75 for 72.3 where one early validation was at 40 nats a word,
# exp(40), and a `runmean` of caTools of 77; perplexities of 5.1 to 5.3 have a `runmean` of 0. `rollapply(x, 3, mean)` is `rollmean`.
# Guess before: a window without the spike has its plain mean again.
# Seen: 300 250 200 exp(40) 150 120 100 90 80 75 72 70 in windows of three, from the seventh figure on: plain 123.3 103.3 90 81.7 75.7 72.3; rollmean, rollsum
#       / 3 and rollapply with mean 126 106 92.7 84.3 78.3 75; runmean 128 108 94.7 86.3 80.3 77; runsd 25.8 to 6.2 for 25.2 to 2.5; runmean(alg="exact") and
#       rollapply with function(x) mean(x) are right. 5.1 5.2 5.3 after the spike: runmean 0, runsd 6.4 for 0.1. After exp(33) runmean is 5.198
# What follows for a user: the smoothed curve of a run that had one bad step ends elsewhere than the run, without a sign of it, and early stopping or a table
# by it ranks such runs wrongly. Smooth the logarithm, the NLL, or use the exact variants. zoo's help says only that NA isn't handled; caTools' calls "exact"
# more accurate.
# Here curves are drawn as they are, without a moving mean (vaecli/reporting/pictures/history_curves.py).
set -euo pipefail
if ! grep -qs "^VERSION_CODENAME=bookworm" /etc/os-release || ! command -v apt-get > /dev/null; then
    echo "this needs Debian bookworm with apt" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q=2 r-cran-zoo=1.8-11-1 r-cran-lattice=0.20-45-3 r-cran-catools=1.18.2-1+b1 r-cran-bitops=1.0-7-1
apt-get download -q=2 r-base-core=4.2.2.20221110-2 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 libquadmath0=12.2.0-14+deb12u1
apt-get download -q=2 libgomp1=12.2.0-14+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1 libreadline8=8.2-1.3 libtirpc3=1.3.3+ds-1
for package in *.deb; do dpkg -x "$package" .; done
ln -sf Renviron.ucf usr/lib/R/etc/Renviron
export R_HOME="$folder/usr/lib/R" R_SHARE_DIR="$folder/usr/share/R/share" R_LIBS="$folder/usr/lib/R/site-library" R_LIBS_SITE="" R_LIBS_USER=""
libraries=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$R_HOME/lib:$libraries:$libraries/blas:$libraries/lapack:${libraries/usr\//}"
"$R_HOME/bin/exec/R" --no-echo --no-restore --vanilla <<'R'
suppressMessages({
  library(zoo)
  library(caTools)
})
options(width = 160, digits = 4)
cat("version", as.character(packageVersion("zoo")), as.character(packageVersion("caTools")), R.version.string, "\n")

windows <- function(x, of) sapply(3:length(x), function(i) of(x[(i - 2):i])) # plainly, window by window
after <- function(x, last = 6) tail(as.numeric(x), last)                      # the windows that the spike has left
spike <- exp(40)
curve <- c(300, 250, 200, spike, 150, 120, 100, 90, 80, 75, 72, 70)
plain <- after(windows(curve, mean))
said <- rbind(
  plain = plain,
  rollmean = after(rollmean(curve, 3)),
  rollsum = after(rollsum(curve, 3) / 3),
  rollapply = after(rollapply(curve, 3, mean)),
  rollapply_of_a_function = after(rollapply(curve, 3, function(x) mean(x))),
  runmean = after(runmean(curve, 3, endrule = "trim")),
  runmean_exact = after(runmean(curve, 3, alg = "exact", endrule = "trim")),
  plain_sd = after(windows(curve, sd)),
  runsd = after(runsd(curve, 3, endrule = "trim"))
)
print(said)
low <- c(5.1, 5.2, 5.3, spike, rep(c(5.2, 5.3, 5.1), 4))
flat <- rbind(plain = after(windows(low, mean)), runmean = after(runmean(low, 3, endrule = "trim")), runsd = after(runsd(low, 3, endrule = "trim")))
print(flat)
stopifnot(
  "a moving mean forgets what has left its window, from now on" = all(said["rollmean", ] - plain > 2),
  all(abs(said["rollapply", ] - said["rollmean", ]) < 1e-9), all(abs(said["rollsum", ] - said["rollmean", ]) < 1e-9),
  all(abs(said["rollapply_of_a_function", ] - plain) < 1e-9), all(abs(said["runmean_exact", ] - plain) < 1e-9),
  "caTools' mean forgets it from now on" = all(said["runmean", ] - plain > 4),
  said["runsd", 6] > 2 * said["plain_sd", 6],
  all(flat["runmean", ] == 0), all(flat["runsd", ] > 6), all(abs(flat["plain", ] - 5.2) < 1e-9)
)
R
